/** The least that a protocol with channels and numbers does. */
export function open(url, handle) {
  const socket = new WebSocket(url);
  const channels = new Map([['room:42', { seq: 0, handle }]]);
  const take = ({ channel, data, seq }) => {
    const known = channels.get(channel);
    if (known === undefined) return;
    if (seq !== known.seq + 1) throw new Error(`${known.seq} then ${seq}`);
    known.seq = seq;
    known.handle(data);
  };
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    if (Array.isArray(frame)) for (const one of frame) take(one);
    else take(frame);
  };
  return {
    ready: new Promise((resolve) => (socket.onopen = resolve)),
    close: () => socket.close(),
  };
}
