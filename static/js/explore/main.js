// The Frontiers page. One state (the address), one set of data, panels with the same axes; hover, pins and the selection
// are of checkpoints, so that each is lit in every panel and in the table.

import { showConditions } from "../conditions.js";
import { Refusal } from "../fetching.js";
import { launchAddress, offerGaps } from "../gaps.js";
import { copyText } from "../table_text.js";
import { toast } from "../toast.js";
import { element, whole } from "../words.js";
import { load, whenMeasured } from "./load.js";
import { Panel } from "./panel.js";
import { SideBySide } from "./side.js";
import { address, choose, chosen, DATA_KEYS, FRAME_KEYS, pins, state, togglePin } from "./state.js";
import { PointTable } from "./table.js";
import { readZoom } from "./zoom.js";

const config = JSON.parse(document.getElementById("explore-config").textContent);
const by = (id) => document.getElementById(id);
const form = by("choices");
const panels = [];
let data = null;

const table = new PointTable(by("points"), {
  hovered: light,
  href: config.evaluation && ((row) => config.evaluation.replace("REFERENCE", encodeURIComponent(row.reference))),
});
const side = new SideBySide(by("side"));

function light(key) {
  for (const panel of panels) panel.light(key);
  table.light(key);
}

function launched(target) {
  if (config.launch) location.assign(launchAddress(config.launch, target));
}

/** One section a panel; those that exist are kept, so that marks move instead of starting anew. */
function frame(count) {
  const holder = by("panels");
  if (!panels.length) holder.replaceChildren();
  while (panels.length > count) panels.pop().section.remove();
  while (panels.length < count) {
    const section = by("panel-template").content.firstElementChild.cloneNode(true);
    const id = `frontiers-${panels.length + 1}`;
    section.querySelector(".plot").id = id;
    section.querySelector(".plot").dataset.path = `panels.${panels.length}.figure`; // where figure_export.js finds it
    for (const button of section.querySelectorAll("[data-save]")) button.dataset.save = id;
    holder.append(section);
    panels.push(new Panel(section, { clicked: togglePin, launched, hovered: light, selected: choose, moved: (zoom) => address.change({ zoom }) }));
  }
  // The menu of a lone panel stands in the head of the card.
  const head = count === 1 ? by("menu") : panels[0]?.section.querySelector(".card-head");
  const menu = by("menu").firstElementChild ?? panels[0]?.section.querySelector("details.export");
  if (menu && head && menu.parentElement !== head) head.append(menu);
  if (count === 0) by("menu").replaceChildren();
  holder.classList.toggle("several", count > 1);
  holder.classList.toggle("triangle", state.form === "ternary");
}

async function show(fresh) {
  data = fresh;
  const lost = state.zoom && !readZoom(state.zoom, state.form === "ternary");
  tell(lost ? `The address asks for zoom = ${state.zoom}, which is no part of these axes. All of them is shown.` : "");
  by("content").classList.remove("refused");
  const shown = data.panels.filter((panel) => panel.rows.length);
  frame(data.measured ? shown.length : 0);
  by("panels").hidden = !data.measured;
  by("panels").removeAttribute("aria-busy");
  by("nothing").hidden = data.measured > 0;
  describe();
  table.show(data);
  side.show(data);
  selectionWords();
  if (config.launch) offerGaps(by("gaps"), data.panels.flatMap(gapsOf), config.launch);
  await drawPanels(shown);
}

const gapsOf = (panel) => panel.figure.data.find((trace) => trace.meta?.gaps)?.customdata ?? [];

async function drawPanels(shown = data.panels.filter((panel) => panel.rows.length)) {
  by("whole").hidden = !state.zoom;
  const [selected, held] = [chosen(), pins()];
  for (const [index, panel] of panels.entries()) {
    if (!shown[index]) continue;
    panel.pin(held);
    await panel.show(shown[index], { chosen: selected, drag: state.drag, zoom: state.zoom });
  }
}

function describe() {
  const problems = [...new Set(data.panels.map((panel) => panel.problems))];
  const drawn = data.drawn === data.total ? `${whole(data.drawn)}` : `${whole(data.drawn)} of ${whole(data.total)}`;
  by("counts").textContent = data.measured
    ? `${drawn} ${data.total === 1 ? "point" : "points"} · 95 % intervals over ${problems.map(whole).join(", ")} problems, clustered by problem`
    : "\u00a0";
  by("method").textContent = data.method;
  by("notes").replaceChildren(...data.notes.map((note) => element("li", "", note)));
  showConditions(by("conditions"), data.conditions);
  const names = new Map(data.panels.flatMap((panel) => panel.rows).filter((row) => row.rates).map((row) => [row.checkpoint, row.name]));
  const usual = state.baseline === "" && data.baseline ? `${data.baseline.name} (usual)` : "the low end";
  const options = [...names].sort((one, other) => one[1].localeCompare(other[1], "en", { numeric: true })).map(([reference, name]) => new Option(name, reference));
  if (state.baseline && !names.has(state.baseline)) options.unshift(new Option(state.baseline, state.baseline));
  by("baseline").replaceChildren(new Option(usual, ""), ...options);
  by("baseline").value = state.baseline;
}

