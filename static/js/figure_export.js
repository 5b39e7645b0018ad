// Every plot exports, with one menu (templates/parts/save.html): <button data-save="ID" data-as="svg|png|pdf|csv|json|python">
// saves the figure drawn into #ID, in the colours of the light theme, on white: for a paper. Its data is the figure's own
// `table` ([[head...], [row...]...]), which the server sends with it, or what a page gives with `provide`.
//
// The Python snippet asks the server again. It finds the figure in the answer by data-path ("figures.frontier" unless the
// element says otherwise; "" is the whole answer). Within [data-panel] the answer is that panel's.

import { colouredOn } from "./colours.js";
import { carried } from "./fetching.js";
import { copyText, csv, saveFile } from "./table_text.js";
import { toast } from "./toast.js";

const WIDTH = 900;
const HEIGHTS = [300, 900];
const PAPER_FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif";
const providers = new Map();

/** Takes what gives the rows ([[head...], ...]) behind a figure. */
export function provide(id, table) {
  providers.set(id, table);
}

/** What a figure is called in a file: study, view, what is chosen, figure. */
function nameOf(plot) {
  const address = new URLSearchParams(location.search);
  const chosen = ["difficulty", "setting", "problem"].map((key) => address.get(key)).filter(Boolean);
  const parts = location.pathname.split("/").filter(Boolean).slice(1);
  return [...parts, ...chosen, plot.dataset.name ?? plot.id].join("-").replace(/[^\w.-]+/g, "-").toLowerCase();
}

/** The figure as it goes on paper: light colours, white ground, a font that every reader has. */
function onPaper(plot) {
  const light = document.createElement("div");
  light.dataset.theme = "light";
  light.hidden = true;
  document.body.append(light);
  try {
    const { data, layout } = colouredOn(light, plot.figure);
    const ratio = plot.clientHeight / Math.max(plot.clientWidth, 1);
    return {
      data,
      layout: { ...layout, paper_bgcolor: "#ffffff", plot_bgcolor: "#ffffff", font: { family: PAPER_FONT, size: 12, color: "#1d2126", ...layout.font } },
      size: { width: WIDTH, height: Math.round(Math.min(Math.max(WIDTH * ratio, HEIGHTS[0]), HEIGHTS[1])) },
    };
  } finally {
    light.remove();
  }
}

/** The SVG that Plotly draws. Its address is text behind a comma, and has to be read without a request. */
async function svgOf(plot) {
  const { data, layout, size } = onPaper(plot);
  const address = await window.Plotly.toImage({ data, layout }, { format: "svg", ...size });
  return decodeURIComponent(address.slice(address.indexOf(",") + 1));
}

async function pngOf(plot) {
  const { data, layout, size } = onPaper(plot);
  const address = await window.Plotly.toImage({ data, layout }, { format: "png", ...size, scale: 2 });
  const bytes = Uint8Array.from(atob(address.slice(address.indexOf(",") + 1)), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: "image/png" });
}

async function pdfOf(plot) {
  const { study, view } = document.body.dataset;
  const query = new URLSearchParams({ view, name: nameOf(plot) });
  if (carried.has("share")) query.set("share", carried.get("share"));
  const response = await fetch(`/studies/${study}/figure.pdf?${query}`, {
    method: "POST", headers: { "Content-Type": "image/svg+xml" }, body: await svgOf(plot),
  });
  if (response.ok) return response.blob();
  const plain = response.headers.get("Content-Type")?.startsWith("text/plain");
  throw new Error(plain ? await response.text() : `the server answered ${response.status}; save it as SVG instead`);
}

function rowsOf(plot) {
  const rows = providers.get(plot.id)?.() ?? plot.figure?.table;
  if (!rows) throw new Error("this figure comes without its numbers");
  const [head, ...body] = rows;
  return { head: head.map(String), body };
}

function jsonOf(plot) {
  const { head, body } = rowsOf(plot);
  const lines = body.map((row) => JSON.stringify(Object.fromEntries(head.map((key, at) => [key, row[at] ?? null]))));
  return `[\n${lines.join(",\n")}\n]\n`;
}

