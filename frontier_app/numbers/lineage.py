"""Who grew from whom: checkpoints as nodes, trainings and merges as edges, and where each stands in a drawing.

`lineage_of` reads a study's checkpoints in three queries; everything after it is pure: `bundled` takes many merges of
the same checkpoints together, `around` and `first` narrow a graph, `layout` places it in layers. Names and recipes
come along as words; nothing here draws or knows rights.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import NamedTuple

from frontier_app.models import Checkpoint, MergeIngredient, Path, Study

# Fewer merges of the same checkpoints than this stand one by one.
BUNDLED_FROM = 4
SWEEPS = 6


class Node(NamedTuple):
    """A checkpoint, or a bundle of `merges` of the same checkpoints. `key` is the checkpoint's reference, `recipe` says
    in words how it was made, `alphas` at which places of their path the merges stand."""

    key: str
    name: str
    origin: str
    recipe: str = ""
    alphas: tuple[float, ...] = ()
    merges: int = 0

    @property
    def alpha(self) -> float | None:
        return self.alphas[0] if len(self.alphas) == 1 and not self.merges else None


class Edge(NamedTuple):
    """`kind` is training or merge; `words` its recipe."""

    source: str
    target: str
    kind: str
    words: str


@dataclass(frozen=True)
class Lineage:
    """`nodes` by key, each after those that it grew from where the rows allow it."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)

    def parents(self) -> dict[str, list[str]]:
        return _neighbours((edge.target, edge.source) for edge in self.edges)

    def children(self) -> dict[str, list[str]]:
        return _neighbours((edge.source, edge.target) for edge in self.edges)

    def only(self, keys: Collection[str]) -> "Lineage":
        nodes = {key: node for key, node in self.nodes.items() if key in keys}
        return Lineage(nodes, [edge for edge in self.edges if edge.source in nodes and edge.target in nodes])


class Place(NamedTuple):
    """Where a node stands: its layer, from 0, and its height in rows, from 0."""

    layer: int
    row: float


class _Row(NamedTuple):
    """A checkpoint with what its run was asked for, read without building model instances: there are ten thousand."""

    pk: int
    reference: str
    name: str
    origin: str
    parent: int | None
    run: int | None
    step: int | None
    coverage: float | None
    seed: int | None
    initialisation: int | None


def lineage_of(study: Study) -> Lineage:
    """The whole graph of a study."""
    found = Checkpoint.objects.filter(study=study).order_by("run", "step", "pk").values_list(
        "pk", "reference", "name", "origin", "parent", "run", "step",
        "run__coverage", "run__seed", "run__initialisation",
    )  # fmt: skip
    rows = [_Row(*one) for one in found]
    names = {row.pk: row for row in rows}
    ends = set(Path.objects.filter(study=study).values_list("low", "high"))
    recipes: dict[int, dict[int, float]] = defaultdict(dict)
    parts = MergeIngredient.objects.filter(merge__study=study).order_by("pk")
    for merge, ingredient, weight in parts.values_list("merge", "checkpoint", "weight"):
        recipes[merge][ingredient] = weight
    nodes, edges = {}, []
    before: dict[int, _Row] = {}
    for row in rows:
        if row.origin == Checkpoint.MERGED:
            nodes[row.reference], grown = _merge(row, recipes[row.pk], names, ends)
        else:
            nodes[row.reference], grown = _trained(row, before, names)
        edges += grown
    return Lineage(_ancestors_first(nodes, edges), edges)


def _trained(row: _Row, before: dict[int, _Row], names: Mapping[int, _Row]) -> tuple[Node, list[Edge]]:
    """A checkpoint of a run grows from the one that the run wrote before it, the first from its initialisation."""
    if row.run is None:
        parent = names.get(row.parent) if row.parent else None
        words = f"step {row.step}" if row.step is not None else ""
    else:
        parent = before.get(row.run) or names.get(row.initialisation or 0)
        before[row.run] = row
        words = f"coverage {row.coverage:g} · seed {row.seed} · step {row.step}"
    edges = [Edge(parent.reference, row.reference, "training", words)] if parent is not None else []
    return Node(row.reference, row.name, row.origin, words), edges


def _merge(
    row: _Row, weights: Mapping[int, float], names: Mapping[int, _Row], ends: Collection[tuple[int, int]]
) -> tuple[Node, list[Edge]]:
    known = [(names[pk], weight) for pk, weight in weights.items() if pk in names]
    pair = tuple(weights)
    high = next((pair[at] for at in (1, 0) if len(pair) == 2 and (pair[1 - at], pair[at]) in ends), None)
    alphas = (weights[high],) if high is not None else ()
    edges = [Edge(part.reference, row.reference, "merge", f"{weight:g} ×") for part, weight in known]
    return Node(row.reference, row.name, row.origin, _sum(known), alphas), edges


def _sum(parts: Sequence[tuple[_Row, float]]) -> str:
    """A recipe in words: 1.5 × low − 0.5 × high."""
    words = ""
    for place, (part, weight) in enumerate(parts):
        sign = ("− " if weight < 0 else "+ ") if place else "−" if weight < 0 else ""
        words += f"{' ' if place else ''}{sign}{abs(weight):g} × {part.name}"
    return words


