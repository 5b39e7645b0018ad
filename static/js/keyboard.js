// Keys on every page: / filters, j and k move through the rows of the first list marked data-rows, Enter opens the row,
// Esc closes menus or lets the current row go, t goes round the themes, ? shows help. A row is remembered by its id, so it
// stays current when live data redraws the list ("rows:drawn" where it is no htmx that does), unless the new list has a
// current row of its own.

import { typing } from "./typing.js";

const rows = () => [...document.querySelectorAll("[data-rows] [data-href]")];
const marked = () => document.querySelector("[data-rows] .current")?.id ?? null;
let current = null;

function move(step) {
  const all = rows();
  if (!all.length) return;
  current ??= marked();
  const at = all.findIndex((row) => row.id === current);
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  current = next.id;
  mark();
  next.scrollIntoView({ block: "nearest" });
}

function mark() {
  for (const row of rows()) {
    const here = row.id === current;
    row.classList.toggle("current", here);
    if (here) row.setAttribute("aria-current", "true"); else row.removeAttribute("aria-current");
  }
}

const actions = {
  "/": () => document.querySelector("[data-filter]")?.focus(),
  j: () => move(1),
  k: () => move(-1),
  Enter: () => {
    const row = rows().find((candidate) => candidate.id === current);
    if (row) location.assign(row.dataset.href);
    return row !== undefined;
  },
  Escape: () => {
    const menus = [...document.querySelectorAll("details.menu[open]")];
    for (const menu of menus) { menu.open = false; menu.querySelector("summary").focus(); }
    if (!menus.length && current !== null) { current = null; mark(); }
    return menus.length > 0; // a selection goes together with the current row
  },
  t: () => document.dispatchEvent(new CustomEvent("theme:flip")),
  "?": () => document.getElementById("help")?.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape" && event.target.matches("[data-filter]")) event.target.blur();
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
  const act = actions[event.key];
  if (!act) return;
  // Enter that opens a row and Esc that closes a menu do nothing else.
  if (act() || (event.key !== "Enter" && event.key !== "Escape")) event.preventDefault();
});
document.addEventListener("htmx:afterSwap", () => { current = marked() ?? current; mark(); });
document.addEventListener("rows:drawn", mark);
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
