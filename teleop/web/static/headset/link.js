// The connection to the server: it comes back by itself, and never holds back old samples.

const RETRY_MS = 1000;
// A sample has about a kilobyte. What the network does not take now would be old when it does.
const MOST_UNSENT_BYTES = 16384;

export class Link {
  // onChange(connected) says when it comes and goes; onMessage(content) takes what the server says.
  constructor(channel, onChange, onMessage) {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.url = `${scheme}://${location.host}/ws/${channel}`;
    this.onChange = onChange;
    this.onMessage = onMessage;
    this.open();
  }

  open() {
    this.socket = new WebSocket(this.url);
    this.socket.onopen = () => this.onChange(true);
    this.socket.onmessage = (event) => this.take(JSON.parse(event.data));
    this.socket.onclose = () => {
      this.onChange(false);
      setTimeout(() => this.open(), RETRY_MS);
    };
  }

  take(content) {
    if (content.type === "ping") {
      this.send({ type: "pong", index: content.index, stamp_ms: performance.now() });
    } else {
      this.onMessage(content);
    }
  }

  // Says whether it was sent.
  send(content) {
    if (this.socket.readyState !== WebSocket.OPEN || this.socket.bufferedAmount > MOST_UNSENT_BYTES) {
      return false;
    }
    this.socket.send(JSON.stringify(content));
    return true;
  }
}
