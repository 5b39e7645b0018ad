// Fetches the page's data, keeps the last states for Back and Forward, and asks again at a bearable pace when something
// was measured. The browser's cache and the server's ETag make an unchanged view cheap.

import { DATA_KEYS, address } from "./state.js";

const KEPT = 8;
const LEAST_WAIT = 2_500; // milliseconds between two refetches; longer when a fetch itself takes long
const kept = new Map();
let latest = 0;
let took = 0;

export class Refusal extends Error {
  constructor(message, caret, status) {
    super(message);
    Object.assign(this, { caret, status });
  }
}

async function get(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" } });
  if (response.ok) return response.json();
  const told = response.headers.get("Content-Type")?.includes("json") ? await response.json() : {};
  throw new Refusal(told.error ?? `The server answered ${response.status}. Reload the page, or log in again.`, told.caret, response.status);
}

/** Shows the data of the current state: a kept copy at once, and the fresh one when it arrives, unless the state moved on. */
export async function load(config, show) {
  const query = address.query(DATA_KEYS);
  const mine = ++latest;
  if (kept.has(query)) await show(kept.get(query));
  const began = performance.now();
  try {
    const fresh = await get(`${config.data}?${query}`);
    took = performance.now() - began;
    kept.delete(query);
    kept.set(query, fresh);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value);
    if (mine === latest) await show(fresh);
  } catch (error) {
    if (mine === latest) throw error;
  }
}

/** Calls `refetch` soon after a live notice says that something was measured. */
export function whenMeasured(refetch) {
  let waiting = null;
  let last = 0;
  document.body.addEventListener("live:evaluation", () => {
    if (waiting !== null) return;
    waiting = setTimeout(() => {
      waiting = null;
      last = performance.now();
      kept.clear();
      refetch();
    }, Math.max(0, last + Math.max(LEAST_WAIT, 4 * took) - performance.now()));
  });
}
