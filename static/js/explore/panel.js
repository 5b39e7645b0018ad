// One panel: a Plotly figure, and above it a layer with rings around what is pinned and what the hand is on. The layer
// finds a mark where Plotly drew it, so it follows zoom, size, logarithmic axes and the triangle alike.

import { draw } from "../figure.js";
import { shape } from "../marks.js";
import { textOfZoom, zoomed } from "./zoom.js";

export class Panel {
  constructor(section, { clicked, launched, hovered, selected, moved }) {
    Object.assign(this, { section, selected, moved });
    this.plot = section.querySelector(".plot");
    this.over = section.querySelector(".over");
    this.key = "";
    this.rings = [];
    this.lit = null;
    this.drawing = false;
    this.plot.addEventListener("drawn", () => this.#bind({ clicked, launched, hovered }));
    new ResizeObserver(() => requestAnimationFrame(() => this.#place())).observe(this.plot);
  }

  #bind({ clicked, launched, hovered }) {
    this.#place();
    if (this.bound) return;
    this.bound = true;
    const found = ({ points }) => points?.[0]?.customdata;
    this.plot.on("plotly_click", (event) => {
      const target = found(event);
      if (typeof target === "string") clicked(target);
      else if (target?.alphas) launched(target);
    });
    this.plot.on("plotly_hover", (event) => {
      const target = found(event);
      this.plot.classList.toggle("over-gap", Boolean(target?.alphas));
      if (typeof target === "string") hovered(target);
    });
    this.plot.on("plotly_unhover", () => {
      this.plot.classList.remove("over-gap");
      hovered(null);
    });
    this.plot.on("plotly_relayouting", () => this.#place());
    this.plot.on("plotly_relayout", (event) => {
      this.#place();
      // The end of a drag, told once however many frames it had. A resized plot keeps what it shows.
      if (!this.drawing && Object.keys(event ?? {}).some((key) => /^([xy]axis|ternary)/.test(key))) this.moved(textOfZoom(this.plot.layout, this.panel.figure.layout));
    });
    this.plot.on("plotly_doubleclick", () => this.moved(""));
    this.plot.on("plotly_afterplot", () => this.#place());
    this.plot.on("plotly_selected", (event) => {
      if (!event || this.drawing) return; // a click without a drag; drawing anew tells of an empty selection
      this.selected(event.points.map((point) => point.customdata).filter((key) => typeof key === "string"));
    });
    this.plot.on("plotly_deselect", () => this.drawing || this.selected([]));
  }

  async show(panel, { chosen, drag, zoom }) {
    this.section.querySelector("h3").textContent = panel.title;
    this.panel = panel;
    this.plot.references = new Map(panel.rows.map((row) => [row.key, row.reference])); // for comments.js
    this.marks = panel.figure.data.findIndex((trace) => trace.meta?.marks);
    this.keys = this.marks < 0 ? [] : panel.figure.data[this.marks].customdata;
    const key = JSON.stringify([panel.figure, drag, zoom, [...chosen]]);
    if (key === this.key) return;
    this.key = key;
    const places = chosen.size ? this.keys.flatMap((one, index) => (chosen.has(one) ? [index] : [])) : null;
    const data = panel.figure.data.map((trace) => ({ ...trace, selectedpoints: trace.meta?.marks ? places : null }));
    const layout = { ...zoomed(panel.figure.layout, zoom), dragmode: drag || "zoom", uirevision: key, selectionrevision: key, selections: [] };
    this.drawing = true;
    await draw(this.plot, { ...panel.figure, data, layout }, { doubleClick: false }); // what that shows is the address's to say
    this.drawing = false;
    this.plot.setAttribute("aria-label", `${panel.title ? `${panel.title}: ` : ""}${this.keys.length} checkpoints; the table beneath has their figures`);
  }

  /** Rings around the pinned checkpoints. */
  pin(keys) {
    this.pinned = keys;
    this.#place();
  }

  /** A ring around the checkpoint that the hand is on, here or elsewhere. */
  light(key) {
    this.lit = key;
    this.#place();
  }

  #place() {
    const wanted = [...(this.pinned ?? []).map((key) => [key, "pinned"]), ...(this.lit ? [[this.lit, "lit"]] : [])];
    const rings = wanted.flatMap(([key, className]) => {
      const at = this.#centre(key);
      if (!at) return [];
      return [shape("circle", { class: className, cx: at.x, cy: at.y, r: className === "lit" ? 12 : 10, "data-key": key })];
    });
    this.over.replaceChildren(...rings);
  }

  #centre(key) {
    const index = this.keys?.indexOf(key) ?? -1;
    const uid = this.plot._fullData?.[this.marks]?.uid;
    if (index < 0 || !uid) return null;
    const mark = this.plot.querySelectorAll(`.trace${uid} .points path.point`)[index];
    const box = mark?.getBoundingClientRect();
    if (!box?.width) return null;
    const frame = this.over.getBoundingClientRect();
    return { x: (box.x + box.width / 2 - frame.x).toFixed(1), y: (box.y + box.height / 2 - frame.y).toFixed(1) };
  }
}
