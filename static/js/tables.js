// Every table copies: <span data-copy="#id"> gets the buttons CSV, Markdown and LaTeX for that table, and
// <button data-copy-text="#id"> copies the text of an element. A cell's data-value stands for its content.

const FORMATS = { CSV: csv, Markdown: markdown, LaTeX: latex };

function cells(table) {
  const columns = table.tHead ? table.tHead.rows[0].cells.length : 0;
  return [...table.rows]
    .filter((row) => row.offsetParent !== null)
    .map((row) => {
      const texts = [...row.cells].flatMap((cell) => [text(cell), ...Array(cell.colSpan - 1).fill("")]);
      return columns ? texts.slice(0, columns) : texts;
    });
}

function text(cell) {
  if (cell.dataset.value !== undefined) return cell.dataset.value;
  const letters = cell.querySelector(".letters");
  return (letters ? letters.getAttribute("aria-label") : cell.innerText).replace(/\s+/g, " ").trim();
}

function csv(rows) {
  // A leading = + - @ would run as a formula in a spreadsheet; a number keeps its sign.
  const safe = (value) => (/^[=+@\t\r]|^-(?!\d)/.test(value) ? `'${value}` : value);
  const quoted = (value) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  return rows.map((row) => row.map((value) => quoted(safe(value))).join(",")).join("\n");
}

function markdown([head, ...body]) {
  const line = (row) => `| ${row.map((value) => value.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...body.map(line)].join("\n");
}

function latex([head, ...body]) {
  const escaped = (value) => value
    .replace(/[\\{}$&#%_^~]/g, (sign) => ({ "\\": "\\textbackslash{}", "^": "\\^{}", "~": "\\~{}" }[sign] ?? `\\${sign}`))
    .replaceAll("±", "$\\pm$").replaceAll("−", "$-$").replaceAll("—", "---").replaceAll("×", "$\\times$");
  const line = (row) => `${row.map(escaped).join(" & ")} \\\\`;
  return [`\\begin{tabular}{${"l".repeat(head.length)}}`, "\\toprule", line(head), "\\midrule", ...body.map(line), "\\bottomrule", "\\end{tabular}"].join("\n");
}

async function put(content, button) {
  try {
    await navigator.clipboard.writeText(content);
    say("Copied");
  } catch {
    // Without a secure origin there is no clipboard: select the text so that one key copies it.
    const area = Object.assign(document.createElement("textarea"), { value: content });
    button.after(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    say(copied ? "Copied" : "The browser does not allow copying here");
  }
}

let toast = null;
function say(words) {
  toast?.remove();
  toast = Object.assign(document.createElement("div"), { className: "toast", textContent: words, role: "status" });
  document.body.append(toast);
  const shown = toast;
  setTimeout(() => shown.remove(), 1600);
}

function offer(root) {
  for (const slot of root.querySelectorAll("[data-copy]")) {
    if (slot.childElementCount) continue;
    slot.append("copy ");
    for (const name of Object.keys(FORMATS)) {
      slot.append(Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: name }));
    }
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy] button, [data-copy-text]");
  if (!button) return;
  if (button.dataset.copyText) {
    const source = document.querySelector(button.dataset.copyText);
    put(source.value ?? source.textContent, button);
    return;
  }
  const table = document.querySelector(button.closest("[data-copy]").dataset.copy);
  if (table) put(FORMATS[button.textContent](cells(table)), button);
});
document.addEventListener("htmx:afterSwap", () => offer(document));
offer(document);
