// The study page. One state (the address), one view (the data), one render a frame; each panel draws its own part.
// What follows alpha is cheap and moves at once; what needs the server follows when the hand rests.

import { Against } from "./against.js";
import { Beside, SECOND } from "./beside.js";
import { loadProgram, loadPrograms, loadView, whenMeasured } from "./data.js";
import { Composition } from "./composition.js";
import { serveExports } from "./exports.js";
import { Frontier } from "./frontier.js";
import { Playback } from "./playback.js";
import { offerBaselines } from "./points.js";
import { ProgramPanel } from "./program.js";
import { Readouts } from "./readouts.js";
import { Ruler } from "./ruler.js";
import { Second } from "./second.js";
import { Signs } from "./signs.js";
import { change, dataQuery, onChange, state } from "./state.js";
import { Strip } from "./strip.js";
import { showConditions } from "../conditions.js";
import { Refusal } from "../fetching.js";
import { launchAddress, offerGaps } from "../gaps.js";
import { alphaText, rate, whole } from "../words.js";

const config = JSON.parse(document.getElementById("explorer-config").textContent);
const by = (id) => document.getElementById(id);
const filters = by("filters");
const trouble = by("trouble");
const REFETCHED = ["path", "difficulty", "setting", "level", "rule", "baseline"];
if (config.fixed) for (const field of filters.elements) field.disabled = true;
let view = null;
let second = null;
let framed = false;
let problemTaken = null;
let problemShown = null;

const alphaNow = () => state.a ?? view?.start ?? 1;
const moveTo = (alpha, committed) => change({ a: alpha }, { commit: committed });
const light = (reference) => { for (const part of [frontier, ruler, strip, against]) part.light(reference); };

const ruler = new Ruler(by("ruler"), moveTo, light);
const frontier = new Frontier(by("frontier"), by("frontier-over"), {
  chosen: choosePoint, hovered: light,
  launched: config.launch ? (gap) => location.assign(launchAddress(config.launch, gap)) : null,
});
const composition = new Composition(by("composition"), by("composition-over"), {
  moved: moveTo,
  caught: (alpha, free) => ruler.caught((alpha - ruler.range[0]) / (ruler.range[1] - ruler.range[0]) * ruler.width, free),
});
const readouts = new Readouts(by("readouts"), {
  typed: (alpha) => moveTo(alpha, true),
  measure: config.launch ? measure : null,
  address: (reference) => config.evaluation && config.evaluation.replace("REFERENCE", encodeURIComponent(reference)),
});
const strip = new Strip(by("strip"), { chosen: chooseProblem, opened: openProblem, hovered: light });
const against = new Against(by("against"), { chosen: choosePoint, may: (one) => one.alpha !== null || !config.fixed, hovered: light });
const signs = new Signs(by("signs"));
const playback = new Playback(by("play"), moveTo);
const family = new Second(by("second"), { change, hovered: () => {} });
const programOf = (evaluation, name, of = "first") => loadProgram(config, problemShown, evaluation, name, of);
const panel = config.programs ? new ProgramPanel(config.problem, {
  chosen: (name) => change({ program: name }),
  textOf: async (evaluation, name) => (await programOf(evaluation, name))?.text ?? null,
}) : null;
const beside = panel && new Beside(by("beside"), panel, { change, programOf });
serveExports(() => view);

function choosePoint(reference) {
  const one = view.reference.get(reference);
  if (one.alpha !== null) moveTo(one.alpha, true);
  else if (!config.fixed) change({ baseline: one.mark === "initialisation" ? "initialisation" : one.checkpoint });
}

function chooseProblem(problem, alpha) {
  change({ problem: view.problems.slug[problem], program: "", other: "", ...(alpha === null ? {} : { a: alpha }) });
}

function openProblem(problem) {
  if (config.problem) location.assign(config.problem.replace("SLUG", encodeURIComponent(view.problems.slug[problem])));
}

