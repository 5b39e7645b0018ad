// Every measured point against the baseline: problems won, lost and unchanged, the changes of the rates, and the problems
// that moved by their own test. Each test has its p and its q. A row moves alpha there.

import { DASH, element, probability, rate, signed, whole } from "../words.js";

const counted = (sign, count) => (count ? `${sign}${whole(count)}` : "0");
const RATES = ["solved", "optimisation", "correctness"];

export class Against {
  /** `may(point)` tells whether a point can be `chosen`. */
  constructor(root, { chosen, may, hovered }) {
    Object.assign(this, { root, may, rows: new Map() });
    this.title = document.getElementById("against-title");
    this.note = document.getElementById("against-note");
    this.body = root.tBodies[0];
    const reference = ({ target }) => target.closest("tr")?.dataset.reference ?? null;
    this.body.addEventListener("click", (event) => reference(event) && chosen(reference(event)));
    this.body.addEventListener("pointerover", (event) => hovered(reference(event)));
    this.body.addEventListener("pointerleave", () => hovered(null));
  }

  show(view) {
    this.view = view;
    const measured = view.evaluations.filter((one) => one.point);
    const tests = measured.filter((one) => one.point.flips).length;
    this.title.textContent = view.baseline_ ? `Won and lost against ${view.baselineName}` : "Won and lost";
    this.note.textContent = !view.baseline_ ? "the baseline is not measured yet"
      : tests ? `q: Benjamini–Hochberg over the ${whole(tests)} points shown; bold where it is at most ${measured.find((one) => one.point.flips).point.flips.false_discovery_rate}` : "";
    this.rows = new Map(measured.map((one) => [one.reference, this.#row(one)]));
    this.body.replaceChildren(...this.rows.values());
    if (!measured.length) this.body.append(element("tr", "", Object.assign(element("td", "quiet-text", "Each measured point gets a row here."), { colSpan: 17 })));
    this.mark(this.current ?? null);
  }

  #row(one) {
    const { point } = one;
    const found = point.flips;
    const name = this.view.nameOf(one);
    const cells = [element("th", "", this.may(one) ? Object.assign(element("button", "quiet", name), { type: "button" }) : name)];
    cells[0].scope = "row";
    const number = (text, className = "", title = "") => {
      cells.push(Object.assign(element("td", `num ${className}`, text), { title }));
    };
    if (!found) {
      cells.push(Object.assign(element("td", "quiet-text", this.view.baseline_ === one ? "the baseline" : DASH), { colSpan: 16 }));
    } else {
      const sure = (q) => q !== null && q <= found.false_discovery_rate;
      number(counted("+", found.won), sure(found.q) && found.won > found.lost ? "up" : "");
      number(counted("−", found.lost), sure(found.q) && found.lost > found.won ? "down" : "");
      number(whole(found.unchanged));
      number(probability(found.p));
      number(probability(found.q), sure(found.q) ? "sure" : "");
      for (const name of RATES) {
        const [[change, half], [p, q]] = [point.deltas[name], point.tests[name]];
        const good = name === "solved" ? change > 0 : change < 0;
        number(change === null ? DASH : signed(change), sure(q) && change ? (good ? "up" : "down") : "", half === null ? "" : `± ${rate(half)}, 95 % interval`);
        number(probability(p));
        number(probability(q), sure(q) ? "sure" : "");
      }
      number(counted("+", found.gained.length));
      number(counted("−", found.dropped.length));
    }
    const row = element("tr", "", ...cells);
    row.dataset.reference = one.reference;
    return row;
  }

  /** Marks the row of the point at alpha; null where none is measured. */
  mark(reference) {
    if (reference === this.current && this.marked?.isConnected) return;
    this.marked?.classList.remove("current");
    this.marked = this.rows.get(reference);
    this.marked?.classList.add("current");
    this.current = reference;
  }

  light(reference) {
    for (const [other, row] of this.rows) row.classList.toggle("lit", other === reference);
  }
}
