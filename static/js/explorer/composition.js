// The composition plot: shares of the verdicts against alpha, with a line that follows alpha on a layer above. Pressing
// anywhere in it moves alpha there, and dragging moves it on.

import { draw, scales } from "../figure.js";

const SVG = "http://www.w3.org/2000/svg";

export class Composition {
  constructor(plot, over, { moved, caught }) {
    Object.assign(this, { plot, over, moved, caught });
    this.line = document.createElementNS(SVG, "line");
    this.line.setAttribute("class", "here");
    this.knobs = [0, 1].map(() => {
      const knob = document.createElementNS(SVG, "circle");
      knob.setAttribute("class", "knob");
      knob.setAttribute("r", 4);
      return knob;
    });
    over.append(this.line, ...this.knobs);
    plot.addEventListener("pointerdown", (event) => this.#grab(event), { capture: true });
    new ResizeObserver(() => requestAnimationFrame(() => { this.rescale(); this.place(this.alpha); })).observe(plot);
  }

  async show(view) {
    this.view = view;
    const key = JSON.stringify(view.figures.composition);
    if (key !== this.key) {
      this.key = key;
      await draw(this.plot, view.figures.composition);
    }
    this.rescale();
  }

  rescale() {
    if (this.plot.layout) this.scale = scales(this.plot);
  }

  place(alpha) {
    this.alpha = alpha;
    if (!this.view || !this.scale || alpha === null) return;
    const rates = this.view.ratesAt(alpha);
    for (const shape of [this.line, ...this.knobs]) shape.toggleAttribute("hidden", !rates);
    if (!rates) return;
    const x = this.scale.x(alpha).toFixed(1);
    const edges = [rates.solved, rates.solved + rates.optimisation].map((share) => this.scale.y(share).toFixed(1));
    for (const name of ["x1", "x2"]) this.line.setAttribute(name, x);
    this.line.setAttribute("y1", this.scale.top);
    this.line.setAttribute("y2", this.scale.top + this.scale.height);
    this.knobs.forEach((knob, index) => knob.setAttribute("transform", `translate(${x} ${edges[index]})`));
  }

  #grab(event) {
    if (event.button !== 0 || !this.scale || !this.view || this.view.empty) return;
    const box = this.plot.getBoundingClientRect();
    let last = this.alpha;
    const follow = (moving) => {
      last = this.caught(this.scale.alpha(moving.clientX - box.left), moving.shiftKey);
      this.moved(last, false);
    };
    const release = () => {
      removeEventListener("pointermove", follow);
      this.moved(last, true);
    };
    addEventListener("pointermove", follow);
    addEventListener("pointerup", release, { once: true });
    follow(event);
  }
}
