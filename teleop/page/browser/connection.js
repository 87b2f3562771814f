// The line to hlm: JSON messages, and binary ones with a JSON head; it comes back by itself.

const RETRY_MS = 800;
// hlm sends 15 views a second and more: a line that is silent for so long is dead, though the browser may not know.
const SILENT_MS = 3000;

export class Connection {
  constructor(handlers) {
    this.handlers = handlers;
    this.client = null;
    this.heardMs = null;
    this.open();
    setInterval(() => this.watch(), RETRY_MS);
  }

  open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/page`);
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => this.receive(event.data);
    socket.onclose = () => this.lose(socket);
  }

  lose(socket) {
    if (socket !== this.socket) return;
    this.socket = null;
    this.client = this.heardMs = null;
    this.handlers.lost();
    setTimeout(() => this.open(), RETRY_MS);
  }

  watch() {
    if (this.heardMs === null || performance.now() - this.heardMs < SILENT_MS) return;
    const socket = this.socket;
    this.lose(socket);
    socket.onmessage = null;
    socket.close();
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
    if (message.type === "view") this.heardMs = performance.now();
    if (message.type === "welcome") {
      this.client = message.client;
      this.handlers.found();
      return;
    }
    const kind = message.type.split("_")[0];
    this.handlers[kind]?.(message, bytes);
  }

  send(type, content = {}) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type, ...content }));
  }
}
