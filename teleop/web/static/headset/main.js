// The headset's page: one button, and what there is to know before it is pressed.

import { message } from "./frame.js";
import { Link } from "./link.js";
import { offeredMode, start } from "./session.js";

const TEXTS = {
  looking: "Looking for a headset.",
  unsupported: "This browser offers no immersive session. Open this page in the headset's own browser, over HTTPS.",
  waiting: "Ready: put the headset on, stand upright, and press Enter.",
  refused: "The headset refused the session; allow it, and press Enter again.",
  running: "Running.",
  hidden: "The session is in the background.",
  left: "The session was left. Press Enter to go on.",
};

const [stateLine, linkLine, enter] = ["state", "link", "enter"].map((id) => document.getElementById(id));
let state = "looking";
let mode = null;

const link = new Link("headset", onLink, onMessage);

function become(next, detail = "") {
  state = next;
  stateLine.textContent = detail ? `${TEXTS[next]} (${detail})` : TEXTS[next];
  enter.disabled = !["waiting", "refused", "left"].includes(next);
  link.send({ type: "state", state });
}

function onLink(connected) {
  linkLine.textContent = connected
    ? "Connected to the robot's computer."
    : "Not connected to the robot's computer; trying again.";
  if (connected) {
    link.send({ type: "state", state });
  }
}

function onMessage(content) {
  if (content.type === "notice") {
    linkLine.textContent = content.text;
    globalThis.speechSynthesis?.cancel();
    globalThis.speechSynthesis?.speak(new SpeechSynthesisUtterance(content.text));
  }
}

async function begin() {
  enter.disabled = true;
  try {
    const session = await start(mode, (...captured) => link.send(message(...captured)));
    session.addEventListener("end", () => become("left"));
    session.addEventListener("visibilitychange", () => {
      become(session.visibilityState === "visible" ? "running" : "hidden");
    });
    become("running");
  } catch (error) {
    become("refused", error.message);
  }
}

enter.addEventListener("click", begin);
offeredMode().then((offered) => {
  mode = offered;
  become(offered ? "waiting" : "unsupported");
});
