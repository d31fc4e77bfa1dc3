import { Socket } from 'phoenix';

export function open(url, handle) {
  const socket = new Socket(url);
  socket.connect();
  const channel = socket.channel('room:42');
  channel.on('message', handle);
  const ready = new Promise((resolve, reject) => {
    channel.join().receive('ok', resolve).receive('error', reject);
  });
  return { ready, close: () => socket.disconnect() };
}

export function openMany(url, names, handle) {
  const socket = new Socket(url);
  socket.connect();
  const joins = names.map((name) => {
    const channel = socket.channel(name);
    channel.on('message', handle);
    return new Promise((resolve) => channel.join().receive('ok', resolve));
  });
  return Promise.all(joins);
}
