// How a point is written: its mark, its rates with intervals, differences to the baseline.

import { pointMark, shape } from "../marks.js";
import { DASH, alphaText, element, whole } from "../words.js";

export const CLASSES = [["solved", "solved"], ["optimisation", "too slow"], ["correctness", "wrong"], ["no_answer", "no program"]];

/** The mark of a point as the plot draws it. */
export function glyph(row) {
  const svg = pointMark(row);
  if (row.standing?.words === "dominated") svg.append(shape("path", { d: "M1 11L11 1", class: "stroke" }));
  return svg;
}

const fixed = (value, isRate) => (isRate ? value.toFixed(3) : Number(value.toPrecision(4)).toString());
const minus = (text) => text.replace("-", "−");

/** "0.612 ± 0.021 (n = 880)"; an em dash where nothing is known. */
export function reading(pair, { isRate = true, n = null } = {}) {
  const span = element("span", "rate");
  if (!pair || pair[0] === null) return Object.assign(span, { textContent: DASH });
  const doubt = pair[1] === null ? "" : ` ± ${isRate ? pair[1].toFixed(3) : Number(pair[1].toPrecision(2))}`;
  span.append(fixed(pair[0], isRate), element("em", "", `${doubt}${n === null ? "" : ` (n = ${whole(n)})`}`));
  return span;
}

/** "−0.041 [−0.080, −0.002]", strong where the interval excludes 0. */
export function difference(found, isRate = true) {
  if (!found || found[0] === null) return element("span", "muted", DASH);
  const [mean, low, high] = found;
  const sure = low !== null && (low > 0 || high < 0);
  const words = minus(`${mean > 0 ? "+" : ""}${fixed(mean, isRate)}`);
  const span = element("span", sure ? "rate sure" : "rate", words);
  if (low !== null) span.append(element("em", "", ` [${minus(fixed(low, isRate))}, ${minus(fixed(high, isRate))}]`));
  span.title = sure ? "the interval of the paired difference excludes 0" : "within noise: the interval of the paired difference holds 0";
  return span;
}

export const place = (row) => (row.alpha === null ? DASH : alphaText(row.alpha));

export function standingWords(row) {
  if (row.partial) return "still measuring";
  if (!row.standing) return "";
  if (row.standing.words === "undominated") return "";
  return row.standing.words === "dominated" ? `dominated by ${row.standing.name}` : `within noise of ${row.standing.name}`;
}

export function standingTitle(row) {
  if (!row.standing?.lead) return "";
  const [across, up] = row.standing.lead.map((value) => value.toPrecision(2));
  const lows = row.standing.lead_low.map((value) => value?.toPrecision(2) ?? DASH);
  return minus(`${row.standing.name} is better by ${across} on the horizontal and ${up} on the vertical axis; intervals begin at ${lows.join(" and ")}`);
}
