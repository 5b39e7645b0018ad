// The read-outs: where alpha is, the rates with their doubt and n, deltas against the baseline, problems won and lost,
// and what extrapolation does. An unmeasured alpha shows readings between its neighbours with the word estimate.

import { readAlpha } from "./state.js";
import { alphaText, brief, DASH, element, probability, rate, signed, whole } from "../words.js";

const GOOD = { solved: 1, optimisation: -1, correctness: -1, no_answer: -1 };

export class Readouts {
  /** `typed(alpha)` when a value is typed, `measure(alpha)` when a measurement is asked for; null where none may be.
   * `address(reference)` is the page of an evaluation, null where there is none for this reader. */
  constructor(root, { typed, measure, address }) {
    this.root = root;
    this.measure = measure;
    this.address = address;
    this.input = root.querySelector("#alpha");
    this.kind = root.querySelector("#alpha-kind");
    this.rates = [...root.querySelectorAll("[data-rate]")];
    this.moved = root.querySelector("#moved");
    this.beyond = root.querySelector("#beyond");
    this.asked = new Map();
    const take = () => {
      const { alpha, refused } = readAlpha(this.input.value);
      this.#refuse(refused);
      if (!refused) typed(alpha);
    };
    this.input.addEventListener("change", take);
    this.input.addEventListener("input", () => this.#refuse(""));
    this.input.addEventListener("focus", () => this.input.select());
    this.input.addEventListener("blur", () => this.#restore());
    this.input.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.#restore();
      this.#refuse("");
      this.input.blur();
    });
  }

