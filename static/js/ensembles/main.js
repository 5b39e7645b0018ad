// The ensembles page. The address is the state. Curves for all budgets come once, so moving k draws at once and without
// a request; what is told of one budget alone (added problems, overlaps, sets, pairs) is read when the hand rests.

import { Address } from "../address.js";
import { showConditions } from "../conditions.js";
import { carried, getJson, paced, Refusal } from "../fetching.js";
import { draw, scales } from "../figure.js";
import { pointMark } from "../marks.js";
import { element, whole } from "../words.js";
import { problemLink, showAdded, showLines, showPairs } from "./tables.js";

const KEYS = ["q", "path", "difficulty", "setting", "level", "rule", "match", "split", "members", "search", "at", "allocation", "sets", "k", "bar"];
const DATA_KEYS = KEYS.filter((key) => key !== "bar");
const RESTING = 250; // milliseconds without a move before what depends on k is read again
const LEAST_WAIT = 4000; // milliseconds between two refetches while something is measured

const config = JSON.parse(document.getElementById("ensembles-config").textContent);
// An opened link or saved view has one budget; moving k there changes what is drawn and no address.
const pinned = carried.size > 0;
const by = (id) => document.getElementById(id);
const address = new Address(KEYS);
const { state } = address;
const content = by("content");
const allocations = document.querySelectorAll('[name="allocation"]');
let data = null;
let latest = 0;
let resting = null;
let moved = null; // the budget that a pinned view was moved to
if (config.fixed) for (const field of [...by("search").elements, ...allocations, by("sets")]) field.disabled = true;

const kept = () => moved ?? (state.k === "" ? data.usual : Number(state.k));

/** The place of the budget nearest to k among those that the curves have. */
function placeOf(k) {
  let best = 0;
  for (let place = 1; place < data.ks.length; place += 1) if (Math.abs(data.ks[place] - k) < Math.abs(data.ks[best] - k)) best = place;
  return best;
}

function tell(message, caret = "") {
  by("trouble").hidden = message === "";
  by("trouble-words").textContent = message;
  by("caret").hidden = !caret;
  by("caret").textContent = caret;
}

async function read() {
  const mine = ++latest;
  try {
    const fresh = await getJson(`${config.data}?${address.query(DATA_KEYS)}`);
    if (mine !== latest) return;
    tell("");
    refuse(false);
    data = fresh;
    await show();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (mine !== latest) return;
    tell(error.message, error.caret);
    // What was drawn stays, unless the address itself is what is refused.
    if (error.status === 400 || data === null) refuse(true);
  }
}

function refuse(refused) {
  content.classList.toggle("refused", refused);
  by("way-back").hidden = !refused;
}

async function show() {
  content.classList.toggle("lacking", data.lacking !== null);
  by("lacking").hidden = data.lacking === null;
  by("lacking-words").textContent = data.lacking ?? "";
  showConditions(by("conditions"), data.conditions);
  if (data.lacking) return;
  showMembers();
  by("k-slider").max = String(data.ks.length - 1);
  const plots = ["curves", "overlap", "upset"].map((name) => draw(by(name), data.figures[name]));
  moveTo();
  showAdded(by("adds").tBodies[0], data, config.problem);
  showPairs(by("pairs").tBodies[0], data);
  showSets();
  describe();
  await Promise.all(plots);
  listen();
  placeLine();
}

function showMembers() {
  const chosen = new Set(data.members);
  const focused = document.activeElement?.closest("#candidates input")?.value;
  by("candidates").replaceChildren(...data.candidates.map((one, index) => {
    const box = Object.assign(document.createElement("input"), { type: "checkbox", value: one.checkpoint, checked: chosen.has(index), disabled: config.fixed || !one.n });
    const label = element("label", one.complete ? "" : "partial", box, pointMark(one), element("span", "", one.label));
    label.append(element("small", "", one.n ? `${one.solved_rate.toFixed(2)} · n ${one.n}` : "not judged"));
    label.title = `${one.checkpoint}${one.complete ? "" : ", still measuring"}: solves ${one.solved_rate ?? "—"} of samples, up to ${one.n} a problem`;
    return label;
  }));
  if (focused) by("candidates").querySelector(`input[value="${CSS.escape(focused)}"]`)?.focus();
  by("search").elements.search.value = String(data.split.size ?? data.members.length);
  if (document.activeElement !== by("search").elements.at) by("search").elements.at.value = String(data.split.at);
}

