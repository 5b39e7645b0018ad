// The frontier plot. Plotly draws what is measured; the mark that follows alpha lives on a layer above, so that dragging
// redraws no figure. Clicking a point moves alpha there, or makes a checkpoint apart from the path the baseline.

import { coloured, ramp } from "../colours.js";
import { draw, scales } from "../figure.js";
import { alphaText } from "../words.js";

const SVG = "http://www.w3.org/2000/svg";

export class Frontier {
  /** `launched(gap)` when a gap of the path is clicked; null where nothing may be launched. */
  constructor(plot, over, { chosen, hovered, launched }) {
    Object.assign(this, { plot, over, launched });
    this.inside = this.#add("svg", "inside"); // cut off at the axes
    this.ellipse = this.#add("path", "ellipse", {}, this.inside);
    this.halo = this.#add("circle", "halo", { r: 12 });
    this.mark = this.#add("circle", "here", { r: 8 });
    this.other = this.#add("path", "here other", { d: "M0-9L9 0L0 9L-9 0Z", hidden: "" });
    this.lit = this.#add("circle", "lit", { r: 12 });
    this.lit.setAttribute("hidden", "");
    this.bound = false;
    this.bind = () => {
      if (this.bound) return;
      this.bound = true;
      plot.on("plotly_click", ({ points: [point] }) => {
        if (point?.customdata?.alphas) launched(point.customdata);
        else if (point?.customdata) chosen(point.customdata);
      });
      plot.on("plotly_hover", ({ points: [point] }) => {
        plot.classList.toggle("over-gap", Boolean(point?.customdata?.alphas));
        if (typeof point?.customdata === "string") hovered(point.customdata);
      });
      plot.on("plotly_unhover", () => {
        plot.classList.remove("over-gap");
        hovered(null);
      });
      plot.on("plotly_relayout", () => { this.rescale(); this.place(this.alpha); });
    };
    new ResizeObserver(() => requestAnimationFrame(() => { this.rescale(); this.place(this.alpha); })).observe(plot);
  }

  #add(name, className, attributes = {}, parent = this.over) {
    const made = document.createElementNS(SVG, name);
    made.setAttribute("class", className);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent.append(made);
    return made;
  }

  /** Draws a view's figure, and where there is a second one its path beside the first. */
  async show(view, second = null) {
    this.view = view;
    this.second = second;
    const own = this.launched ? withGaps(view) : view.figures.frontier;
    const figure = second ? withPath(own, second) : own;
    this.ellipses = new Map(figure.data.filter((trace) => trace.meta?.ellipse).map((trace) => [trace.meta.ellipse, trace]));
    const key = JSON.stringify(figure);
    if (key !== this.key) {
      this.key = key;
      await draw(this.plot, figure);
      this.bind();
    }
    this.rescale();
  }

  rescale() {
    if (!this.plot.layout) return;
    this.scale = scales(this.plot);
    const { left, top, width, height } = this.scale;
    for (const [name, value] of Object.entries({ x: left, y: top, width, height })) this.inside.setAttribute(name, value);
  }

  /** Moves the mark to an alpha: solid at a measured point, dashed on an estimate, gone where neither is known. */
  place(alpha) {
    this.alpha = alpha;
    if (!this.view || !this.scale || alpha === null) return;
    const point = this.view.measuredAt(alpha);
    const rates = point
      ? { optimisation: point.point.rates.optimisation[0], correctness: point.point.rates.correctness[0] }
      : this.view.estimate(alpha)?.rates;
    for (const shape of [this.halo, this.mark]) shape.toggleAttribute("hidden", !rates);
    this.ellipse.toggleAttribute("hidden", !point);
    if (!rates) return;
    const place = `translate(${this.scale.x(rates.optimisation).toFixed(1)} ${this.scale.y(rates.correctness).toFixed(1)})`;
    for (const shape of [this.halo, this.mark]) shape.setAttribute("transform", place);
    this.mark.dataset.kind = point ? "measured" : "estimate";
    this.mark.style.fill = point ? "none" : ramp(alpha, 0.35);
    const outline = point && this.ellipses.get(point.reference);
    this.ellipse.toggleAttribute("hidden", !outline);
    if (outline) {
      const corners = outline.x.map((x, index) => [this.scale.x(x) - this.scale.left, this.scale.y(outline.y[index]) - this.scale.top].map((pixel) => pixel.toFixed(1)).join(" "));
      this.ellipse.setAttribute("d", `M${corners.join("L")}Z`);
      this.ellipse.style.fill = ramp(alpha, 0.2);
      this.ellipse.style.stroke = coloured(`ramp(${alpha})`);
    }
  }

  /** Moves the second family's mark, a rhombus. */
  placeSecond(alpha) {
    const rates = this.second && this.scale && alpha !== null ? this.second.ratesAt(alpha) : null;
    this.other.toggleAttribute("hidden", !rates);
    if (!rates) return;
    this.other.setAttribute("transform", `translate(${this.scale.x(rates.optimisation).toFixed(1)} ${this.scale.y(rates.correctness).toFixed(1)})`);
    this.other.dataset.kind = this.second.measuredAt(alpha) ? "measured" : "estimate";
  }

  light(reference) {
    const point = reference && this.view?.reference.get(reference)?.point;
    this.lit.toggleAttribute("hidden", !point || !this.scale);
    if (point && this.scale) {
      this.lit.setAttribute("cx", this.scale.x(point.rates.optimisation[0]).toFixed(1));
      this.lit.setAttribute("cy", this.scale.y(point.rates.correctness[0]).toFixed(1));
    }
  }
}