  /** Says under the box why its value is refused; with "" what the alpha is, as ever. */
  #refuse(reason) {
    this.refused = reason;
    this.input.setAttribute("aria-invalid", String(reason !== ""));
    const said = this.said ?? "\u00a0";
    this.kind.replaceChildren(reason ? `✕ ${reason}` : this.page ? Object.assign(element("a", "", said), { href: this.page }) : said);
    this.kind.className = reason ? "alarm" : "";
  }

  /** The alpha that is shown, in place of a refused one. The reason stays until alpha moves. */
  #restore() {
    if (this.alpha !== undefined) this.input.value = alphaText(this.alpha);
    this.input.setAttribute("aria-invalid", "false");
  }

  show(view, alpha) {
    const evaluation = view.at(alpha);
    const point = evaluation?.point ?? null;
    const estimate = point ? null : view.estimate(alpha);
    const moved = this.alpha !== alpha;
    this.alpha = alpha;
    this.page = evaluation ? this.address(evaluation.reference) : null;
    this.said = this.#kind(evaluation, point, estimate, alpha, view.count);
    if (document.activeElement !== this.input) this.#restore();
    if (moved || !this.refused) this.#refuse("");
    this.kind.title = point?.partial ? `${whole(point.problems)} of ${whole(view.count)} problems are judged so far` : "";
    for (const part of this.rates) this.#rate(part, part.dataset.rate, view, point, estimate);
    this.#moved(view, evaluation, point);
    this.#beyond(view, evaluation, point, estimate, alpha);
  }

  #kind(evaluation, point, estimate, alpha, total) {
    const where = alpha < 0 || alpha > 1 ? "extrapolated" : alpha === 0 || alpha === 1 ? "trained" : "merged";
    if (point) return point.partial ? `${whole(point.problems)} of ${whole(total)} so far` : where;
    if (evaluation?.underway) return evaluation.state === "running" ? "being measured" : "planned";
    return estimate ? "estimate" : "not measured";
  }

  #rate(part, name, view, point, estimate) {
    const [value, delta] = [part.querySelector("b"), part.querySelector("p")];
    delta.className = "";
    if (point) {
      const [mean, half] = point.rates[name];
      const doubt = half === null ? "" : `± ${rate(half)} `;
      value.replaceChildren(rate(mean), element("em", "", `${doubt}(n = ${brief(point.n)})`));
      value.title = `${rate(mean)} ${doubt}(n = ${whole(point.n)})`;
      this.#delta(delta, name, view, point);
    } else if (estimate) {
      value.replaceChildren(rate(estimate.rates[name]), element("em", "guess", "estimate"));
      delta.textContent = name === "no_answer" ? "estimate" : `between ${estimate.between.map(alphaText).join(" and ")}`;
    } else {
      value.textContent = DASH;
      delta.textContent = "\u00a0";
    }
  }

  #delta(part, name, view, point) {
    const base = view.baseline_;
    const [change, half] = point.deltas?.[name] ?? [null, null];
    if (!base?.point || change === null) part.textContent = "no baseline yet";
    else if (base.point === point) part.textContent = name === "no_answer" ? "baseline" : "the baseline";
    else {
      const [p, q] = point.tests?.[name] ?? [null, null];
      const sure = q !== null && q <= point.flips.false_discovery_rate;
      part.className = !sure ? "" : change * GOOD[name] > 0 ? "up" : "down";
      const whole = `${signed(change)}${half === null ? "" : ` ± ${half.toFixed(3)}`} vs ${view.baselineName}`;
      part.textContent = name === "no_answer" ? signed(change) : whole;
      part.title = `${whole}; paired bootstrap over problems: p = ${probability(p)}, q = ${probability(q)} over the points shown`;
    }
  }

  #moved(view, evaluation, point) {
    const [label, value, note] = ["span", "b", "p"].map((name) => this.moved.querySelector(name));
    label.textContent = view.baseline_ ? `won and lost against ${view.baselineName}` : "won and lost";
    const moved = point?.flips;
    if (!moved) {
      value.textContent = DASH;
      note.textContent = point && view.baseline_ === evaluation ? "the baseline" : "\u00a0";
      note.title = "";
      return;
    }
    value.replaceChildren(
      element("span", "up", `+${whole(moved.won)}`), element("span", "down", `−${whole(moved.lost)}`),
      element("em", "", `${whole(moved.unchanged)} unchanged`));
    note.textContent = `McNemar p ${probability(moved.p)}, q ${probability(moved.q)}`;
    note.title = `Problems solved in the majority of the samples. McNemar's exact test: p = ${probability(moved.p)}, ` +
      `q = ${probability(moved.q)} (Benjamini–Hochberg over the points shown). By Fisher's exact test of each problem, ` +
      `false-discovery rate ${moved.false_discovery_rate}: ${whole(moved.gained.length)} gained, ${whole(moved.dropped.length)} lost.`;
  }

  #beyond(view, evaluation, point, estimate, alpha) {
    const [value, note] = ["b", "p"].map((name) => this.beyond.querySelector(name));
    const found = point?.beyond;
    const inside = alpha >= 0 && alpha <= 1;
    value.textContent = found ? found.verdict : inside && !view.empty ? "between the ends" : DASH;
    value.title = found
      ? `${signed(found.beyond)} along the direction, 95 % interval ${signed(found.low)} to ${signed(found.high)}; ` +
        `solve rate ${signed(found.solve_change)} against a = ${found.end}, margin ${found.margin}`
      : "";
    note.className = note.title = "";
    if (point) {
      const alarms = evaluation.alarms;
      note.textContent = alarms.length ? `▲ ${alarms.join("; ")}` : point.partial ? "alarms come at the end" : "no alarm";
      note.title = alarms.join("; ");
      note.className = alarms.length ? "alarm" : "";
    } else if (evaluation?.underway) this.#underway(note, evaluation);
    else if (this.measure && view.measurable) this.#offer(note, alpha);
    else note.textContent = view.empty ? "nothing is measured yet" : estimate ? "not measured here" : "outside the measured range";
  }

  #underway(note, evaluation) {
    const words = evaluation.state === "running" ? "the first problems are being judged" : "waits for its turn";
    note.replaceChildren(evaluation.job ? Object.assign(element("a", "", words), { href: evaluation.job }) : words);
  }

  #offer(note, alpha) {
    const said = this.asked.get(alpha);
    if (said) {
      note.textContent = said;
      note.className = said.startsWith("✕") ? "alarm" : "";
      note.title = said;
      return;
    }
    if (note.querySelector("button")?.dataset.alpha === String(alpha)) return;
    const button = element("button", "measure", `Measure a = ${alphaText(alpha)}`);
    button.type = "button";
    button.dataset.alpha = alpha;
    button.addEventListener("click", async () => {
      button.disabled = true;
      this.asked.set(alpha, await this.measure(alpha));
      this.#offer(note, alpha);
    });
    note.replaceChildren(button);
  }
}
