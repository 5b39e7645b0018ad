// The cells of the heat grid, as failures/grid.json gives them: counts of each problem on each checkpoint, and the questions
// that the grid asks of them. No drawing, no fetching.

const COUNTS = ["solved", "slow", "wrong", "none", "infrastructure"];
const WIDTH = COUNTS.length;
const ARRAYS = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array };
const ORDER = ["easy", "medium", "hard"];

export class Cells {
  constructor(data) {
    Object.assign(this, { problems: data.problems, columns: data.columns, level: data.level });
    const raw = Uint8Array.from(atob(data.cells), (letter) => letter.charCodeAt(0));
    this.counts = new ARRAYS[data.bytes](raw.buffer);
    this.count = data.problems.slug.length;
    this.rates = new Float32Array(this.columns.length * this.count);
    for (let column = 0; column < this.columns.length; column += 1) {
      for (let row = 0; row < this.count; row += 1) this.rates[column * this.count + row] = this.#rate(row, column);
    }
  }

  #at(row, column) {
    return (column * this.count + row) * WIDTH;
  }

  #rate(row, column) {
    const n = this.n(row, column);
    return n ? this.counts[this.#at(row, column)] / n : NaN;
  }

  /** [solved, too slow, wrong, no program, infrastructure] */
  of(row, column) {
    const at = this.#at(row, column);
    return this.counts.subarray(at, at + WIDTH);
  }

  /** Answers that count: those that infrastructure left alone. */
  n(row, column) {
    const at = this.#at(row, column);
    const { counts } = this;
    return counts[at] + counts[at + 1] + counts[at + 2] + counts[at + 3];
  }

  /** Share solved; NaN where nothing is judged. */
  rate(row, column) {
    return this.rates[column * this.count + row];
  }

  /** The commonest failure of a cell: 1 too slow, 2 wrong, 3 no program; 0 when all is solved, -1 when nothing is judged.
   * Of equally common ones the one that precedence puts first: no program, wrong, too slow. */
  failure(row, column) {
    const [solved, slow, wrong, none] = this.of(row, column);
    if (slow + wrong + none === 0) return solved ? 0 : -1;
    return none >= wrong && none >= slow ? 3 : wrong >= slow ? 2 : 1;
  }

  /** The rows that a filter leaves. */
  rows({ difficulty, tag, find }) {
    const words = find.trim().toLowerCase();
    const { slug, title, difficulty: difficulties, tags } = this.problems;
    return [...slug.keys()].filter((row) => (!difficulty || difficulties[row] === difficulty)
      && (!tag || tags[row].includes(tag))
      && (!words || slug[row].toLowerCase().includes(words) || title[row].toLowerCase().includes(words)));
  }

  /** The rows in the order asked for; rows that are alike keep their place in the set. */
  sorted(rows, sort) {
    const place = (name) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
    const keys = {
      name: (row) => this.problems.slug[row],
      difficulty: (row) => place(this.problems.difficulty[row]),
      solved: (row) => this.rowMean(row) ?? 2,
      variance: (row) => -this.#variance(row),
    };
    const key = keys[sort];
    if (!key) return rows;
    return rows.map((row) => [key(row), row])
      .sort(([one, first], [other, second]) => (one < other ? -1 : one > other ? 1 : first - second))
      .map(([, row]) => row);
  }

  /** Mean solve rate of a row over the checkpoints that have one; null where none has. */
  rowMean(row) {
    return mean(this.columns.map((_, column) => this.rate(row, column)));
  }

  #variance(row) {
    const seen = this.columns.map((_, column) => this.rate(row, column)).filter((value) => !Number.isNaN(value));
    const middle = mean(seen);
    return seen.length ? seen.reduce((sum, value) => sum + (value - middle) ** 2, 0) / seen.length : -1;
  }

  columnMean(column, rows) {
    return mean(rows.map((row) => this.rate(row, column)));
  }

  /** All columns in the order asked for; they come in order of alpha, those apart last. */
  columnOrder(sort, rows) {
    const all = [...this.columns.keys()];
    if (sort !== "solved") return all;
    const rates = all.map((column) => this.columnMean(column, rows) ?? -1);
    return all.sort((one, other) => rates[other] - rates[one] || one - other);
  }

  get measured() {
    return this.rates.some((value) => !Number.isNaN(value));
  }

  get tags() {
    return [...new Set(this.problems.tags.flat())].sort();
  }

  /** The shown cells as a table, for a file. */
  table(rows, columns) {
    const head = ["problem", "difficulty", "checkpoint", "alpha", "solved", "too slow", "wrong", "no program", "infrastructure"];
    return [head, ...rows.flatMap((row) => columns.map((column) => [
      this.problems.slug[row], this.problems.difficulty[row], this.columns[column].name, this.columns[column].alpha ?? "", ...this.of(row, column)]))];
  }
}

function mean(values) {
  let [sum, count] = [0, 0];
  for (const value of values) {
    if (!Number.isNaN(value)) {
      sum += value;
      count += 1;
    }
  }
  return count ? sum / count : null;
}
