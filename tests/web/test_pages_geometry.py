"""The geometry of a pair: launched, kept as its event says, shown as figures, and refused where it makes no sense."""

import math

import factories
import pytest

from compute.configs import parse_config
from compute.events import DeltaSums, GeometryMeasured
from frontier_app import launch
from frontier_app.figures.geometry import Layer, Point, cosine_figure, distance_figure, norms_figure
from frontier_app.ingest import ingest
from frontier_app.models import Checkpoint, Job, PairGeometry, Study
from frontier_app.numbers.geometry import measured_pair

pytestmark = pytest.mark.django_db
ADDRESS = "/studies/miniature/geometry/"
LAYERS = (
    DeltaSums(layer="model.embed_tokens", low_square=9.0, high_square=16.0, product=0.0, count=50),
    DeltaSums(layer="model.layers.0", low_square=0.0, high_square=9.0, product=0.0, count=20),
)


@pytest.fixture
def study() -> Study:
    return factories.study(problems=2)


def ends(study: Study) -> tuple[Checkpoint, Checkpoint]:
    return study.checkpoints.get(name="low"), study.checkpoints.get(name="high")


def measured(study: Study) -> PairGeometry:
    factories.geometry(study, LAYERS)
    return PairGeometry.objects.get(study=study)


def test_a_launch_reads_the_pair_and_the_studys_base(study):
    low, high = ends(study)
    (job,) = launch.launch_geometry(study, factories.bob(), low, high).jobs
    config = parse_config(job.config)

    assert (config.kind, config.low.reference, config.high.reference) == ("geometry", low.reference, high.reference)
    assert (config.base.reference, str(config.base.folder)) == (study.base.reference, study.base.folder)
    with pytest.raises(launch.LaunchError, match="being measured already"):
        launch.launch_geometry(study, factories.bob(), low, high)


def test_a_pair_that_makes_no_sense_is_refused_beside_its_field(study):
    low, high = ends(study)
    virtual = factories.point_on(study.paths.get(), 0.5)
    for asked, field, words in (
        ((low, low), "high", "the same checkpoint"),
        ((study.base, high), "low", "the base itself"),
        ((low, virtual), "high", "no folder"),
    ):
        with pytest.raises(launch.LaunchError, match=words) as refused:
            launch.launch_geometry(study, factories.bob(), *asked)
        assert refused.value.field == field


def test_what_a_job_measured_is_kept_once_a_pair(study):
    measured(study)
    measured(study)
    row = PairGeometry.objects.get()

    assert [layer["layer"] for layer in row.layers] == ["model.embed_tokens", "model.layers.0"]
    pair = measured_pair(row)
    assert (pair.total.low_norm, pair.total.high_norm, pair.total.cosine) == (3, 5, 0)
    assert [(one.low_norm, one.high_norm, one.cosine) for one in pair.layers] == [(3, 4, 0), (0, 3, None)]
    by_alpha = {one.alpha: one.distance for one in pair.predicted}
    assert by_alpha[0] == 3
    assert by_alpha[1] == 5
    assert by_alpha[0.5] == pytest.approx(math.hypot(1.5, 2.5))
    assert pair.closest.alpha == pytest.approx(9 / 34)
    assert pair.closest.distance <= min(by_alpha.values())


def test_a_job_may_not_say_how_another_pair_moved(study):
    job = launch.launch_geometry(study, factories.bob(), *ends(study)).jobs[0]
    claim = factories.hold(job)
    foreign = GeometryMeasured(sequence=0, low="x", high="y", base=job.config["base"]["reference"], layers=LAYERS)

    assert "was not asked to compare 'x' and 'y'" in ingest(claim, claim.token, [foreign]).log[0]
    assert not PairGeometry.objects.exists()


def test_the_page_offers_to_measure_and_then_shows_the_figures(client_of, study):
    bob, vera = client_of(factories.bob()), client_of(factories.vera())
    assert "Measure this pair" in bob.get(ADDRESS).content.decode()
    assert "Measure this pair" not in vera.get(ADDRESS).content.decode()
    assert bob.get(f"{ADDRESS}figures.json").json() == {}

    row = measured(study)
    page = vera.get(ADDRESS).content.decode()
    assert "How low and high moved" in page
    assert "model.embed_tokens" in page
    assert "at a = 0.26" in page
    query = {"low": row.low.reference, "high": row.high.reference}
    figures = vera.get(f"{ADDRESS}figures.json", query).json()
    assert list(figures) == ["norms", "cosine", "distance"]
    assert figures["norms"]["table"][1] == ["model.embed_tokens", 50, 3.0, 4.0, 0.0]
    swapped = {"low": row.high.reference, "high": row.low.reference}
    assert bob.get(f"{ADDRESS}figures.json", swapped).json() == {}
    assert f"{ADDRESS}?low={row.low.reference}" in bob.get(row.job.get_absolute_url()).content.decode()


def test_a_link_shows_its_pair_and_no_other(study):
    row = measured(study)
    query = f"low={row.low.reference}&high={row.high.reference}"
    reader = factories.reader(study, "geometry", query)

    assert "model.layers.0" in reader.get(f"{ADDRESS}?{query}").content.decode()
    assert reader.get(f"{ADDRESS}figures.json?{query}").status_code == 200
    assert reader.get(f"{ADDRESS}?low={row.high.reference}&high={row.low.reference}").status_code == 404


def test_distances_that_engines_measured_stand_beside_the_predicted_ones():
    made = factories.measured_study(problems=2, samples=2, alphas=(0.0, 0.5, 1.0))
    for evaluation in made.evaluations:
        evaluation.alarms = {"distance": 1.0 + evaluation.alpha}
        evaluation.save(update_fields=["alarms"])
        engine = "vllm" if evaluation.alpha == 0.5 else "transformers"
        Job.objects.filter(pk=evaluation.job_id).update(config={"engine": engine})

    assert [tuple(one) for one in measured_pair(measured(made.study)).measured] == [(0, 1.0), (1, 2.0)], (
        "vLLM's are predicted"
    )


def test_figures_hold_a_mark_a_layer_and_say_where_there_is_none():
    layers = [Layer("model.layers.0", 10, 1.0, 2.0, 0.5), Layer("model.norm", 2, 0.0, 1.0, None)]
    low, high = norms_figure(layers, "low", "high")["data"]
    assert (low["y"], high["y"]) == ([1.0, 0.0], [2.0, 1.0])
    assert low["marker"]["symbol"] != high["marker"]["symbol"]
    (angles,) = cosine_figure(layers)["data"]
    assert angles["y"] == [0.5, None]
    figure = distance_figure([Point(0.0, 1.0), Point(1.0, 2.0)], [Point(0.5, 1.2)], (1.0, 2.0))
    assert [trace["name"] for trace in figure["data"]] == ["predicted", "trained ends", "measured"]
    assert figure["table"][-1] == [0.5, 1.2, "measured"]
