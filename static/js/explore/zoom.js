// Which part of its axes every panel shows, as the address writes it: x from, x to, y from, y to, in the units of the axes
// (the power of ten on a logarithmic one), or the least shares of solved, wrong and too slow in the triangle. Pure functions.

const CORNERS = ["aaxis", "baxis", "caxis"];

function partOf({ xaxis, yaxis, ternary }) {
  return ternary ? CORNERS.map((name) => ternary[name].min ?? 0) : [...xaxis.range, ...yaxis.range];
}

const written = (values) => values.map((value) => String(Number(value.toPrecision(5)))).join("_");

/** What a layout shows, "" where it is all that `whole` does. */
export function textOfZoom(layout, whole) {
  const [shown, everything] = [written(partOf(layout)), written(partOf(whole))];
  return shown === everything ? "" : shown;
}

/** The numbers of a text; null where it names no part of such axes. */
export function readZoom(text, ternary) {
  const values = text.split("_").map((part) => (/^-?\d/.test(part) ? Number(part) : NaN));
  if (values.length !== (ternary ? 3 : 4) || !values.every(Number.isFinite)) return null;
  const [a, b, c, d] = values;
  const some = ternary ? Math.min(a, b, c) >= 0 && a + b + c < 1 : a < b && c < d;
  return some ? values : null;
}

/** A layout that shows that part alone; ticks that the server chose are those of the whole axes. Plotly writes into the
 * ranges it is given, so each is a copy. */
export function zoomed(layout, text) {
  const values = text && readZoom(text, Boolean(layout.ternary));
  if (layout.ternary) {
    return !values ? layout : { ...layout, ternary: { ...layout.ternary, ...Object.fromEntries(CORNERS.map((name, at) => [name, { ...layout.ternary[name], min: values[at] }])) } };
  }
  const part = ({ tickvals, ticktext, ...axis }, range) => (values ? { ...axis, range } : { ...axis, tickvals, ticktext, range: [...axis.range] });
  return { ...layout, xaxis: part(layout.xaxis, values?.slice(0, 2)), yaxis: part(layout.yaxis, values?.slice(2)) };
}
