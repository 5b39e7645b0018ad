// Selecting rows of a table <table data-select="NAME" data-of="ALL" data-filter="FILTER">: its boxes, Shift for a range,
// Ctrl or a click on a box for one, x and Space for the current row, Esc for none, and "all N that match" where they are
// more than the page. A row is remembered by its data-key, through live redraws and from page to page of one visit.
//
// The bar is <div data-bulk="NAME" data-noun="run">. [data-go] opens an address that ends with the keys: with data-pair
// as ?a=…&b=…, with data-in="FIELD" as a filter of the keys (or, with data-names="COLUMN", of the names), with
// data-rest="KEY" all but the first as &KEY=…. For all that match it opens data-all and their filter, where it has that.
// [data-save] saves the selection as a file, [data-bulk-form] posts the keys, or all=1 for all that match. Whatever has a
// data-most takes no more, and says so with its data-limit.

import { toast } from "./toast.js";

import { typing } from "./typing.js";

const table = () => document.querySelector("table[data-select]");
const rows = () => [...document.querySelectorAll("table[data-select] tr[data-key]")];
const bar = document.querySelector("[data-bulk]");
const store = `selected:${location.pathname}`;
const chosen = new Map(JSON.parse(sessionStorage.getItem(store) ?? "[]")); // key -> name
// What "all that match" refers to; it ends with the filter.
const matching = () => table()?.dataset.filter ?? "";
let all = false;
let anchor = null;

function choose(row, wanted) {
  all = false;
  if (wanted) chosen.set(row.dataset.key, row.dataset.name); else chosen.delete(row.dataset.key);
}

function toggle(row) {
  choose(row, !chosen.has(row.dataset.key));
  anchor = row.dataset.key;
  show();
}

/** Everything from the last row that was chosen alone to this one. */
function extend(row) {
  const keys = rows().map((one) => one.dataset.key);
  const from = keys.indexOf(anchor);
  const to = keys.indexOf(row.dataset.key);
  if (from < 0) {
    toggle(row);
    return;
  }
  for (const one of rows().slice(Math.min(from, to), Math.max(from, to) + 1)) choose(one, true);
  show();
}

function clear() {
  chosen.clear();
  all = false;
  anchor = null;
  show();
}

function show() {
  const shown = rows();
  for (const row of shown) {
    const on = all || chosen.has(row.dataset.key);
    row.classList.toggle("selected", on);
    row.setAttribute("aria-selected", String(on));
    const box = row.querySelector(".pick input");
    if (box) box.checked = on;
  }
  const here = shown.filter((row) => all || chosen.has(row.dataset.key)).length;
  const head = document.querySelector("[data-pick-all]");
  if (head) {
    head.checked = shown.length > 0 && here === shown.length;
    head.indeterminate = here > 0 && here < shown.length;
  }
  sessionStorage.setItem(store, JSON.stringify([...chosen]));
  if (bar) showBar(here === shown.length && shown.length > 0);
}

function showBar(wholePage) {
  const of = Number(table()?.dataset.of ?? 0);
  const number = all ? of : chosen.size;
  bar.hidden = number === 0 || !table();
  bar.querySelector("output").textContent = `${words(number)} selected`;
  const offer = bar.querySelector("[data-bulk-all]");
  if (offer) {
    offer.hidden = all || !wholePage || of <= chosen.size;
    offer.textContent = `all ${words(of)} that match`;
  }
  const limits = [];
  for (const act of bar.querySelectorAll("[data-most]")) {
    const least = Number(act.dataset.least ?? 1);
    const any = all && ("all" in act.dataset || !("go" in act.dataset));
    const most = Number(act.dataset.most);
    const over = !any && number > most;
    if (over) limits.push(act.dataset.limit);
    if ("go" in act.dataset) act.disabled = over || number < least;
    else act.hidden = over;
    act.title = number >= least ? "" : least === most ? `Select ${least}` : `Select ${least} to ${most}`;
  }
  bar.querySelector("[data-bulk-limits]").textContent = limits.join(" ");
}

function words(number) {
  return `${String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f")} ${bar?.dataset.noun ?? "row"}${number === 1 ? "" : "s"}`;
}

