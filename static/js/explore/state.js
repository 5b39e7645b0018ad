// The state of the Frontiers page: its address.

import { Address } from "../address.js";

export const DATA_KEYS = ["q", "path", "origin", "form", "x", "y", "k", "logx", "logy", "by", "set", "difficulty", "setting", "level", "rule", "baseline"];
const VIEW_KEYS = ["pins", "chosen", "sort", "drag", "zoom"];
// What another choice of draws other axes or other panels, where a part of the old ones says nothing.
export const FRAME_KEYS = ["form", "x", "y", "k", "logx", "logy", "by", "difficulty", "setting"];
export const MOST_PINS = 6;

export const address = new Address([...DATA_KEYS, ...VIEW_KEYS]);
export const { state } = address;

const listed = (text) => (text ? text.split(".") : []);
export const pins = () => listed(state.pins).slice(0, MOST_PINS);
export const chosen = () => new Set(listed(state.chosen));

/** Pins a checkpoint, or lets it go; the oldest goes when there is no room. */
export function togglePin(key) {
  const held = pins();
  const next = held.includes(key) ? held.filter((one) => one !== key) : [...held, key].slice(-MOST_PINS);
  address.change({ pins: next.join(".") });
}

export function choose(keys) {
  address.change({ chosen: [...keys].join(".") });
}

export function toggleChosen(key) {
  const held = chosen();
  if (!held.delete(key)) held.add(key);
  choose(held);
}
