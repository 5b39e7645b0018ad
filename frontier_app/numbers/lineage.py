"""Who grew from whom: checkpoints as nodes, trainings and merges as edges, and where each stands in a drawing.

`lineage_of` reads which of a study's checkpoints grew from which, and nothing else, since there may be ten thousand;
then everything is pure: `bundled` takes many merges of the same checkpoints together, `around` and `first` narrow a
graph, `layout` places it in layers. `words_of` reads names and recipes of what is left. Nothing here draws or knows
rights.
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


class Edge(NamedTuple):
    """`kind` is training or merge."""

    source: str
    target: str
    kind: str


@dataclass(frozen=True)
class Lineage:
    """`origins` of the nodes by key, a checkpoint's reference; `parents` of those that grew from others; `bundles`: key
    of a node that stands for several merges -> their references. A node comes after those that it grew from, unless the
    rows run in a circle, which no training makes."""

    origins: dict[str, str]
    parents: dict[str, list[str]]
    bundles: dict[str, list[str]] = field(default_factory=dict)

    @property
    def edges(self) -> list[Edge]:
        kinds = {key: "merge" if origin == Checkpoint.MERGED else "training" for key, origin in self.origins.items()}
        return [Edge(one, key, kinds[key]) for key, parents in self.parents.items() for one in parents]

    @property
    def children(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for key, parents in self.parents.items():
            for one in parents:
                found[one].append(key)
        return dict(found)

    def only(self, keys: Collection[str]) -> "Lineage":
        origins = {key: origin for key, origin in self.origins.items() if key in keys}
        parents = {key: [one for one in self.parents[key] if one in origins] for key in origins if key in self.parents}
        return Lineage(origins, parents, {key: self.bundles[key] for key in origins if key in self.bundles})


class Words(NamedTuple):
    """What a node is called and, in `recipe`, how it was made. `alphas`: at which places of their path the merges stand
    that it is or has."""

    name: str
    recipe: str
    alphas: tuple[float, ...] = ()


class Place(NamedTuple):
    """Where a node stands: its layer, from 0, and its height in rows, from 0."""

    layer: int
    row: float


def lineage_of(study: Study) -> Lineage:
    """The whole graph of a study, in three queries. A checkpoint of a run grows from the one that the run wrote before
    it, the first from its initialisation."""
    rows = Checkpoint.objects.filter(study=study).order_by("run", "step", "pk")
    found = list(rows.values_list("pk", "reference", "origin", "parent", "run", "run__initialisation"))
    references = {pk: reference for pk, reference, *_ in found}
    grown: dict[str, list[str]] = {}
    before: dict[int, int] = {}
    for pk, reference, origin, parent, run, initialisation in found:
        if origin == Checkpoint.MERGED:
            continue
        if run is not None:
            parent, before[run] = before.get(run, initialisation), pk
        if parent in references:
            grown[reference] = [references[parent]]
    parts = MergeIngredient.objects.filter(merge__study=study, merge__origin=Checkpoint.MERGED).order_by("pk")
    for merge, ingredient in parts.values_list("merge", "checkpoint"):
        if ingredient in references:
            grown.setdefault(references[merge], []).append(references[ingredient])
    summed = set(grown)
    others = Checkpoint.grown_from.through.objects.filter(from_checkpoint__study=study).order_by("pk")
    for merge, source in others.values_list("from_checkpoint", "to_checkpoint"):
        if source in references and references[merge] not in summed:
            grown.setdefault(references[merge], []).append(references[source])
    return Lineage(_ancestors_first({reference: origin for _, reference, origin, *_ in found}, grown), grown)


def words_of(study: Study, graph: Lineage) -> dict[str, Words]:
    """What is written at every node, in three queries."""
    wanted = [*graph.origins, *(key for merges in graph.bundles.values() for key in merges)]
    rows = Checkpoint.objects.filter(study=study, reference__in=wanted).values_list(
        "pk", "reference", "name", "origin", "step", "run__coverage", "run__seed"
    )
    ends = set(Path.objects.filter(study=study).values_list("low", "high"))
    recipes: dict[int, list[_Part]] = defaultdict(list)
    parts = MergeIngredient.objects.filter(merge__study=study, merge__reference__in=wanted).order_by("pk")
    for merge, checkpoint, name, weight in parts.values_list("merge", "checkpoint", "checkpoint__name", "weight"):
        recipes[merge].append(_Part(checkpoint, name, weight))
    words = {}
    for pk, reference, name, origin, step, coverage, seed in rows:
        if origin == Checkpoint.MERGED:
            words[reference] = Words(name, _sum(recipes[pk]), _alphas(recipes[pk], ends))
            continue
        asked = [f"coverage {coverage:g}", f"seed {seed}"] if coverage is not None else []
        words[reference] = Words(name, " · ".join([*asked, *([f"step {step}"] if step is not None else [])]))
    bundles = {key: _of_bundle([words[one] for one in merges]) for key, merges in graph.bundles.items()}
    return {key: bundles[key] if key in bundles else words[key] for key in graph.origins}


class _Part(NamedTuple):
    checkpoint: int
    name: str
    weight: float


def _alphas(parts: Sequence[_Part], ends: Collection[tuple[int, int]]) -> tuple[float, ...]:
    """The place of a merge of a path's two ends: the weight of the high one."""
    pairs = [(parts[1 - at], parts[at]) for at in (1, 0)] if len(parts) == 2 else []
    return next(((high.weight,) for low, high in pairs if (low.checkpoint, high.checkpoint) in ends), ())


