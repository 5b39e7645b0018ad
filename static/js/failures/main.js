// The failures page. The address is the state; the grid's data comes once for a path, setting, level and rule, and is
// filtered, sorted and drawn here. The panels below follow difficulty and tag.

import { Address } from "../address.js";
import { getJson, paced, Refusal } from "../fetching.js";
import { element, whole } from "../words.js";
import { Cells } from "./cells.js";
import { Grid } from "./grid.js";
import { showPanel } from "./panels.js";

const KEYS = ["path", "difficulty", "tag", "setting", "level", "rule", "find", "colour", "sort", "cols", "zoom", "growth", "of", "problem", "at"];
const GRID_KEYS = ["path", "setting", "level", "rule"];
const PANEL_KEYS = [...GRID_KEYS, "difficulty", "tag"];
const LEAST_WAIT = 4000; // milliseconds between two refetches while something is measured
const RESTING = 350;

const config = JSON.parse(document.getElementById("failures-config").textContent);
const by = (id) => document.getElementById(id);
const address = new Address(KEYS);
const { state } = address;
const forms = [by("filters"), by("looks")];
const grid = new Grid(by("heat"), {
  moved: (cell) => choose(cell),
  opened: openSamples,
  entered: { problem: config.problem ? openProblem : null },
});
let cells = null;
let latest = 0;
let resting = null;

function openProblem(row) {
  location.assign(config.problem.replace("SLUG", encodeURIComponent(cells.problems.slug[row])));
}

function samplesAddress([row, column]) {
  const query = new URLSearchParams({ evaluation: cells.columns[column].reference, problem: cells.problems.slug[row] });
  return `${config.samples}?${query}`;
}

function openSamples() {
  const cell = cursor();
  if (!cell || !config.samples) return;
  remember();
  location.assign(samplesAddress(cell));
}

/** The cell that the address names, in the first row where it names a checkpoint alone; null where this view has none
 * such. */
function cursor() {
  if (!cells) return null;
  const row = state.problem ? cells.problems.slug.indexOf(state.problem) : grid.rows[0] ?? -1;
  const column = cells.columns.findIndex((one) => one.reference === state.at);
  return row < 0 || column < 0 ? null : [row, column];
}

/** Moves the cursor. The address follows when it rests, in place: Back leaves the page, not the cell. */
function choose([row, column]) {
  address.change({ problem: cells.problems.slug[row], at: cells.columns[column].reference }, { commit: false });
  clearTimeout(resting);
  resting = setTimeout(remember, RESTING);
}

function remember() {
  clearTimeout(resting);
  address.replace();
}

function arrange() {
  const rows = cells.sorted(cells.rows(state), state.sort);
  const columns = cells.columnOrder(state.cols, rows);
  by("heat").figure = { get table() { return cells.table(rows, columns); } };
  by("heat-empty").hidden = cells.measured;
  for (const panel of document.querySelectorAll("[data-panel]")) panel.hidden = !cells.measured;
  by("heat-none").hidden = !cells.measured || rows.length > 0;
  const shown = rows.length < cells.count ? `${whole(rows.length)} of ${whole(cells.count)}` : whole(cells.count);
  by("counts").textContent = `${shown} problems × ${whole(columns.length)} checkpoints`;
  by("key-rate").hidden = state.colour === "failure";
  by("key-failure").hidden = state.colour !== "failure";
  grid.show(cells, rows, columns, state);
  point();
}

/** Says what the cell under the cursor holds, and where it leads. */
function point({ reveal = false } = {}) {
  const cell = cursor();
  grid.choose(cell, { reveal });
  if (!cell) {
    by("cell-words").textContent = !cells?.measured ? "\u00a0" : `Choose a cell with the mouse or the arrow keys${config.samples ? "; Enter opens its samples" : ""}.`;
    by("cell-links").replaceChildren();
    return;
  }
  const [row, column] = cell;
  by("cell-words").textContent = `${cells.problems.slug[row]}, ${grid.words(row, column)}`;
  const { reference } = cells.columns[column];
  const link = (href, ...words) => Object.assign(element("a", "", ...words), { href });
  const query = (path, values) => `${path}?${new URLSearchParams(values)}`;
  by("cell-links").replaceChildren(
    ...(config.samples ? [link(samplesAddress(cell), "its samples ", element("kbd", "", "Enter"))] : []),
    ...(config.problem ? [link(config.problem.replace("SLUG", encodeURIComponent(cells.problems.slug[row])), "the problem ", element("kbd", "", "p"))] : []),
    ...(config.evaluation ? [link(config.evaluation.replace("REFERENCE", encodeURIComponent(reference)), "the evaluation")] : []),
    growthButton(cells.problems.slug[row]),
    ...(config.compare ? [link(query(config.compare, { a: reference }), "compare it")] : []),
  );
}

function growthButton(slug) {
  const button = Object.assign(element("button", "quiet", "growth of its programs"), { type: "button" });
  button.addEventListener("click", () => {
    address.change({ of: slug });
    by("growth-title").scrollIntoView({ behavior: "smooth", block: "start" });
  });
  return button;
}

function tell(message) {
  by("trouble").textContent = message;
  by("trouble").hidden = message === "";
}

async function readGrid() {
  const mine = ++latest;
  try {
    const data = await getJson(`${config.grid}?${address.query(GRID_KEYS)}`);
    if (mine !== latest) return;
    tell("");
    cells = new Cells(data);
    offerTags();
    arrange();
    point({ reveal: true });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (mine === latest) tell(error.message);
  }
}

function readPanel(name) {
  const keys = name === "growth" ? [...PANEL_KEYS, "growth", "of"] : PANEL_KEYS;
  return showPanel(name, `${config.panel.replace("PANEL", name)}?${address.query(keys)}`);
}

function readPanels() {
  return Promise.all(["levels", "growth", "groups"].map(readPanel));
}

function offerTags() {
  const field = by("filters").elements.tag;
  const tags = cells.tags;
  by("tag-field").hidden = !tags.length && !state.tag;
  field.replaceChildren(new Option("any", ""), ...tags.map((tag) => new Option(tag, tag)));
  if (state.tag && !tags.includes(state.tag)) field.append(new Option(state.tag, state.tag));
  field.value = state.tag;
}

function fillForms() {
  for (const form of forms) {
    for (const field of form.elements) {
      if (field.type === "radio") field.checked = field.value === state[field.name];
      else field.value = state[field.name];
    }
  }
  by("find").value = state.find;
  by("growth-threshold").value = state.growth;
}

for (const form of forms) {
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", ({ target }) => address.change({ [target.name]: target.value }));
}
by("growth-threshold").addEventListener("change", ({ target }) => address.change({ growth: target.value }));
by("find").addEventListener("input", ({ target }) => address.change({ find: target.value }, { commit: false }));
by("find").addEventListener("change", remember);

address.onChange((changed) => {
  fillForms();
  const any = (keys) => keys.some((key) => changed.has(key));
  if (any(GRID_KEYS)) readGrid();
  else if (cells && any(["difficulty", "tag", "find", "colour", "sort", "cols", "zoom"])) arrange();
  if (cells && any(["problem", "at"])) point({ reveal: true });
  if (any(PANEL_KEYS)) readPanels();
  else if (any(["growth", "of"])) readPanel("growth");
});

document.body.addEventListener("live:evaluation", paced(() => Promise.all([readGrid(), readPanels()]), LEAST_WAIT));

// The samples lead back to this view as it was left (samples.js).
addEventListener("pagehide", () => sessionStorage.setItem(`left:${location.pathname}`, location.search));

fillForms();
readGrid();
readPanels();
