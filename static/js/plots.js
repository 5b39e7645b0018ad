// Figures that come by fetch: <div data-figure="URL"> holds one; <div data-figures="URL"> gets a dictionary, one figure
// for each child with that data-name. `data-refresh` names the live event after which they are read again. A family
// that gains or loses a member gets its new frame first, and one inside a closed <details> is read when that opens.

import { getJson, paced } from "./fetching.js";
import { draw } from "./figure.js";

const SHORTEST_PAUSE = 1_500;

async function one(element) {
  element.dataset.path ??= "";
  await draw(element, await getJson(element.dataset.figure));
}

async function family(element) {
  const figures = await getJson(element.dataset.figures);
  const names = Object.keys(figures);
  if (names.join(" ") !== element.dataset.names) frame(element, names);
  await Promise.all([...element.querySelectorAll("[data-name]")].map((plot) => {
    plot.dataset.path ??= plot.dataset.name;
    return figures[plot.dataset.name] ? draw(plot, figures[plot.dataset.name]) : nothing(plot);
  }));
}

/** The frame of a figure of which the server has no step yet keeps its place. */
function nothing(plot) {
  if (plot.classList.contains("js-plotly-plot")) return;
  plot.removeAttribute("aria-busy");
  plot.replaceChildren(Object.assign(document.createElement("p"), { className: "small muted", textContent: "No step is drawn yet." }));
}

/** One card a figure, in the order in which the server names them; cards that exist are kept. */
function frame(element, names) {
  element.querySelector("[data-empty]")?.remove();
  for (const name of names) {
    const known = element.querySelector(`[data-name="${CSS.escape(name)}"]`)?.closest("section");
    element.append(known ?? card(name, element));
  }
  element.dataset.names = names.join(" ");
}

function card(name, family) {
  const section = document.createElement("section");
  section.className = "card";
  section.innerHTML = '<div class="card-head"><h2></h2><small>against step</small></div><div class="plot small" aria-busy="true"></div>';
  section.querySelector("h2").textContent = name.replaceAll("_", " ").replaceAll("/", ": ");
  section.querySelector(".plot").dataset.name = name;
  const menu = family.querySelector("details.export")?.cloneNode(true);
  if (menu) {
    for (const button of menu.querySelectorAll("[data-save]")) button.dataset.save = name;
    section.querySelector(".card-head").append(Object.assign(document.createElement("span"), { className: "fill" }), menu);
  }
  return section;
}

function start(element, show) {
  const fold = element.closest("details");
  if (fold && !fold.open) {
    fold.addEventListener("toggle", () => start(element, show), { once: true });
    return;
  }
  show(element).catch((error) => {
    element.removeAttribute("aria-busy");
    element.textContent = `The figure could not be read: ${error.message}`;
  });
  // What was drawn stays where newer figures cannot be read.
  const again = () => show(element).catch((error) => console.warn("The figure could not be read:", error.message));
  if (element.dataset.refresh) document.body.addEventListener(element.dataset.refresh, paced(again, SHORTEST_PAUSE));
}

function begin() {
  document.querySelectorAll("[data-figure]").forEach((element) => start(element, one));
  document.querySelectorAll("[data-figures]").forEach((element) => start(element, family));
}

if (document.readyState === "complete" || window.Plotly) begin();
else addEventListener("DOMContentLoaded", begin);