function selectionWords() {
  const shown = table.arrange();
  const count = chosen().size;
  by("selection").hidden = count === 0;
  by("points-words").textContent = count ? `${whole(count)} selected, ${whole(shown)} ${shown === 1 ? "row" : "rows"}` : `${whole(shown)} ${shown === 1 ? "row" : "rows"}`;
}

/** The selection in the filter language. */
function asFilter() {
  const held = chosen();
  const names = [...new Set(data.panels.flatMap((panel) => panel.rows).filter((row) => held.has(row.key)).map((row) => row.reference))];
  return names.length === 1 ? `reference = "${names[0]}"` : `reference in (${names.map((name) => `"${name}"`).join(", ")})`;
}

function tell(message, caret = "") {
  by("trouble").hidden = message === "";
  by("trouble-words").textContent = message;
  by("caret").hidden = !caret;
  by("caret").textContent = caret;
}

async function refresh() {
  try {
    await load(config, show);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    tell(error.message, error.caret);
    by("panels").removeAttribute("aria-busy");
    by("content").classList.toggle("refused", !data); // what was drawn before stays
  }
}

function fill(changed = new Set()) {
  for (const field of [...form.elements, ...by("tools").querySelectorAll("input")]) {
    if (!field.name) continue;
    const value = state[field.name];
    if (field.type === "radio") field.checked = field.value === value || (field.value === "" && !document.querySelector(`[name="${field.name}"][value="${CSS.escape(value)}"]`));
    else if (field.type === "checkbox") field.checked = value !== "";
    else if (field.name !== "q" || changed.has("q")) field.value = value; // what is half typed stays
  }
  const ternary = state.form === "ternary";
  for (const part of form.querySelectorAll(".on-axes")) part.hidden = ternary;
  document.querySelector(".only-triangle").hidden = !ternary;
  by("k-field").hidden = ternary || (state.x !== "pass_at_k" && state.y !== "pass_at_k");
  for (const [facet, name] of [["difficulty", "difficulty"], ["setting", "setting"]]) {
    for (const field of form.querySelectorAll(`[name="${name}"]`)) field.disabled = state.by === facet;
  }
}

// The filter applies when its box says so, everything else at once.
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (form.elements.q) address.change({ q: form.elements.q.value.trim() });
});
form.addEventListener("change", ({ target }) => {
  if (!target.name || target.name === "q") return;
  const value = target.type === "checkbox" ? (target.checked ? "1" : "") : target.value.trim();
  address.change({ [target.name]: value, ...(FRAME_KEYS.includes(target.name) ? { zoom: "" } : {}) });
});
by("tools").addEventListener("change", ({ target }) => address.change({ drag: target.value }));
by("whole").addEventListener("click", () => address.change({ zoom: "" }));
by("unpin").addEventListener("click", () => address.change({ pins: "" }));
by("clear").addEventListener("click", () => choose([]));
by("keep")?.addEventListener("click", () => address.change({ q: asFilter(), chosen: "", path: "", origin: "" }));
by("copy-filter").addEventListener("click", async ({ target }) => {
  toast((await copyText(asFilter(), target)) ? "Copied as a filter" : "The browser does not allow copying here");
});
document.addEventListener("theme:changed", () => data && table.show(data));
// What a comment is about: a point that is drawn here is pinned.
document.addEventListener("comments:go", (event) => {
  const row = data?.panels.flatMap((panel) => panel.rows).find((one) => one.reference === event.detail.evaluation);
  if (!row) return;
  event.preventDefault();
  if (!pins().includes(row.key)) togglePin(row.key);
});

address.onChange((changed) => {
  fill(changed);
  if (DATA_KEYS.some((key) => changed.has(key))) refresh();
  if (!data) return;
  if (changed.has("pins")) {
    for (const panel of panels) panel.pin(pins());
    side.show(data);
  }
  if (["pins", "chosen", "sort"].some((key) => changed.has(key))) selectionWords();
  if (["chosen", "drag", "zoom"].some((key) => changed.has(key))) drawPanels();
});
whenMeasured(refresh);
fill(new Set(["q"]));
refresh();
