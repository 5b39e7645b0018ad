// Asking the server: JSON from an address, the sentence to show where there is none, and asking again at a bearable pace
// while something is measured.

/** What every request of an opened view carries along (carried.js): its share link's token, its saved view. */
export const carried = new URLSearchParams(document.querySelector('meta[name="carried"]')?.content ?? "");

/** A request without an answer to show; the message is the sentence to say. `status` is 0 where the server did not answer,
 * `caret` marks the mistake in a filter. */
export class Refusal extends Error {
  constructor(message, status, caret = "") {
    super(message);
    Object.assign(this, { status, caret });
  }
}

/** The JSON of an address, `told`, and the `response` it came in. Raises Refusal. */
async function answer(address) {
  const { response, told } = await fetched(address);
  if (response.ok && told) return { response, told };
  const words = response.ok ? "This is no answer of the page: you may be logged out." : `The server answered ${response.status}.`;
  throw new Refusal(told?.error ?? `${words} Reload the page, or log in again.`, response.status, told?.caret);
}

export const getJson = async (address) => (await answer(address)).told;

async function fetched(address) {
  try {
    const response = await fetch(address, { headers: { Accept: "application/json" } });
    return { response, told: response.headers.get("Content-Type")?.includes("json") ? await response.json() : null };
  } catch {
    throw new Refusal("The server cannot be reached. The page goes on when it answers again.", 0);
  }
}

/** A function that has `work` done soon: at once when it is first called, then never sooner than `least` milliseconds after
 * the last time, nor than four times what that took, and never twice at once. */
export function paced(work, least) {
  let [due, busy, free] = [false, false, 0];
  return async () => {
    due = true;
    if (busy) return;
    busy = true;
    try {
      while (due) {
        await new Promise((resume) => setTimeout(resume, free - performance.now()));
        due = false;
        const began = performance.now();
        await work();
        free = performance.now() + Math.max(least, 4 * (performance.now() - began));
      }
    } finally {
      busy = false;
    }
  };
}
