// Spoken prompts by the browser, if it can speak; muted by a button, which is remembered on this machine.

export class Speech {
  constructor(button) {
    this.button = button;
    this.last = "";
    this.on = localStorage.getItem("hlm voice") !== "off";
    button.addEventListener("click", () => this.toggle());
    this.show();
  }

  toggle() {
    this.on = !this.on;
    localStorage.setItem("hlm voice", this.on ? "on" : "off");
    if (!this.on) globalThis.speechSynthesis?.cancel();
    this.show();
  }

  show() {
    this.button.textContent = this.on ? "Voice on" : "Voice off";
    this.button.setAttribute("aria-pressed", String(this.on));
  }

  say(text) {
    if (text === this.last) return;
    this.last = text;
    if (!text || !this.on || !globalThis.speechSynthesis) return;
    speechSynthesis.cancel();
    const words = new SpeechSynthesisUtterance(text);
    words.lang = "en";
    speechSynthesis.speak(words);
  }
}
