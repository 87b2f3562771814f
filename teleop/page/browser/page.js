// The operator's page: shows what hlm tells, and sends what is asked. It keeps nothing that hlm does not know.

import { Body } from "./body.js";
import { Connection } from "./connection.js";
import { Episodes, element } from "./episodes.js";
import { Speech } from "./speech.js";

const BUTTON_KEYS = { f: "engage", r: "record", y: "success", n: "failure", x: "discard" };
const KEYS = [
  ["Esc", "stop the robot"], ["F", "follow me or hold; take over or hand back"], ["R", "record, or end the episode"], ["Y", "keep as a success"],
  ["N", "keep as a failure"], ["X", "discard"], ["U", "redo the last episode"], ["W S", "walk ahead, back"],
  ["A D", "walk left, right"], ["Q E", "turn left, right"], ["1 … 6", "choose a handle"],
  ["← → ↑ ↓", "move it left, right, ahead, back"], ["PgUp PgDn", "move it up, down"], ["Shift + these", "turn it"],
  ["0", "free it"], ["Z C", "left, right gripper"], ["T G", "stand higher, lower"], ["B V", "lean ahead, back"],
  ["I", "edit the instruction"], ["M", "voice on, off"], ["H", "show these keys"],
];
const ASK_MS = 4000;
const $ = (id) => document.getElementById(id);

let view = null;
let role = "";
let over = false;
let askedToRedo = 0;
const pictures = new Map();
const connection = new Connection({
  found() {
    over = false;
    $("lost").hidden = $("over").hidden = true;
  },
  lost() {
    $("lost").hidden = over;
    setText($("state"), over ? "ended" : "not connected");
    body.commands = false;
    body.rest();
  },
  over() {
    over = true;
    $("over").hidden = false;
  },
  scene: showScene,
  view: showView,
  image: showImage,
  episodes(message) { episodes.show(message.episodes); },
  film(message, bytes) { episodes.film(message, bytes); },
});
const body = new Body(connection);
const episodes = new Episodes($("episodes"), connection);
const speech = new Speech($("voice"));

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// What deletes asks once more.
function redo() {
  const asked = askedToRedo !== 0;
  clearTimeout(askedToRedo);
  askedToRedo = asked ? 0 : setTimeout(redoNot, ASK_MS);
  setText($("redo-text"), asked ? "Redo last" : "Delete last?");
  $("redo").classList.toggle("danger", !asked);
  if (asked) connection.send("redo");
}

function redoNot() {
  askedToRedo = 0;
  setText($("redo-text"), "Redo last");
  $("redo").classList.remove("danger");
}

function press(name) {
  if (name !== "stop" && (role !== "commands" || !view?.buttons.includes(name))) return;
  connection.send("press", { button: name });
}

function showScene(message) {
  document.title = message.title;
  // Another name of this machine lets the browser draw in a process of its own, which cannot hold up this page.
  const other = { localhost: "127.0.0.1", "127.0.0.1": "localhost" }[location.hostname] ?? location.hostname;
  const host = other.includes(":") ? `[${other}]` : other;
  $("view").src = `${location.protocol}//${host}:${message.port}${message.path}`;
}

function showView(message) {
  view = message.view;
  role = message.holder === connection.client ? "commands" : "watches";
  document.body.dataset.state = view.state;
  document.body.dataset.role = role;
  showRole(message);
  showSession();
  showInputs();
  showInstruction();
  showCounts();
  body.show(message.controls, role === "commands");
  body.showAims(message.aims);
  speech.say(view.spoken);
}

function showRole(message) {
  $("watching").hidden = role === "commands";
  const who = message.holder === null ? "No page commands the robot." : "Another page commands; you are watching.";
  setText($("watching-text"), who);
  for (const field of document.querySelectorAll("#body button, #body input")) field.disabled = role !== "commands";
  for (const field of document.querySelectorAll("#instruction, #redo, #episodes button")) field.disabled = !mayEdit();
}

function mayEdit() {
  return role === "commands" && view.edits;
}

function showSession() {
  const state = view.recorded_s === null ? view.state : `${view.state} ${clock(view.recorded_s)}`;
  setText($("state"), state);
  $("state").dataset.seconds = view.recorded_s ?? "";
  $("safety").title = view.safety_text;
  $("safety").dataset.level = view.safety;
  setText($("safety"), view.safety_text || { ok: "safe", held: "holding", fault: "stopped" }[view.safety]);
  setText($("device"), view.device);
  const shared = view.in_command !== "";
  $("in-command").hidden = !shared;
  setText($("in-command"), `in command: ${view.follows ? "you" : view.in_command}`);
  document.body.dataset.command = shared ? (view.follows ? "person" : "other") : "";
  setText($("engage-text"), shared ? (view.follows ? "Hand back" : "Take over") : view.follows ? "Hold still" : "Follow me");
  setText($("record-text"), view.recorded_s === null ? "Record" : "End episode");
  for (const button of document.querySelectorAll("#session [data-button]")) {
    button.disabled = role !== "commands" || !view.buttons.includes(button.dataset.button);
  }
  const limbs = view.limbs_apart.length ? `Not where you are: ${view.limbs_apart.join(", ")}` : "";
  setText($("message"), [view.message, limbs].filter(Boolean).join(" · "));
  $("message").className = view.safety === "fault" ? "bad" : limbs || view.safety === "held" ? "warn" : "";
  $("countdown").hidden = view.countdown_s === null;
  if (view.countdown_s !== null) setText($("countdown"), String(Math.ceil(view.countdown_s)));
}

