// Every table exports. parts/export_table.html names a table (data-table="#id"): its buttons copy the rows that are
// shown, its links save all rows that match, with the query of the page as it stands. <span data-copy="#id"> gets the
// copy buttons alone, and <button data-copy-text="#id"> copies the text of an element. A cell's data-value stands for its
// content; a head cell's data-best="high|low" names the end that a paper sets in bold.

import { copyText, csv, latex, markdown } from "./table_text.js";
import { toast } from "./toast.js";

const WRITERS = { csv, md: markdown, tex: latex };
const NAMES = { csv: "CSV", md: "Markdown", tex: "LaTeX" };

/** What a table shows: { head, body, best }. Columns of controls, whose head is empty, are left out. */
export function tableText(table) {
  const rows = [...table.rows].filter((row) => row.offsetParent !== null);
  const heads = table.tHead ? [...table.tHead.rows[table.tHead.rows.length - 1].cells] : [];
  const texts = rows.filter((row) => row.parentElement !== table.tHead).map(wide);
  const width = heads.length || Math.max(0, ...texts.map((row) => row.length));
  const names = !heads.length || texts.some((row) => row[0]);
  const kept = [...Array(width).keys()].filter((at) => (at === 0 && names) || !heads.length || text(heads[at]));
  const body = texts.map((row) => kept.map((at) => row[at] ?? ""));
  // A pinned row that this page lists as well stands there once.
  if (table.querySelector("tbody.pinned") && body.slice(1).some((row) => String(row) === String(body[0]))) body.shift();
  return {
    head: kept.map((at) => (heads[at] ? text(heads[at]) : "")),
    body,
    best: kept.map((at) => heads[at]?.dataset.best ?? ""),
  };
}

const wide = (row) => [...row.cells].flatMap((cell) => [text(cell), ...Array(cell.colSpan - 1).fill("")]);

const words = (written) => written.replace(/\s+/g, " ").trim();

/** What stands beneath a number, its difference from a baseline, follows it in parentheses. */
function text(cell) {
  if (cell.dataset.value !== undefined) return cell.dataset.value;
  const beneath = cell.matches(".num") ? cell.querySelector(":scope > .sub") : null;
  if (beneath) return `${words(cell.innerText.slice(0, -beneath.innerText.length))} (${words(beneath.innerText)})`;
  return words(cell.querySelector(".letters")?.getAttribute("aria-label") ?? cell.innerText);
}

async function put(content, button, words) {
  toast((await copyText(content, button)) ? words : "The browser does not allow copying here");
}

function offer(root) {
  for (const slot of root.querySelectorAll("[data-copy]")) {
    if (slot.childElementCount) continue;
    slot.append("copy ");
    for (const [format, name] of Object.entries(NAMES)) {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: name });
      button.dataset.copyTable = format;
      slot.append(button);
    }
  }
}

/** The address of all matching rows: the page's own query (or the one of `data-address`) in another format. */
function fileAddress(link) {
  const own = new URL(link.dataset.address || location.href, location.href);
  own.hash = "";
  own.searchParams.delete("page");
  own.searchParams.set("format", link.dataset.file);
  return own.href;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-file]");
  if (link) {
    link.href = fileAddress(link);
    link.closest("details").open = false;
    return;
  }
  const button = event.target.closest("[data-copy-table], [data-copy-text]");
  if (!button) return;
  if (button.dataset.copyText) {
    const source = document.querySelector(button.dataset.copyText);
    put(source.value ?? source.textContent, button, "Copied");
    return;
  }
  const named = button.closest("[data-table]");
  const table = document.querySelector(named ? named.dataset.table : button.closest("[data-copy]").dataset.copy);
  if (!table) {
    toast("There is no row to copy yet");
    return;
  }
  const content = tableText(table);
  const rows = content.body.length === 1 ? "1 row" : `${content.body.length} rows`;
  put(WRITERS[button.dataset.copyTable](content), button, `Copied ${rows} as ${NAMES[button.dataset.copyTable]}`);
  if (named) named.open = false;
});

document.addEventListener("htmx:afterSwap", () => offer(document));
offer(document);
