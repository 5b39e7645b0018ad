// The state of the study page, and how an alpha is read.

import { Address } from "../address.js";

const KEYS = [
  "path", "difficulty", "setting", "level", "rule", "baseline", "a", "problem", "program", "beside", "other", "sort", "find", "with", "b",
];
// What decides the data. Every request carries all of it, so that a link to one view admits them.
const DATA_KEYS = ["path", "difficulty", "setting", "level", "rule", "baseline", "with"];
const FARTHEST = 10; // no alpha beyond this, nor below its negative

const address = new Address(KEYS, (found) => {
  const taken = found.a === "" ? { alpha: null, refused: "" } : readAlpha(found.a);
  const second = found.b === "" ? { alpha: null, refused: "" } : readAlpha(found.b);
  const refused = [["a", taken], ["b", second]].filter(([, one]) => one.refused).map(([name, one]) => (
    `The address asks for ${name} = ${found[name]}, which is refused (${one.refused}). The page shows another alpha instead.`));
  return { ...found, a: taken.alpha, b: second.alpha, refused: refused.join(" ") };
});
export const { state } = address;

/** The alpha that a text means, and "" or the reason why it means none. */
export function readAlpha(text) {
  const plain = text.trim().replace("−", "-").replace(",", ".");
  const value = Number(plain);
  if (plain === "" || !Number.isFinite(value)) return { alpha: null, refused: "not a number" };
  if (Math.abs(value) > FARTHEST) return { alpha: null, refused: `only −${FARTHEST} to ${FARTHEST}` };
  return { alpha: Math.round(value * 1e4) / 1e4, refused: "" };
}

export const dataQuery = () => address.query(DATA_KEYS);
export const secondQuery = () => `${dataQuery()}&family=second`;
export const onChange = (listener) => address.onChange(listener);

/** Takes new values; a new alpha clears what was refused. */
export function change(values, options) {
  address.change("a" in values && !("refused" in values) ? { ...values, refused: "" } : values, options);
}
