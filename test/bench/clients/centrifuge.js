import { Centrifuge } from 'centrifuge';

export function open(url, handle, options) {
  const centrifuge = new Centrifuge(url, options);
  const channel = centrifuge.newSubscription('room:42');
  channel.on('publication', ({ data }) => handle(data));
  channel.subscribe();
  centrifuge.connect();
  return { ready: channel.ready(), close: () => centrifuge.disconnect() };
}

export function openMany(url, names, handle) {
  const centrifuge = new Centrifuge(url);
  centrifuge.connect();
  const channels = names.map((name) => {
    const channel = centrifuge.newSubscription(name);
    channel.on('publication', handle);
    channel.subscribe();
    return channel;
  });
  return Promise.all(channels.map((channel) => channel.ready()));
}