/** The address of this list with other parameters: all its rows, in their order. */
function listAddress(changes) {
  const query = new URLSearchParams(location.search);
  for (const name of ["page", "size", "baseline"]) query.delete(name);
  for (const [name, value] of Object.entries(changes)) query.set(name, value);
  return `${location.pathname}?${query}`;
}

/** [key, name] of what is selected, in the order of the table where it is on this page. */
async function selection(names) {
  if (!all) {
    const at = rows().map((row) => row.dataset.key);
    return [...chosen].sort(([one], [other]) => at.indexOf(one) - at.indexOf(other));
  }
  const response = await fetch(listAddress({ format: "json", columns: ["reference", names].filter(Boolean).join(",") }));
  if (!response.ok) throw new Error(`The server answers ${response.status}`);
  return (await response.json()).map((row) => [row.reference, row[names]]);
}

async function go(button) {
  const { go: address, in: field, names, rest, all: whole } = button.dataset;
  if (all && whole) {
    location.assign(whole + encodeURIComponent(matching()));
    return;
  }
  let picked;
  try {
    picked = await selection(names);
  } catch {
    toast("The rows that match could not be read: try again.");
    return;
  }
  const keys = picked.map(([key]) => key);
  if ("pair" in button.dataset) location.assign(`${address}?a=${encodeURIComponent(keys[0])}&b=${encodeURIComponent(keys[1])}`);
  else if (field) {
    const values = names ? picked.map(([, name]) => name) : keys;
    location.assign(address + encodeURIComponent(`${field} in (${values.map((one) => `"${one.replaceAll('"', '""')}"`).join(", ")})`));
  } else if (rest && keys.length > 1) {
    location.assign(`${address}${encodeURIComponent(keys[0])}&${rest}=${keys.slice(1).map(encodeURIComponent).join(",")}`);
  } else location.assign(address + keys.map(encodeURIComponent).join(","));
}

function save(link) {
  const query = new URLSearchParams(location.search);
  const changes = { format: link.dataset.save };
  if (query.has("baseline")) changes.baseline = query.get("baseline");
  if (!all) changes.rows = [...chosen.keys()].join(",");
  link.href = listAddress(changes);
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-bulk-none]")) clear();
  else if (event.target.closest("[data-bulk-all]")) { all = true; show(); }
  else if (event.target.closest("[data-go]")) go(event.target.closest("[data-go]"));
  else if (event.target.closest("[data-save]")) save(event.target.closest("[data-save]"));
  else if (event.target.closest("[data-pick-all]")) {
    const on = event.target.closest("[data-pick-all]").checked;
    for (const row of rows()) choose(row, on);
    show();
  } else {
    const row = event.target.closest("table[data-select] tr[data-key]");
    const box = row && event.target.closest(".pick");
    if (!row || (!box && !event.ctrlKey && !event.metaKey && !event.shiftKey)) return;
    if (!box && event.target.closest("a, button")) return; // a modified click on a link opens it elsewhere
    if (!box || event.target.tagName !== "INPUT") event.preventDefault();
    if (event.shiftKey) { getSelection()?.removeAllRanges(); extend(row); } else toggle(row);
  }
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  const current = document.querySelector("table[data-select] tr.current[data-key]");
  const free = !event.target.closest("a, button, summary, input");
  if (event.key === "x" && current) toggle(current);
  else if (event.key === "X" && current) extend(current);
  else if (event.key === " " && current && free) { event.preventDefault(); toggle(current); }
  else if (event.key === "Escape" && (all || chosen.size)) clear();
});

document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-bulk-form]");
  if (!form) return;
  const question = form.querySelector("[data-confirm]")?.dataset.confirm;
  const number = all ? Number(table()?.dataset.of ?? 0) : chosen.size;
  if (question && !confirm(question.replace("# runs", words(number)))) {
    event.preventDefault();
    return;
  }
  form.elements.all.value = all ? "1" : "";
  form.elements.q.value = matching();
  form.elements.runs.value = all ? "" : [...chosen.keys()].join(",");
  chosen.clear();
  sessionStorage.removeItem(store);
});

// Radio buttons of a filter take effect at once.
document.addEventListener("change", (event) => { if (event.target.matches("[data-send]")) event.target.form.requestSubmit(); });
document.addEventListener("htmx:afterSwap", show);
show();
