// What the policy writes for the chosen problem at this alpha: every program, identical texts counted together, the most
// frequent first; of the chosen one its code, the verdict on each test, and which lines are new against the baseline's
// program. At an unmeasured alpha, the nearest measured one's. [ and ], in the list the arrow keys too, choose among the
// programs.

import { keptLines } from "./diff.js";
import { CLASS_WORDS, classMark, failureClass, letterSquares, VERDICTS } from "./verdicts.js";
import { typing } from "../typing.js";
import { alphaText, element } from "../words.js";

export const UNREAD = "It could not be read. Reload the page to try again.";
const FIRST = 200; // programs listed at once; more on request

export class ProgramPanel {
  /** `problemAddress` is null where problems have no page for this reader. `chosen(name)` when a program is chosen; `textOf(evaluation, name)` fetches the text of one that is not sent along. */
  constructor(problemAddress, { chosen, textOf }) {
    Object.assign(this, { problemAddress, chosen, textOf });
    for (const part of ["count", "link", "problem", "statement", "tests", "verdict", "key"]) {
      this[part] = document.getElementById(`program-${part}`);
    }
    this.code = document.getElementById("program");
    this.list = document.getElementById("written");
    this.letters = this.tests.querySelector(".letters");
    this.list.addEventListener("click", (event) => {
      const row = event.target.closest("[data-program]");
      if (row) chosen(row.dataset.program);
      else if (event.target.closest("button")) this.#fill(this.groups.length);
    });
    document.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Takes a problem's programs, judged at a level and by a rule, and those of the second family or null. */
  take(programs, others, { level, levels, firstFailure }) {
    const said = JSON.stringify([programs, others, level, firstFailure]);
    if (said === this.said) return;
    Object.assign(this, { unread: "", programs, others, level, levels, firstFailure, said, shown: null, listed: null });
    const { problem } = programs;
    this.problem.textContent = problem.title;
    this.statement.textContent = problem.statement;
    this.statement.title = problem.statement;
    if (this.problemAddress) this.link.href = this.problemAddress.replace("SLUG", encodeURIComponent(problem.slug));
    this.link.hidden = !this.problemAddress;
    this.levelOf = problem.tests.map((test) => test.group);
    this.solvedLines = new Set();
    for (const { written: [{ program, letters }] } of Object.values(programs.evaluations)) {
      if (program && this.classOf(letters) === "S") {
        for (const line of (programs.programs[program] ?? "").split("\n")) this.solvedLines.add(line);
      }
    }
  }

  /** The programs of a problem could not be read: says why in place of those of another one. */
  refuse(title, words) {
    Object.assign(this, { unread: words, programs: null, said: null, groups: [], group: null });
    this.problem.textContent = title;
    this.statement.textContent = this.count.textContent = "";
    this.link.hidden = true;
    this.#empty(words);
  }

  /** The letters of the tests within the chosen coverage level. */
  judged(letters) {
    return [...letters].filter((_, index) => (this.levelOf[index] ?? 1) <= this.level).join("");
  }

  classOf(letters) {
    return failureClass(this.judged(letters), this.firstFailure);
  }

  /** The groups of an evaluation, and the one of that name; the most frequent one where it wrote none such. */
  groupsOf(reference, name) {
    const { written = [] } = this.programs?.evaluations[reference] ?? this.others?.evaluations[reference] ?? {};
    return [written, written.find((one) => (one.program ?? "none") === name) ?? written[0] ?? null];
  }

  show(view, alpha, name) {
    if (!this.programs) return;
    const evaluation = view.measuredAt(alpha) ?? view.nearest(alpha);
    const written = evaluation && this.programs.evaluations[evaluation.reference];
    const [groups, group] = this.groupsOf(evaluation?.reference, name);
    const key = `${evaluation?.reference} ${view.measuredAt(alpha) !== null} ${view.baseline_?.reference} ${written?.n} ${group?.program}`;
    if (key === this.shown) return;
    this.shown = key;
    const elsewhere = evaluation && !view.measuredAt(alpha) ? ` at a = ${alphaText(evaluation.alpha)}, the nearest measured` : "";
    Object.assign(this, { groups, group });
    if (!group) {
      this.count.textContent = `no samples of this problem yet${elsewhere}`;
      this.#empty("No samples of this problem yet.");
      return;
    }
    const answers = `${written.n} answers · ${written.distinct} distinct ${written.distinct === 1 ? "program" : "programs"}`;
    this.count.textContent = `${answers}${elsewhere}`;
    this.count.title = this.count.textContent;
    if (this.listed !== evaluation.reference) this.#fill(FIRST);
    this.listed = evaluation.reference;
    for (const row of this.list.querySelectorAll("[data-program]")) {
      const here = row.dataset.program === (group.program ?? "none");
      row.setAttribute("aria-selected", String(here));
      if (here) this.list.setAttribute("aria-activedescendant", row.id);
      if (here && this.list.scrollHeight > this.list.clientHeight) {
        const above = row.offsetTop - this.list.offsetTop;
        if (above < this.list.scrollTop || above + row.offsetHeight > this.list.scrollTop + this.list.clientHeight) this.list.scrollTop = above;
      }
    }
    this.#letters(group);
    this.#code(view, evaluation, group);
  }

  #empty(words) {
    this.letters.replaceChildren();
    this.list.replaceChildren();
    this.list.removeAttribute("aria-activedescendant");
    this.listed = null;
    this.verdict.textContent = "";
    this.#say(words);
  }

