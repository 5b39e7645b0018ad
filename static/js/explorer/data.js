// Fetches views and programs, keeps the last ones, and asks again, not too often, when a live notice says that
// something was measured. The browser's cache and the server's ETag make an unchanged view cheap.

import { dataQuery, programQuery } from "./state.js";
import { View } from "./view.js";

const KEPT = 12;
const LEAST_WAIT = 1200; // milliseconds between two refetches; longer when a fetch itself takes long
const ENDED = ["succeeded", "failed", "cancelled", "lost"]; // a job that ends unfinished leaves its points unmeasured
const views = new Map();
const programs = new Map();
let latest = 0;
let lastTook = 0;
let waiting = null;

export class Refusal extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function get(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" } });
  if (response.ok) return response.json();
  const told = response.headers.get("Content-Type")?.includes("json") ? (await response.json()).error : null;
  throw new Refusal(told ?? `The server answered ${response.status}. Reload the page, or log in again.`, response.status);
}

function keep(cache, key, value) {
  cache.delete(key);
  cache.set(key, value);
  if (cache.size > KEPT) cache.delete(cache.keys().next().value);
  return value;
}

/** The view of the current state: a kept one at once through `show`, and the fresh one when it arrives. */
export async function loadView(config, show) {
  const query = dataQuery();
  const mine = ++latest;
  const kept = views.get(query);
  if (kept) show(kept);
  const began = performance.now();
  const fresh = new View(await get(`${config.data}?${query}`));
  lastTook = performance.now() - began;
  keep(views, query, fresh);
  if (mine === latest) show(fresh);
}

/** The programs of one problem; null where the viewer may not read them. */
export async function loadPrograms(config, problem, { fresh = false } = {}) {
  if (!config.programs) return null;
  const query = `${programQuery()}&problem=${encodeURIComponent(problem)}`;
  if (!fresh && programs.has(query)) return programs.get(query);
  return keep(programs, query, await get(`${config.programs}?${query}`));
}

/** Calls `refetch` soon after something was measured: at once for the first notice, then at a bearable pace. */
export function whenMeasured(refetch) {
  let last = 0;
  const due = () => {
    waiting = null;
    last = performance.now();
    views.clear();
    refetch();
  };
  const heard = () => {
    if (waiting !== null) return;
    const pause = Math.max(LEAST_WAIT, 4 * lastTook);
    waiting = setTimeout(due, Math.max(0, last + pause - performance.now()));
  };
  for (const what of ["evaluation", "problems"]) document.body.addEventListener(`live:${what}`, heard);
  document.body.addEventListener("live:job", ({ detail }) => ENDED.includes(detail.data?.state) && heard());
  return heard;
}
