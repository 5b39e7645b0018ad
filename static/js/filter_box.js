// The box of a filter (parts/filter_box.html): a combobox that offers what can stand at the cursor, and says what is
// wrong before the filter is applied. What the language allows is the server's knowledge alone; a server that does not
// answer costs the suggestions, never the filter. Arrow keys choose, Enter or Tab takes what is chosen, Enter applies,
// Escape closes the list. Ctrl+Space asks for suggestions again.

const PAUSE_MS = 110;

class FilterBox {
  constructor(root) {
    this.input = root.querySelector("input");
    this.list = root.querySelector("[role=listbox]");
    this.mistake = root.querySelector(".filter-mistake");
    this.address = root.dataset.suggestions;
    this.asked = 0;
    this.chosen = -1;
    this.found = { text: "", start: 0, end: 0, items: [] };
    paintMistake(this.mistake);
    this.input.addEventListener("input", () => this.later());
    this.input.addEventListener("click", () => this.later());
    this.input.addEventListener("focus", () => this.later());
    this.input.addEventListener("blur", () => this.close());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("search", () => this.input.value === "" && this.apply());
    this.list.addEventListener("mousedown", (event) => {
      event.preventDefault(); // the box keeps the focus
      const option = event.target.closest("li");
      if (option) this.take([...this.list.children].indexOf(option));
    });
  }

  /** Until the answer comes nothing is chosen: what is listed belongs to the text before. */
  later() {
    clearTimeout(this.timer);
    this.choose(0);
    this.timer = setTimeout(() => this.suggest(), PAUSE_MS);
  }

  /** The server's answer for the text as it stands, null when there is none or a newer question was asked. */
  async ask() {
    const number = ++this.asked;
    const query = new URLSearchParams(new FormData(this.input.form));
    query.set("q", this.input.value);
    query.set("at", this.input.selectionStart ?? this.input.value.length);
    try {
      const response = await fetch(`${this.address}?${query}`, { headers: { Accept: "application/json" } });
      return response.ok && number === this.asked ? await response.json() : null;
    } catch {
      return null;
    }
  }

  async suggest() {
    const found = await this.ask();
    if (!found || document.activeElement !== this.input) return;
    this.found = { ...found, text: this.input.value };
    if (!found.error) this.say(null);
    this.show();
  }

  show() {
    this.chosen = -1;
    const typed = this.input.value.slice(this.found.start, this.found.end);
    const items = this.found.items.filter((item) => item.text !== typed);
    this.found.items = items;
    this.list.replaceChildren(...items.map((item, at) => option(item, `${this.list.id}-${at}`)));
    this.list.hidden = !items.length;
    if (items.length) this.mistake.hidden = true;
    this.input.setAttribute("aria-expanded", String(items.length > 0));
    this.input.removeAttribute("aria-activedescendant");
  }

  close() {
    clearTimeout(this.timer);
    this.asked += 1;
    this.list.hidden = true;
    this.chosen = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  get isOpen() {
    return !this.list.hidden;
  }

  key(event) {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (this.isOpen) this.choose(event.key === "ArrowDown" ? 1 : -1);
      else this.suggest();
    } else if ((event.key === "Enter" || event.key === "Tab") && this.isOpen && this.chosen >= 0) {
      event.preventDefault();
      this.take(this.chosen);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.apply();
    } else if (event.key === "Escape" && (this.isOpen || !this.mistake.hidden)) {
      event.preventDefault();
      this.close();
      this.mistake.hidden = true;
    } else if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      this.suggest();
    }
  }

  /** Moves by `step`; 0 chooses nothing. Past either end stands the text itself. */
  choose(step) {
    const options = [...this.list.children];
    options[this.chosen]?.setAttribute("aria-selected", "false");
    const places = options.length + 1;
    this.chosen = step ? ((this.chosen + 1 + step + places) % places) - 1 : -1;
    const chosen = options[this.chosen];
    if (!chosen) return this.input.removeAttribute("aria-activedescendant");
    chosen.setAttribute("aria-selected", "true");
    chosen.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", chosen.id);
  }

  take(at) {
    const { start, end, items } = this.found;
    this.close();
    if (this.input.value !== this.found.text) return;
    const text = items[at].text + (/[.(]$/.test(items[at].text) ? "" : " ");
    const after = this.input.value.slice(end);
    this.input.setRangeText(text, start, end + (after.startsWith(" ") && text.endsWith(" ") ? 1 : 0), "end");
    this.suggest();
  }

  /** Sends the form unless the filter is wrong; what is shown then stays. */
  async apply() {
    this.close();
    const form = this.input.form;
    const found = await this.ask();
    if (found?.error) return this.say(found.error);
    this.say(null);
    this.input.value = this.input.value.trim();
    form.requestSubmit();
  }

  say(error) {
    this.mistake.hidden = !error;
    this.mistake.replaceChildren();
    if (!error) return this.input.removeAttribute("aria-invalid");
    this.input.setAttribute("aria-invalid", "true");
    this.mistake.append(Object.assign(document.createElement("p"), { textContent: error.message }));
    if (!error.marked) return;
    const marked = Object.assign(document.createElement("pre"), { textContent: error.marked });
    marked.setAttribute("aria-hidden", "true");
    this.mistake.append(marked);
    paintMistake(this.mistake);
    this.input.setSelectionRange(error.position, error.position);
  }
}

function option(item, id) {
  const line = Object.assign(document.createElement("li"), { id });
  line.setAttribute("role", "option");
  line.setAttribute("aria-selected", "false");
  line.dataset.kind = item.kind;
  line.append(Object.assign(document.createElement("code"), { textContent: item.label }));
  if (item.hint) line.append(Object.assign(document.createElement("small"), { textContent: item.hint }));
  return line;
}

/** The carets in the colour of mistakes. */
function paintMistake(box) {
  const marked = box.querySelector("pre");
  if (!marked) return;
  const [text, carets = ""] = marked.textContent.split("\n");
  marked.replaceChildren(`${text}\n`, Object.assign(document.createElement("b"), { textContent: carets }));
}

function start(root) {
  for (const box of root.querySelectorAll("[data-filter-box]:not([data-ready])")) {
    box.dataset.ready = "";
    new FilterBox(box);
  }
}

start(document);
for (const name of ["htmx:afterSettle", "htmx:historyRestore"]) document.addEventListener(name, () => start(document));
