// What the policy writes for the chosen problem at this alpha: its most frequent program, how often, the verdict on each
// test, and which lines are new against the baseline's program. At an unmeasured alpha, the nearest measured one's.

import { alphaText, element } from "../words.js";

const VERDICTS = {
  A: "accepted", W: "wrong answer", R: "crashed", T: "time limit", M: "memory limit", O: "output limit",
  C: "does not compile", N: "no program", I: "infrastructure trouble", "-": "not run",
};

/** The failure class of letters by every test: S solved, O optimisation, C correctness, N no program, I infrastructure. */
export function failureClass(letters) {
  if (letters.includes("I")) return "I";
  if (/^N+$/.test(letters)) return "N";
  if (/[WRC]/.test(letters)) return "C";
  return /[TMO]/.test(letters) ? "O" : "S";
}

/** For each line of `text`, whether it also stands, in the same order, in `before` (longest common subsequence). */
export function keptLines(before, text) {
  const [old, lines] = [before.split("\n"), text.split("\n")];
  const longest = Array.from({ length: old.length + 1 }, () => new Uint16Array(lines.length + 1));
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = lines.length - 1; j >= 0; j -= 1) {
      longest[i][j] = old[i] === lines[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const kept = new Array(lines.length).fill(false);
  for (let i = 0, j = 0; i < old.length && j < lines.length;) {
    if (old[i] === lines[j]) {
      kept[j] = true;
      i += 1;
      j += 1;
    } else if (longest[i + 1][j] >= longest[i][j + 1]) i += 1;
    else j += 1;
  }
  return kept;
}

export class ProgramPanel {
  constructor(problemAddress) {
    this.problemAddress = problemAddress;
    for (const part of ["count", "link", "problem", "statement", "tests", "verdict", "key"]) {
      this[part] = document.getElementById(`program-${part}`);
    }
    this.code = document.getElementById("program");
    this.letters = this.tests.querySelector(".letters");
  }

  /** Takes a problem's programs. `levels` and `level` say how many test groups there are and are judged. */
  take(programs, level, levels) {
    const said = JSON.stringify([programs, level]);
    if (said === this.said) return;
    Object.assign(this, { programs, level, levels, said });
    this.shown = null;
    const { problem } = programs;
    this.problem.textContent = problem.title;
    this.statement.textContent = problem.statement;
    this.statement.title = problem.statement;
    this.link.href = this.problemAddress.replace("SLUG", encodeURIComponent(problem.slug));
    this.link.hidden = false;
    this.groups = problem.tests.map((test) => test.group);
    this.solvedLines = new Set();
    for (const { program, letters } of Object.values(programs.evaluations)) {
      if (program && failureClass(this.#judged(letters)) === "S") {
        for (const line of (programs.programs[program] ?? "").split("\n")) this.solvedLines.add(line);
      }
    }
  }

  /** The letters of the tests within the chosen coverage level. */
  #judged(letters) {
    return [...letters].filter((_, index) => (this.groups[index] ?? 1) <= this.level).join("");
  }

  show(view, alpha) {
    if (!this.programs) return;
    const evaluation = view.measuredAt(alpha) ?? view.nearest(alpha);
    const written = evaluation && this.programs.evaluations[evaluation.reference];
    const base = view.baseline_ && this.programs.evaluations[view.baseline_.reference];
    const key = `${evaluation?.reference} ${view.measuredAt(alpha) !== null} ${view.baseline_?.reference} ${written?.n}`;
    if (key === this.shown) return;
    this.shown = key;
    const elsewhere = evaluation && !view.measuredAt(alpha) ? ` at a = ${alphaText(evaluation.alpha)}, the nearest measured` : "";
    if (!written) {
      this.count.textContent = `no samples of this problem yet${elsewhere}`;
      this.letters.replaceChildren();
      this.verdict.textContent = "";
      this.code.replaceChildren(element("span", "line quiet-text", "No samples of this problem yet."));
      this.key.textContent = "\u00a0";
      return;
    }
    const answers = `${written.count} of ${written.n} ${written.program ? "write this" : "hold no program"}`;
    this.count.textContent = elsewhere ? `${written.count} of ${written.n}${elsewhere}` : `${answers} · ${written.distinct} distinct`;
    this.count.title = `${answers}${elsewhere} · ${written.distinct} distinct`;
    this.#letters(written.letters);
    this.#code(view, written, evaluation === view.baseline_ ? null : base);
  }

  #letters(letters) {
    this.letters.setAttribute("aria-label", letters);
    this.letters.replaceChildren(...[...letters].map((letter, index) => {
      const [group, before] = [this.groups[index], this.groups[index - 1]];
      const square = element("i", letter === "-" ? "none" : letter, letter === "-" ? "·" : letter);
      square.classList.toggle("first", index > 0 && group !== before);
      square.classList.toggle("beyond", group > this.level);
      square.title = `test ${index + 1}, level ${group}: ${VERDICTS[letter]}`;
      return square;
    }));
    const judged = this.#judged(letters);
    const first = [...judged].findIndex((letter) => letter !== "A" && letter !== "-");
    const at = first < 1 ? "from the first test" : `from level ${this.groups[first]} of ${this.levels}`;
    this.verdict.textContent = first < 0 ? "solved" : /^N+$/.test(judged) ? "no program" : `${VERDICTS[judged[first]]} ${at}`;
  }

  #code(view, written, base) {
    const text = written.program ? this.programs.programs[written.program] ?? "" : "";
    const before = base?.program ? this.programs.programs[base.program] ?? "" : null;
    const kept = before === null ? null : keptLines(before, text);
    const verdict = failureClass(this.#judged(written.letters));
    const marks = { good: 0, bad: 0 };
    const lines = text.split("\n").map((line, index) => {
      const fresh = kept !== null && !kept[index] && line.trim() !== "";
      const kind = !fresh ? "" : verdict === "S" || this.solvedLines.has(line) ? "good" : "bad";
      if (kind) marks[kind] += 1;
      return element("span", `line ${kind}`, line || " ");
    });
    this.code.replaceChildren(...(written.program ? lines : [element("span", "line", "These answers hold no fenced program.")]));
    const against = view.baseline_?.alpha === null ? `the ${view.baseline_.label}` : `a = ${alphaText(view.baseline_?.alpha ?? 0)}`;
    const gone = before === null || !written.program ? 0 : before.split("\n").length - kept.filter(Boolean).length;
    this.key.replaceChildren(...(kept === null
      ? [base === null ? "the baseline's own program" : ""]
      : [
        element("span", "", `against ${against}:`),
        ...(marks.good ? [element("span", "good", "new, in a program that solves it")] : []),
        ...(marks.bad ? [element("span", "bad", "new, in none that does")] : []),
        ...(gone ? [element("span", "gone", `${gone} ${gone === 1 ? "line" : "lines"} gone`)] : []),
        ...(!marks.good && !marks.bad && !gone ? ["the same program"] : []),
      ]));
  }
}
