// What is not measured between two points of a path. A click on a gap in a figure opens the launch form with that alpha
// filled in; the menu of parts/gaps.html is the same for the keyboard.

import { alphaText, element } from "./words.js";

const FIELDS = ["low", "high", "alphas", "setting"];

/** The launch form with a gap filled in. A gap names the ends of its path, the path, the alpha and the setting. */
export const launchAddress = (form, gap) => `${form}?${new URLSearchParams(FIELDS.filter((key) => key in gap).map((key) => [key, gap[key]]))}`;

/** Fills the menu, one line a path. Gaps of several panels come once. */
export function offerGaps(menu, gaps, form) {
  if (!menu) return;
  const paths = new Map();
  for (const gap of gaps) {
    const key = `${gap.low} ${gap.high} ${gap.setting}`;
    if (!paths.has(key)) paths.set(key, new Map());
    paths.get(key).set(gap.alphas, gap);
  }
  const lines = [...paths.values()].map((line) => [...line.values()].sort((one, other) => Number(one.alphas) - Number(other.alphas)));
  const settings = new Set(gaps.map((gap) => gap.setting));
  for (const gap of gaps) gap.line = [gap.path, settings.size > 1 ? gap.setting : ""].filter(Boolean).join(" · ");
  const said = JSON.stringify(lines);
  if (said === menu.said) return; // the focus stays where it is
  menu.said = said;
  menu.hidden = !lines.length;
  menu.querySelector("[data-part=gaps]").replaceChildren(...lines.map((line) => element(
    "p", "", element("span", "clip", line[0].line), ...line.map((gap) => link(gap, form)))));
}

function link(gap, form) {
  const text = alphaText(Number(gap.alphas));
  return Object.assign(element("a", "", text), { href: launchAddress(form, gap), ariaLabel: `Measure a = ${text}${gap.line && ` on ${gap.line}`}` });
}
