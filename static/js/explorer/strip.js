// The problem-by-alpha strip: one row a problem, one column an alpha that is measured or under way, each cell a small bar
// of verdicts. Only the rows in sight exist. A click chooses a problem (and the alpha of the cell), j and k or the arrow keys move the choice,
// Enter opens the problem's page.

import { typing } from "../typing.js";
import { alphaText, cellWords, element } from "../words.js";
import { CLASSES } from "./view.js";

const ROW = 21; // pixels, as in study.css
const FLIP = 0.25; // a solve share that moves less does not flip
const SPARE = 6; // rows kept beyond both edges
const LETTER = 6.5; // pixels of a letter of a label, as wide as they come
const THIN = 5; // pixels: narrower cells touch, or nothing of them would be left
const SHOWN = { solved: "solved", optimisation: "slow", correctness: "wrong", no_answer: "none" };

const KNOWN = ["easy", "medium", "hard"];
const rank = (difficulty) => (KNOWN.includes(difficulty) ? KNOWN.indexOf(difficulty) : KNOWN.length);

/** Of solve shares along alpha. */
function variance(shares) {
  const mean = shares.reduce((sum, one) => sum + one, 0) / (shares.length || 1);
  return shares.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (shares.length || 1);
}

export class Strip {
  constructor(root, { chosen, opened, hovered }) {
    Object.assign(this, { root, chosen, opened, hovered });
    for (const part of ["head", "body", "space", "rows", "column", "hover"]) this[part] = root.querySelector(`#strip-${part}`);
    this.note = document.getElementById("strip-note");
    this.rowNodes = new Map();
    this.order = [];
    this.filter = "";
    this.body.addEventListener("scroll", () => this.#rowsInSight(), { passive: true });
    this.rows.addEventListener("click", (event) => this.#click(event));
    this.rows.addEventListener("pointerover", (event) => {
      const cell = event.target.closest(".cell");
      hovered(cell ? this.view.columns[Number(cell.dataset.column)].reference : null);
    });
    this.rows.addEventListener("pointerleave", () => hovered(null));
    document.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.view && this.#layout()).observe(root);
  }

  show(view) {
    this.view = view;
    this.rowNodes.clear();
    this.rows.replaceChildren();
    this.#layout();
  }

  /** Orders and filters the rows. */
  arrange(sort, filter, alpha) {
    this.filter = filter.trim().toLowerCase();
    const { view } = this;
    const key = this.#keys(sort, alpha);
    const names = view.problems.slug;
    this.order = [...names.keys()]
      .filter((problem) => names[problem].toLowerCase().includes(this.filter) || view.problems.title[problem].toLowerCase().includes(this.filter))
      .map((problem) => [key(problem), problem])
      .sort(([one, first], [other, second]) => (one < other ? -1 : one > other ? 1 : first - second))
      .map(([, problem]) => problem);
    this.space.style.height = `${this.order.length * ROW}px`;
    this.root.style.setProperty("--rows", this.order.length);
    this.note.textContent = this.filter
      ? `${this.order.length} of ${view.count} problems`
      : "";
    this.body.classList.toggle("empty-body", !view.count);
    this.rowNodes.clear();
    this.rows.replaceChildren();
    this.#rowsInSight();
  }

  #keys(sort, alpha) {
    const { view } = this;
    const here = view.nearest(alpha ?? 0);
    const base = view.baseline_;
    const share = (one, problem) => (one ? view.solved(one, problem) ?? 0 : 0);
    if (!view.measured.length) return () => 0;
    if (sort === "name") return (problem) => view.problems.slug[problem];
    if (sort === "difficulty") {
      const names = [...new Set(view.problems.difficulty)];
      const ranks = new Map(names.sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1)).map((name, place) => [name, place]));
      return (problem) => ranks.get(view.problems.difficulty[problem]) * 10 + this.#flip(view.measured.map((one) => share(one, problem)));
    }
    if (sort === "variance") return (problem) => -variance(view.measured.map((one) => view.solved(one, problem)).filter((one) => one !== null));
    if (sort === "q") return (problem) => here?.point.flips?.problem_q[problem] ?? 2;
    if (sort === "solved") return (problem) => -share(here, problem);
    if (sort === "change") return (problem) => share(base, problem) - share(here, problem);
    return (problem) => this.#flip(view.measured.map((one) => share(one, problem)));
  }

  /** A sort key: won along the path first, then won for a while, then lost, by where; then those that never move. */
  #flip(shares) {
    const { measured } = this.view;
    const inside = measured.map((one, index) => [one.alpha, shares[index]]).filter(([alpha]) => alpha >= 0 && alpha <= 1);
    const rise = inside.length ? inside.at(-1)[1] - inside[0][1] : 0;
    const [most, least] = [Math.max(...shares), Math.min(...shares)];
    if (most - least < FLIP) return most > 0.5 ? 4 : 5;
    const group = rise >= FLIP ? 0 : rise <= -FLIP ? 2 : Math.max(...inside.map(([, one]) => one), 0) >= most - 1e-9 ? 1 : 3;
    const middle = (most + least) / 2;
    const place = shares.findIndex((one) => (group === 2 ? one < middle : one >= middle));
    return group + Math.max(place, 0) / (shares.length + 1) - Math.abs(rise) / 1e4;
  }

  #layout() {
    const { columns } = this.view;
    this.root.style.setProperty("--columns", Math.max(columns.length, 1));
    this.names = parseFloat(getComputedStyle(this.root).getPropertyValue("--names"));
    const inner = this.body.clientWidth - this.names;
    const width = inner / Math.max(columns.length, 1);
    const letters = Math.max(4, ...columns.map((one) => alphaText(one.alpha).length));
    this.every = Math.ceil((letters * LETTER + 8) / width);
    this.root.classList.toggle("thin", width < THIN);
    const zero = Math.max(columns.findIndex((one) => one.alpha === 0), 0);
    this.head.replaceChildren(element("span", "names"), ...columns.map((one, index) => {
      const label = element("span", "at", (index - zero) % this.every === 0 ? alphaText(one.alpha) : "");
      label.dataset.column = index;
      return label;
    }));
    this.head.style.width = `${this.body.clientWidth}px`;
    this.current = undefined;
    this.mark(this.alpha ?? null);
    this.#rowsInSight();
  }

  #rowsInSight() {
    if (!this.view) return;
    const first = Math.max(0, Math.floor(this.body.scrollTop / ROW) - SPARE);
    const last = Math.min(this.order.length, first + Math.ceil(this.body.clientHeight / ROW) + 2 * SPARE);
    const wanted = new Set(this.order.slice(first, last));
    for (const [problem, node] of this.rowNodes) {
      if (!wanted.has(problem)) {
        node.remove();
        this.rowNodes.delete(problem);
      }
    }
    for (let place = first; place < last; place += 1) {
      const problem = this.order[place];
      if (!this.rowNodes.has(problem)) {
        const node = this.#row(problem);
        this.rowNodes.set(problem, node);
        this.rows.append(node);
      }
      this.rowNodes.get(problem).style.transform = `translateY(${place * ROW}px)`;
    }
    this.choose(this.problem);
  }

  #row(problem) {
    const { view } = this;
    const name = element("span", "name", view.problems.slug[problem]);
    name.title = `${view.problems.title[problem]}, ${view.problems.difficulty[problem]}`;
    if (view.difficulty === "all") name.append(element("small", "", ` ${view.problems.difficulty[problem]}`));
    const row = element("div", "strip-row", name);
    row.dataset.problem = problem;
    row.dataset.slug = view.problems.slug[problem];
    row.id = `problem-row-${problem}`;
    row.setAttribute("role", "option");
    row.append(...view.columns.map((one, column) => this.#cell(view.cell(one, problem), column)));
    return row;
  }

  #cell(counts, column) {
    const [n, ...classes] = counts;
    const cell = element("span", n ? "cell" : "cell unmeasured");
    cell.dataset.column = column;
    cell.title = `a = ${alphaText(this.view.columns[column].alpha)}: ${cellWords(counts)}`;
    CLASSES.forEach((name, index) => {
      if (!classes[index]) return;
      const part = element("i", SHOWN[name]);
      part.style.flexGrow = classes[index];
      cell.append(part);
    });
    return cell;
  }

  /** Frames the column of an alpha; a line where it has no column. */
  mark(alpha) {
    this.alpha = alpha;
    if (!this.view || alpha === null) return;
    const { columns } = this.view;
    const column = columns.indexOf(this.view.at(alpha));
    this.column.classList.toggle("between", column < 0);
    if (column < 0) this.#between(alpha);
    if (column === this.current) return;
    this.current = column;
    if (column >= 0) this.#over(this.column, column);
    this.#here();
    for (const label of this.head.children) {
      const here = label.dataset.column === String(column);
      label.classList.toggle("current", here);
      label.classList.toggle("covered", !here && column >= 0 && Math.abs(Number(label.dataset.column) - column) < this.every);
      if (here) label.textContent = alphaText(alpha);
    }
  }

  /** Frames the cell of the chosen problem at this alpha. */
  #here() {
    const cell = this.rowNodes.get(this.problem)?.children[this.current + 1] ?? null;
    if (cell === this.framed) return;
    this.framed?.classList.remove("here");
    this.framed = this.current >= 0 ? cell : null;
    this.framed?.classList.add("here");
  }

  light(reference) {
    this.#over(this.hover, this.view ? this.view.columns.findIndex((one) => one.reference === reference) : -1);
  }

  /** At an alpha without a column the frame becomes a line, as far between its neighbours' columns as alpha is. */
  #between(alpha) {
    const { columns } = this.view;
    const right = columns.findIndex((one) => one.alpha > alpha);
    this.column.toggleAttribute("hidden", right < 1);
    if (right < 1) return;
    const share = (alpha - columns[right - 1].alpha) / (columns[right].alpha - columns[right - 1].alpha);
    const width = (this.body.clientWidth - this.names) / columns.length;
    this.column.style.width = "0";
    this.column.style.transform = `translateX(${(this.names + (right - 0.5 + share) * width).toFixed(1)}px)`;
  }

  #over(node, column) {
    node.toggleAttribute("hidden", column < 0);
    if (column < 0) return;
    const width = (this.body.clientWidth - this.names) / this.view.columns.length;
    node.style.width = `${width.toFixed(1)}px`;
    node.style.transform = `translateX(${(this.names + column * width).toFixed(1)}px)`;
  }

  /** Marks the chosen problem, by its place among the view's problems. */
  choose(problem, { reveal = false } = {}) {
    this.problem = problem;
    for (const [index, node] of this.rowNodes) {
      node.classList.toggle("current", index === problem);
      node.setAttribute("aria-selected", String(index === problem));
    }
    this.#here();
    const place = this.order.indexOf(problem);
    if (reveal && place >= 0) {
      const [top, bottom] = [place * ROW, (place + 1) * ROW];
      if (top < this.body.scrollTop) this.body.scrollTop = top;
      else if (bottom > this.body.scrollTop + this.body.clientHeight) this.body.scrollTop = bottom - this.body.clientHeight;
    }
    this.body.setAttribute("aria-activedescendant", this.rowNodes.has(problem) ? `problem-row-${problem}` : "");
  }

  #click(event) {
    const row = event.target.closest(".strip-row");
    if (!row) return;
    const cell = event.target.closest(".cell");
    const alpha = cell ? this.view.columns[Number(cell.dataset.column)].alpha : null;
    this.chosen(Number(row.dataset.problem), alpha);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.view) return;
    const inside = this.body.contains(event.target);
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    const step = { j: 1, k: -1, ...(inside ? { ArrowDown: 1, ArrowUp: -1 } : {}) }[event.key];
    const place = this.order.indexOf(this.problem);
    if (step && this.order.length) {
      event.preventDefault();
      const next = this.order[Math.min(Math.max(place + step, 0), this.order.length - 1)];
      this.chosen(next, null);
      this.choose(next, { reveal: true });
    } else if (event.key === "Enter" && place >= 0 && !event.target.closest("a, button, summary, [role=slider]")) {
      this.opened(this.problem);
    }
  }
}
