// What commands the body: stick, turns, keys, gamepad, sliders, handles and grippers. hlm keeps what was set.

import { element } from "./episodes.js";

const SEND_MS = 33;
const HELD_MS = 400;
const REPEAT_MS = 60;
const TOUCHED_MS = 400;
const PARTS = [
  ["left_hand", "Left hand"], ["right_hand", "Right hand"], ["pelvis", "Pelvis"],
  ["torso", "Torso"], ["left_foot", "Left foot"], ["right_foot", "Right foot"],
];
const STEP_M = 0.01;
const STEP_RAD = 0.05;
const HANDS = ["left_hand", "right_hand"];
const STICK_KEYS = { w: [1, 0, 0], s: [-1, 0, 0], a: [0, 1, 0], d: [0, -1, 0], q: [0, 0, 1], e: [0, 0, -1] };
// Along x ahead, y to the left, z up; with Shift about them.
const NUDGES = {
  ArrowUp: [1, 0, 0], ArrowDown: [-1, 0, 0], ArrowLeft: [0, 1, 0], ArrowRight: [0, -1, 0], PageUp: [0, 0, 1], PageDown: [0, 0, -1],
};
const TURNS = {
  ArrowUp: [0, 1, 0], ArrowDown: [0, -1, 0], ArrowLeft: [-1, 0, 0], ArrowRight: [1, 0, 0], PageUp: [0, 0, 1], PageDown: [0, 0, -1],
};
const SLIDER_KEYS = { t: ["pelvis_height_m", 1], g: ["pelvis_height_m", -1], b: ["pelvis_pitch_rad", 1], v: ["pelvis_pitch_rad", -1] };
const SLIDER_STEPS = { pelvis_height_m: 0.02, pelvis_pitch_rad: 0.05 };
const GRIPPER_KEYS = { z: "left_gripper", c: "right_gripper" };

export class Body {
  constructor(connection) {
    this.connection = connection;
    this.commands = false;
    this.pressed = new Set();
    this.turning = 0;
    this.pad = [0, 0];
    this.selected = "right_hand";
    this.hand = "right_hand";
    this.controls = null;
    this.makeStick();
    this.makeTurns();
    this.makeHandles();
    this.makeNudges();
    this.makeSliders();
    this.makeGrippers();
    addEventListener("blur", () => this.rest());
    setInterval(() => this.sendInput(), SEND_MS);
  }

  rest() {
    clearInterval(this.nudging);
    this.pressed.clear();
    this.turning = 0;
    this.moveKnob(0, 0);
  }

  stick() {
    const sum = [this.pad[0], this.pad[1], this.turning];
    for (const key of this.pressed) STICK_KEYS[key].forEach((value, axis) => { sum[axis] += value; });
    return sum.map((value) => Math.max(-1, Math.min(1, value)));
  }

  sendInput() {
    if (!this.commands) return;
    this.connection.send("input", { time_ms: performance.now(), stick: this.stick(), gamepad: this.readGamepad() });
  }

  readGamepad() {
    const pads = [...(navigator.getGamepads?.() ?? [])].filter((one) => one && one.connected);
    const pad = pads.find((one) => one.mapping === "standard");
    const name = (pad ?? pads[0])?.id.split("(")[0].trim();
    // Where the browser does not know which stick is which, a trigger at rest might turn the robot.
    const text = pad ? `Gamepad: ${name}` : pads.length ? `Gamepad not used, its layout is unknown: ${name}` : "";
    const line = document.getElementById("gamepad");
    if (line.textContent !== text) line.textContent = text;
    if (!pad) return null;
    return { axes: [...pad.axes].slice(0, 16), buttons: pad.buttons.slice(0, 32).map((one) => one.value) };
  }

  keyDown(key, shift) {
    if (key in STICK_KEYS) this.pressed.add(key);
    else if (key in NUDGES) this.nudge(key, shift);
    else if (key in GRIPPER_KEYS) this.toggleGripper(GRIPPER_KEYS[key]);
    else if (key in SLIDER_KEYS) this.stepSlider(...SLIDER_KEYS[key]);
    else if (/^[1-6]$/.test(key)) this.select(PARTS[key - 1][0], true);
    else if (key === "0" || key === "backspace") this.connection.send("free", { part: this.selected });
    else return false;
    return true;
  }

