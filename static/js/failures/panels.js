// The panels below the grid: where answers begin to fail, how programs grow, tags. Each is one JSON with a figure and a
// table; while a new one loads the old one stays.

import { carried, getJson } from "../fetching.js";
import { draw } from "../figure.js";
import { mixBar } from "../marks.js";
import { alphaText, DASH, element, whole } from "../words.js";

const latest = new Map();

/** The same page without the saved view, for those who have one. */
function ofNow() {
  if (document.body.dataset.free) return [];
  const address = new URLSearchParams(location.search);
  address.delete("view");
  return [Object.assign(element("a", "", "Show this page as of now"), { href: `?${address}` })];
}

/** Reads one panel and shows it, unless a later request for the same panel came first. */
export async function showPanel(name, address) {
  const mine = (latest.get(name) ?? 0) + 1;
  latest.set(name, mine);
  const section = document.querySelector(`[data-panel="${name}"]`);
  const note = section.querySelector("[data-note]");
  try {
    const data = await getJson(address);
    if (latest.get(name) !== mine) return;
    section.classList.remove("not-kept");
    await SHOWN[name](section, data);
    note.textContent = data.note || "\u00a0";
  } catch (error) {
    if (latest.get(name) !== mine) return;
    section.querySelector(".plot")?.removeAttribute("aria-busy");
    if (carried.has("view") && error.status === 404) {
      section.classList.add("not-kept");
      note.replaceChildren("The saved view does not keep these figures. ", ...ofNow());
    } else note.textContent = `These figures could not be read: ${error.message}`;
  }
}

const SHOWN = {
  async levels(section, data) {
    tableOf(section.querySelector("[data-table]"), data.table);
    await draw(section.querySelector("#levels"), data.figure);
  },
  async growth(section, data) {
    tableOf(section.querySelector("[data-table]"), data.table);
    await draw(section.querySelector("#growth"), data.figure);
    const part = section.querySelector("#programs-part");
    part.hidden = !data.programs?.drawn;
    if (part.hidden) return;
    const { title, problem, distinct, drawn } = data.programs;
    section.querySelector("#programs-title").textContent = `Programs for ${title || problem}`;
    section.querySelector("#programs-note").textContent = drawn < distinct ? `the ${drawn} most frequent of ${distinct}; lines are fitted` : `${distinct} distinct; lines are fitted`;
    await draw(section.querySelector("#programs"), data.programs.figure);
  },
  groups(section, { columns, groups }) {
    const head = element("tr", "", element("th", "", "problems"), number("th", "how many"));
    for (const one of columns) head.append(element("th", "", one.alpha === null ? one.label : `a = ${alphaText(one.alpha)}`));
    section.querySelector("thead").replaceChildren(head);
    section.querySelector("tbody").replaceChildren(...groups.map(groupRow));
  },
};

function groupRow({ kind, name, problems, cells }) {
  const label = kind === "difficulty" ? element("b", "", name) : element("span", "mono", name);
  const row = element("tr", "", element("td", "nowrap", label), number("td", whole(problems)));
  for (const { solved, counts, n } of cells) {
    const cell = element("td", "group-cell", n ? rated(solved) : DASH);
    cell.dataset.value = n ? plain(solved) : DASH;
    if (n) cell.append(mixBar(counts));
    row.append(cell);
  }
  return row;
}

function number(tag, words) {
  return element(tag, "num", words);
}

function plain([value, half]) {
  return value === null ? DASH : `${value.toFixed(3)}${half === null ? "" : ` ± ${half.toFixed(3)}`}`;
}

function rated([value, half]) {
  if (value === null) return element("span", "rate", DASH);
  return element("span", "rate", value.toFixed(3), element("em", "", half === null ? "" : ` ± ${half.toFixed(3)}`));
}

/** The table beside a figure: the first row is the head; [value, half-width] is a rate, anything else stands as it is. */
function tableOf(place, [head, ...rows]) {
  const table = element("table", "data plain");
  table.append(element("thead", "", element("tr", "", ...head.map((words, index) => element("th", index ? "num" : "", words)))));
  const cell = (value, index) => element("td", index ? "num" : "nowrap", Array.isArray(value) ? rated(value) : typeof value === "number" ? whole(value) : value ?? DASH);
  table.append(element("tbody", "", ...rows.map((row) => element("tr", "", ...row.map(cell)))));
  place.replaceChildren(table);
}
