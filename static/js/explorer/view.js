// One view's data, as explorer.json gives it, with the questions that the panels ask of it. No drawing, no fetching.

export const CLASSES = ["solved", "optimisation", "correctness", "no_answer"];
export const WIDTH = 6; // numbers a cell: n, the four classes, infrastructure
const SAME = 1e-9;

export class View {
  constructor(data) {
    Object.assign(this, data);
    this.count = this.problems.slug.length;
    this.path = this.evaluations.filter((one) => one.alpha !== null);
    this.measured = this.path.filter((one) => one.point);
    this.columns = this.path.filter((one) => one.point || one.underway);
    this.baseline_ = this.baseline === null ? null : this.evaluations[this.baseline];
    this.reference = new Map(this.evaluations.map((one) => [one.reference, one]));
  }

  /** Whether a measurement can be launched here: there is a path, and the setting is the one that sweeps run in. */
  get measurable() {
    return this.ends !== null && this.setting === "reasoning";
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
