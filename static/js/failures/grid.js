// The heat grid: one canvas that draws only the cells in sight, headers that stay, and a cursor that the arrow keys move.
// It knows cells (cells.js) and pixels; what opening a cell means is told by whoever made it.

import { rgb, token } from "../colours.js";
import { alphaText, cellWords } from "../words.js";

const NAMES = 196; // pixels of the row headers
const FEWER_NAMES = 118; // in a narrow frame
const NARROW = 560;
const TALL = 20;
const THIN = 5;
const NARROWEST = 18; // of a column, in tall rows
const WIDEST = 96;
const READABLE = 36; // a narrower column has its label upright
const FLAT_HEAD = 34;
const HIGHEST_HEAD = 96;
const TALLEST = 560; // of the frame, and half the window at most
const SHORTEST = 180;
const NUMBER_ROOM = 24; // a narrower cell has no number
const GLYPH_ROOM = 14; // a cell smaller than this has colour alone
const PAGE = 10;
const FAILURES = ["solved", "slow", "wrong", "none"];

const css = (colour) => `rgb(${colour.join(",")})`;

/** Relative luminance, as WCAG defines it. */
function luminance(colour) {
  const [red, green, blue] = colour.map((value) => (value <= 10 ? value / 3294 : ((value / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

export class Grid {
  constructor(frame, { moved, opened, entered }) {
    Object.assign(this, { frame, moved, opened, entered });
    this.space = frame.querySelector("#heat-space");
    this.canvas = frame.querySelector("#heat-canvas");
    this.tip = document.getElementById("heat-tip");
    this.pen = this.canvas.getContext("2d");
    this.rows = [];
    this.columns = [];
    this.names = NAMES;
    this.cursor = null; // [row of the data, column of the data]
    frame.addEventListener("scroll", () => this.#redraw(), { passive: true });
    frame.addEventListener("keydown", (event) => this.#key(event));
    frame.addEventListener("pointermove", (event) => this.#hover(event));
    frame.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    frame.addEventListener("click", (event) => this.#click(event));
    frame.addEventListener("dblclick", (event) => this.#cellAt(event) && this.opened());
    document.addEventListener("theme:changed", () => { this.palette = null; this.#redraw(); });
    new ResizeObserver(() => this.cells && this.#layout()).observe(frame);
  }

  show(cells, rows, columns, { colour, zoom }) {
    Object.assign(this, { cells, rows, columns, colour, thin: zoom === "small" });
    this.means = columns.map((column) => cells.columnMean(column, rows));
    this.frame.removeAttribute("aria-busy");
    this.#layout();
  }

  #layout() {
    const width = this.frame.clientWidth;
    this.names = width < NARROW ? FEWER_NAMES : NAMES;
    const fitting = Math.floor((width - this.names - 2) / Math.max(this.columns.length, 1));
    this.height = this.thin ? THIN : TALL;
    this.width = Math.min(Math.max(fitting, this.thin ? THIN : NARROWEST), WIDEST);
    this.pen.font = this.#font(11);
    const widest = Math.max(0, ...this.columns.map((column) => this.pen.measureText(this.#label(column)).width));
    this.upright = widest > this.width - 6 && this.width < READABLE;
    this.head = this.upright ? Math.min(Math.max(widest + 18, FLAT_HEAD), HIGHEST_HEAD) : FLAT_HEAD;
    this.space.style.width = `${this.names + this.columns.length * this.width}px`;
    this.space.style.height = `${this.head + this.rows.length * this.height}px`;
    const most = Math.max(SHORTEST, Math.min(TALLEST, innerHeight * 0.62));
    const all = this.head + this.rows.length * this.height + 2 + this.frame.offsetHeight - this.frame.clientHeight;
    this.frame.style.height = `${Math.min(Math.max(all, SHORTEST), most)}px`;
    const ratio = window.devicePixelRatio || 1;
    const [across, down] = [this.frame.clientWidth, this.frame.clientHeight];
    Object.assign(this.canvas, { width: across * ratio, height: down * ratio });
    Object.assign(this.canvas.style, { width: `${across}px`, height: `${down}px` });
    this.ratio = ratio;
    this.#draw();
  }

  #font(size, weight = 400) {
    this.family ??= getComputedStyle(document.body).fontFamily;
    return `${weight} ${size}px ${this.family}`;
  }

  #label(column) {
    const { alpha, label } = this.cells.columns[column];
    return alpha === null ? label : alphaText(alpha);
  }

  #redraw() {
    if (this.due || !this.cells) return;
    this.due = requestAnimationFrame(() => this.#draw());
  }

  #colours() {
    if (this.palette) return this.palette;
    const [dark, light] = [rgb("ink"), rgb("card")].sort((one, other) => luminance(one) - luminance(other));
    const mixed = (to, share) => rgb("sunk").map((value, index) => Math.round(value + (to[index] - value) * share));
    const step = (colour) => ({ fill: css(colour), text: css(contrast(colour, dark) > contrast(colour, light) ? dark : light) });
    const steps = (name, least) => Array.from({ length: 101 }, (_, share) => step(mixed(rgb(name), share ? least + (1 - least) * share / 100 : 0)));
    this.palette = {
      ...Object.fromEntries(FAILURES.map((name) => [name, steps(name, name === "solved" ? 0.06 : 0.3)])),
      card: token("card"), line: token("line"), ink: token("ink"), second: token("ink-2"), quiet: token("ink-3"),
    };
    return this.palette;
  }

  #inSight() {
    const { scrollTop, scrollLeft, clientWidth, clientHeight } = this.frame;
    return {
      firstRow: Math.max(0, Math.floor(scrollTop / this.height)),
      lastRow: Math.min(this.rows.length, Math.ceil((scrollTop + clientHeight - this.head) / this.height)),
      firstColumn: Math.max(0, Math.floor(scrollLeft / this.width)),
      lastColumn: Math.min(this.columns.length, Math.ceil((scrollLeft + clientWidth - this.names) / this.width)),
    };
  }

  #x(place) {
    return this.names + place * this.width - this.frame.scrollLeft;
  }

  #y(place) {
    return this.head + place * this.height - this.frame.scrollTop;
  }

  #draw() {
    this.due = 0;
    const { pen } = this;
    const colours = this.#colours();
    const seen = this.#inSight();
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.fillStyle = colours.card;
    pen.fillRect(0, 0, this.frame.clientWidth, this.frame.clientHeight);
    pen.textBaseline = "middle";
    pen.textAlign = "center";
    pen.font = this.#font(10.5);
    for (let row = seen.firstRow; row < seen.lastRow; row += 1) {
      for (let column = seen.firstColumn; column < seen.lastColumn; column += 1) this.#cell(row, column, colours);
    }
    this.#frameCursor(colours);
    this.#names(seen, colours);
    this.#heads(seen, colours);
  }

  #cell(row, column, colours) {
    const { pen, cells, width, height } = this;
    const [of, at] = [this.rows[row], this.columns[column]];
    const [x, y] = [this.#x(column), this.#y(row)];
    const gap = this.thin ? 0 : 1;
    const rate = cells.rate(of, at);
    const large = height >= GLYPH_ROOM && width >= GLYPH_ROOM;
    if (Number.isNaN(rate)) {
      pen.fillStyle = colours.quiet;
      if (large) pen.fillText(cells.of(of, at)[4] ? "!" : "·", x + width / 2, y + height / 2);
      return;
    }
    const kind = this.colour === "failure" ? cells.failure(of, at) : 0;
    const name = FAILURES[Math.max(kind, 0)];
    const share = this.colour !== "failure" ? rate : kind === 0 ? 1 : 1 - rate;
    const { fill, text } = colours[name][Math.round(share * 100)];
    pen.fillStyle = fill;
    pen.fillRect(x + gap, y + gap, width - 2 * gap, height - 2 * gap);
    if (!large) return;
    pen.fillStyle = text;
    if (this.colour === "failure") this.#glyph(kind, x + width / 2, y + height / 2);
    else if (width >= NUMBER_ROOM) pen.fillText(String(Math.round(rate * 100)), x + width / 2, y + height / 2 + 0.5);
  }

  #text(words, x, y, font) {
    this.pen.font = font;
    this.pen.textAlign = "center";
    this.pen.fillText(words, x, y);
  }

  /** Disc, triangle, cross, ring: what the colour says, once more. */
  #glyph(kind, x, y) {
    const { pen } = this;
    pen.beginPath();
    pen.lineWidth = 1.6;
    pen.strokeStyle = pen.fillStyle;
    if (kind === 0) {
      pen.arc(x, y, 2.6, 0, 7);
      pen.fill();
    } else if (kind === 1) {
      pen.moveTo(x, y - 4);
      pen.lineTo(x + 4.3, y + 3.4);
      pen.lineTo(x - 4.3, y + 3.4);
      pen.fill();
    } else if (kind === 2) {
      for (const side of [1, -1]) {
        pen.moveTo(x - 3.4, y - 3.4 * side);
        pen.lineTo(x + 3.4, y + 3.4 * side);
      }
      pen.stroke();
    } else {
      pen.arc(x, y, 3.4, 0, 7);
      pen.stroke();
    }
  }

  #names(seen, colours) {
    const { pen } = this;
    pen.fillStyle = colours.card;
    pen.fillRect(0, this.head, this.names, this.frame.clientHeight);
    pen.textAlign = "left";
    const every = Math.max(1, Math.ceil(14 / this.height));
    for (let row = seen.firstRow; row < seen.lastRow; row += 1) {
      const here = this.cursor && this.rows[row] === this.cursor[0];
      if (row % every && !here) continue;
      const y = this.#y(row) + this.height / 2;
      const mean = this.cells.rowMean(this.rows[row]);
      if (here && this.thin) {
        pen.fillStyle = colours.card;
        pen.fillRect(0, y - 8, this.names, 16);
      }
      pen.font = this.#font(11, here ? 650 : 400);
      pen.fillStyle = here ? colours.ink : colours.second;
      pen.textAlign = "left";
      pen.fillText(this.#clipped(this.cells.problems.slug[this.rows[row]], this.names - 52), 8, y);
      pen.fillStyle = colours.quiet;
      pen.textAlign = "right";
      pen.fillText(mean === null ? "—" : mean.toFixed(2), this.names - 8, y);
    }
  }

  #clipped(words, room) {
    if (this.pen.measureText(words).width <= room) return words;
    let kept = words;
    while (kept && this.pen.measureText(`${kept}…`).width > room) kept = kept.slice(0, -1);
    return `${kept}…`;
  }

  #heads(seen, colours) {
    const { pen } = this;
    pen.fillStyle = colours.card;
    pen.fillRect(0, 0, this.frame.clientWidth, this.head);
    pen.textAlign = "left";
    pen.font = this.#font(11);
    for (let place = seen.firstColumn; place < seen.lastColumn; place += 1) {
      const x = this.#x(place) + this.width / 2;
      if (x < this.names - 2) continue;
      const here = this.cursor && this.columns[place] === this.cursor[1];
      pen.fillStyle = here ? colours.ink : colours.second;
      if (this.upright) this.#upright(place, x, here);
      else {
        pen.font = this.#font(11, here ? 650 : 400);
        this.#text(this.#clipped(this.#label(this.columns[place]), this.width - 6), x, 11, pen.font);
        pen.fillStyle = colours.quiet;
        this.#text(this.means[place] === null ? "—" : this.means[place].toFixed(2), x, 25, this.#font(10));
      }
    }
    pen.fillStyle = colours.card;
    pen.fillRect(0, 0, this.names, this.head);
    pen.fillStyle = colours.quiet;
    pen.textAlign = "left";
    pen.font = this.#font(11);
    pen.fillText("problem", 8, this.head - 9);
    pen.textAlign = "right";
    pen.fillText(this.names === NAMES ? "mean solved" : "mean", this.names - 8, this.head - 9);
    pen.fillStyle = colours.line;
    pen.fillRect(0, this.head - 1, this.frame.clientWidth, 1);
    pen.fillRect(this.names - 1, 0, 1, this.frame.clientHeight);
  }

  #upright(place, x, here) {
    const { pen } = this;
    if (this.width < 12 && place % Math.ceil(12 / this.width) && !here) return;
    pen.save();
    pen.translate(x, this.head - 7);
    pen.rotate(-Math.PI / 2);
    pen.font = this.#font(11, here ? 650 : 400);
    pen.textAlign = "left";
    pen.fillText(this.#clipped(this.#label(this.columns[place]), this.head - 12), 0, 0);
    pen.restore();
  }

  #frameCursor(colours) {
    const [row, column] = this.#cursorPlace();
    if (row < 0 || column < 0) return;
    this.pen.strokeStyle = colours.ink;
    this.pen.lineWidth = 2;
    this.pen.strokeRect(this.#x(column) + 0.5, this.#y(row) + 0.5, Math.max(this.width - 1, 4), Math.max(this.height - 1, 4));
  }

  #cursorPlace() {
    return this.cursor ? [this.rows.indexOf(this.cursor[0]), this.columns.indexOf(this.cursor[1])] : [-1, -1];
  }

  /** Puts the cursor on a cell of the data, or takes it away. */
  choose(cursor, { reveal = false } = {}) {
    this.cursor = cursor;
    if (!this.cells) return;
    if (reveal) this.#reveal();
    this.#redraw();
  }

  #reveal() {
    const [row, column] = this.#cursorPlace();
    if (row < 0 || column < 0) return;
    const { frame } = this;
    const [top, left] = [row * this.height, column * this.width];
    const [down, across] = [frame.clientHeight - this.head, frame.clientWidth - this.names];
    if (top < frame.scrollTop) frame.scrollTop = top;
    else if (top + this.height > frame.scrollTop + down) frame.scrollTop = top + this.height - down;
    if (left < frame.scrollLeft) frame.scrollLeft = left;
    else if (left + this.width > frame.scrollLeft + across) frame.scrollLeft = left + this.width - across;
  }

  /** {row, column} of the data under the pointer; -1 for a header. Null outside. */
  #cellAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const row = y < this.head ? -1 : Math.floor((y - this.head + this.frame.scrollTop) / this.height);
    const column = x < this.names ? -1 : Math.floor((x - this.names + this.frame.scrollLeft) / this.width);
    if (row >= this.rows.length || column >= this.columns.length || (row < 0 && column < 0)) return null;
    return { row: row < 0 ? -1 : this.rows[row], column: column < 0 ? -1 : this.columns[column], x, y };
  }

  #hover(event) {
    const found = this.cells && this.#cellAt(event);
    this.tip.hidden = !found;
    if (!found) return;
    this.frame.style.cursor = found.row < 0 || (found.column < 0 && !this.entered.problem) ? "default" : "pointer";
    this.tip.replaceChildren(...this.#tipWords(found));
    const { clientWidth, clientHeight } = this.frame;
    const [width, height] = [this.tip.offsetWidth, this.tip.offsetHeight];
    this.tip.style.left = `${Math.max(4, found.x + 14 + width > clientWidth ? found.x - width - 10 : found.x + 14)}px`;
    this.tip.style.top = `${Math.max(4, found.y + 16 + height > clientHeight ? found.y - height - 8 : found.y + 16)}px`;
  }

  #tipWords({ row, column }) {
    const { problems } = this.cells;
    const heading = document.createElement("b");
    if (row < 0) {
      heading.textContent = this.cells.columns[column].label;
      const mean = this.cells.columnMean(column, this.rows);
      return [heading, `${this.cells.columns[column].name}\nmean solve rate ${mean === null ? "—" : mean.toFixed(3)} of the rows shown`];
    }
    heading.textContent = problems.title[row] || problems.slug[row];
    const about = [problems.difficulty[row], ...problems.tags[row].slice(0, 6)].join(" · ");
    if (column < 0) return [heading, `${problems.slug[row]}\n${about}`];
    return [heading, `${this.words(row, column)}\n${about}`];
  }

  /** "a = 0.5: 2 solved, 1 too slow of 4". */
  words(row, column) {
    const { alpha, label } = this.cells.columns[column];
    const [solved, slow, wrong, none, infrastructure] = this.cells.of(row, column);
    const n = this.cells.n(row, column);
    return `${alpha === null ? label : `a = ${alphaText(alpha)}`}: ${cellWords([n, solved, slow, wrong, none, infrastructure])}`;
  }

  #click(event) {
    const found = this.cells && this.#cellAt(event);
    if (!found || found.row < 0) return;
    if (found.column < 0) this.entered.problem?.(found.row);
    else this.moved([found.row, found.column]);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.rows.length || !this.columns.length) return;
    const [row, column] = this.#cursorPlace();
    const steps = {
      ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-PAGE, 0], PageDown: [PAGE, 0],
      Home: [0, -this.columns.length], End: [0, this.columns.length],
    };
    if (event.key === "Enter" && row >= 0 && column >= 0) {
      event.preventDefault();
      this.opened();
    } else if (event.key === "p" && row >= 0 && this.entered.problem) {
      this.entered.problem(this.rows[row]);
    } else if (steps[event.key]) {
      event.preventDefault();
      const [down, across] = row < 0 || column < 0 ? [0, 0] : steps[event.key];
      const within = (place, count) => Math.min(Math.max(place, 0), count - 1);
      this.moved([this.rows[within(row + down, this.rows.length)], this.columns[within(column + across, this.columns.length)]]);
    }
  }
}
