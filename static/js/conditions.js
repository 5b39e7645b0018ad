// What every figure of a page rests on, in one quiet line.

import { element } from "./words.js";

/** Writes the conditions that came with the data. The reader of a share link can open none of what they refer to. */
export function showConditions(place, conditions) {
  const linked = !("free" in document.body.dataset);
  const parts = conditions.map(({ words, title, href, grave }) => {
    const part = element(href && linked ? "a" : "span", grave ? "grave" : "", grave ? `▲ ${words}` : words);
    return Object.assign(part, { title, ...(href && linked ? { href } : {}) });
  });
  place.replaceChildren(...(parts.length ? parts : ["\u00a0"]));
}
