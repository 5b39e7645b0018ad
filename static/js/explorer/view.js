// One view's data, as explorer.json gives it, with the questions that the panels ask of it. No drawing, no fetching.

import { alphaText } from "../words.js";

export const CLASSES = ["solved", "optimisation", "correctness", "no_answer"];
const WIDTH = 6; // numbers a cell: n, the four classes, infrastructure
const SAME = 1e-9;

export class View {
  constructor(data) {
    Object.assign(this, data);
    this.count = this.problems.slug.length;
    this.path = this.evaluations.filter((one) => one.alpha !== null);
    this.measured = this.path.filter((one) => one.point);
    this.columns = this.path.filter((one) => one.point || one.underway);
    this.baseline_ = this.baseline === null ? null : this.evaluations[this.baseline];
    this.baselineName = this.baseline_ ? this.nameOf(this.baseline_) : "the baseline";
    this.reference = new Map(this.evaluations.map((one) => [one.reference, one]));
  }

  /** Whether a measurement can be launched here: there is a path. */
  get measurable() {
    return this.ends !== null;
  }

  /** The gaps of the path that can be launched, as js/gaps.js takes them. A saved view may know of none. */
  get gapsToLaunch() {
    if (!this.measurable) return [];
    const [low, high] = [this.ends.low.reference, this.ends.high.reference];
    return (this.gaps ?? []).map((alpha) => ({ path: "", low, high, alphas: String(alpha), setting: this.setting }));
  }

  /** What a point is called in a sentence: a = 0.5, base, coverage 0.6. */
  nameOf(one) {
    return one.alpha !== null ? `a = ${alphaText(one.alpha)}` : one.mark === "initialisation" ? "base" : one.label;
  }

  /** How an address names a point. */
  keyOf(one) {
    return one.alpha !== null ? String(one.alpha) : one.mark === "initialisation" ? one.mark : one.checkpoint;
  }

  /** The measured point that an address names; null where there is none such. */
  named(key) {
    return this.evaluations.find((one) => one.point && key !== "" && [this.keyOf(one), one.checkpoint].includes(key)) ?? null;
  }

  get empty() {
    return !this.evaluations.some((one) => one.point);
  }

  /** Where the ruler ends: past the outermost alpha, and never closer than -0.6 and 1.6. */
  get range() {
    const alphas = this.path.map((one) => one.alpha);
    return [Math.min(-0.5, ...alphas) - 0.1, Math.max(1.5, ...alphas) + 0.1];
  }

  /** Where the page opens: full coverage if measured, else the last point before it, else the first. */
  get start() {
    const upTo = this.measured.filter((one) => one.alpha <= 1);
    return upTo.at(-1)?.alpha ?? this.measured[0]?.alpha ?? 1;
  }

  /** The evaluation at exactly this alpha, measured or not. */
  at(alpha) {
    return this.path.find((one) => Math.abs(one.alpha - alpha) < SAME) ?? null;
  }

  /** The measured point at this alpha; null where nothing is judged. */
  measuredAt(alpha) {
    return this.measured.find((one) => Math.abs(one.alpha - alpha) < SAME) ?? null;
  }

  nearest(alpha) {
    return this.measured.reduce(
      (best, one) => (best === null || Math.abs(one.alpha - alpha) < Math.abs(best.alpha - alpha) ? one : best), null);
  }

  /** The next measured alpha upwards (1) or downwards (-1); the same one where there is none. */
  step(alpha, direction) {
    const beyond = this.measured.filter((one) => (one.alpha - alpha) * direction > SAME);
    return (direction > 0 ? beyond[0] : beyond.at(-1))?.alpha ?? alpha;
  }

  /** The piecewise-linear reading at an alpha: rates by class and the neighbours; null outside the measured range. */
  estimate(alpha) {
    const right = this.measured.findIndex((one) => one.alpha >= alpha);
    if (right < 1) return null;
    const [low, high] = [this.measured[right - 1], this.measured[right]];
    const share = (alpha - low.alpha) / (high.alpha - low.alpha);
    const between = (name) => low.point.rates[name][0] * (1 - share) + high.point.rates[name][0] * share;
    return { rates: Object.fromEntries(CLASSES.map((name) => [name, between(name)])), between: [low.alpha, high.alpha] };
  }

  /** The mean rates by class at an alpha, measured or estimated; null where neither is known. */
  ratesAt(alpha) {
    const point = this.measuredAt(alpha)?.point;
    if (!point) return this.estimate(alpha)?.rates ?? null;
    return Object.fromEntries(CLASSES.map((name) => [name, point.rates[name][0]]));
  }

  /** [n, solved, optimisation, correctness, no answer, infrastructure] of an evaluation on a problem. */
  cell(evaluation, problem) {
    return evaluation.cells.slice(problem * WIDTH, problem * WIDTH + WIDTH);
  }

  /** Share solved, or null where nothing is judged. */
  solved(evaluation, problem) {
    const n = evaluation.cells[problem * WIDTH];
    return n ? evaluation.cells[problem * WIDTH + 1] / n : null;
  }

  problem(slug) {
    return this.problems.slug.indexOf(slug);
  }

  /** The problem that the page opens with: the one that is won most between the ends, or moves most. */
  get telling() {
    const inside = this.measured.filter((one) => one.alpha >= 0 && one.alpha <= 1);
    const [first, last] = [inside[0], inside.at(-1)];
    let best = this.count ? 0 : -1;
    let most = 0;
    for (let problem = 0; first && problem < this.count; problem += 1) {
      const moved = (this.solved(last, problem) ?? 0) - (this.solved(first, problem) ?? 0);
      if (moved > most) [best, most] = [problem, moved];
    }
    return best;
  }
}

/** Problems that `other` solves in the majority of its samples and `mine` does not, and the other way round, among those
 * that both have samples of. The two points may come from two views. */
export function moved(first, mine, second, other) {
  const places = first.problems === second.problems ? null : new Map(second.problems.slug.map((slug, place) => [slug, place]));
  const found = { won: 0, lost: 0, compared: 0 };
  for (let problem = 0; problem < first.count; problem += 1) {
    const place = places ? places.get(first.problems.slug[problem]) : problem;
    const [before, after] = [first.solved(mine, problem), place === undefined ? null : second.solved(other, place)];
    if (before === null || after === null) continue;
    found.compared += 1;
    if (after > 0.5 && before <= 0.5) found.won += 1;
    if (before > 0.5 && after <= 0.5) found.lost += 1;
  }
  return found;
}

/** McNemar's exact two-sided p: `won` against `lost` under a fair coin, as compute.stats.flips.mcnemar_exact. */
export function mcnemar(won, lost) {
  const total = won + lost;
  let logChance = -total * Math.LN2; // of no head
  let tail = 0;
  for (let heads = 0; heads <= Math.min(won, lost); heads += 1) {
    tail += Math.exp(logChance);
    logChance += Math.log((total - heads) / (heads + 1));
  }
  return Math.min(1, 2 * tail);
}
