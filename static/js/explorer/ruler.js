// The ruler: a slider over alpha. Measured values are long ticks and catch the thumb, the trained ends catch it from
// further away, and with Shift held nothing does. Keys: arrows by one measured step (Shift: 0.01), Home and End.

import { ramp } from "../colours.js";
import { typing } from "../typing.js";
import { alphaText, element } from "../words.js";

const CATCH = 6; // pixels within which a measured value takes the thumb
const CATCH_END = 12; // and a trained end
const LETTER = 6.5; // pixels of a letter of a label, as wide as they come

export class Ruler {
  /** `moved(alpha, committed)` is called while dragging and once more, committed, at the end. With `keys` it answers to
   * Alt and the arrows wherever the focus is. */
  constructor(root, moved, hovered, { keys = true } = {}) {
    this.root = root;
    this.thumb = root.querySelector(".thumb");
    this.ticks = root.querySelector(".ticks");
    this.moved = moved;
    this.hovered = hovered;
    this.range = [-0.6, 1.6];
    this.marks = [];
    this.alpha = null;
    root.addEventListener("pointerdown", (event) => this.#grab(event));
    this.thumb.addEventListener("keydown", (event) => this.#key(event));
    if (keys) document.addEventListener("keydown", (event) => {
      if (typing(event.target) || document.querySelector("dialog[open]")) return;
      if (event.altKey && !event.ctrlKey && !event.metaKey && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
        event.preventDefault();
        this.#step(event.key === "ArrowRight" ? 1 : -1);
      }
    });
    new ResizeObserver(() => this.#layout()).observe(root);
  }

  show(view) {
    this.view = view;
    this.names = [view.ends?.low.words ?? "low coverage", view.ends?.high.words ?? "high coverage"];
    this.range = view.range;
    this.#layout();
  }

  #layout() {
    if (!this.view) return;
    this.width = this.ticks.clientWidth;
    const [low, high] = this.range;
    this.root.style.setProperty("--zero", this.#share(0));
    this.root.style.setProperty("--one", this.#share(1));
    this.root.querySelector(".track").style.background = this.#gradient();
    const spacing = high - low > 4 ? 0.25 : 0.05;
    const fine = [];
    for (let index = Math.ceil(low / spacing); index * spacing <= high; index += 1) fine.push(index * spacing);
    const ticks = fine.map((alpha) => this.#tick(alpha, "tick"));
    const labels = [];
    this.marks = this.view.path.map((one) => {
      const kind = !one.point ? (one.underway ? "planned" : "open") : one.point.partial ? "partial" : "measured";
      const tick = this.#tick(one.alpha, `tick mark ${kind}${one.mark === "trained" ? " end" : ""}`);
      tick.title = this.#title(one, kind);
      tick.dataset.reference = one.reference;
      tick.addEventListener("pointerenter", () => this.hovered(one.reference));
      tick.addEventListener("pointerleave", () => this.hovered(null));
      ticks.push(tick);
      return { alpha: one.alpha, reach: one.mark === "trained" ? CATCH_END : CATCH, tick, one };
    });
    for (const end of [0, 1]) labels.push(this.#label(end, `${end} · ${this.names[end]}`, "end"));
    const taken = [0, 1].map((alpha) => this.#share(alpha) * this.width);
    const letters = Math.max(5, ...this.marks.map((mark) => alphaText(mark.alpha).length));
    const room = letters * LETTER + 12;
    const endRooms = this.names.map((name) => ((name.length + 4 + letters) * LETTER) / 2 + 8);
    const byRoom = [...this.marks].sort((one, other) => this.#rank(one.alpha) - this.#rank(other.alpha));
    for (const { alpha } of byRoom) {
      const x = this.#share(alpha) * this.width;
      const covered = taken.some((other, index) => Math.abs(other - x) < (endRooms[index] ?? room));
      if (alpha === 0 || alpha === 1 || covered) continue;
      taken.push(x);
      labels.push(this.#label(alpha, alphaText(alpha), ""));
    }
    this.ticks.replaceChildren(...ticks, ...labels);
    this.thumb.setAttribute("aria-valuemin", low.toFixed(2));
    this.thumb.setAttribute("aria-valuemax", high.toFixed(2));
    this.place(this.alpha);
  }

  #rank(alpha) {
    return Number.isInteger(alpha) ? 0 : Number.isInteger(alpha * 2) ? 1 : Number.isInteger(alpha * 4) ? 2 : 3;
  }

  #title(one, kind) {
    const said = { measured: "measured", partial: "being measured", planned: "planned", open: "not measured" }[kind];
    return `a = ${alphaText(one.alpha)}: ${said}`;
  }

  #gradient() {
    const [low, high] = this.range;
    const stops = [low, -0.5, 0, 0.5, 1, 1.5, high].filter((alpha) => alpha >= low && alpha <= high);
    return `linear-gradient(90deg, ${stops.map((alpha) => `${ramp(alpha)} ${(this.#share(alpha) * 100).toFixed(2)}%`).join(", ")})`;
  }

  #share(alpha) {
    return (alpha - this.range[0]) / (this.range[1] - this.range[0]);
  }

  #at(node, alpha) {
    node.style.left = `${(this.#share(alpha) * 100).toFixed(3)}%`;
    return node;
  }

  #tick(alpha, className) {
    return this.#at(element("i", className), alpha);
  }

  #label(alpha, text, className) {
    return this.#at(element("span", `label-at ${className}`, text), alpha);
  }

  /** Moves the thumb. `kind` is "measured", "estimate" or "unknown". */
  place(alpha, kind = this.kind, words = this.words) {
    Object.assign(this, { alpha, kind, words });
    if (alpha === null || !this.width) return;
    const inside = Math.min(Math.max(alpha, this.range[0]), this.range[1]);
    this.thumb.style.transform = `translateX(${(this.#share(inside) * this.width).toFixed(1)}px)`;
    this.thumb.dataset.kind = kind;
    this.thumb.setAttribute("aria-valuenow", String(alpha));
    this.thumb.setAttribute("aria-valuetext", words ?? String(alpha));
  }

  light(reference) {
    for (const { tick } of this.marks) tick.classList.toggle("lit", reference !== null && tick.dataset.reference === reference);
  }

  #grab(event) {
    if (event.button !== 0 || !this.view) return;
    event.preventDefault();
    this.thumb.focus({ preventScroll: true });
    this.root.setPointerCapture(event.pointerId);
    this.root.classList.add("dragging");
    const left = this.ticks.getBoundingClientRect().left;
    let last = this.alpha; // the thumb itself follows a frame later
    const follow = (moving) => {
      last = this.caught(moving.clientX - left, moving.shiftKey);
      this.moved(last, false);
    };
    const release = () => {
      this.root.classList.remove("dragging");
      this.root.removeEventListener("pointermove", follow);
      this.moved(last, true);
    };
    this.root.addEventListener("pointermove", follow);
    this.root.addEventListener("lostpointercapture", release, { once: true });
    follow(event);
  }

  /** The alpha under a pixel of the ruler, drawn to a measured value nearby unless `free`. */
  caught(pixel, free) {
    const [low, high] = this.range;
    const alpha = low + Math.min(Math.max(pixel / this.width, 0), 1) * (high - low);
    const away = (mark) => Math.abs(this.#share(mark.alpha) * this.width - pixel);
    const near = free ? [] : this.marks.filter((mark) => away(mark) <= mark.reach);
    if (!near.length) return Math.round(alpha * 100) / 100;
    return near.reduce((best, mark) => (away(mark) - mark.reach < away(best) - best.reach ? mark : best)).alpha;
  }

  #step(direction) {
    if (this.view && this.alpha !== null) this.moved(this.view.step(this.alpha, direction), true);
  }

  #key(event) {
    if (!this.view || event.altKey || event.ctrlKey || event.metaKey) return;
    const direction = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    const ends = { Home: this.view.measured[0]?.alpha, End: this.view.measured.at(-1)?.alpha };
    if (direction && event.shiftKey) this.moved(Math.round((this.alpha + direction * 0.01) * 100) / 100, true);
    else if (direction) this.#step(direction);
    else if (ends[event.key] !== undefined) this.moved(ends[event.key], true);
    else return;
    event.preventDefault();
  }
}