/** What follows alpha, once a frame however many moves came in. */
function follow() {
  if (framed) return;
  framed = true;
  requestAnimationFrame(() => {
    framed = false;
    if (!view) return;
    const alpha = alphaNow();
    const point = view.measuredAt(alpha);
    const kind = point ? "measured" : view.estimate(alpha) ? "estimate" : "unknown";
    ruler.place(alpha, kind, `${alphaText(alpha)}, ${kind === "unknown" ? "not measured" : kind}`);
    frontier.place(alpha);
    composition.place(alpha);
    readouts.show(view, alpha);
    strip.mark(alpha);
    signs.place(alpha);
    against.mark(point?.reference ?? null);
    panel?.show(view, alpha, state.program);
    family.place(view, alpha, state.b);
    for (const plot of [frontier, composition]) plot.placeSecond(second && (state.b ?? alpha));
    playback.follow(view, alpha);
    document.dispatchEvent(new CustomEvent("explorer:at", { detail: { alpha, reference: point?.reference ?? null } }));
  });
}

async function show(fresh) {
  view = fresh;
  by("frontier").parentElement.classList.toggle("filled", !view.empty);
  describe();
  ruler.show(view);
  against.show(view);
  signs.show(view);
  strip.show(view);
  strip.arrange(state.sort, state.find, alphaNow());
  await Promise.all([frontier.show(view, second), composition.show(view, second)]);
  if (view !== fresh) return;
  follow();
  takePrograms({ fresh: true });
}

function describe() {
  const judged = view.measured.map((one) => one.point);
  const samples = Math.max(0, ...view.evaluations.map((one) => one.samples_per_problem));
  by("counts").textContent = judged.length
    ? `95 % ellipses over ${whole(view.count)} problems × ${whole(samples)} samples`
    : view.count ? `${whole(view.count)} problems` : "\u00a0";
  showConditions(by("conditions"), view.conditions);
  offerBaselines(by("baseline"), view, state.baseline);
  offerGaps(by("gaps"), view.gapsToLaunch, config.launch);
}

/** The second family, or none. */
async function showSecond(fresh) {
  second = fresh;
  const select = filters.elements.with;
  for (const id of ["second-key", "second-shares-key"]) by(id).hidden = second === null;
  family.show(second, select?.selectedOptions[0]?.text ?? "");
  if (!view) return;
  await Promise.all([frontier.show(view, second), composition.show(view, second)]);
  if (second !== fresh) return;
  follow();
  takePrograms();
}

/** The chosen problem's programs, of both families. While they are fetched the panel keeps what it shows, and where they
 * cannot be read it keeps those of the same problem. */
async function takePrograms({ fresh = false } = {}) {
  const problem = view.problem(state.problem) >= 0 ? view.problem(state.problem) : view.telling;
  strip.choose(problem, { reveal: state.problem !== "" && problem !== strip.problem });
  if (!panel || problem < 0) return;
  const slug = view.problems.slug[problem];
  const wanted = `${slug} ${dataQuery()}`;
  problemTaken = wanted;
  try {
    const [programs, others] = await Promise.all([
      loadPrograms(config, slug, { fresh }), state.with ? loadPrograms(config, slug, { fresh, family: "second" }).catch(nothingRefused) : null,
    ]);
    if (problemTaken !== wanted) return;
    problemShown = slug;
    panel.take(programs, others, { level: Number(state.level || config.levels), levels: config.levels, firstFailure: state.rule === "first_failure" });
    follow();
    beside.show(view, second, alphaNow(), state);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (problemTaken !== wanted) return;
    if (problemShown === slug) {
      tell(error.message);
      return;
    }
    problemShown = null;
    panel.refuse(view.problems.title[problem] || slug, error.message);
    beside.show(view, second, alphaNow(), state);
  }
}

/** What is wrong with a second family is said where its data is read. */
function nothingRefused(error) {
  if (!(error instanceof Refusal)) throw error;
  return null;
}

function tell(message) {
  trouble.textContent = message;
  trouble.hidden = message === "";
}

/** Where the address names no view there is nothing to draw: the reason stands alone, with a way back. */
function standAlone(alone) {
  by("content").classList.toggle("refused", alone);
  by("way-back").hidden = !alone;
}

async function refresh() {
  try {
    if (!await loadView(config, show)) return;
    standAlone(false);
    tell(state.refused);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.status === 400) standAlone(true);
    tell(error.message);
  }
}

/** The second family's data, where the address names one. What is wrong with it is said in its own place. */
async function refreshSecond() {
  family.trouble.textContent = "";
  if (!state.with) {
    await showSecond(null);
    return;
  }
  try {
    await loadView(config, showSecond, "second");
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    await showSecond(null);
    tell(`The second slider: ${error.message}`);
  }
}

