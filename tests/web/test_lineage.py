"""The lineage graph: what grows from what, bundles, narrowing, and a layout that never turns back."""

from itertools import pairwise

import factories
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compute.events import CheckpointWritten
from frontier_app.models import Checkpoint, MergeIngredient
from frontier_app.numbers.lineage import Edge, Lineage, around, bundle_key, bundled, first, layout, lineage_of, words_of


def graph_of(edges: list[tuple[int, int]], size: int) -> Lineage:
    parents: dict[str, list[str]] = {}
    for one, other in edges:
        parents.setdefault(str(other), []).append(str(one))
    return Lineage({str(key): Checkpoint.TRAINED for key in range(size)}, parents)


@st.composite
def graphs(draw) -> Lineage:
    size = draw(st.integers(1, 25))
    pairs = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)).filter(lambda pair: pair[0] < pair[1])
    return graph_of(draw(st.lists(pairs, max_size=40)) if size > 1 else [], size)


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_every_node_stands_after_its_parents_and_apart_from_the_others_of_its_layer(graph):
    places = layout(graph)

    assert places.keys() == graph.origins.keys()
    assert all(places[edge.source].layer < places[edge.target].layer for edge in graph.edges)
    for layer in {place.layer for place in places.values()}:
        rows = sorted(place.row for place in places.values() if place.layer == layer)
        assert all(after - before > 1 - 1e-9 for before, after in pairwise(rows))
    assert min(place.row for place in places.values()) == 0


@settings(max_examples=40, deadline=None)
@given(graphs(), st.integers(1, 10))
def test_a_part_of_a_graph_never_has_a_node_without_its_ancestors(graph, most):
    part = first(graph, most)

    assert len(part.origins) == min(most, len(graph.origins))
    assert all(part.parents.get(key) == graph.parents.get(key) for key in part.origins)
    assert all(parent in part.origins for parents in part.parents.values() for parent in parents)


def test_a_simple_tree_has_no_crossing():
    graph = graph_of([(0, 2), (1, 3), (0, 4), (1, 5)], 6)

    places = layout(graph)

    first_half = [places["2"].row, places["4"].row]
    second_half = [places["3"].row, places["5"].row]
    assert max(first_half) < min(second_half) or max(second_half) < min(first_half)


def test_a_circle_of_bad_rows_still_has_a_layout():
    assert layout(graph_of([(0, 1), (1, 2), (2, 1)], 3)).keys() == {"0", "1", "2"}


def test_around_has_ancestors_and_descendants_and_nothing_beside_them():
    graph = graph_of([(0, 1), (0, 2), (1, 3), (2, 4)], 5)

    assert set(around(graph, ["1"]).origins) == {"0", "1", "3"}
    assert set(around(graph, ["1"], descendants=False).origins) == {"0", "1"}


@pytest.mark.django_db
def test_trainings_and_merges_are_edges_with_their_recipe():
    study = factories.study(problems=1)
    factories.point_on(study.paths.get(), 1.5)

    graph = lineage_of(study)
    words = words_of(study, graph)

    merge = f"miniature.merge-{study.paths.get().pk}-1.5"
    assert graph.edges == [
        Edge("miniature.base", "miniature.low", "training"),
        Edge("miniature.base", "miniature.high", "training"),
        Edge("miniature.low", merge, "merge"),
        Edge("miniature.high", merge, "merge"),
    ]
    assert list(graph.origins) == ["miniature.base", "miniature.low", "miniature.high", merge]
    assert words["miniature.base"] == ("base", "", ())
    assert words["miniature.low"] == ("low", "coverage 0.4 · seed 0 · step 3", ())
    assert words[merge] == ("low → high at 1.5", "−0.5 × low + 1.5 × high", (1.5,))


@pytest.mark.django_db
def test_a_merge_that_is_no_sum_grew_from_what_went_into_it():
    study = factories.study(problems=1)
    job = factories.claimed(factories.training_config(study, "ties", 1.0), study, "Merge")
    written = {"origin": "merged", "folder": "/ties", "sha256": "0" * 64, "size_bytes": 1}
    sources = ("miniature.low", "miniature.high", "miniature.base", "another.study")
    factories.tell(job, CheckpointWritten(checkpoint="miniature.ties", grown_from=sources, **written))

    graph = lineage_of(study)

    assert {edge for edge in graph.edges if edge.target == "miniature.ties"} == {
        Edge(source, "miniature.ties", "merge") for source in sources[:3]
    }
    assert list(graph.origins)[-1] == "miniature.ties"


@pytest.mark.django_db
def test_a_runs_early_checkpoints_come_before_its_last():
    study = factories.study(problems=1)
    run = study.runs.get(name="low")
    factories.checkpoint(study, "low-step1", run=run, step=1, coverage=0.4)

    edges = {(edge.source, edge.target) for edge in lineage_of(study).edges}

    assert ("miniature.base", "miniature.low-step1") in edges
    assert ("miniature.low-step1", "miniature.low") in edges
    assert ("miniature.base", "miniature.low") not in edges


@pytest.mark.django_db
def test_many_merges_of_one_path_are_one_bundle_until_it_is_opened():
    study = factories.study(problems=1)
    path = study.paths.get()
    for alpha in (-0.5, 0.25, 0.5, 0.75, 1.5):
        factories.point_on(path, alpha)
    used = factories.point_on(path, 0.6)
    grown = factories.checkpoint(study, "further", origin=Checkpoint.MERGED)
    MergeIngredient.objects.create(merge=grown, checkpoint=used, weight=1)
    graph = lineage_of(study)
    key = bundle_key(["miniature.high", "miniature.low"])

    folded, unfolded = bundled(graph), bundled(graph, [key])

    assert words_of(study, folded)[key] == ("5 merges", "a from −0.5 to 1.5", (-0.5, 0.25, 0.5, 0.75, 1.5))
    assert len(folded.bundles[key]) == 5
    assert used.reference in folded.origins
    assert {edge.source for edge in folded.edges if edge.target == key} == {"miniature.low", "miniature.high"}
    assert unfolded.origins.keys() == graph.origins.keys()


@pytest.mark.django_db
def test_the_page_narrows_by_a_filter_and_around_a_checkpoint(client_of):
    study = factories.study(problems=1)
    factories.point_on(study.paths.get(), 0.5)
    client = client_of(factories.alice())

    def names(query: str) -> set[str]:
        response = client.get(f"/studies/miniature/checkpoints/lineage/?{query}")
        assert response.status_code == 200
        return {one.words.name for one in response.context["nodes"]}

    assert names("") == {"base", "low", "high", "low → high at 0.5"}
    assert names("around=miniature.low") == {"base", "low", "low → high at 0.5"}
    assert names('q=name+%3D+"high"') == {"base", "high"}
    assert names("q=nothing-like-it") == set()
    assert client.get("/studies/miniature/checkpoints/lineage/?q=alpha+%3D").status_code == 422
    assert client_of(factories.charlie()).get("/studies/miniature/checkpoints/lineage/").status_code == 404


@pytest.mark.django_db
def test_a_graph_that_is_too_large_says_how_to_narrow_it(client_of):
    study = factories.study(problems=1)
    Checkpoint.objects.bulk_create(
        Checkpoint(reference=f"many-{at}", name=f"many {at}", study=study, origin=Checkpoint.TRAINED, parent=study.base)
        for at in range(600)
    )

    response = client_of(factories.alice()).get("/studies/miniature/checkpoints/lineage/")

    assert len(response.context["nodes"]) == 240
    assert response.context["left_out"] == 363
    assert "Filter by name or coverage" in response.content.decode()
    assert len(response.content) < 200_000
