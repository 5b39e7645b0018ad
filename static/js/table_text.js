// Rows of text as CSV, Markdown and LaTeX (booktabs), the way frontier_app/tables/files.py writes them. A table is
// { head: [label...], body: [[text...]...], best: ["", "high", "low"...] }; a cell like "0.612 ± 0.021" is an interval.

const NUMBER = /^[−-]?[\d\s\u202f,]*\.?\d+(?:e[+-]?\d+)?(?:\s*%)?$/i;
const DASH = "—";

/** The number that a cell begins with, or NaN. */
function numberOf(text) {
  const value = text.split("±")[0].replace(/\(.*\)$/s, "").trim();
  return NUMBER.test(value) ? Number(value.replace("−", "-").replace(/[\s\u202f,%]/g, "")) : NaN;
}

/** Which cell of each column is best: a number as it is written, NaN where there is nothing to compare. */
function winners({ body, best = [] }) {
  return best.map((end, at) => {
    const numbers = body.map((row) => numberOf(row[at] ?? "")).filter((value) => !Number.isNaN(value));
    if (!end || numbers.length < 2) return NaN;
    return end === "low" ? Math.min(...numbers) : Math.max(...numbers);
  });
}

/** Columns that hold numbers alone stand to the right. */
const toTheRight = ({ head, body }) => head.map((_, at) => {
  const cells = body.map((row) => row[at] ?? "").filter((text) => text && text !== DASH);
  return cells.length > 0 && cells.every((text) => !Number.isNaN(numberOf(text)));
});

// A leading = + - @ would run as a formula in a spreadsheet; a number keeps its sign.
const FORMULA = /^\s*(?:[=+@＝＋＠－]|-(?!\d)|-.*[^\d.eE+-])|^[\t\r\n]/s;

export function csv({ head, body }) {
  const cell = (value) => {
    if (typeof value === "number") return String(value);
    const text = String(value ?? "");
    const safe = FORMULA.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [head, ...body].map((row) => row.map(cell).join(",")).join("\n") + "\n";
}

export function markdown(table) {
  const escaped = (text) => text.replace(/[\\|*_`<[\]]/g, "\\$&");
  const best = winners(table);
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const cells = (row) => row.map((text, at) => (numberOf(text) === best[at] ? `**${escaped(text)}**` : escaped(text)));
  return [
    line(table.head.map(escaped)),
    line(toTheRight(table).map((right) => (right ? "---:" : "---"))),
    ...table.body.map((row) => line(cells(row))),
  ].join("\n") + "\n";
}

const SIGNS = {
  "\\": "\\textbackslash{}", "^": "\\textasciicircum{}", "~": "\\textasciitilde{}", "<": "\\textless{}", ">": "\\textgreater{}",
  "|": "\\textbar{}", "±": "$\\pm$", "−": "$-$", "×": "$\\times$", "≤": "$\\leq$", "≥": "$\\geq$", "→": "$\\rightarrow$",
  "·": "$\\cdot$", "—": "---", "–": "--", "…": "\\ldots{}", "\u202f": "\\,", "α": "$\\alpha$", "Δ": "$\\Delta$", "σ": "$\\sigma$",
};

export function latex(table) {
  const escaped = (text) => text.replace(/[^\w\s]/gu, (sign) => SIGNS[sign] ?? ("{}$&#%".includes(sign) ? `\\${sign}` : sign)).replaceAll("_", "\\_");
  const best = winners(table);
  const cell = (text, at) => {
    if (numberOf(text) !== best[at]) return escaped(text);
    const [value, ...doubt] = text.split(/(?=\s*±)/);
    return `\\textbf{${escaped(value)}}${escaped(doubt.join(""))}`;
  };
  const line = (cells) => `${cells.join(" & ")} \\\\`;
  return [
    "% needs \\usepackage{booktabs}",
    `\\begin{tabular}{${toTheRight(table).map((right) => (right ? "r" : "l")).join("")}}`,
    "\\toprule", line(table.head.map(escaped)), "\\midrule", ...table.body.map((row) => line(row.map(cell))), "\\bottomrule", "\\end{tabular}",
  ].join("\n") + "\n";
}

/** Hands a file to the browser to be saved. */
export function saveFile(name, type, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Puts text on the clipboard. Without a secure origin there is none: the text is then copied by way of a selection. */
export async function copyText(content, beside) {
  try {
    await navigator.clipboard.writeText(content);
    return true;
  } catch {
    const area = Object.assign(document.createElement("textarea"), { value: content });
    beside.after(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}
