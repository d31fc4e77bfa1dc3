// Our three dependencies and nothing of ours: the floor of our size.
import { createStore, get, update } from 'idb-keyval';
import mitt from 'mitt';
import ReconnectingWebSocket from 'reconnecting-websocket';

export function open(url, handle) {
  const events = mitt();
  events.on('message', handle);
  const socket = new ReconnectingWebSocket(url);
  const store = createStore('floor', 'positions');
  socket.addEventListener('message', async ({ data }) => {
    events.emit('message', JSON.parse(data));
    await update('position', (last = 0) => last + 1, store);
  });
  return { ready: get('position', store), close: () => socket.close() };
}
