import Pusher from 'pusher-js';

function connect(url) {
  const { hostname, port } = new URL(url);
  return new Pusher('key', {
    cluster: '',
    wsHost: hostname,
    wsPort: Number(port),
    forceTLS: false,
    enabledTransports: ['ws'],
  });
}

export function open(url, handle) {
  const pusher = connect(url);
  const channel = pusher.subscribe('room-42');
  channel.bind('message', handle);
  return {
    ready: new Promise((resolve) => channel.bind('pusher:subscription_succeeded', resolve)),
    close: () => pusher.disconnect(),
  };
}

export function openMany(url, names, handle) {
  const pusher = connect(url);
  const channels = names.map((name) => {
    const channel = pusher.subscribe(name);
    channel.bind('message', handle);
    return new Promise((resolve) => channel.bind('pusher:subscription_succeeded', resolve));
  });
  return Promise.all(channels);
}
