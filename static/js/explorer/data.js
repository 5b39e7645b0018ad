// Fetches views and programs, keeps the last ones, and asks again, not too often, when a live notice says that
// something was measured. The browser's cache and the server's ETag make an unchanged view cheap.

import { getJson, paced, Refusal } from "../fetching.js";
import { dataQuery, secondQuery } from "./state.js";
import { View } from "./view.js";

const KEPT = 12;
const KEPT_PROGRAMS = 200;
const LEAST_WAIT = 1200; // milliseconds between two refetches
const ENDED = ["succeeded", "failed", "cancelled", "lost"]; // a job that ends unfinished leaves its points unmeasured
const views = new Map();
const programs = new Map();
const single = new Map();
const latest = { first: 0, second: 0 };

function keep(cache, key, value, most = KEPT) {
  cache.delete(key);
  cache.set(key, value);
  if (cache.size > most) cache.delete(cache.keys().next().value);
  return value;
}

/** The view of the current state, of its first or its second family: a kept one at once through `show`, and the fresh
 * one when it arrives. Gives whether it was shown: it is not, nor is a refusal raised, once another was asked for. */
export async function loadView(config, show, family = "first") {
  const query = queryOf(family);
  latest[family] += 1;
  const mine = latest[family];
  const kept = views.get(query);
  if (kept) show(kept);
  try {
    const fresh = keep(views, query, new View(await getJson(`${config.data}?${query}`)));
    if (mine !== latest[family]) return false;
    show(fresh);
    return true;
  } catch (error) {
    if (mine !== latest[family] && error instanceof Refusal) return false;
    throw error;
  }
}

const queryOf = (family) => (family === "first" ? dataQuery() : secondQuery());

/** The programs of one problem, in the first or the second family; null where the viewer may not read them. */
export async function loadPrograms(config, problem, { fresh = false, family = "first" } = {}) {
  if (!config.programs) return null;
  const query = `${queryOf(family)}&problem=${encodeURIComponent(problem)}`;
  if (!fresh && programs.has(query)) return programs.get(query);
  return keep(programs, query, await getJson(`${config.programs}?${query}`));
}

/** One program of one evaluation with the verdict of each test; null where it cannot be read. */
export async function loadProgram(config, problem, evaluation, program, family = "first") {
  if (!config.program) return null;
  const query = `${queryOf(family)}&${new URLSearchParams({ problem, evaluation, program })}`;
  if (!single.has(query)) keep(single, query, getJson(`${config.program}?${query}`), KEPT_PROGRAMS);
  try {
    return await single.get(query);
  } catch (error) {
    single.delete(query);
    if (!(error instanceof Refusal)) throw error;
    return null;
  }
}

/** Calls `refetch` soon after something was measured. */
export function whenMeasured(refetch) {
  const heard = paced(() => {
    for (const cache of [views, programs, single]) cache.clear();
    return refetch();
  }, LEAST_WAIT);
  for (const what of ["evaluation", "problems"]) document.body.addEventListener(`live:${what}`, heard);
  document.body.addEventListener("live:job", ({ detail }) => ENDED.includes(detail.data?.state) && heard());
  return heard;
}
