// Draws a Plotly figure that the server made, in the theme's colours, and again when the theme or the figure changes.
// The plot keeps the size of its element. Plotly itself is the classic script plotly/plotly.min.js.

import { coloured, token } from "./colours.js";

const CONFIG = { displayModeBar: false, responsive: true, showTips: false, doubleClick: "reset" };

/** Draws `figure` into `element`; a later call with another figure moves the marks instead of starting anew. `config` has
 * what Plotly shall do otherwise than in every figure. */
export async function draw(element, figure, config = {}) {
  Object.assign(element, { figure, figureConfig: config });
  const { data, layout } = coloured(figure);
  const font = { family: getComputedStyle(document.body).fontFamily, size: 12, color: token("ink") };
  await window.Plotly.react(element, data, {
    autosize: true,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font,
    hoverlabel: { bgcolor: token("card"), bordercolor: token("line-strong"), font: { ...font, color: token("ink") }, align: "left" },
    uirevision: "kept",
    ...layout,
  }, { ...CONFIG, ...config });
  element.removeAttribute("aria-busy");
  element.dispatchEvent(new CustomEvent("drawn"));
}

document.addEventListener("theme:changed", () => {
  for (const element of document.querySelectorAll(".js-plotly-plot")) if (element.figure) draw(element, element.figure, element.figureConfig);
});

/** Functions from data to pixels within `element`, and back; they follow zoom and size. */
export function scales(element) {
  const { xaxis, yaxis, margin } = element.layout;
  const width = element.clientWidth - margin.l - margin.r;
  const height = element.clientHeight - margin.t - margin.b;
  const [x0, x1] = xaxis.range;
  const [y0, y1] = yaxis.range;
  return {
    x: (value) => margin.l + (value - x0) / (x1 - x0) * width,
    y: (value) => margin.t + (1 - (value - y0) / (y1 - y0)) * height,
    alpha: (pixel) => x0 + (pixel - margin.l) / width * (x1 - x0),
    left: margin.l, top: margin.t, width, height,
  };
}
