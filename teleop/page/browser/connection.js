// The line to hlm: JSON messages, and binary ones with a JSON head; it comes back by itself.

const RETRY_MS = 800;

export class Connection {
  constructor(handlers) {
    this.handlers = handlers;
    this.client = null;
    this.open();
  }

  open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.socket = new WebSocket(`${scheme}://${location.host}/ws/page`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = (event) => this.receive(event.data);
    this.socket.onclose = () => {
      this.client = null;
      this.handlers.lost();
      setTimeout(() => this.open(), RETRY_MS);
    };
  }

  receive(frame) {
    let bytes = null;
    let text = frame;
    if (frame instanceof ArrayBuffer) {
      const length = new DataView(frame).getUint32(0);
      text = new TextDecoder().decode(new Uint8Array(frame, 4, length));
      bytes = new Uint8Array(frame, 4 + length);
    }
    const message = JSON.parse(text);
    if (message.type === "welcome") {
      this.client = message.client;
      this.handlers.found();
      return;
    }
    const kind = message.type.split("_")[0];
    this.handlers[kind]?.(message, bytes);
  }

  send(type, content = {}) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type, ...content }));
  }
}