def bundled(graph: Lineage, opened: Collection[str] = ()) -> Lineage:
    """Many merges of the same checkpoints as one node, unless something grew from them or their bundle is `opened`."""
    parents, children = graph.parents(), graph.children()
    families: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for key, node in graph.nodes.items():
        if node.origin == Checkpoint.MERGED and key not in children and parents.get(key):
            families[tuple(sorted(parents[key]))].append(key)
    inside: dict[str, str] = {}
    nodes = dict(graph.nodes)
    for family, keys in families.items():
        bundle = bundle_key(family)
        if len(keys) >= BUNDLED_FROM and bundle not in opened:
            inside |= dict.fromkeys(keys, bundle)
            nodes[bundle] = _bundle(bundle, [graph.nodes[key] for key in keys])
    kept = {key: node for key, node in nodes.items() if key not in inside}
    edges = dict.fromkeys(
        Edge(edge.source, inside[edge.target], edge.kind, "") if edge.target in inside else edge for edge in graph.edges
    )
    return Lineage(kept, list(edges))


def bundle_key(family: Sequence[str]) -> str:
    return "merges of " + " and ".join(sorted(family))


def _bundle(key: str, merges: Sequence[Node]) -> Node:
    alphas = tuple(sorted(alpha for merge in merges for alpha in merge.alphas))
    words = f"a from {alphas[0]:g} to {alphas[-1]:g}".replace("-", "−") if alphas else "of the same checkpoints"
    return Node(key, f"{len(merges)} merges", Checkpoint.MERGED, words, alphas, len(merges))


def around(graph: Lineage, keys: Collection[str], descendants: bool = True) -> Lineage:
    """Some nodes with everything that they grew from and, with `descendants`, everything that grew from them."""
    wanted = _reached(graph.parents(), keys)
    return graph.only(wanted | _reached(graph.children(), keys) if descendants else wanted)


def first(graph: Lineage, most: int) -> Lineage:
    """At most so many nodes, never one without its ancestors."""
    if len(graph.nodes) <= most:
        return graph
    return graph.only(set(list(_ancestors_first(graph.nodes, graph.edges))[:most]))


def layout(graph: Lineage) -> dict[str, Place]:
    """Every node in a layer after those of its parents, as early as that allows, with few crossings.

    The order within a layer follows the mean place of the neighbours, in sweeps forth and back (Sugiyama, Tagawa and
    Toda 1981); heights then follow the neighbours' as far as a row's distance between nodes of a layer allows.
    """
    parents, children = graph.parents(), graph.children()
    layer = _layers(graph, parents)
    layers: list[list[str]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for key in graph.nodes:
        layers[layer[key]].append(key)
    heights = {key: float(place) for line in layers for place, key in enumerate(line)}
    for sweep in range(SWEEPS):
        neighbours = children if sweep % 2 else parents
        for line in reversed(layers) if sweep % 2 else layers:
            wished = {key: fmean([heights[one] for one in neighbours.get(key, ())] or [heights[key]]) for key in line}
            line.sort(key=lambda key: wished[key])
            heights |= _apart(line, wished)
    lowest = min(heights.values(), default=0.0)
    return {key: Place(layer[key], heights[key] - lowest) for key in graph.nodes}


def _layers(graph: Lineage, parents: Mapping[str, Sequence[str]]) -> dict[str, int]:
    layer: dict[str, int] = {}
    for key in _ancestors_first(graph.nodes, graph.edges):
        layer[key] = max((layer[one] + 1 for one in parents.get(key, ()) if one in layer), default=0)
    return layer


def _apart(line: Sequence[str], wished: Mapping[str, float]) -> dict[str, float]:
    """Heights in this order at least one row apart, as near to the wished ones as a least-squares fit brings them: the
    pool of adjacent violators, on what is left after the rows in between."""
    pools: list[tuple[float, int]] = []
    for place, key in enumerate(line):
        mean, size = wished[key] - place, 1
        while pools and pools[-1][0] > mean:
            earlier, members = pools.pop()
            mean, size = (earlier * members + mean * size) / (members + size), members + size
        pools.append((mean, size))
    bases = [mean for mean, size in pools for _ in range(size)]
    return {key: base + place for place, (key, base) in enumerate(zip(line, bases, strict=True))}


def _ancestors_first(nodes: Mapping[str, Node], edges: Iterable[Edge]) -> dict[str, Node]:
    """The nodes, each after its parents. What stands in a circle, which no training makes, comes last."""
    edges = [edge for edge in edges if edge.source in nodes and edge.target in nodes]
    children = _neighbours((edge.source, edge.target) for edge in edges)
    waiting = dict.fromkeys(nodes, 0)
    for edge in edges:
        waiting[edge.target] += 1
    ready = [key for key in nodes if not waiting[key]]
    for key in ready:  # grows while it is read
        for child in children.get(key, ()):
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)
    placed = dict.fromkeys(ready)
    return {key: nodes[key] for key in [*ready, *(key for key in nodes if key not in placed)]}


def _reached(neighbours: Mapping[str, Sequence[str]], keys: Iterable[str]) -> set[str]:
    found = set(keys)
    waiting = list(found)
    while waiting:
        for one in neighbours.get(waiting.pop(), ()):
            if one not in found:
                found.add(one)
                waiting.append(one)
    return found


def _neighbours(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for one, other in pairs:
        found[one].append(other)
    return dict(found)
