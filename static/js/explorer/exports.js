// The numbers behind each panel of the study page, for the menus that save figures.

import { provide } from "../figure_export.js";
import { CLASSES } from "./view.js";

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

/** Gives the menus of figure_export.js the numbers behind each panel; `current()` is the view that is shown. */
export function serveExports(current) {
  for (const [id, rows] of Object.entries({ frontier: pointRows, composition: pointRows, strip: cellRows })) {
    provide(id, () => current() && rows(current()));
  }
}