/** A figure with invisible marks in it, one a gap of the path, beneath those of the points. */
function withGaps(view) {
  const { frontier } = view.figures;
  const gaps = view.gapsToLaunch;
  const places = gaps.map((gap) => view.estimate(Number(gap.alphas)).rates);
  const trace = {
    type: "scatter", mode: "markers", x: places.map((rates) => rates.optimisation), y: places.map((rates) => rates.correctness),
    marker: { size: 9, color: "token(ink-3)", opacity: 0 },
    customdata: gaps,
    hovertext: gaps.map((gap) => `<b>a = ${alphaText(Number(gap.alphas))}</b> · not measured<br>click to measure it`),
    hovertemplate: "%{hovertext}<extra></extra>",
    meta: { gaps: true },
  };
  const { data } = frontier;
  const marks = data.findIndex((one) => one.meta?.marks);
  return places.length ? { ...frontier, data: [...data.slice(0, marks), trace, ...data.slice(marks)] } : frontier;
}

/** A figure with the path of a second view in it: rhombs on a dashed line, within axes that hold both. */
function withPath(figure, second) {
  const path = second.measured;
  const at = (name) => path.map((one) => one.point.rates[name][0]);
  const [x, y] = [at("optimisation"), at("correctness")];
  const trace = {
    type: "scatter", mode: "lines+markers", x, y, cliponaxis: false,
    line: { color: "token(ink-3)", width: 1.4, dash: "dash" },
    marker: {
      symbol: path.map((one) => (one.mark === "trained" ? "diamond" : "diamond-open")), size: 9,
      color: path.map((one) => `ramp(${one.alpha})`), line: { width: 1.8 },
    },
    hovertext: path.map((one) => `<b>second path, ${second.nameOf(one)}</b><br>solved ${one.point.rates.solved[0].toFixed(3)}<br>n = ${one.point.n}`),
    hovertemplate: "%{hovertext}<extra></extra>",
    meta: { second: true },
  };
  const wide = (axis, values) => ({ ...axis, range: [axis.range[0], Math.max(axis.range[1], ...values.map((value) => value * 1.06))] });
  const { layout } = figure;
  return {
    ...figure,
    data: [...figure.data, trace],
    layout: { ...layout, xaxis: wide(layout.xaxis, x), yaxis: wide(layout.yaxis, y) },
  };
}
