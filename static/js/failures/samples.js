// Keys of the samples page, beside those of every page: 1 to 5 filter by class, Enter opens the first failing test of a
// sample, the arrows go through its tests, j and k through the samples while one is open, r runs the program again on the
// test, d leads to the sample's transcript and back, n and p through its turns, Esc closes the sample and then leads to the
// grid. The turn stands in the address as its fragment.

import { typing } from "../typing.js";

const rows = () => [...document.querySelectorAll("#samples [data-href]")];
const open = document.getElementById("test");

const form = document.querySelector("form.sample-filters");

// The way back to the grid keeps how it was looked at; the cell is the one of these samples.
const back = document.querySelector(".crumbs a:last-of-type");
const address = new URL(back.href);
const left = new URLSearchParams(sessionStorage.getItem(`left:${address.pathname}`) ?? "");
for (const [name, value] of left) if (!address.searchParams.has(name)) address.searchParams.set(name, value);
back.href = address;

/** Only what is asked stands in the address. */
form.addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
});

/** 1 to 5: the classes, in the order in which they stand. */
function flipClass(digit) {
  const box = form.querySelectorAll("[name=class]")[digit - 1];
  box.checked = !box.checked;
  form.requestSubmit();
}

function go(address) {
  if (address) location.assign(address);
}

function besideTest(step) {
  const tests = [...document.querySelectorAll(".tests-line a")];
  const at = tests.findIndex((one) => one.hasAttribute("aria-current"));
  return tests[at + step]?.href;
}

function besideSample(step) {
  const all = rows();
  const at = all.findIndex((row) => row.classList.contains("current"));
  return all[at < 0 ? 0 : at + step]?.dataset.href;
}

const transcript = document.getElementById("transcript");
const turns = [...document.querySelectorAll(".turns-line a")];

/** The place of the turn that the address names; -1 for none. */
const turnNow = () => turns.findIndex((one) => one.hash === location.hash);

/** To a part of this page, in place of the part that the address named: Back leads to the page before. */
function goWithin(hash) {
  location.replace(hash);
}

function besideTurn(step) {
  const at = turnNow();
  if (turns.length) goWithin(turns[Math.min(Math.max(at + step, 0), turns.length - 1)].hash);
}

function markTurn() {
  const at = turnNow();
  for (const [place, one] of turns.entries()) {
    if (place === at) one.setAttribute("aria-current", "true"); else one.removeAttribute("aria-current");
  }
}

/** Keys that move within the page. */
const moves = {
  d: () => goWithin(/^#(transcript|turn-)/.test(location.hash) ? "#test" : "#transcript"),
  n: () => besideTurn(1),
  p: () => besideTurn(-1),
};

const acts = {
  Enter: () => !open && !rows().some((row) => row.classList.contains("current")) && rows()[0]?.dataset.href,
  ArrowLeft: () => open && besideTest(-1),
  ArrowRight: () => open && besideTest(1),
  j: () => open && besideSample(1),
  k: () => open && besideSample(-1),
  Escape: () => (open ? document.querySelector("[data-close]").href : back.href),
};

document.addEventListener("keydown", (event) => {
  if (event.key === "r" && !event.ctrlKey && !event.metaKey && !typing(event.target)) document.querySelector("[data-inspect]")?.click();
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (typing(event.target) || document.querySelector("dialog[open], details.menu[open]")) return;
  if (/^[1-5]$/.test(event.key)) {
    flipClass(Number(event.key));
    return;
  }
  if (transcript && Object.hasOwn(moves, event.key)) {
    event.preventDefault();
    moves[event.key]();
    return;
  }
  if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
  const address = acts[event.key]?.();
  if (!address) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  go(address);
}, { capture: true });

addEventListener("hashchange", markTurn);
markTurn();
if (!location.hash) document.querySelector("#samples .current")?.scrollIntoView({ block: "nearest" });