function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

function isLate(input) {
  return input.age_s === null || (input.limit_s !== null && input.age_s > input.limit_s);
}

function showInputs() {
  fill($("inputs").tBodies[0], view.inputs, (row, input) => {
    row.className = isLate(input) ? "late" : "";
    setText(row.cells[0], input.name);
    setText(row.cells[1], input.age_s === null ? "never" : age(input.age_s));
    setText(row.cells[2], input.rate_hz === null ? "–" : `${input.rate_hz.toFixed(0)} Hz`);
  });
  for (const input of view.inputs) {
    const figure = pictures.get(input.name.replace(/^image_/, ""))?.figure;
    figure?.classList.toggle("late", isLate(input));
  }
}

function age(seconds) {
  return seconds < 1 ? `${Math.round(1000 * seconds)} ms` : `${seconds.toFixed(1)} s`;
}

function showCounts() {
  $("counts").hidden = view.counts.length === 0;
  $("redo").disabled = !mayEdit() || view.counts.length === 0;
  fill($("counts").tBodies[0], view.counts, (row, count) => {
    setText(row.cells[0], count.instruction);
    setText(row.cells[1], String(count.successes));
    setText(row.cells[2], String(count.failures));
  });
}

function fill(table, values, show) {
  while (table.rows.length > values.length) table.deleteRow(-1);
  while (table.rows.length < values.length) for (let cell = 0, row = table.insertRow(); cell < 3; cell += 1) row.insertCell();
  values.forEach((value, index) => show(table.rows[index], value));
}

function showInstruction() {
  const field = $("instruction");
  if (document.activeElement !== field && field.dataset.known !== view.instruction) {
    field.value = view.instruction;
    field.dataset.known = view.instruction;
  }
  $("instruction-set").disabled = !mayEdit() || !field.value.trim() || field.value.trim() === view.instruction;
  const proposed = JSON.stringify(view.instructions);
  if ($("instructions").dataset.known === proposed) return;
  $("instructions").dataset.known = proposed;
  $("instructions").replaceChildren(...view.instructions.map((text) => element("option", { value: text })));
}

function showImage(message, bytes) {
  if (!pictures.has(message.camera)) {
    const figure = element("figure");
    const image = element("img", { alt: `${message.camera.replaceAll("_", " ")} camera` });
    figure.append(image, element("figcaption", { textContent: message.camera.replaceAll("_", " ") }));
    pictures.set(message.camera, { figure, image, url: "" });
    const order = ["head", ...pictures.keys()];
    const figures = [...pictures.entries()].sort((one, other) => order.indexOf(one[0]) - order.indexOf(other[0]));
    $("cameras").replaceChildren(...figures.map(([, picture]) => picture.figure));
  }
  const picture = pictures.get(message.camera);
  const url = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
  picture.image.onload = () => {
    if (picture.url) URL.revokeObjectURL(picture.url);
    picture.url = url;
  };
  picture.image.src = url;
}

function toggleHelp() {
  $("help").hidden = !$("help").hidden;
  $("help-button").setAttribute("aria-expanded", String(!$("help").hidden));
}

for (const button of document.querySelectorAll("[data-button]")) {
  button.addEventListener("click", () => press(button.dataset.button));
}
$("take").addEventListener("click", () => connection.send("take"));
$("redo").addEventListener("click", redo);
$("help-button").addEventListener("click", toggleHelp);
$("help").append(...KEYS.map(([keys, does]) => {
  const line = element("div");
  line.append(element("span", { textContent: does }), element("kbd", { textContent: keys }));
  return line;
}));
// A form is not sent by Enter while its button is off: it must be on with the first letter.
$("instruction").addEventListener("input", () => { if (view) showInstruction(); });
// What was typed counts as soon as the field is left: who types and presses Record would else record the old words.
$("instruction").addEventListener("change", sendInstruction);
$("instruction-form").addEventListener("submit", (event) => {
  event.preventDefault();
  $("instruction").blur();
});

function sendInstruction() {
  const text = $("instruction").value.trim();
  $("instruction").dataset.known = "";  // what it becomes is shown, also where it is refused, or empty
  if (role !== "commands" || !text || text === view.instruction) return;
  connection.send("instruction", { text });
}

const KEY_ACTIONS = { u: () => { if (!$("redo").disabled) redo(); }, i: () => $("instruction").focus(), m: () => speech.toggle(), h: toggleHelp };

addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    press("stop");
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=range]), select")) return;
  if (event.target.matches("input[type=range]") && /^(Arrow|Page|Home|End)/.test(event.key)) return;
  const key = event.key.length === 1 || event.key === "Backspace" ? event.key.toLowerCase() : event.key;
  if (key in BUTTON_KEYS || key in KEY_ACTIONS) {
    if (event.repeat) return;
    if (key in BUTTON_KEYS) press(BUTTON_KEYS[key]);
    else KEY_ACTIONS[key]();
  } else if (!body.keyDown(key, event.shiftKey)) return;
  event.preventDefault();
});
addEventListener("keyup", (event) => body.keyUp(event.key.toLowerCase()));

// The frame must not keep the keys after a click in it.
addEventListener("blur", () => setTimeout(() => {
  if (document.activeElement === $("view")) {
    $("view").blur();
    window.focus();
  }
}, 0));