/** What the members are chosen from: a filter brings in those of a big study that are not offered at once. */
function offered() {
  const { candidates, evaluated, matching = evaluated } = data; // a saved view may know nothing of filters
  if (matching === evaluated) return `${whole(candidates.length)} evaluated checkpoints${evaluated > candidates.length ? `; ${whole(evaluated - candidates.length)} more come in by a filter` : ""}`;
  return `${whole(candidates.length)} offered; the filter leaves ${whole(matching)} of ${whole(evaluated)} evaluated checkpoints`;
}

function describe() {
  const { split } = data;
  by("members-words").textContent = `${data.members.length} of ${offered()}`;
  const found = split.searched ? `Found by a greedy search at k = ${split.at} on ${split.chosen_on} problems.` : "Chosen by hand.";
  const optimised = data.allocation === "optimised" ? " The budget is split by results on the same half." : "";
  const reported = split.halved
    ? ` Everything below is of the other ${split.reported_on} problems (split seed ${split.seed}).`
    : ` Everything below is of all ${split.reported_on} problems; baselines that need a choice are chosen on each half for the other (split seed ${split.seed}).`;
  by("split-words").textContent = found + (data.allocation === "optimised" && split.searched ? optimised : optimised.replace("the same half", `${split.chosen_on} problems`)) + reported;
  by("curves-words").textContent = `${data.match === "tokens" ? "matched tokens" : "matched samples"}, bands are 95 % intervals over problems`;
  by("adds-words").textContent = `at k = ${data.k}, expected over draws`;
  by("overlap-words").textContent = data.members.length > 1 ? `Jaccard index of what each solves within k = ${data.k} alone` : "one member overlaps with nobody";
  const half = Math.floor(data.k / 2);
  by("pairs-words").textContent = `${half} + ${half} samples of both against ${2 * half} of one; the null deals the samples of both again`;
}

/** What follows k: the table beside the curves and the line through them. */
function moveTo() {
  const k = kept();
  const place = placeOf(k);
  const exact = data.ks[place] === k;
  by("k-slider").value = String(place);
  by("k-slider").setAttribute("aria-valuetext", `k = ${data.ks[place]}`);
  if (document.activeElement !== by("k")) by("k").value = String(exact ? k : data.ks[place]);
  by("k-words").textContent = whole(data.ks[place]);
  const tokens = data.tokens[place];
  by("lines-words").textContent = `${whole(data.compared[place])} problems${tokens === null ? "" : ` · ${whole(Math.round(tokens))} tokens each`}`;
  showLines(by("lines").tBodies[0], data, place);
  placeLine();
}

function placeLine() {
  const plot = by("curves");
  const line = by("here");
  if (!data || data.lacking || !plot.layout?.xaxis) return;
  const place = placeOf(kept());
  const value = data.match === "tokens" ? data.tokens[place] : data.ks[place];
  line.style.display = value === null ? "none" : "";
  if (value === null) return;
  const scale = scales(plot);
  const x = scale.x(Math.log10(value));
  for (const [name, at] of [["x1", x], ["x2", x], ["y1", scale.top], ["y2", scale.top + scale.height]]) line.setAttribute(name, at);
}

/** Takes another k: drawn now, in the address and from the server when the hand rests. */
function takeK(k, { rest = RESTING } = {}) {
  if (pinned) {
    moved = k;
    moveTo();
    return;
  }
  address.change({ k: String(k) }, { commit: false });
  clearTimeout(resting);
  resting = setTimeout(() => {
    address.change({ k: String(k) });
    if (data && data.k !== k) read();
  }, rest);
}

const signature = ({ members }) => (members.length ? members.map((one) => data.candidates[data.members[one]].checkpoint).join("+") : "none");

function wordsOf({ members, problems }) {
  const labels = members.map((one) => data.candidates[data.members[one]].label);
  const who = !labels.length ? "no member" : labels.length === data.members.length && labels.length > 1 ? "all members" : `only ${labels.join(", ")}`;
  return `${who} · ${problems.length}`;
}

