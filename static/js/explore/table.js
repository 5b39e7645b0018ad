// The table of points: every row of every panel, sorted here, with what is selected first in mind. A row under the hand
// lights its checkpoint in every panel.

import { typing } from "../typing.js";
import { DASH, element, whole } from "../words.js";
import { address, chosen, pins, state, toggleChosen, togglePin } from "./state.js";
import { CLASSES, glyph, place, reading, standingTitle, standingWords } from "./rows.js";

export class PointTable {
  constructor(table, { hovered, href }) {
    Object.assign(this, { table, href, lit: null });
    table.tHead.addEventListener("click", ({ target }) => {
      const by = target.closest("button")?.dataset.by;
      if (by) address.change({ sort: state.sort === by ? `-${by}` : state.sort === `-${by}` ? "" : by });
    });
    const body = table.tBodies[0];
    body.addEventListener("pointerover", ({ target }) => hovered(target.closest("tr")?.dataset.key ?? null));
    body.addEventListener("pointerleave", () => hovered(null));
    body.addEventListener("focusin", ({ target }) => hovered(target.closest("tr")?.dataset.key ?? null));
    body.addEventListener("click", ({ target }) => {
      const key = target.closest("tr")?.dataset.key;
      if (target.closest(".pin")) togglePin(key);
      else if (target.matches("input")) toggleChosen(key);
    });
    document.addEventListener("keydown", (event) => this.#key(event));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    const current = this.table.querySelector("tr.current")?.dataset.key;
    if (event.key === "p" && current) togglePin(current);
    else if (event.key === "x" && current) toggleChosen(current);
    else if (event.key === "Escape" && state.chosen) address.change({ chosen: "" });
    else return;
    event.preventDefault();
  }

  /** The columns of a view: axes that are no class rate have one of their own, and so have panels. */
  #columns(data) {
    const extra = state.form ? [] : ["x", "y"].filter((axis, index, both) => !CLASSES.some(([name]) => name === data.axes[axis].key)
      && both.findIndex((other) => data.axes[other].key === data.axes[axis].key) === index);
    return [
      { by: "name", words: "checkpoint", of: (row) => row.name, cell: (row) => this.#name(row), className: "point-name" },
      ...(data.panels.length > 1 ? [{ by: "panel", words: "panel", of: (row) => row.order, cell: (row) => row.panel || DASH }] : []),
      { by: "path", words: "path", of: (row) => row.path, cell: (row) => row.path || DASH, className: "clip path" },
      { by: "alpha", words: "a", number: true, of: (row) => row.alpha, cell: place },
      ...CLASSES.map(([name, words], index) => ({
        by: name, words, number: true, of: (row) => row.rates?.[name][0] ?? null,
        cell: (row) => reading(row.rates?.[name], { n: index === 0 && row.rates ? row.n : null }),
      })),
      ...extra.map((axis) => ({
        by: axis, words: data.axes[axis].words, number: true, of: (row) => row[axis]?.[0] ?? null,
        cell: (row) => reading(row[axis], { isRate: data.axes[axis].rate }),
      })),
      { by: "standing", words: "on these axes", of: standingWords, cell: (row) => Object.assign(element("span", row.standing?.words === "dominated" ? "" : "muted", standingWords(row) || (row.rates ? "undominated" : row.state)), { title: standingTitle(row) }), className: "clip standing" },
      { by: "beyond", words: "past the ends", of: (row) => row.beyond, cell: (row) => row.beyond || DASH },
    ];
  }

  #name(row) {
    const name = this.href ? Object.assign(element("a", "name clip", row.name), { href: this.href(row) }) : element("b", "clip", row.name);
    name.title = row.infrastructure ? `${row.name}; ${whole(row.infrastructure)} samples spoiled by infrastructure are left out of n` : row.name;
    return name;
  }

  show(data) {
    this.columns = this.#columns(data);
    this.rows = data.panels.flatMap((panel, order) => panel.rows.map((row) => ({ ...row, order, panel: panel.title, id: `point-${panel.key || "all"}-${row.key}` })));
    const head = element("tr", "", element("th", "tick"), element("th", "tick"));
    head.cells[0].append(element("span", "sr", "selected"));
    head.cells[1].append(element("span", "sr", "pinned"));
    for (const { by, words, number } of this.columns) {
      const button = Object.assign(element("button", "quiet", words), { type: "button" });
      button.dataset.by = by;
      head.append(element("th", number ? "num" : "", button));
      head.lastChild.dataset.value = words;
    }
    this.table.tHead.replaceChildren(head);
    this.made = new Map(this.rows.map((row) => [row.id, this.#row(row)]));
    this.arrange();
    document.dispatchEvent(new CustomEvent("rows:drawn"));
  }

  #row(row) {
    const tick = Object.assign(element("input"), { type: "checkbox", ariaLabel: `Select ${row.name}` });
    const pin = Object.assign(element("button", "quiet pin"), { type: "button", ariaLabel: `Pin ${row.name}` });
    pin.append(glyph(row));
    const made = element("tr", "", element("td", "tick", tick), element("td", "tick", pin));
    for (const { cell, number, className = "" } of this.columns) made.append(element("td", `${number ? "num" : ""} ${className}`.trim(), cell(row)));
    for (const at of [0, 1]) made.cells[at].dataset.value = "";
    Object.assign(made, { id: row.id });
    Object.assign(made.dataset, { key: row.key, ...(this.href ? { href: this.href(row) } : {}) });
    return made;
  }

  /** Sorts, marks what is selected and pinned, and hides the rest while there is a selection. */
  arrange() {
    if (!this.rows) return 0;
    const by = state.sort.replace("-", "");
    const column = this.columns.find((one) => one.by === by);
    const direction = state.sort.startsWith("-") ? -1 : 1;
    const order = column ? this.rows.toSorted((one, other) => compare(column.of(one), column.of(other), direction)) : this.rows.toSorted(usual);
    const [selected, pinned] = [chosen(), new Set(pins())];
    const shown = selected.size ? order.filter((row) => selected.has(row.key)) : order;
    for (const { id, key } of shown) {
      const row = this.made.get(id);
      row.cells[0].firstChild.checked = selected.has(key);
      row.cells[1].firstChild.setAttribute("aria-pressed", String(pinned.has(key)));
    }
    this.table.tBodies[0].replaceChildren(...shown.map((row) => this.made.get(row.id)));
    for (const cell of this.table.tHead.rows[0].cells) {
      const own = cell.querySelector("button")?.dataset.by;
      if (own) cell.setAttribute("aria-sort", own !== by ? "none" : direction > 0 ? "ascending" : "descending");
    }
    this.light(this.lit);
    return shown.length;
  }

  light(key) {
    this.lit = key;
    for (const row of this.table.tBodies[0].rows) row.classList.toggle("lit", row.dataset.key === key);
  }
}

/** Missing values come last in either direction. */
function compare(one, other, direction) {
  const missing = (value) => value === null || value === "";
  if (missing(one) || missing(other)) return missing(one) - missing(other);
  return direction * (typeof one === "number" ? one - other : one.localeCompare(other, "en", { numeric: true }));
}

/** Panel by panel, path by path in order of alpha, then what is on none. */
function usual(one, other) {
  return one.order - other.order || (one.alpha === null) - (other.alpha === null)
    || one.path.localeCompare(other.path, "en", { numeric: true }) || (one.alpha ?? 0) - (other.alpha ?? 0) || one.name.localeCompare(other.name, "en", { numeric: true });
}
