// The state of the view, which is the page's address: what the address leaves out has its default. Choosing makes a
// history entry, so Back is undo; while something is dragged the address waits.

const KEYS = ["path", "difficulty", "setting", "level", "rule", "baseline", "a", "problem", "sort"];
const DATA_KEYS = ["path", "difficulty", "setting", "level", "rule", "baseline"];
const PROGRAM_KEYS = ["path", "setting"];
const listeners = [];
export const FARTHEST = 10; // no alpha beyond this, nor below its negative

export const state = read();

function read() {
  const address = new URLSearchParams(location.search);
  const found = Object.fromEntries(KEYS.map((key) => [key, address.get(key) ?? ""]));
  const taken = found.a === "" ? { alpha: null, refused: "" } : readAlpha(found.a);
  const refused = taken.refused && `The address asks for a = ${found.a}, which is refused (${taken.refused}). The page shows another alpha instead.`;
  return { ...found, a: taken.alpha, refused };
}

/** The alpha that a text means, and "" or the reason why it means none. */
export function readAlpha(text) {
  const plain = text.trim().replace("−", "-").replace(",", ".");
  const value = Number(plain);
  if (plain === "" || !Number.isFinite(value)) return { alpha: null, refused: "not a number" };
  if (Math.abs(value) > FARTHEST) return { alpha: null, refused: `only −${FARTHEST} to ${FARTHEST}` };
  return { alpha: Math.round(value * 1e4) / 1e4, refused: "" };
}

function query(keys) {
  const kept = keys.filter((key) => state[key] !== "" && state[key] !== null);
  return new URLSearchParams(kept.map((key) => [key, String(state[key])])).toString();
}

export const dataQuery = () => query(DATA_KEYS);
export const programQuery = () => query(PROGRAM_KEYS);

/** Calls `listener(changed)` after every change, with the set of keys that changed. */
export function onChange(listener) {
  listeners.push(listener);
}

/** Takes new values. With `commit` the address follows, as a new history entry when it differs. */
export function change(values, { commit = true } = {}) {
  if ("a" in values && !("refused" in values)) values = { ...values, refused: "" };
  const changed = new Set(Object.keys(values).filter((key) => state[key] !== values[key]));
  Object.assign(state, values);
  if (commit) {
    const address = query(KEYS);
    if (`?${address}` !== location.search && (address || location.search)) {
      history.pushState(null, "", address ? `?${address}` : location.pathname);
    }
  }
  if (changed.size) for (const listener of listeners) listener(changed);
}

addEventListener("popstate", () => change(read(), { commit: false }));