def _sum(parts: Sequence[_Part]) -> str:
    """A recipe in words: 1.5 × low − 0.5 × high."""
    words = ""
    for place, part in enumerate(parts):
        sign = ("− " if part.weight < 0 else "+ ") if place else "−" if part.weight < 0 else ""
        words += f"{' ' if place else ''}{sign}{abs(part.weight):g} × {part.name}"
    return words


def _of_bundle(merges: Sequence[Words]) -> Words:
    alphas = tuple(sorted(alpha for merge in merges for alpha in merge.alphas))
    words = f"a from {alphas[0]:g} to {alphas[-1]:g}".replace("-", "−") if alphas else "of the same checkpoints"
    return Words(f"{len(merges)} merges", words, alphas)


def bundled(graph: Lineage, opened: Collection[str] = ()) -> Lineage:
    """Many merges of the same checkpoints as one node, unless something grew from them or their bundle is `opened`."""
    ancestors = {one for parents in graph.parents.values() for one in parents}
    families: dict[str, list[str]] = defaultdict(list)
    for key, origin in graph.origins.items():
        if origin == Checkpoint.MERGED and key not in ancestors and graph.parents.get(key):
            families[bundle_key(graph.parents[key])].append(key)
    bundles = {key: many for key, many in families.items() if len(many) >= BUNDLED_FROM and key not in opened}
    inside = {key: bundle for bundle, many in bundles.items() for key in many}
    origins = {inside.get(key, key): origin for key, origin in graph.origins.items()}
    return Lineage(origins, {inside.get(key, key): parents for key, parents in graph.parents.items()}, bundles)


def bundle_key(family: Sequence[str]) -> str:
    return "merges of " + " and ".join(sorted(family))


def around(graph: Lineage, keys: Collection[str], descendants: bool = True) -> Lineage:
    """Some nodes with everything that they grew from and, with `descendants`, everything that grew from them."""
    wanted = _reached(graph.parents, keys)
    return graph.only(wanted | _reached(graph.children, keys) if descendants else wanted)


def first(graph: Lineage, most: int) -> Lineage:
    """At most so many nodes, never one without its ancestors."""
    return graph if len(graph.origins) <= most else graph.only(set(list(graph.origins)[:most]))


def layout(graph: Lineage) -> dict[str, Place]:
    """Every node in a layer after those of its parents, as early as that allows, with few crossings.

    The order within a layer follows the mean place of the neighbours, in sweeps forth and back (Sugiyama, Tagawa and
    Toda 1981); heights then follow the neighbours' as far as a row's distance between nodes of a layer allows.
    """
    parents, children = graph.parents, graph.children
    layer = _layers(graph)
    layers: list[list[str]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for key in graph.origins:
        layers[layer[key]].append(key)
    heights = {key: float(place) for line in layers for place, key in enumerate(line)}
    for sweep in range(SWEEPS):
        neighbours = children if sweep % 2 else parents
        for line in reversed(layers) if sweep % 2 else layers:
            wished = {key: fmean([heights[one] for one in neighbours.get(key, ())] or [heights[key]]) for key in line}
            line.sort(key=lambda key: wished[key])
            heights |= _apart(line, wished)
    lowest = min(heights.values(), default=0.0)
    return {key: Place(layer[key], heights[key] - lowest) for key in graph.origins}


def _layers(graph: Lineage) -> dict[str, int]:
    layer: dict[str, int] = {}
    for key in graph.origins:
        layer[key] = max((layer[one] + 1 for one in graph.parents.get(key, ()) if one in layer), default=0)
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


def _ancestors_first(origins: Mapping[str, str], parents: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The nodes, each after its parents; what stands in a circle comes last."""
    children: dict[str, list[str]] = defaultdict(list)
    for key, grown_from in parents.items():
        for one in grown_from:
            children[one].append(key)
    waiting = {key: len(grown_from) for key, grown_from in parents.items()}
    ready = [key for key in origins if key not in waiting]
    for key in ready:  # grows while it is read
        for child in children.get(key, ()):
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)
    return {key: origins[key] for key in dict.fromkeys([*ready, *origins])}


def _reached(neighbours: Mapping[str, Sequence[str]], keys: Iterable[str]) -> set[str]:
    found = set(keys)
    waiting = list(found)
    while waiting:
        for one in neighbours.get(waiting.pop(), ()):
            if one not in found:
                found.add(one)
                waiting.append(one)
    return found
