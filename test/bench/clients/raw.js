/** The least that can be done: a socket, JSON, a call. Recovers nothing and notices nothing. */
export function open(url, handle) {
  const socket = new WebSocket(url);
  socket.onmessage = ({ data }) => handle(JSON.parse(data));
  return {
    ready: new Promise((resolve) => (socket.onopen = resolve)),
    close: () => socket.close(),
  };
}
