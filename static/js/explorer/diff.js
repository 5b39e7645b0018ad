// Two texts against each other, line by line (longest common subsequence). Pure functions, no drawing.

const MOST_CELLS = 4e6; // of the table; longer texts are compared by what they begin and end with alone

/** Pairs [line of `before`, line of `after`] that are the same and in order. */
function commonLines(before, after) {
  const [old, fresh] = [before.split("\n"), after.split("\n")];
  const pairs = [];
  let start = 0;
  while (start < old.length && start < fresh.length && old[start] === fresh[start]) pairs.push([start, start++]);
  let [oldEnd, freshEnd] = [old.length, fresh.length];
  const tail = [];
  while (oldEnd > start && freshEnd > start && old[oldEnd - 1] === fresh[freshEnd - 1]) tail.push([--oldEnd, --freshEnd]);
  const [height, width] = [oldEnd - start, freshEnd - start];
  if (height * width <= MOST_CELLS) pairs.push(...middle(old.slice(start, oldEnd), fresh.slice(start, freshEnd), start));
  return [...pairs, ...tail.reverse()];
}

function middle(old, fresh, offset) {
  const wide = fresh.length + 1;
  const longest = new Uint16Array((old.length + 1) * wide);
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = fresh.length - 1; j >= 0; j -= 1) {
      longest[i * wide + j] = old[i] === fresh[j]
        ? longest[(i + 1) * wide + j + 1] + 1
        : Math.max(longest[(i + 1) * wide + j], longest[i * wide + j + 1]);
    }
  }
  const pairs = [];
  for (let i = 0, j = 0; i < old.length && j < fresh.length;) {
    if (old[i] === fresh[j]) pairs.push([offset + i++, offset + j++]);
    else if (longest[(i + 1) * wide + j] >= longest[i * wide + j + 1]) i += 1;
    else j += 1;
  }
  return pairs;
}

/** For each line of `text`, whether it also stands, in the same order, in `before`. */
export function keptLines(before, text) {
  const kept = new Array(text.split("\n").length).fill(false);
  for (const [, line] of commonLines(before, text)) kept[line] = true;
  return kept;
}

/** Rows {kind, left, right} of both texts side by side: `left` and `right` are line numbers from 0, or null. What stands
 * between two equal lines is paired line by line as "changed"; what is left over is "gone" or "new". */
export function alignedRows(before, after) {
  const rows = [];
  let [left, right] = [0, 0];
  const between = (untilLeft, untilRight) => {
    while (left < untilLeft || right < untilRight) {
      const [old, fresh] = [left < untilLeft ? left++ : null, right < untilRight ? right++ : null];
      rows.push({ kind: old === null ? "new" : fresh === null ? "gone" : "changed", left: old, right: fresh });
    }
  };
  for (const [old, fresh] of commonLines(before, after)) {
    between(old, fresh);
    rows.push({ kind: "same", left: left++, right: right++ });
  }
  between(before.split("\n").length, after.split("\n").length);
  return rows;
}
