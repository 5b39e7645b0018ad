// Fetches views and programs, keeps the last ones, and asks again, not too often, when a live notice says that
// something was measured. The browser's cache and the server's ETag make an unchanged view cheap.

import { dataQuery, secondQuery } from "./state.js";
import { View } from "./view.js";

const KEPT = 12;
const KEPT_PROGRAMS = 200;
const LEAST_WAIT = 1200; // milliseconds between two refetches; longer when a fetch itself takes long
const ENDED = ["succeeded", "failed", "cancelled", "lost"]; // a job that ends unfinished leaves its points unmeasured
const views = new Map();
const programs = new Map();
const single = new Map();
const latest = { first: 0, second: 0 };
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

function keep(cache, key, value, most = KEPT) {
  cache.delete(key);
  cache.set(key, value);
  if (cache.size > most) cache.delete(cache.keys().next().value);
  return value;
}

/** The view of the current state, of its first or its second family: a kept one at once through `show`, and the fresh
 * one when it arrives. */
export async function loadView(config, show, family = "first") {
  const query = family === "first" ? dataQuery() : secondQuery();
  latest[family] += 1;
  const mine = latest[family];
  const kept = views.get(query);
  if (kept) show(kept);
  const began = performance.now();
  const fresh = new View(await get(`${config.data}?${query}`));
  lastTook = performance.now() - began;
  keep(views, query, fresh);
  if (mine === latest[family]) show(fresh);
}

/** The programs of one problem; null where the viewer may not read them. */
export async function loadPrograms(config, problem, { fresh = false } = {}) {
  if (!config.programs) return null;
  const query = `${dataQuery()}&problem=${encodeURIComponent(problem)}`;
  if (!fresh && programs.has(query)) return programs.get(query);
  return keep(programs, query, await get(`${config.programs}?${query}`));
}

/** One program of one evaluation with the verdict of each test; null where the viewer may not read it or it is gone. */
export async function loadProgram(config, problem, evaluation, program) {
  if (!config.program) return null;
  const query = `${dataQuery()}&${new URLSearchParams({ problem, evaluation, program })}`;
  if (!single.has(query)) keep(single, query, get(`${config.program}?${query}`), KEPT_PROGRAMS);
  try {
    return await single.get(query);
  } catch (error) {
    single.delete(query);
    if (!(error instanceof Refusal || error instanceof TypeError)) throw error;
    return null;
  }
}

/** Calls `refetch` soon after something was measured: at once for the first notice, then at a bearable pace. */
export function whenMeasured(refetch) {
  let last = 0;
  const due = () => {
    waiting = null;
    last = performance.now();
    views.clear();
    single.clear();
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
