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

export function openMany(url, names, handle) {
  const socket = new WebSocket(url);
  const channels = new Map(names.map((name) => [name, { seq: 0, handle }]));
  return new Promise((resolve) => {
    let waiting = names.length;
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.seq !== undefined) channels.get(frame.channel)?.handle(frame.data);
      else if (channels.has(frame.subscribed) && --waiting === 0) resolve(socket);
    };
    socket.onopen = () => {
      for (const subscribe of names) socket.send(JSON.stringify({ subscribe }));
    };
  });
}
