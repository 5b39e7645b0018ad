// The lineage graph: whoever hovers over a checkpoint, or comes to it by keyboard, sees what it grew from and what grew
// from it, and reads its recipe. Links do the rest.

let graph = null;

function read() {
  const svg = document.getElementById("lineage");
  if (!svg) return null;
  const parents = new Map();
  const children = new Map();
  const push = (map, key, value) => map.set(key, [...(map.get(key) ?? []), value]);
  const edges = [...svg.querySelectorAll(".edge")];
  for (const { dataset } of edges) {
    push(parents, dataset.to, dataset.from);
    push(children, dataset.from, dataset.to);
  }
  return { svg, edges, parents, children, nodes: [...svg.querySelectorAll(".node")] };
}

function reached(neighbours, key) {
  const found = new Set([key]);
  for (const one of found) for (const other of neighbours.get(one) ?? []) found.add(other);
  return found;
}

function light(node) {
  graph ??= read();
  if (!graph) return;
  graph.svg.classList.toggle("lit", Boolean(node));
  const words = document.getElementById("lineage-words");
  if (words) words.textContent = node?.dataset.recipe ?? "";
  if (!node) return;
  const key = node.dataset.node;
  const before = reached(graph.parents, key);
  const after = reached(graph.children, key);
  for (const one of graph.nodes) one.classList.toggle("on", before.has(one.dataset.node) || after.has(one.dataset.node));
  for (const { classList, dataset } of graph.edges) {
    classList.toggle("on", (before.has(dataset.from) && before.has(dataset.to)) || (after.has(dataset.from) && after.has(dataset.to)));
  }
}

for (const name of ["pointerover", "focusin"]) {
  document.addEventListener(name, (event) => light(event.target.closest?.("#lineage .node") ?? null));
}
document.addEventListener("htmx:afterSwap", () => { graph = null; });
