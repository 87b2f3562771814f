// The list of saved episodes: films, new labels, deletion.

const OUTCOMES = ["success", "failure", "unlabelled"];

export class Episodes {
  constructor(section, connection) {
    this.list = section.querySelector("ol");
    this.none = section.querySelector("#no-episodes");
    this.count = section.querySelector("#episode-count");
    this.connection = connection;
    this.films = new Map();
    this.wanted = [];
    this.rows = new Map();
  }

  show(cards) {
    this.none.hidden = cards.length > 0;
    this.count.textContent = cards.length ? String(cards.length) : "";
    const rows = new Map();
    for (const card of cards) {
      const text = JSON.stringify(card);
      const known = this.rows.get(card.name);
      rows.set(card.name, known && known.text === text ? known : { text, item: this.item(card) });
    }
    this.rows = rows;
    this.arrange([...rows.values()].map((row) => row.item));
    this.forget(new Set(cards.map((card) => card.film)));
    this.wanted = cards.map((card) => card.film).filter((film) => film && !this.films.has(film));
    this.askFilm();
  }

  // What stays is not taken out, even for an instant: somebody may be writing in it.
  arrange(items) {
    const stay = new Set(items);
    for (const item of [...this.list.children]) if (!stay.has(item)) item.remove();
    items.forEach((item, index) => {
      if (this.list.children[index] !== item) this.list.insertBefore(item, this.list.children[index] ?? null);
    });
  }

  forget(known) {
    for (const [film, url] of this.films) {
      if (known.has(film)) continue;
      URL.revokeObjectURL(url);
      this.films.delete(film);
    }
  }

  askFilm() {
    if (this.wanted.length) this.connection.send("film", { film: this.wanted[0] });
  }

  film(message, bytes) {
    const { film } = message;
    this.wanted = this.wanted.filter((one) => one !== film);
    if (bytes && bytes.length && !this.films.has(film)) {
      this.films.set(film, URL.createObjectURL(new Blob([bytes], { type: "image/webp" })));
      const place = [...this.list.querySelectorAll(".no-film")].find((one) => one.dataset.film === film);
      if (place) place.replaceWith(this.picture(film));
    }
    this.askFilm();
  }

  picture(film) {
    if (this.films.has(film)) return element("img", { src: this.films.get(film), alt: "Film of the episode" });
    const place = element("div", { className: "no-film" });
    place.dataset.film = film ?? "";
    return place;
  }

  item(card) {
    const item = element("li");
    item.dataset.episode = card.name;
    const about = element("div");
    about.append(element("p", { className: "title", textContent: card.instruction }));
    const meta = element("p", { className: "meta" });
    meta.append(element("span", { className: `outcome ${card.outcome}`, textContent: card.outcome }));
    const rest = [`${card.duration_s.toFixed(1)} s`, card.stage, card.note, card.name].filter(Boolean);
    meta.append(` · ${rest.join(" · ")}`);
    about.append(meta);
    const actions = element("div", { className: "actions" });
    actions.append(
      button("Relabel", () => this.relabel(item, card)),
      button("Delete", () => this.confirm(actions, card)),
    );
    item.append(this.picture(card.film), about, actions);
    return item;
  }

  confirm(actions, card) {
    const before = [...actions.childNodes];
    const yes = button("Delete for ever", () => this.connection.send("delete", { name: card.name }), "danger");
    const no = button("Keep", () => {
      actions.replaceChildren(...before);
      before[1].focus();
    });
    actions.replaceChildren(yes, no);
    no.focus();
  }

  relabel(item, card) {
    if (item.querySelector("form")) return;
    const form = element("form");
    const instruction = element("input", { value: card.instruction, maxLength: 500 });
    const outcome = element("select");
    for (const name of OUTCOMES) outcome.append(element("option", { value: name, textContent: name }));
    outcome.value = card.outcome;
    const note = element("input", { value: card.note, maxLength: 500 });
    const actions = element("div", { className: "actions" });
    const save = button("Save", () => {});
    save.type = "submit";
    actions.append(save, button("Cancel", () => form.remove()));
    form.append(labelled("Instruction", instruction), labelled("Outcome", outcome), labelled("Note", note), actions);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.connection.send("relabel", {
        name: card.name, instruction: instruction.value.trim() || null, outcome: outcome.value, note: note.value,
      });
      form.remove();
    });
    item.append(form);
    instruction.focus();
  }
}

export function element(kind, properties = {}) {
  return Object.assign(document.createElement(kind), properties);
}

function labelled(text, field) {
  const label = element("label", { textContent: text });
  label.append(field);
  return label;
}

function button(text, press, more = "") {
  const one = element("button", { type: "button", textContent: text, className: `small ${more}` });
  one.addEventListener("click", press);
  return one;
}
