import { createCable } from '@anycable/web';

export function open(url, handle) {
  const cable = createCable(url, {
    protocol: 'actioncable-v1-ext-json',
    pingInterval: 3_600_000, // the scripted server sends no pings
  });
  const channel = cable.streamFrom('room:42');
  channel.on('message', handle);
  return { ready: channel.ensureSubscribed(), close: () => cable.disconnect() };
}
