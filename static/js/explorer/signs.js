// Signs of collapse: one small curve each against alpha, with the value here and how it compares with the nearer trained
// end. The curves are drawn once; only the mark and the words follow alpha. What was not recorded is a dash that says
// how to get it. Turns and calls are signs in a setting that has them.

import { alphaText, DASH, element } from "../words.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, EDGE] = [120, 30, 4];
const share = (value) => `${(value * 100).toFixed(1)} %`;
const digits = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)).replace("-", "−");
const AT_THE_END = "comes when the evaluation ends";
const BASE = "recorded where the study's base checkpoint is on the server: measure again";
const SIGNS = [
  { name: "no_answer_rate", words: "no program", write: share, missing: AT_THE_END },
  { name: "cut_off_rate", words: "cut off at the token limit", write: share, missing: AT_THE_END },
  { name: "mean_tokens", words: "length, tokens an answer", write: digits, missing: AT_THE_END, factor: true },
  { name: "mean_log_likelihood", words: "own log-likelihood, nats a token", write: digits, missing: "the engine gave no likelihoods", factor: true },
  { name: "distance", words: "distance from the initialisation", write: digits, missing: BASE, factor: true },
  { name: "cosine", words: "cosine of the two deltas", write: (value) => value.toFixed(3).replace("-", "−"), missing: `only merges have one; ${BASE}` },
  { name: "mean_turns", words: "turns an answer", write: digits, missing: AT_THE_END, factor: true, ofTurns: true },
  { name: "mean_calls", words: "tool calls an answer", write: digits, missing: AT_THE_END, factor: true, ofTurns: true },
];

export class Signs {
  constructor(root) {
    this.root = root;
    this.tiles = SIGNS.map((sign) => {
      const [value, note] = [element("b", ""), element("p", "")];
      const plot = document.createElementNS(SVG, "svg");
      plot.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
      plot.setAttribute("preserveAspectRatio", "none");
      plot.setAttribute("aria-hidden", "true");
      const [line, here] = ["path", "line"].map((name) => document.createElementNS(SVG, name));
      here.setAttribute("class", "here");
      here.setAttribute("y1", 0);
      here.setAttribute("y2", HEIGHT);
      plot.append(line, here);
      const whole = element("div", "", element("span", "label", sign.words), value, plot, note);
      root.append(whole);
      return { ...sign, whole, value, note, line, here };
    });
  }

  show(view) {
    this.view = view;
    const [low, high] = view.range;
    const withTurns = view.setting !== "reasoning";
    this.root.classList.toggle("of-turns", withTurns);
    this.x = (alpha) => ((alpha - low) / (high - low)) * WIDTH;
    for (const tile of this.tiles) {
      tile.whole.hidden = Boolean(tile.ofTurns) && !withTurns;
      // A saved view may be older than a sign.
      const points = view.measured.map((one) => [one.alpha, one.signs[tile.name] ?? null]).filter(([, value]) => value !== null);
      const values = points.map(([, value]) => value);
      const [least, most] = [Math.min(...values), Math.max(...values)];
      const y = (value) => (most > least ? HEIGHT - EDGE - ((value - least) / (most - least)) * (HEIGHT - 2 * EDGE) : HEIGHT / 2);
      const corners = points.map(([alpha, value]) => `${this.x(alpha).toFixed(1)} ${y(value).toFixed(1)}`);
      tile.line.setAttribute("d", corners.length > 1 ? `M${corners.join("L")}` : "");
      tile.said = null;
    }
  }

  place(alpha) {
    const { view } = this;
    if (!view) return;
    const one = view.measuredAt(alpha);
    const end = one && (alpha < 0.5 ? view.measuredAt(0) : view.measuredAt(1));
    for (const tile of this.tiles) {
      const x = this.x(alpha).toFixed(1);
      tile.here.setAttribute("x1", x);
      tile.here.setAttribute("x2", x);
      const said = one?.reference ?? (view.estimate(alpha) ? "between" : "outside");
      if (said !== tile.said) this.#say(tile, one, end);
      tile.said = said;
    }
  }

  #say(tile, one, end) {
    const value = one?.signs[tile.name] ?? null;
    tile.value.textContent = value === null ? DASH : tile.write(value);
    const usual = end && end !== one ? end.signs[tile.name] ?? null : null;
    const there = `at a = ${alphaText(end?.alpha ?? 0)}`;
    tile.note.textContent = !one ? "not measured here"
      : value === null ? (one.point.partial && tile.missing === AT_THE_END ? AT_THE_END : tile.missing)
      : usual === null ? (end === one ? "a trained end" : "\u00a0")
      : tile.factor && usual ? `${(value / usual).toFixed(2)} × that ${there}` : `${tile.write(usual)} ${there}`;
    tile.note.title = tile.note.textContent;
  }
}
