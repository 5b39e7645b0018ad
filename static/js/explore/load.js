// Fetches the page's data, keeps the last states for Back and Forward, and asks again at a bearable pace when something
// was measured. The browser's cache and the server's ETag make an unchanged view cheap.

import { getJson, paced, Refusal } from "../fetching.js";
import { DATA_KEYS, address } from "./state.js";

const KEPT = 8;
const LEAST_WAIT = 2_500; // milliseconds between two refetches
const kept = new Map();
let latest = 0;

/** Shows the data of the current state: a kept copy at once, and the fresh one when it arrives, unless the state moved on. */
export async function load(config, show) {
  const query = address.query(DATA_KEYS);
  const mine = ++latest;
  if (kept.has(query)) await show(kept.get(query));
  try {
    const fresh = await getJson(`${config.data}?${query}`);
    kept.delete(query);
    kept.set(query, fresh);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value);
    if (mine === latest) await show(fresh);
  } catch (error) {
    if (mine === latest || !(error instanceof Refusal)) throw error;
  }
}

/** Calls `refetch` soon after a live notice says that something was measured. */
export function whenMeasured(refetch) {
  document.body.addEventListener("live:evaluation", paced(() => {
    kept.clear();
    return refetch();
  }, LEAST_WAIT));
}
