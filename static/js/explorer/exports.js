// Every plot as SVG or PNG, and the numbers behind each panel as CSV.

import { CLASSES } from "./view.js";

const SIZE = { width: 900, height: 560 };

function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

const quoted = (value) => (/[",\n]/.test(String(value ?? "")) ? `"${String(value).replaceAll('"', '""')}"` : String(value ?? ""));
const csv = (rows) => rows.map((row) => row.map(quoted).join(",")).join("\n") + "\n";

function pointRows(view) {
  const head = CLASSES.flatMap((name) => [`${name}_rate`, `${name}_half_width`]);
  const measured = view.evaluations.filter((one) => one.point);
  return [
    ["checkpoint", "alpha", "mark", "difficulty", "n", "problems", "infrastructure", ...head],
    ...measured.map(({ checkpoint, alpha, mark, point }) => [
      checkpoint, alpha, mark, view.difficulty, point.n, point.problems, point.infrastructure, ...CLASSES.flatMap((name) => point.rates[name]),
    ]),
  ];
}

function cellRows(view) {
  const measured = view.evaluations.filter((one) => one.point);
  return [
    ["problem", "checkpoint", "alpha", "n", ...CLASSES, "infrastructure"],
    ...view.problems.slug.flatMap((slug, problem) =>
      measured.map((one) => [slug, one.checkpoint, one.alpha, ...view.cell(one, problem)])),
  ];
}

/** Serves the copy menus; `current()` gives the view that is shown. */
export function serveExports(current) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-export]");
    const view = current();
    if (!button || !view) return;
    const { export: what, as } = button.dataset;
    const name = `${location.pathname.split("/").filter(Boolean).at(-1)}-${view.difficulty}-${what}`;
    button.closest("details").open = false;
    if (as === "csv") save(`${name}.csv`, "text/csv", csv(what === "strip" ? cellRows(view) : pointRows(view)));
    else window.Plotly.downloadImage(document.getElementById(what), { format: as, filename: name, ...SIZE, scale: as === "png" ? 2 : 1 });
  });
}