  keyUp(key) {
    this.pressed.delete(key);
  }

  nudge(key, shift) {
    const move = shift || this.selected === "torso" ? [0, 0, 0] : NUDGES[key].map((value) => value * STEP_M);
    const turn = shift || this.selected === "torso" ? TURNS[key].map((value) => value * STEP_RAD) : [0, 0, 0];
    this.connection.send("nudge", { part: this.selected, move_m: move, turn_rad: turn });
  }

  select(part, show) {
    this.selected = part;
    if (HANDS.includes(part)) this.hand = part;
    if (show) this.connection.send("show", { part, shown: true });
    this.showSelected();
  }

  show(controls, commands) {
    this.controls = controls;
    if (this.commands && !commands) this.rest();
    this.commands = commands;
    for (const [part, row] of this.handles) {
      const far = controls.far_m[part];
      row.item.classList.toggle("held", controls.held.includes(part));
      row.item.classList.toggle("far", far !== undefined);
      row.main.setAttribute("aria-pressed", String(controls.shown.includes(part)));
      row.free.hidden = !controls.held.includes(part);
      const text = far === undefined ? row.name : `${row.name}: ${Math.round(100 * far)} cm short`;
      if (row.text.textContent !== text) row.text.textContent = text;
    }
    for (const input of this.sliders) this.showSlider(input, controls[input.dataset.slider]);
    for (const button of this.grippers) {
      const closed = controls[button.dataset.gripper] < 0.5;
      button.setAttribute("aria-pressed", String(closed));
      const side = button.dataset.gripper.startsWith("left") ? "Left" : "Right";
      const text = `${side} ${closed ? "closed" : "open"}`;
      if (button.firstElementChild.textContent !== text) button.firstElementChild.textContent = text;
    }
  }

  showAims(aims) {
    const rows = aims[this.hand] ?? [];
    const table = document.getElementById("aims");
    table.hidden = rows.length === 0;
    table.dataset.hand = this.hand;
    table.caption.textContent = `From the ${this.hand.replace("_", " ")} to, cm`;
    const body = table.tBodies[0];
    while (body.rows.length > rows.length) body.deleteRow(-1);
    while (body.rows.length < rows.length) {
      const row = body.insertRow();
      row.append(element("th", { scope: "row" }), ...[0, 1, 2].map(() => element("td")));
    }
    rows.forEach(({ name, way_m: way }, index) => {
      const texts = [name, ...way.map((metres) => (100 * metres).toFixed(1))];
      [...body.rows[index].cells].forEach((cell, column) => {
        if (cell.textContent !== texts[column]) cell.textContent = texts[column];
      });
    });
  }

