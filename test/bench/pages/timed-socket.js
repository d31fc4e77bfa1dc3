/** Notes when a WebSocket opened. Imported before any client. */
let at = 0;

globalThis.WebSocket = class extends WebSocket {
  constructor(url, protocols = []) {
    super(url, protocols);
    this.addEventListener('open', () => (at = performance.now()));
  }
};

/** When the last one opened. */
export const opened = () => at;