function showSets() {
  by("sets").value = state.sets;
  by("bar").replaceChildren(...data.sets.map((one) => new Option(wordsOf(one), signature(one))));
  by("set-problems").hidden = !data.sets.length;
  showBar();
}

function showBar() {
  if (!data || data.lacking || !data.sets.length) return;
  const chosen = data.sets.find((one) => signature(one) === state.bar) ?? data.sets.find((one) => one.members.length) ?? data.sets[0];
  by("bar").value = signature(chosen);
  by("set-words").textContent = data.sets_by === "majority" ? "by more than half of the samples" : `within k = ${data.k} by at least half of all draws`;
  by("set-links").replaceChildren(...chosen.problems.flatMap((problem) => [problemLink(data, config.problem, problem), " "]));
}

let listening = false;
function listen() {
  if (listening) return;
  listening = true;
  by("upset").on("plotly_click", ({ points }) => {
    const bar = points.map((point) => point.customdata).find((value) => typeof value === "number");
    if (bar !== undefined) address.change({ bar: signature(data.sets[bar]) });
  });
  by("curves").on("plotly_relayout", placeLine);
  by("curves").addEventListener("click", ({ clientX }) => {
    const { left } = by("curves").getBoundingClientRect();
    const value = 10 ** scales(by("curves")).alpha(clientX - left);
    const axis = data.match === "tokens" ? data.tokens : data.ks;
    let best = null;
    axis.forEach((at, place) => { if (at !== null && (best === null || Math.abs(Math.log(at / value)) < Math.abs(Math.log(axis[best] / value)))) best = place; });
    if (best !== null) takeK(data.ks[best]);
  });
  new ResizeObserver(placeLine).observe(by("curves"));
}

function fillForms(changed = new Set()) {
  for (const field of [...by("filters").elements, ...allocations]) {
    if (!field.name || (field.name === "q" && !changed.has("q"))) continue; // what is half typed stays
    if (field.type === "radio") field.checked = field.value === state[field.name];
    else field.value = state[field.name];
  }
}

// The filter applies when its box says so, everything else at once.
by("filters").addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.target.elements.q) address.change({ q: event.target.elements.q.value.trim() });
});
by("filters").addEventListener("change", ({ target }) => target.name && target.name !== "q" && address.change({ [target.name]: target.value.trim() }));
for (const field of allocations) field.addEventListener("change", () => address.change({ allocation: field.value }));
by("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const { search, at } = event.target.elements;
  document.activeElement?.blur();
  const values = { members: "", search: search.value, at: at.value.trim() };
  if (Object.keys(values).every((key) => values[key] === state[key])) read();
  else address.change(values);
});
by("candidates").addEventListener("change", () => {
  const members = [...by("candidates").querySelectorAll("input:checked")].map((box) => box.value);
  address.change({ members: members.join(","), search: "", at: state.at });
});
by("k-slider").addEventListener("input", ({ target }) => data && takeK(data.ks[Number(target.value)]));
by("k").addEventListener("change", ({ target }) => {
  const value = target.value.trim();
  if (/^[1-9]\d{0,5}$/.test(value)) takeK(Number(value), { rest: 0 });
  else {
    tell(`The budget must be a whole number from 1, not “${value}”.`);
    target.value = String(kept());
  }
});
by("k").addEventListener("focus", ({ target }) => target.select());
by("sets").addEventListener("change", ({ target }) => address.change({ sets: target.value }));
by("bar").addEventListener("change", ({ target }) => address.change({ bar: target.value }));
document.addEventListener("theme:changed", () => { if (data && !data.lacking) { showMembers(); moveTo(); showAdded(by("adds").tBodies[0], data, config.problem); } });

document.body.addEventListener("live:evaluation", paced(read, LEAST_WAIT));

address.onChange((changed) => {
  fillForms(changed);
  if (changed.has("k") && data && !data.lacking) moveTo();
  if (changed.has("bar")) showBar();
  const others = DATA_KEYS.filter((key) => key !== "k" && changed.has(key));
  if (others.length) read();
});
addEventListener("popstate", () => { if (!pinned && data && !data.lacking && kept() !== data.k) read(); });

fillForms(new Set(["q"]));
read();
