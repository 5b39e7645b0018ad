// Two programs for the chosen problem side by side: the one shown at this alpha on the right, one of another alpha or of
// the second slider's on the left; equal lines on one row, and below them how each test went, with its level, its letter and its CPU time.

import { alignedRows } from "./diff.js";
import { UNREAD } from "./program.js";
import { CLASS_WORDS, VERDICTS } from "./verdicts.js";
import { element, whole } from "../words.js";

/** How the address names the second slider's own alpha. */
export const SECOND = "second";

export class Beside {
  /** `change(values)` takes what is chosen; `programOf(evaluation, name, family)` fetches a program with its tests. */
  constructor(root, panel, { change, programOf }) {
    Object.assign(this, { root, panel, programOf });
    for (const part of ["here", "lines", "tests", "changed", "alpha", "program"]) this[part] = root.querySelector(`[data-part=${part}]`);
    this.alpha.addEventListener("change", () => change({ beside: this.alpha.value, other: "" }));
    this.program.addEventListener("change", () => change({ other: this.program.value }));
  }

  /** `state` names the other alpha ("" the baseline) and either program ("" the most frequent). `second` is the second
   * slider's view or null. */
  async show(view, second, alpha, { program, beside, other, b }) {
    const { panel } = this;
    const right = view.measuredAt(alpha) ?? view.nearest(alpha);
    const across = beside === SECOND ? second?.measuredAt(b ?? alpha) ?? second?.nearest(b ?? alpha) ?? null : null;
    const left = across ?? view.named(beside) ?? view.baseline_ ?? right;
    const leftName = across ? `second, ${second.nameOf(across)}` : left && view.nameOf(left);
    const [, mine] = panel.groupsOf(right?.reference, program);
    const [groups, theirs] = panel.groupsOf(left?.reference, other);
    const wanted = [right?.reference, mine?.program, left?.reference, theirs?.program, leftName, panel.said].join(" ");
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    this.#offer(view, across && leftName, groups, theirs, beside, second);
    this.root.classList.toggle("waiting", !mine || !theirs);
    if (!mine || !theirs) {
      this.here.textContent = "";
      this.#say(panel.unread || "Both programs stand here once both points have samples of this problem.");
      return;
    }
    this.here.textContent = `${view.nameOf(right)}: ${this.#words(mine, panel.groupsOf(right.reference, "")[0])}`;
    const found = await Promise.all([
      this.programOf(left.reference, theirs.program ?? "none", across ? "second" : "first"), this.programOf(right.reference, mine.program ?? "none", "first"),
    ]);
    if (wanted !== this.wanted) return;
    if (found.includes(null)) {
      this.wanted = null;
      this.#say(UNREAD);
      return;
    }
    this.#lines(found.map((one) => one.text));
    this.#tests(found, [leftName, view.nameOf(right)]);
  }

  /** Words in place of both programs. */
  #say(words) {
    this.lines.replaceChildren(element("p", "quiet-text small", words));
    this.tests.replaceChildren();
    this.changed.textContent = "";
  }

  #words(group, groups) {
    const total = groups.reduce((sum, one) => sum + one.count, 0);
    return `${group.count} of ${total}, ${CLASS_WORDS[this.panel.classOf(group.letters)]}`;
  }

  #offer(view, across, groups, theirs, beside, second) {
    const offered = view.evaluations.filter((one) => one.point);
    const options = [new Option(view.baseline_ ? `${view.baselineName}, the baseline` : "the baseline, not measured", ""), ...offered.map((one) => new Option(view.nameOf(one), view.keyOf(one)))];
    if (second) options.splice(1, 0, new Option(across ? `${across}, the second slider` : "the second slider", SECOND));
    this.alpha.replaceChildren(...options);
    this.alpha.value = across || view.named(beside) ? beside : "";
    this.program.replaceChildren(...groups.map((one, index) => new Option(`${index + 1}: ${this.#words(one, groups)}`, one.program ?? "none")));
    this.program.value = theirs ? theirs.program ?? "none" : "";
    this.program.disabled = !groups.length;
  }

  #lines([before, after]) {
    const missing = before === null || after === null;
    const rows = missing ? [] : alignedRows(before, after);
    const [old, fresh] = [(before ?? "").split("\n"), (after ?? "").split("\n")];
    const said = (text) => (text === null ? [element("p", "quiet-text small", "These answers hold no fenced program.")] : text.split("\n").map((line, index) => side("same", index, line, "")));
    if (missing) {
      const columns = [before, after].map((text) => element("div", "column", ...said(text)));
      this.lines.replaceChildren(element("div", "apart", ...columns));
    } else {
      this.lines.replaceChildren(...rows.map(({ kind, left, right }) => {
        const row = element("div", `pair ${kind}`, side(kind, left, old[left], "before"), side(kind, right, fresh[right], "after"));
        row.setAttribute("role", "row");
        return row;
      }));
    }
    const gone = rows.filter((row) => row.kind === "gone" || row.kind === "changed").length;
    const came = rows.filter((row) => row.kind === "new" || row.kind === "changed").length;
    this.changed.textContent = missing ? "" : gone || came ? `−${gone} +${came} lines` : "the same text";
  }

  #tests(found, names) {
    const [left, right] = found;
    const head = element("tr", "", ...["test", "level", "input", `${names[0]}`, "CPU", `${names[1]}`, "CPU"].map((text, index) => {
      const cell = element("th", [0, 1, 2, 4, 6].includes(index) ? "num" : "", text);
      cell.scope = "col";
      return cell;
    }));
    const rows = right.tests.map((test, index) => {
      const other = left.tests[index];
      const row = element(
        "tr", other.letter === test.letter ? "" : "differs",
        element("td", "num", String(index + 1)), element("td", "num", String(test.group)), element("td", "num", bytes(test.size_bytes)),
        ...verdict(other, left), ...verdict(test, right),
      );
      row.classList.toggle("beyond", test.group > this.panel.level);
      return row;
    });
    this.tests.replaceChildren(element("thead", "", head), element("tbody", "", ...rows));
  }
}

function side(kind, number, line, where) {
  const marked = kind === "same" ? "" : where === "before" ? "−" : "+";
  const empty = number === null;
  const cell = element("span", `side ${where}${empty ? " empty" : ""}`, element("i", "", empty ? "" : String(number + 1)), element("s", "", empty ? "" : marked), element("code", "", empty ? "" : line || " "));
  if (where) cell.setAttribute("role", "cell");
  return cell;
}

const bytes = (size) => (size < 10_000 ? `${whole(size)} B` : size < 10 * 2 ** 20 ? `${whole(Math.round(size / 2 ** 10))} KiB` : `${whole(Math.round(size / 2 ** 20))} MiB`);
const time = (value) => (value === null ? "—" : `${whole(Math.round(value))} ms`);

function verdict(test, { samples, cpu_seconds: limit }) {
  const square = element("i", test.letter === "-" ? "none" : test.letter, test.letter === "-" ? "·" : test.letter);
  const all = test.passed === samples || test.passed === 0 || samples < 2;
  const cell = element("td", "", element("span", "letters", square), ` ${VERDICTS[test.letter]}`, ...(all ? [] : [element("em", "", ` ${test.passed} of ${samples} pass`)]));
  const spent = element("td", "num", time(test.milliseconds));
  spent.title = test.milliseconds === null ? "not run, or no time was kept" : `median of ${samples}; most ${time(test.most_milliseconds)}; limit ${limit} s`;
  return [cell, spent];
}
