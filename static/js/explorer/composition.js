// The composition plot: shares of the verdicts against alpha, with a line that follows alpha on a layer above. Pressing
// anywhere in it moves alpha there, and dragging moves it on. Of a second family it shows where the same bands end, as
// dashed lines, and where its own alpha is.

import { draw, scales } from "../figure.js";

const SVG = "http://www.w3.org/2000/svg";

export class Composition {
  constructor(plot, over, { moved, caught }) {
    Object.assign(this, { plot, over, moved, caught });
    this.other = this.#mark("here other", "path", { d: "M0-5L5 0L0 5L-5 0Z" });
    this.own = this.#mark("here", "circle", { r: 4 });
    this.#put(this.other, null);
    plot.addEventListener("pointerdown", (event) => this.#grab(event), { capture: true });
    new ResizeObserver(() => requestAnimationFrame(() => { this.rescale(); this.place(this.alpha); })).observe(plot);
  }

  /** A line with a knob at each of the two lower edges. */
  #mark(className, shape, attributes) {
    const line = document.createElementNS(SVG, "line");
    line.setAttribute("class", className);
    const knobs = [0, 1].map(() => {
      const knob = document.createElementNS(SVG, shape);
      for (const [key, value] of Object.entries({ class: "knob", ...attributes })) knob.setAttribute(key, value);
      return knob;
    });
    this.over.append(line, ...knobs);
    return { line, knobs };
  }

  async show(view, second = null) {
    this.view = view;
    this.second = second;
    const figure = second?.measured.length ? withEdges(view.figures.composition, second) : view.figures.composition;
    const key = JSON.stringify(figure);
    if (key !== this.key) {
      this.key = key;
      await draw(this.plot, figure);
    }
    this.rescale();
  }

  rescale() {
    if (this.plot.layout) this.scale = scales(this.plot);
  }

  place(alpha) {
    this.alpha = alpha;
    if (!this.view || !this.scale || alpha === null) return;
    this.#put(this.own, this.view.ratesAt(alpha), alpha);
  }

  /** Moves the second family's mark. */
  placeSecond(alpha) {
    const known = this.second && this.scale && alpha !== null;
    this.#put(this.other, known ? this.second.ratesAt(alpha) : null, alpha);
  }

  #put({ line, knobs }, rates, alpha) {
    for (const shape of [line, ...knobs]) shape.toggleAttribute("hidden", !rates);
    if (!rates) return;
    const x = this.scale.x(alpha).toFixed(1);
    for (const name of ["x1", "x2"]) line.setAttribute(name, x);
    line.setAttribute("y1", this.scale.top);
    line.setAttribute("y2", this.scale.top + this.scale.height);
    knobs.forEach((knob, index) => knob.setAttribute("transform", `translate(${x} ${this.scale.y(edgesOf(rates)[index]).toFixed(1)})`));
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

const BANDS = [["solved", "solved"], ["optimisation", "too slow"], ["correctness", "wrong"]];

/** Where the bands end, from below. */
function edgesOf(rates) {
  let floor = 0;
  return BANDS.map(([name]) => (floor += rates[name]));
}

/** A figure with the edges of a second view's bands over those of the first, within an axis that holds both. */
function withEdges(figure, second) {
  const x = second.measured.map((one) => one.alpha);
  const rates = x.map((alpha) => second.ratesAt(alpha));
  const edges = rates.map(edgesOf);
  const lines = BANDS.flatMap(([name, words], band) => {
    const line = { type: "scatter", x, y: edges.map((edge) => edge[band]), meta: { second: name } };
    return [
      { ...line, mode: "lines", line: { color: "token(card,0.85)", width: 4 }, hoverinfo: "skip" },
      {
        ...line, mode: "lines+markers", customdata: rates.map((one) => one[name]),
        line: { color: "token(ink)", width: 1.6, dash: "dash" }, marker: { symbol: "diamond", size: 6, color: "token(ink)" },
        hovertemplate: `second: ${words} %{customdata:.3f}<extra></extra>`,
      },
    ];
  });
  const { xaxis } = figure.layout;
  const range = [Math.min(xaxis.range[0], ...x), Math.max(xaxis.range[1], ...x)];
  return { ...figure, data: [...figure.data, ...lines], layout: { ...figure.layout, xaxis: { ...xaxis, range } } };
}
