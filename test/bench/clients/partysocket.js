import { WebSocket as PartySocket } from 'partysocket';

export function open(url, handle) {
  const socket = new PartySocket(url);
  socket.addEventListener('message', ({ data }) => handle(JSON.parse(data)));
  return {
    ready: new Promise((resolve) => socket.addEventListener('open', resolve)),
    close: () => socket.close(),
  };
}
