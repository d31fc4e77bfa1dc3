import { Centrifuge } from 'centrifuge';

export function open(url, handle, options) {
  const centrifuge = new Centrifuge(url, options);
  const channel = centrifuge.newSubscription('room:42');
  channel.on('publication', ({ data }) => handle(data));
  channel.subscribe();
  centrifuge.connect();
  return { ready: channel.ready(), close: () => centrifuge.disconnect() };
}
