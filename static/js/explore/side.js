// What is pinned, side by side: a column a checkpoint, a row a figure, each with its paired difference to the baseline.

import { element } from "../words.js";
import { MOST_PINS, pins, state, togglePin } from "./state.js";
import { CLASSES, difference, glyph, place, reading, standingWords } from "./rows.js";

export class SideBySide {
  constructor(section) {
    this.table = section.querySelector("table");
    this.words = section.querySelector("#side-words");
    this.usual = this.words.textContent;
    this.clear = section.querySelector("#unpin");
    this.table.addEventListener("click", ({ target }) => {
      const key = target.closest("[data-unpin]")?.dataset.unpin;
      if (key) togglePin(key);
    });
  }

  show(data) {
    const held = pins();
    const found = new Map(data.panels.flatMap((panel) => panel.rows.map((row) => [row.key, row])));
    const shown = held.filter((key) => found.has(key));
    this.table.hidden = shown.length === 0;
    this.clear.hidden = held.length === 0;
    const absent = held.length - shown.length;
    const against = data.baseline ? `differences are paired, against ${data.baseline.name}` : "no baseline is among these points";
    this.words.textContent = held.length
      ? `${against}${absent ? `; ${absent} pinned ${absent === 1 ? "point is" : "points are"} not in this set` : ""}${held.length === MOST_PINS ? `; ${MOST_PINS} at most, the oldest goes` : ""}`
      : this.usual;
    const head = element("tr", "", element("th", "", ""));
    for (const key of shown) head.append(this.#head(found.get(key)));
    const body = element("tbody");
    for (const panel of data.panels) {
      const rows = new Map(panel.rows.map((row) => [row.key, row]));
      if (data.panels.length > 1) body.append(element("tr", "heading", Object.assign(element("th", "", panel.title), { colSpan: shown.length + 1, scope: "rowgroup" })));
      for (const [words, cell] of figures(data)) {
        const line = element("tr", "", Object.assign(element("th", "", words), { scope: "row" }));
        for (const key of shown) line.append(element("td", "", ...(rows.has(key) ? cell(rows.get(key)) : ["—"])));
        body.append(line);
      }
    }
    this.table.replaceChildren(element("thead", "", head), body);
  }

  #head(row) {
    const button = Object.assign(element("button", "quiet", "✕"), { type: "button", ariaLabel: `Unpin ${row.name}` });
    button.dataset.unpin = row.key;
    const cell = Object.assign(element("th", "", element("span", "row tight", glyph(row), element("b", "clip", row.name), button)), { scope: "col" });
    cell.dataset.value = row.name;
    cell.append(element("span", "sub", row.alpha === null ? row.label : `a = ${place(row)} · ${row.path}`));
    return cell;
  }
}

/** The rows: classes, the axes that are none, and what the plot says of the point. */
function figures(data) {
  const line = (words, of, name, isRate) => [words, (row) => [reading(of(row), { isRate, n: name === "solved" && row.rates ? row.n : null }), row.checkpoint === data.baseline?.reference ? element("span", "rate", "the baseline") : difference(row.deltas?.[name], isRate)]];
  const extra = state.form ? [] : ["x", "y"].filter((axis) => !CLASSES.some(([name]) => name === data.axes[axis].key));
  const unique = extra.filter((axis, index) => extra.findIndex((other) => data.axes[other].key === data.axes[axis].key) === index);
  return [
    ...CLASSES.map(([name, words]) => line(words, (row) => row.rates?.[name], name, true)),
    ...unique.map((axis) => line(data.axes[axis].words, (row) => row[axis], data.axes[axis].key, data.axes[axis].rate)),
    ["on these axes", (row) => [standingWords(row) || (row.rates ? "undominated" : row.state), row.beyond ? ` · ${row.beyond} past the end` : ""]],
  ];
}