  makeStick() {
    const stick = document.getElementById("stick");
    // A long touch would open a menu, and end the touch.
    document.getElementById("walk").addEventListener("contextmenu", (event) => event.preventDefault());
    const drag = (event) => {
      const box = stick.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * 2 - 1;
      const y = (event.clientY - box.top) / box.height * 2 - 1;
      const length = Math.max(1, Math.hypot(x, y));
      this.moveKnob(-y / length, -x / length);
    };
    stick.addEventListener("pointerdown", (event) => {
      stick.setPointerCapture(event.pointerId);
      drag(event);
    });
    stick.addEventListener("pointermove", (event) => {
      if (stick.hasPointerCapture(event.pointerId)) drag(event);
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      stick.addEventListener(end, () => this.moveKnob(0, 0));
    }
  }

  moveKnob(ahead, left) {
    this.pad = [ahead, left];
    document.getElementById("knob").style.transform = `translate(${-42 * left}px, ${-42 * ahead}px)`;
  }

  makeTurns() {
    for (const button of document.querySelectorAll("[data-turn]")) {
      button.addEventListener("pointerdown", () => { this.turning = Number(button.dataset.turn); });
      for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
        button.addEventListener(end, () => { this.turning = 0; });
      }
      button.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") this.turning = Number(button.dataset.turn);
      });
      for (const end of ["keyup", "blur"]) button.addEventListener(end, () => { this.turning = 0; });
    }
  }

  makeHandles() {
    this.handles = new Map();
    const list = document.querySelector("#handles ul");
    PARTS.forEach(([part, name], number) => {
      const item = element("li");
      const main = element("button", { type: "button" });
      const text = element("span", { textContent: name });
      main.append(element("span", { className: "dot" }), text, element("kbd", { textContent: String(number + 1) }));
      main.dataset.part = part;
      let before = false;
      main.addEventListener("click", (event) => {
        const again = event.detail > 1;  // of a double click, of whose first one the page does not know the effect yet
        before = again ? before : Boolean(this.controls?.shown.includes(part));
        this.select(part, false);
        this.connection.send("show", { part, shown: again ? before : !before });
        if (again) this.connection.send("free", { part });
      });
      const free = element("button", { type: "button", textContent: "Free", className: "small", hidden: true });
      free.dataset.free = part;
      item.append(main, free);
      list.append(item);
      this.handles.set(part, { item, main, text, free, name });
    });
    for (const button of document.querySelectorAll("[data-free]")) {
      button.addEventListener("click", () => this.connection.send("free", { part: button.dataset.free }));
    }
    this.showSelected();
  }

  showSelected() {
    for (const [part, row] of this.handles) row.item.classList.toggle("selected", part === this.selected);
    const name = this.handles.get(this.selected).name.toLowerCase();
    document.getElementById("nudges").setAttribute("aria-label", `Move the ${name}: the same as arrow keys, Page Up and Page Down`);
  }

  // A button that is held repeats as a key does.
  makeNudges() {
    const turn = document.getElementById("turn");
    turn.addEventListener("click", () => turn.setAttribute("aria-pressed", String(turn.getAttribute("aria-pressed") === "false")));
    for (const button of document.querySelectorAll("[data-nudge]")) {
      const nudge = () => this.nudge(button.dataset.nudge, turn.getAttribute("aria-pressed") === "true");
      button.addEventListener("click", (event) => { if (event.detail === 0) nudge(); });  // by its key
      button.addEventListener("contextmenu", (event) => event.preventDefault());
      button.addEventListener("pointerdown", () => {
        nudge();
        const heldMs = performance.now() + HELD_MS;
        clearInterval(this.nudging);
        this.nudging = setInterval(() => { if (performance.now() > heldMs) nudge(); }, REPEAT_MS);
      });
      for (const end of ["pointerup", "pointercancel", "pointerleave", "blur"]) {
        button.addEventListener(end, () => clearInterval(this.nudging));
      }
    }
  }

  makeSliders() {
    this.sliders = [...document.querySelectorAll("[data-slider]")];
    for (const input of this.sliders) {
      input.addEventListener("input", () => this.slide(input));
      // Or else it would keep the arrow keys, which move a handle.
      input.addEventListener("pointerup", () => input.blur());
    }
  }

  showSlider(input, value) {
    if (!this.isTouched(input)) input.value = value ?? input.dataset.rest;
    const shown = input.dataset.unit === "m" ? `${Number(value ?? 0).toFixed(2)} m` : `${Math.round(Number(value ?? 0) * 180 / Math.PI)}°`;
    const text = value === null ? "free" : shown;
    const output = input.parentElement.querySelector(".value");
    if (output.textContent !== text) output.textContent = text;
  }

  // Keys that repeat are faster than hlm answers: each step goes on from the last one.
  stepSlider(name, sign) {
    const input = this.sliders.find((one) => one.dataset.slider === name);
    const now = this.isTouched(input) ? input.value : this.controls?.[name] ?? input.dataset.rest;
    input.value = Number(now) + sign * SLIDER_STEPS[name];
    this.slide(input);
  }

  slide(input) {
    input.touched = performance.now();
    this.connection.send("slide", { name: input.dataset.slider, value: Number(input.value) });
  }

  isTouched(input) {
    return performance.now() - (input.touched ?? -1e9) < TOUCHED_MS;
  }

  makeGrippers() {
    this.grippers = [...document.querySelectorAll("[data-gripper]")];
    for (const button of this.grippers) button.addEventListener("click", () => this.toggleGripper(button.dataset.gripper));
  }

  toggleGripper(name) {
    this.connection.send("slide", { name, value: this.controls?.[name] < 0.5 ? 1 : 0 });
  }
}
