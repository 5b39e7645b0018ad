// Verdict letters of a program: their words, their class, and how they are drawn.

import { element } from "../words.js";

export const VERDICTS = {
  A: "accepted", W: "wrong answer", R: "crashed", T: "time limit", M: "memory limit", O: "output limit",
  C: "does not compile", N: "no program", I: "infrastructure trouble", "-": "not run",
};
export const CLASS_WORDS = { S: "solved", O: "too slow", C: "wrong", N: "no program", I: "spoiled" };
const SVG = "http://www.w3.org/2000/svg";
const SHAPES = { // one shape a class, as in the keys of the plots
  S: ["circle", { cx: 6, cy: 6, r: 5, class: "fill-solved" }],
  O: ["path", { d: "M6 1L11.5 11H.5Z", class: "fill-slow" }],
  C: ["path", { d: "M2 2L10 10M10 2L2 10", class: "cross-wrong" }],
  N: ["circle", { cx: 6, cy: 6, r: 4, class: "ring" }],
  I: ["circle", { cx: 6, cy: 6, r: 4, class: "ring" }],
};

/** The failure class of letters: S solved, O optimisation, C correctness, N no program, I infrastructure. By every test,
 * or by the first that fails where `firstFailure`. */
export function failureClass(letters, firstFailure = false) {
  if (letters.includes("I")) return "I";
  if (/^N+$/.test(letters)) return "N";
  const deciding = firstFailure ? (/[^A-]/.exec(letters)?.[0] ?? "") : letters;
  if (/[WRC]/.test(deciding)) return "C";
  return /[TMO]/.test(deciding) ? "O" : "S";
}

export function classMark(kind) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 12 12");
  drawing.setAttribute("class", "mark");
  const [name, attributes] = SHAPES[kind];
  const shape = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
  drawing.append(shape);
  return drawing;
}

/** One square a test, small to large. `groups` are the tests' coverage levels; tests beyond `level` are pale. */
export function letterSquares(letters, groups, level) {
  return [...letters].map((letter, index) => {
    const [group, before] = [groups[index], groups[index - 1]];
    const square = element("i", letter === "-" ? "none" : letter, letter === "-" ? "·" : letter);
    square.classList.toggle("first", index > 0 && group !== before);
    square.classList.toggle("beyond", group > level);
    square.title = `test ${index + 1}, level ${group}: ${VERDICTS[letter]}`;
    return square;
  });
}