// Python ----------------------------------------------------------------------------------------------------------------

const quoted = (text) => JSON.stringify(String(text));

/** Arguments of a call: names that are no names of Python go through a dictionary. */
function arguments_(query) {
  const named = query.filter(([key]) => /^[A-Za-z]\w*$/.test(key) && !["from", "with", "is", "in", "class"].includes(key));
  const other = query.filter((pair) => !named.includes(pair));
  return [
    ...named.map(([key, value]) => `${key}=${quoted(value)}`),
    ...(other.length ? [`**{${other.map(([key, value]) => `${quoted(key)}: ${quoted(value)}`).join(", ")}}`] : []),
  ].join(", ");
}

/** A script that asks the server for the same data and draws the same figure. */
export function pythonFor(plot) {
  const { study } = document.body.dataset;
  // A report draws figures of other views: its plots name the view and its query. A family is asked for by its own.
  const family = plot.closest("[data-figures]")?.dataset.figures.split("?")[1];
  const [view, own] = plot.dataset.address?.split("?") ?? [document.body.dataset.view, family ?? location.search];
  const parts = plot.dataset.address ? "" : document.body.dataset.viewParts ?? "";
  const panel = plot.closest("[data-panel]")?.dataset.panel;
  const query = [...new URLSearchParams(parts), ...new URLSearchParams(own), ...(panel ? [["panel", panel]] : [])]
    .filter(([key, value]) => value && !["share", "theme"].includes(key));
  const inPanel = plot.id === panel ? "figure" : `${plot.id}.figure`;
  const path = plot.dataset.path ?? (panel ? inPanel : `figures.${plot.dataset.name ?? plot.id}`);
  const steps = path ? path.split(".").map((key) => (/^\d+$/.test(key) ? `[${key}]` : `[${quoted(key)}]`)).join("") : "";
  const given = query.length ? `, ${arguments_(query)}` : "";
  return `# ${document.title.replace(/\s+/g, " ")}
# Run it where Frontier is checked out; a token comes from: python3 manage.py token YOUR_NAME${plot.dataset.frozen === undefined ? "" : "\n# The report keeps this figure as it was; the script draws the data of now."}
import os

import plotly.graph_objects as go

from compute.client import Client
from compute.figure_colours import painted

with Client(${quoted(location.origin)}, token=os.environ["FRONTIER_TOKEN"]) as client:
    data = client.figure_data(${quoted(study)}, ${quoted(view)}${given})
figure = go.Figure(painted(data${steps}))
figure.write_html(${quoted(`${nameOf(plot)}.html`)})
`;
}

// The menu ---------------------------------------------------------------------------------------------------------------

const SAVES = {
  svg: async (plot, name) => saveFile(`${name}.svg`, "image/svg+xml", await svgOf(plot)),
  png: async (plot, name) => saveFile(`${name}.png`, "image/png", await pngOf(plot)),
  pdf: async (plot, name) => saveFile(`${name}.pdf`, "application/pdf", await pdfOf(plot)),
  csv: async (plot, name) => saveFile(`${name}.csv`, "text/csv", csv(rowsOf(plot))),
  json: async (plot, name) => saveFile(`${name}.json`, "application/json", jsonOf(plot)),
  python: async (plot) => {
    const copied = await copyText(pythonFor(plot), plot);
    toast(copied ? "Copied a Python script that draws this figure" : "The browser does not allow copying here");
  },
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-save]");
  if (!button) return;
  const plot = document.getElementById(button.dataset.save) ?? document.querySelector(`[data-name="${CSS.escape(button.dataset.save)}"]`);
  const menu = button.closest("details");
  if (menu) menu.open = false;
  const drawn = plot?.figure || providers.has(plot?.id);
  if (!drawn) {
    toast("The figure is not drawn yet");
    return;
  }
  try {
    await SAVES[button.dataset.as](plot, nameOf(plot));
  } catch (error) {
    toast(`Not saved: ${error.message}`, { grave: true });
  }
});
