"""Templates of studies: the jobs that answer a question of the first paper or control for it, and what they can decide.

Each plans what is missing: a training that has been asked for in the same words, and a point that is measured or being
measured with the same sampling, is taken as it is. `frontier_app.launch` decides who may ask; this writes the rows.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from math import sqrt
from typing import NamedTuple

from django.contrib.auth.models import User

from compute.configs import SETTINGS, Sampling, Setting, Tests, TrainConfig, WeightsEngine
from compute.miniature import study as miniature
from frontier_app.models import Checkpoint, Job, MergeIngredient, Run, Study
from frontier_app.planning.launches import (
    GIVEN_UP,
    Point,
    deal,
    folder_bytes,
    is_measured,
    on_path,
    path_between,
    plan_evaluation,
    plan_runs,
    reference_prefix,
    sweep_title,
    training_config,
)
from frontier_app.planning.queues import workers
from frontier_app.planning.refusal import LaunchError

HALF_WIDTH_OF_ONE = 1.96 * 0.5
"""Of a mean of one number between 0 and 1: half of its 95 % interval where the numbers vary as much as they can."""


class Asked(NamedTuple):
    """What a template may be told; each takes what it needs. `members` empty: every training of the study."""

    sampling: Sampling
    setting: Setting = "reasoning"
    engine: WeightsEngine = "transformers"
    on: str = ""
    coverages: Sequence[float] = ()
    seeds: Sequence[int] = ()
    alphas: Sequence[float] = ()
    low: Checkpoint | None = None
    high: Checkpoint | None = None
    members: Sequence[Checkpoint] = ()
    recipe: dict[str, object] = {}


class Planned(NamedTuple):
    """The jobs written, and sentences that say what their results can decide."""

    jobs: list[Job]
    concludes: list[str]


class Plan:
    """The rows of one template: what is asked for by `self.by`, job after job."""

    def __init__(self, study: Study, by: User, asked: Asked) -> None:
        self.study, self.by, self.asked = study, by, asked
        self.jobs: list[Job] = []

    def train(self, tests: Tests = "first", start: Checkpoint | None = None) -> dict[tuple[float, int], Checkpoint]:
        """(coverage, seed) -> the checkpoint that a training ends with, of those that are not asked for yet. `start`:
        from which, the study's base if left out."""
        start = start or self.study.base
        if start is None:
            raise LaunchError("", "This study has no base checkpoint to start from.")
        trained = {}
        for seed in dict.fromkeys(self.asked.seeds):
            for coverage in dict.fromkeys(self.asked.coverages):
                run = self._run(start, coverage, seed, tests)
                trained[coverage, seed] = run.checkpoints.get(reference=run.reference)
        return trained

    def _run(self, start: Checkpoint, coverage: float, seed: int, tests: Tests) -> Run:
        config = training_config(self.study, start, coverage, seed, tests, self.asked.recipe)
        for run in self.study.runs.filter(coverage=coverage, seed=seed).select_related("job"):
            if _request(run.config) == _request(config.model_dump(mode="json")):
                made = run.checkpoints.filter(reference=run.reference).first()
                if made is not None and (made.materialised or (run.job and run.job.state not in GIVEN_UP)):
                    return run
        (run,) = plan_runs(self.study, self.by, start, [config], on=self.asked.on)
        assert run.job is not None
        self.jobs.append(run.job)
        return run

    def sweep(self, low: Checkpoint, high: Checkpoint, alphas: Sequence[float], setting: Setting | None = None) -> None:
        """`setting`: the one asked for if left out."""
        setting = setting or self.asked.setting
        path = path_between(self.study, low, high)
        points = [Point(on_path(path, alpha), alpha, path) for alpha in dict.fromkeys(alphas)]
        for part in deal(self._missing(points, setting), workers(self.asked.on)):
            self._measure(part, sweep_title(path, part), setting)

    def evaluate(self, checkpoint: Checkpoint) -> None:
        for point in self._missing([Point(checkpoint)], self.asked.setting):
            self._measure([point], f"Evaluate {checkpoint.name}", self.asked.setting)

    def _missing(self, points: Sequence[Point], setting: Setting) -> list[Point]:
        """Every page finds the ends of a path wherever they were measured, so they are not measured again."""
        sampling, engine = self.asked.sampling, self.asked.engine
        return [one for one in points if not is_measured(self.study, one, sampling, engine, setting, anywhere=True)]

    def _measure(self, points: Sequence[Point], title: str, setting: Setting) -> None:
        sampling, engine = self.asked.sampling, self.asked.engine
        job = plan_evaluation(
            self.study,
            self.by,
            points,
            sampling=sampling,
            setting=setting,
            engine=engine,
            on=self.asked.on,
            title=title if setting == "reasoning" else f"{title}, {setting}",
        )
        self.jobs.append(job)

    def precision(self) -> str:
        """How exact a rate will be, before anything is measured."""
        problems = self.study.held_out_set.problems.count() if self.study.held_out_set else 0
        hard = self.study.held_out_set.problems.filter(difficulty="hard").count() if self.study.held_out_set else 0
        if not problems:
            return "How exact it will be depends on the held-out problems, which are not written yet."
        counted, words = (hard, "hard held-out problems") if hard else (problems, "held-out problems")
        width = HALF_WIDTH_OF_ONE / sqrt(counted)
        return (
            f"On {counted} {words} a rate is known to ± {width:.3f} at the widest; differences of two checkpoints are "
            "paired by problem and narrower."
        )

    def over_seeds(self) -> str:
        seeds = len(set(self.asked.seeds))
        if seeds > 1:
            return f"Whether it holds for other seeds: Student's interval over {seeds} trainings of each level."
        return "Nothing about other seeds: one seed is one training of each level."


