// Small drawings in tables and lists: the mark of a checkpoint as plots draw it, and the bar of what answers become.

import { ramp, token } from "./colours.js";

const SVG = "http://www.w3.org/2000/svg";
const CLASSES = [["solved", "solved"], ["slow", "too slow"], ["wrong", "wrong"], ["none", "no program"]];

/** An SVG element with attributes, and children where given. */
export function shape(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export const shadeOf = (shade) => (shade === null ? token("ink-3") : ramp(shade));

/** The mark of a checkpoint: trained filled, merged open, extrapolated ringed, others by shape. */
export function pointMark({ mark, shade, filled = mark !== "merged" && mark !== "extrapolated" }) {
  const colour = shadeOf(shade);
  const paint = filled ? { fill: colour } : { fill: "none", stroke: colour, "stroke-width": 1.8 };
  const svg = shape("svg", { viewBox: "0 0 12 12", class: "glyph", "aria-hidden": "true" });
  if (mark === "initialisation") svg.append(shape("rect", { x: 2, y: 2, width: 8, height: 8, ...paint }));
  else if (mark === "mid") svg.append(shape("path", { d: "M6 1L11 6L6 11L1 6Z", ...paint }));
  else svg.append(shape("circle", { cx: 6, cy: 6, r: mark === "extrapolated" ? 2.6 : 4, ...paint }));
  if (mark === "extrapolated") svg.append(shape("circle", { cx: 6, cy: 6, r: 5.2, fill: "none", stroke: colour, "stroke-width": 1 }));
  return svg;
}

/** A bar of solved, too slow, wrong and no program, given in this order as counts or shares; `say` writes one. */
export function mixBar(values, say = String) {
  const total = values.reduce((sum, one) => sum + one, 0) || 1;
  const words = CLASSES.map(([, said], index) => `${say(values[index])} ${said}`).join(", ");
  const title = shape("title", {});
  title.textContent = words;
  const bar = shape("svg", { class: "mix", viewBox: "0 0 100 10", preserveAspectRatio: "none", role: "img", "aria-label": words }, title);
  let x = 0;
  CLASSES.forEach(([name], index) => {
    const place = { x, y: 0, width: 100 * values[index] / total, height: 10 };
    bar.append(shape("rect", { ...place, class: name }));
    if (name === "slow") bar.append(shape("rect", { ...place, fill: "url(#hatch)" }));
    x += place.width;
  });
  return bar;
}