const measured = whenMeasured(() => Promise.all([refresh(), refreshSecond()]));

/** Launches the measurement of one alpha; gives back what to say. */
async function measure(alpha) {
  const { low, high } = view.ends;
  const samples = Math.max(0, ...view.evaluations.map((one) => one.samples_per_problem)) || 16;
  const fields = new FormData(by("measure-form"));
  const values = { low: low.reference, high: high.reference, alphas: alpha, samples, setting: view.setting };
  for (const [name, value] of Object.entries(values)) fields.set(name, value);
  try {
    const response = await fetch(config.launch, { method: "POST", body: fields, redirect: "manual" });
    measured();
    if (response.type === "opaqueredirect" || response.ok) return "launched; the point appears here";
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const said = page.querySelector("main .error, main .notice.error")?.textContent.trim();
    return `✕ ${said || `The server answered ${response.status}.`}`;
  } catch {
    return "✕ The server cannot be reached. Try again.";
  }
}

/** What another second family brings along: its slider is linked, and its programs stand beside those of the first. */
function withFamily(chosen) {
  const besides = chosen ? state.beside || SECOND : state.beside === SECOND ? "" : state.beside;
  return { b: null, beside: besides, ...(besides === state.beside ? {} : { other: "" }) };
}

function fillFilters() {
  for (const field of filters.elements) {
    if (field.name === "" || field.name === "baseline") continue;
    if (field.name === "with") {
      field.value = state.with;
      continue;
    }
    if (field.type === "radio") field.checked = field.value === state[field.name] || (state[field.name] !== "" && field.value === "" && !filters.querySelector(`[name="${field.name}"][value="${CSS.escape(state[field.name])}"]`));
    else field.value = state[field.name];
  }
  by("sort").value = state.sort;
  by("find").value = state.find;
}

filters.addEventListener("submit", (event) => event.preventDefault());
filters.addEventListener("change", ({ target }) => target.name && change({ [target.name]: target.value, ...(target.name === "with" ? withFamily(target.value) : {}) }));
by("sort").addEventListener("change", ({ target }) => change({ sort: target.value }));
by("find").addEventListener("input", ({ target }) => change({ find: target.value }, { commit: false }));
by("find").addEventListener("change", () => change({}));
document.addEventListener("theme:changed", () => { if (view) { ruler.show(view); follow(); } });

// What a comment is about: its alpha, or its problem, of whatever difficulty that is.
document.addEventListener("comments:go", (event) => {
  event.preventDefault();
  const { alpha, problem } = event.detail;
  const elsewhere = problem && view && view.problem(problem) < 0;
  change({
    ...(alpha === null ? {} : { a: alpha }),
    ...(problem ? { problem, program: "", other: "" } : {}),
    ...(elsewhere ? { difficulty: "all" } : {}),
  });
});

/** When the hand rests: say where alpha is, and sort by what is there. */
let resting = null;
function settle() {
  const point = view?.measuredAt(alphaNow())?.point;
  const rates = point && ["solved", "optimisation", "correctness"].map((name) => rate(point.rates[name][0]));
  by("spoken").textContent = point ? `a = ${alphaText(alphaNow())}: solved ${rates[0]}, too slow ${rates[1]}, wrong ${rates[2]}` : "";
  if (view && ["solved", "change", "q"].includes(state.sort)) strip.arrange(state.sort, state.find, alphaNow());
  if (view) beside?.show(view, second, alphaNow(), state);
}

onChange((changed) => {
  fillFilters();
  if (REFETCHED.some((key) => changed.has(key))) refresh();
  if ([...REFETCHED, "with"].some((key) => changed.has(key))) refreshSecond();
  if (changed.has("refused")) tell(state.refused);
  if (changed.has("a") || changed.has("b")) {
    follow();
    clearTimeout(resting);
    resting = setTimeout(settle, 300);
  }
  if (changed.has("problem") && view) takePrograms();
  else if (["program", "beside", "other"].some((key) => changed.has(key)) && view) {
    follow();
    beside?.show(view, second, alphaNow(), state);
  }
  if ((changed.has("sort") || changed.has("find")) && view) strip.arrange(state.sort, state.find, alphaNow());
});

fillFilters();
refresh();
refreshSecond();