def nested_levels(plan: Plan) -> list[str]:
    coverages, alphas = sorted(set(plan.asked.coverages)), plan.asked.alphas
    if len(coverages) < 2:
        raise LaunchError("coverages", "A frontier needs at least two coverages, for example 0.4, 1.")
    trained = plan.train()
    for seed in dict.fromkeys(plan.asked.seeds):
        plan.sweep(trained[coverages[0], seed], trained[coverages[-1], seed], [0, 1, *alphas])
        for coverage in coverages[1:-1]:
            plan.evaluate(trained[coverage, seed])
    assert plan.study.base is not None
    plan.evaluate(plan.study.base)
    outside = sum(not 0 <= alpha <= 1 for alpha in set(alphas))
    return [
        f"Whether more coverage trades optimisation failures for correctness failures, over {len(coverages)} levels.",
        "Whether averages of the two ends lie on that frontier"
        + (f", and which of {outside} past the ends extend it, stay or collapse." if outside else "."),
        plan.over_seeds(),
        plan.precision(),
    ]


def random_tests(plan: Plan) -> list[str]:
    for trained in plan.train("random").values():
        plan.evaluate(trained)
    nested = {
        (run.coverage, run.seed)
        for run in plan.study.runs.filter(coverage__in=plan.asked.coverages, initialisation=plan.study.base)
        if run.is_nested
    }
    alone = [(c, s) for s in dict.fromkeys(plan.asked.seeds) for c in dict.fromkeys(plan.asked.coverages)]
    alone = [pair for pair in alone if pair not in nested]
    missing = [
        "No nested training stands beside " + ", ".join(f"coverage {c:g}, seed {s}" for c, s in alone) + ": launch it, "
        "with the same steps, to have something to compare with."
    ]
    return [
        "Whether a level works through larger tests or through more tests: as many tests, drawn at random, beside the "
        "nested level of the same coverage and seed.",
        *(missing if alone else []),
        plan.over_seeds(),
        plan.precision(),
    ]


def from_initialisation(plan: Plan) -> list[str]:
    base, low, high = plan.study.base, plan.asked.low, plan.asked.high
    if base is None:
        raise LaunchError("", "This study has no base checkpoint to step out from.")
    if low is None or high is None:
        raise LaunchError("high" if low else "low", "Name both ends of a path.")
    for end in (low, high):
        plan.sweep(base, end, [0, 1, *plan.asked.alphas])
    return [
        f"Whether the direction from {low.name} to {high.name} matters or the length of a step alone: each end carried "
        "on from the initialisation, base + a (end − base), beside the path between them.",
        plan.precision(),
    ]


def uniform_soup(plan: Plan) -> list[str]:
    members = list(plan.asked.members) or _trainings(plan.study)
    if len(members) < 2:
        raise LaunchError("members", "A soup needs at least two trained checkpoints.")
    for member in members:
        plan.evaluate(member)
    plan.evaluate(soup_of(plan.study, members))
    return [
        f"Whether the plain average of {len(members)} trainings does better than each of them, and whether a place on "
        "the path does better than the average.",
        plan.precision(),
    ]


def trained_ensembles(plan: Plan) -> list[str]:
    if len(set(plan.asked.seeds)) < 2:
        raise LaunchError("seeds", "An ensemble needs at least two seeds, for example 0, 1, 2.")
    for trained in plan.train().values():
        plan.evaluate(trained)
    samples, seeds = plan.asked.sampling.samples, len(set(plan.asked.seeds))
    return [
        f"Whether {seeds} seeds of one level are as good an ensemble as members along the path: pass@k with intervals, "
        f"for k up to {samples * seeds} where each member gives {samples} samples a problem.",
        "The baselines that an ensemble with merges is shown beside: trained members alone, and seeds of one level.",
        plan.precision(),
    ]


