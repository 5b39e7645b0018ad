// How numbers are written: a true minus, fixed digits, thin spaces, an em dash for what is missing.

export const DASH = "—";

export const rate = (value) => (value === null || value === undefined ? DASH : value.toFixed(3));
export const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
/** A p or q value: three digits, and below 0.001 a bound in powers of ten. */
export const probability = (value) => (
  value === null || value === undefined ? DASH : value >= 0.001 ? value.toFixed(3) : `<10${superscript(Math.floor(Math.log10(Math.max(value, 1e-99))) + 1)}`);
const superscript = (power) => String(power).replace("-", "⁻").replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);
export const whole = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");
export const brief = (value) => (value < 100_000 ? whole(value) : value < 1e6 ? `${Math.round(value / 1e3)}k` : `${(value / 1e6).toFixed(1)}M`);
export const alphaText = (alpha) => String(Math.round(alpha * 1e6) / 1e6).replace("-", "−");

/** "12 solved, 3 too slow, 1 wrong of 16". */
export function cellWords([n, solved, slow, wrong, none, infrastructure]) {
  if (!n) return infrastructure ? `${infrastructure} spoiled by infrastructure` : "not measured";
  const parts = [[solved, "solved"], [slow, "too slow"], [wrong, "wrong"], [none, "no program"]];
  const said = parts.filter(([count]) => count).map(([count, word]) => `${count} ${word}`).join(", ");
  return `${said} of ${n}${infrastructure ? `, ${infrastructure} spoiled by infrastructure` : ""}`;
}

/** An element with text, and children where given. */
export function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}
