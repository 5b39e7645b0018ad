// What live data redraw keeps what is being used. An open menu, or a field that somebody types in, puts a redraw off until
// it is left; focus, open folds and scroll positions come through one. What is told while a redraw is on its way is made up
// for, as it may be older. A part whose data-stage changes brings what stands outside it as well: the page is read again. A
// request that fails is said.

import { toast } from "./toast.js";

const IN_USE = "details.menu[open], select:focus, textarea:focus, input:focus:not([type=checkbox], [type=radio])";
const CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex]";
const PAUSE = 1_000; // milliseconds before what was told meanwhile is made up for
const late = new Set(); // ids of the parts that are still to be redrawn
let before = null;

const folds = (part) => [...part.querySelectorAll("details:not(.menu)")];
const scrolled = (part) => [...part.querySelectorAll(".scroll, .lineage-scroll, pre")];

/** The focused control: the nearest element around it that has an id, and its place among the controls there. */
function focusIn(part) {
  const focused = document.activeElement;
  if (!part.contains(focused) || focused === part) return null;
  const around = focused.closest("[id]");
  return { id: around.id, place: [...around.querySelectorAll(CONTROLS)].indexOf(focused) };
}

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { target, requestConfig } = detail;
  before = null;
  if (!detail.shouldSwap || !requestConfig?.triggeringEvent?.type.startsWith("live:")) return;
  if (target.querySelector(IN_USE)) {
    detail.shouldSwap = false;
    late.add(target.id);
    return;
  }
  before = {
    id: target.id,
    stage: target.dataset.stage,
    focus: focusIn(target),
    folds: folds(target).map((fold) => fold.open),
    scrolled: scrolled(target).map(({ scrollLeft, scrollTop }) => ({ scrollLeft, scrollTop })),
  };
});

document.addEventListener("htmx:afterSwap", () => {
  const part = before && document.getElementById(before.id);
  const { stage, focus, folds: open, scrolled: places } = before ?? {};
  before = null;
  if (!part) return;
  setTimeout(catchUp, PAUSE);
  if (part.dataset.stage !== stage) {
    location.reload();
    return;
  }
  if (folds(part).length === open.length) folds(part).forEach((fold, index) => { fold.open = open[index]; });
  scrolled(part).forEach((box, index) => Object.assign(box, places[index]));
  if (focus && document.activeElement === document.body) {
    const around = document.getElementById(focus.id);
    (focus.place < 0 ? around : around?.querySelectorAll(CONTROLS)[focus.place])?.focus({ preventScroll: true });
  }
});

document.body.addEventListener("live", ({ detail }) => {
  for (const part of document.querySelectorAll(`.htmx-request[hx-trigger*="live:${detail.what}"]`)) late.add(part.id);
});

/** Makes up for what was put off, where nothing is in use any more. */
function catchUp() {
  for (const id of late) {
    const part = document.getElementById(id);
    if (part?.querySelector(IN_USE)) continue;
    late.delete(id);
    if (part) window.htmx.ajax("GET", part.getAttribute("hx-get"), { source: part, target: part, swap: "outerHTML", event: new CustomEvent("live:again") });
  }
}

document.addEventListener("toggle", () => setTimeout(catchUp), true);
document.addEventListener("focusout", () => setTimeout(catchUp));

document.addEventListener("htmx:responseError", ({ detail }) => {
  toast(`The server answered ${detail.xhr.status}. Reload the page, or log in again.`, { grave: true });
});
document.addEventListener("htmx:sendError", () => toast("The server cannot be reached. Try again.", { grave: true }));
