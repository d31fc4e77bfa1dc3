/** Notes when a WebSocket opened, and what went through it since. Imported before any client. */
const NOTHING = {
  openedAt: 0,
  sent: 0,
  sentBytes: 0,
  received: 0,
  receivedBytes: 0,
  recoverFrames: 0,
};
let traffic = NOTHING;

globalThis.WebSocket = class extends WebSocket {
  constructor(url, protocols = []) {
    super(url, protocols);
    this.addEventListener('open', () => (traffic = { ...NOTHING, openedAt: performance.now() }));
    this.addEventListener('message', ({ data }) => {
      traffic.received += 1;
      traffic.receivedBytes += data.length;
    });
  }

  send(text) {
    traffic.sent += 1;
    traffic.sentBytes += text.length;
    traffic.recoverFrames += text.split('"type":"recover"').length - 1;
    super.send(text);
  }
};

/** When the last one opened. */
export const opened = () => traffic.openedAt;

/** Messages and characters, which are bytes for plain texts. */
export const passed = () => traffic;
