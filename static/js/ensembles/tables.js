// The tables of the ensembles page: every row at k, what each member adds, and the pairs. An undefined number is an em
// dash with its reason beside it, never 0 or 1.

import { token } from "../colours.js";
import { mixBar, pointMark, shadeOf, shape } from "../marks.js";
import { DASH, element, probability, rate, signed } from "../words.js";

const SWATCHES = {
  ensemble: ["ink", 3, ""], chosen: ["ink-2", 1.8, "6 3"], oracle: ["ink-3", 1.4, "6 2 1.5 2"], mean: ["ink-3", 1.4, "1.5 2.5"],
  trained: ["accent", 1.8, "6 2 1.5 2"], seeds: ["slow-text", 1.8, "10 3"], alone: ["ink-3", 1.5, ""],
};
const ORDER = ["ensemble", "chosen", "oracle", "mean", "trained", "seeds", "alone"];
const CLASSES = ["solved", "optimisation", "correctness", "no_answer"];

function swatch(line, candidates) {
  const [name, width, dash] = SWATCHES[line.key];
  const svg = shape("svg", { viewBox: "0 0 26 10", class: "line-swatch", "aria-hidden": "true" });
  const stroke = line.key === "alone" ? shadeOf(candidates[line.members[0]].shade) : token(name);
  svg.append(shape("path", { d: "M0 5H26", stroke, "stroke-width": width, ...(dash ? { "stroke-dasharray": dash } : {}) }));
  return svg;
}

/** A number with half the width of its interval; an em dash where there is none. */
function doubted(value, low, high, write = rate) {
  if (value === null || value === undefined) return [DASH];
  if (low === null || low === undefined) return [write(value)];
  const half = element("em", "", ` ± ${rate((high - low) / 2)}`);
  half.title = `95 % interval ${write(low)} to ${write(high)}`;
  return [write(value), half];
}

function cell(name, ...children) {
  const made = element("td", name, ...children);
  return made;
}

/** A gain, with colour and a triangle where its interval excludes 0. */
function gain(value, low, high) {
  if (value === null) return [DASH];
  const sure = low > 0 ? "up" : high < 0 ? "down" : "";
  const words = `${sure === "up" ? "▲ " : sure === "down" ? "▼ " : ""}${signed(value)}`;
  return [element("span", sure, words), ...doubted(value, low, high).slice(1)];
}

/** Which checkpoints a row rests on, where its name does not say. */
function restsOn(line, candidates, place) {
  if (line.key === "alone" || line.key === "ensemble") return "";
  if (line.key === "mean") return `of ${line.members.length} checkpoints`;
  const members = line.members_at?.[place] ?? line.members;
  return members.map((one) => candidates[one].label).join(", ");
}

export function showLines(body, data, place) {
  const lines = [...data.lines].sort((a, b) => ORDER.indexOf(a.key) - ORDER.indexOf(b.key));
  let aloneSeen = false;
  body.replaceChildren(...lines.map((line) => {
    const row = element("tr", line.key);
    if (line.key === "alone" && !aloneSeen) {
      aloneSeen = true;
      row.classList.add("first-alone");
    }
    const [value, why] = [line.rate[place], line.why[place]];
    const rests = why ?? restsOn(line, data.candidates, place);
    const name = line.key === "alone" ? `${line.name} alone` : line.name;
    const what = element("div", "what", swatch(line, data.candidates), element("span", "", name));
    if (rests) what.append(Object.assign(element("span", "sub", rests), { title: rests }));
    const samples = line.samples[place];
    row.append(
      cell("", what),
      cell("num", samples === null ? DASH : String(samples)),
      cell("num", ...doubted(value, line.low[place], line.high[place])),
      cell("num", ...(line.key === "ensemble" ? [""] : gain(line.gain[place], line.gain_low[place], line.gain_high[place]))),
    );
    return row;
  }));
}

const plain = (value) => value.toFixed(2);

/** A problem by name; without an address of problems no link. */
export function problemLink(data, address, problem) {
  const link = element("a", "", data.problems.slug[problem]);
  if (address) link.href = address.replace("SLUG", encodeURIComponent(data.problems.slug[problem]));
  link.title = data.problems.title[problem];
  return link;
}

export function showAdded(body, data, address) {
  body.replaceChildren(...data.contributions.map((one, index) => {
    const candidate = data.candidates[data.members[index]];
    const links = one.problems.flatMap(([problem, chance]) => [problemLink(data, address, problem), element("em", "", chance.toFixed(2)), " "]);
    const added = one.added === null ? [DASH] : [plain(one.added), ...(one.added_low === null ? [] : [element("em", "", ` [${plain(one.added_low)}, ${plain(one.added_high)}]`)])];
    return element(
      "tr", "",
      cell("", pointMark(candidate), candidate.label),
      cell("mix-column", mixBar(CLASSES.map((name) => data.mixes[index][name]), rate)),
      cell("num", one.samples === null ? DASH : String(one.samples)),
      cell("num", ...added),
      cell("num", ...gain(one.loss, one.loss_low, one.loss_high)),
      cell("links", ...(links.length ? links : [element("span", "why", one.added === null ? "undefined at this budget" : "none")])),
    );
  }));
}

const span = ([low, high], write = rate) => (low === null ? DASH : `${write(low)} to ${write(high)}`);

export function showPairs(body, data) {
  const label = (place) => data.candidates[data.members[place]].label;
  if (!data.pairs.length) {
    body.replaceChildren(element("tr", "", Object.assign(cell("why", "One member makes no pair. Choose another."), { colSpan: 7 })));
    return;
  }
  body.replaceChildren(...data.pairs.map((pair) => element(
    "tr", "",
    cell("", `${label(pair.first)} and ${label(pair.second)}`),
    cell("num", rate(pair.jaccard), ...(pair.jaccard === null ? [] : [element("em", "", ` null ${span(pair.jaccard_null)}`)])),
    cell("num", ...(pair.union === null ? [DASH, " ", element("span", "why", pair.why ?? "")] : [rate(pair.union)])),
    cell("num", pair.alone[0] === null ? DASH : `${rate(pair.alone[0])}, ${rate(pair.alone[1])}`),
    cell("num", ...gain(pair.excess, pair.excess_low, pair.excess_high)),
    cell("num", span(pair.excess_null, signed)),
    cell("num", probability(pair.p), element("em", "", pair.q === null ? "" : ` (${probability(pair.q)})`)),
  )));
}