def three_settings(plan: Plan) -> list[str]:
    low, high = plan.asked.low, plan.asked.high
    if low is None or high is None:
        raise LaunchError("high" if low else "low", "Name both ends of a path.")
    for setting in SETTINGS:
        plan.sweep(low, high, [0, 1, *plan.asked.alphas], setting)
    return [
        f"Whether the path from {low.name} to {high.name} trades optimisation failures for correctness failures in "
        "each setting, and what revising after the public samples, or working in a shell, adds at each place on it.",
        "Nothing about training with tools: the policies were trained on one turn.",
        plan.precision(),
    ]


def second_scale(plan: Plan) -> list[str]:
    coverages, alphas = sorted(set(plan.asked.coverages)), plan.asked.alphas
    if len(coverages) < 2:
        raise LaunchError("coverages", "A frontier needs at least two coverages, for example 0.4, 1.")
    start = other_base(plan.study)
    trained = plan.train(start=start)
    for seed in dict.fromkeys(plan.asked.seeds):
        plan.sweep(trained[coverages[0], seed], trained[coverages[-1], seed], [0, 1, *alphas])
        for coverage in coverages[1:-1]:
            plan.evaluate(trained[coverage, seed])
    plan.evaluate(start)
    return [
        f"Whether the frontier, and what averaging does on it, is the same at the scale of {start.name}: the same "
        "levels, problems, order and steps from another base.",
        plan.over_seeds(),
        plan.precision(),
    ]


TEMPLATES: dict[str, Callable[[Plan], list[str]]] = {
    "levels": nested_levels,
    "random-tests": random_tests,
    "from-base": from_initialisation,
    "soup": uniform_soup,
    "seeds": trained_ensembles,
    "settings": three_settings,
    "scale": second_scale,
}


def plan_template(study: Study, by: User, template: str, asked: Asked) -> Planned:
    """Write what a template still lacks. Raises LaunchError where nothing is missing."""
    plan = Plan(study, by, asked)
    concludes = TEMPLATES[template](plan)
    if not plan.jobs:
        raise LaunchError("", "All of this is trained and measured, or about to be.")
    return Planned(plan.jobs, concludes)


def other_base(study: Study) -> Checkpoint:
    """The base of another scale: one that the study has, or for a miniature the small one."""
    known = Checkpoint.objects.filter(study=study, origin=Checkpoint.BASE).exclude(folder="").order_by("-pk")
    found = next((one for one in known if one != study.base), None)
    if found is not None:
        return found
    if study.base is None or study.base.folder != str(miniature.BASE_FOLDER):
        raise LaunchError("", "This study has no base of another scale: import one, then ask again.")
    return Checkpoint.objects.create(
        reference=f"{reference_prefix(study.slug)}.base-small",
        name="base-small",
        study=study,
        origin=Checkpoint.BASE,
        folder=str(miniature.SMALL_BASE_FOLDER),
        size_bytes=folder_bytes(miniature.SMALL_BASE_FOLDER),
    )


def soup_of(study: Study, members: Sequence[Checkpoint]) -> Checkpoint:
    """The uniform average of some checkpoints ("model soup", arXiv 2203.05482), which stays virtual until written."""
    chosen = sorted({one.pk: one for one in members}.values(), key=lambda one: one.pk)
    digest = sha256(" ".join(["soup", *(one.reference for one in chosen)]).encode()).hexdigest()[:12]
    soup, created = Checkpoint.objects.get_or_create(
        reference=f"{reference_prefix(study.slug)}.soup-{digest}",
        defaults={"name": f"soup of {len(chosen)}", "study": study, "origin": Checkpoint.MERGED},
    )
    if created:
        MergeIngredient.objects.bulk_create(
            MergeIngredient(merge=soup, checkpoint=one, weight=1 / len(chosen)) for one in chosen
        )
    return soup


def _trainings(study: Study) -> list[Checkpoint]:
    """What the study's nested trainings end with, or will."""
    ends = Checkpoint.objects.filter(study=study, origin=Checkpoint.TRAINED, run__isnull=False).select_related("run")
    return [
        one for one in ends
        if one.run and one.reference == one.run.reference and one.run.is_nested
        and one.run.initialisation_id == study.base_id
    ]  # fmt: skip


def _request(config: dict[str, object]) -> dict[str, object]:
    """What makes two trainings the same, whatever they are called and wherever they are written."""
    own = {"reference", "folder", "judge_cache", "save_steps", "micro_batch", "resume_every", "limits"}
    return TrainConfig.model_validate(config).model_dump(mode="json", exclude=own)
