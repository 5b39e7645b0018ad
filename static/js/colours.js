// Turns the named colours of a figure, token(ink-3, 0.5) and ramp(0.75), into colours of the current theme.
// The names are made in frontier_app/figures/colours.py.

const NAMED = /^(token|ramp)\(([^,)]+)(?:,\s*([\d.]+))?\)$/;
let tokens = new Map();
let themed = document.documentElement;

document.addEventListener("theme:changed", () => { tokens = new Map(); });

/** The [r, g, b] of a design token. */
export function rgb(name) {
  if (!tokens.has(name)) {
    const hex = getComputedStyle(themed).getPropertyValue(`--${name}`).trim().slice(1);
    const wide = hex.length === 3 ? [...hex].map((digit) => digit + digit).join("") : hex;
    tokens.set(name, [0, 2, 4].map((at) => parseInt(wide.slice(at, at + 2), 16)));
  }
  return tokens.get(name);
}

/** The colour of a position on a path: one scale from half a unit below low to half a unit above high coverage. */
export function ramp(alpha, opacity = 1) {
  const share = Math.min(Math.max((alpha + 0.5) / 2, 0), 1) * 2;
  const [from, to] = share < 1 ? [rgb("alpha-low"), rgb("alpha-mid")] : [rgb("alpha-mid"), rgb("alpha-high")];
  const part = share < 1 ? share : share - 1;
  return css(from.map((value, index) => Math.round(value + (to[index] - value) * part)), opacity);
}

export function token(name, opacity = 1) {
  return css(rgb(name), opacity);
}

function css(colour, opacity) {
  return `rgba(${colour.join(",")},${opacity})`;
}

function named(text) {
  const found = NAMED.exec(text);
  if (!found) return text;
  const opacity = found[3] === undefined ? 1 : Number(found[3]);
  return found[1] === "ramp" ? ramp(Number(found[2]), opacity) : token(found[2], opacity);
}

/** A copy of a figure in the colours of the theme that `element` stands in. */
export function colouredOn(element, figure) {
  const before = tokens;
  [tokens, themed] = [new Map(), element];
  try {
    return coloured(figure);
  } finally {
    [tokens, themed] = [before, document.documentElement];
  }
}

/** A copy of a figure, or of any part of one, with every named colour resolved. */
export function coloured(part) {
  if (typeof part === "string") return named(part);
  if (Array.isArray(part)) return typeof part[0] === "number" ? part : part.map(coloured);
  if (part === null || typeof part !== "object") return part;
  return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, coloured(value)]));
}