  /** Words in place of code. */
  #say(words) {
    this.code.replaceChildren(element("span", "line quiet-text", words));
    this.key.textContent = "\u00a0";
  }

  /** The list: how often each program was written, what came of it, and its letters. */
  #fill(most) {
    const total = this.groups.reduce((sum, one) => sum + one.count, 0);
    this.list.replaceChildren(...this.groups.slice(0, most).map((one, index) => {
      const kind = this.classOf(one.letters);
      const row = element(
        "div", "", classMark(kind), element("b", "", `${one.count}`), element("span", "of", `of ${total}`),
        element("span", "kind", one.program === null ? "no program" : `${CLASS_WORDS[kind]}${one.verdicts > 1 ? ` · ${one.verdicts} verdicts` : ""}`),
        element("span", "letters small-letters", ...(one.program === null ? [] : letterSquares(one.letters, this.levelOf, this.level))),
      );
      row.id = `written-${index}`;
      row.dataset.program = one.program ?? "none";
      row.setAttribute("role", "option");
      row.setAttribute("aria-label", `program ${index + 1}: ${one.count} of ${total}, ${CLASS_WORDS[kind]}`);
      return row;
    }));
    if (this.groups.length > most) {
      const more = element("button", "quiet", `show ${this.groups.length - most} more`);
      more.type = "button";
      this.list.append(more);
    }
  }

  #letters({ letters }) {
    this.letters.setAttribute("aria-label", letters);
    this.letters.replaceChildren(...letterSquares(letters, this.levelOf, this.level));
    const judged = this.judged(letters);
    const first = [...judged].findIndex((letter) => letter !== "A" && letter !== "-");
    const at = first < 1 ? "from the first test" : `from level ${this.levelOf[first]} of ${this.levels}`;
    this.verdict.textContent = first < 0 ? "solved" : /^N+$/.test(judged) ? "no program" : `${VERDICTS[judged[first]]} ${at}`;
  }

  async #code(view, evaluation, group) {
    const shown = this.shown;
    const text = group.program === null ? "" : this.programs.programs[group.program] ?? await this.textOf(evaluation.reference, group.program);
    if (shown !== this.shown) return;
    if (text === null) {
      this.shown = null;
      this.#say(UNREAD);
      return;
    }
    const base = evaluation === view.baseline_ ? null : view.baseline_ && this.groupsOf(view.baseline_.reference, "")[1];
    const before = base?.program ? this.programs.programs[base.program] ?? "" : null;
    const kept = before === null ? null : keptLines(before, text);
    const verdict = this.classOf(group.letters);
    const marks = { good: 0, bad: 0 };
    const lines = text.split("\n").map((line, index) => {
      const fresh = kept !== null && !kept[index] && line.trim() !== "";
      const kind = !fresh ? "" : verdict === "S" || this.solvedLines.has(line) ? "good" : "bad";
      if (kind) marks[kind] += 1;
      return element("span", `line ${kind}`, line || " ");
    });
    this.code.replaceChildren(...(group.program ? lines : [element("span", "line", "These answers hold no fenced program.")]));
    const gone = before === null || !group.program ? 0 : before.split("\n").length - kept.filter(Boolean).length;
    this.key.title = "Lines are compared with the most frequent program of each alpha.";
    this.key.replaceChildren(...(kept === null
      ? [evaluation === view.baseline_ ? "the baseline's own program" : "\u00a0"]
      : [
        element("span", "", `against ${view.baselineName}:`),
        ...(marks.good ? [element("span", "good", "new, in a program that solves it")] : []),
        ...(marks.bad ? [element("span", "bad", "new, in none that does")] : []),
        ...(gone ? [element("span", "gone", `${gone} ${gone === 1 ? "line" : "lines"} gone`)] : []),
        ...(!marks.good && !marks.bad && !gone ? ["the same program"] : []),
      ]));
  }

  #key(event) {
    const inList = this.list.contains(event.target) ? { ArrowUp: -1, ArrowDown: 1 } : {};
    const step = { "[": -1, "]": 1, ...inList }[event.key];
    // Where [ and ] stand on the third level of a key, that level's own key counts as Ctrl.
    const commanded = (event.ctrlKey || event.metaKey) && !event.getModifierState("AltGraph");
    if (!step || commanded || !this.group || typing(event.target) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    const at = this.groups.indexOf(this.group) + step;
    const next = this.groups[Math.min(Math.max(at, 0), this.groups.length - 1)];
    this.chosen(next.program ?? "none");
  }
}
