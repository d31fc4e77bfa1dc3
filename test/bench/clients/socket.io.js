import { io } from 'socket.io-client';

export function open(url, handle, options) {
  const socket = io(url, { transports: ['websocket'], forceNew: true, ...options });
  socket.on('message', handle);
  return {
    ready: new Promise((resolve) => socket.once('connect', resolve)),
    close: () => socket.close(),
  };
}
