import Pusher from 'pusher-js';

export function open(url, handle) {
  const { hostname, port } = new URL(url);
  const pusher = new Pusher('key', {
    cluster: '',
    wsHost: hostname,
    wsPort: Number(port),
    forceTLS: false,
    enabledTransports: ['ws'],
  });
  const channel = pusher.subscribe('room-42');
  channel.bind('message', handle);
  return {
    ready: new Promise((resolve) => channel.bind('pusher:subscription_succeeded', resolve)),
    close: () => pusher.disconnect(),
  };
}
