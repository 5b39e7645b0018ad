"""The `problems` runner: what it writes, what it says, and that the seed decides."""

import io
from collections import Counter
from pathlib import Path

import pytest

from compute.configs import ProblemsConfig
from compute.errors import Cancelled
from compute.events import AnyEvent, EventWriter, ProblemAdded, ProblemSetReady, Progress, parse_event
from compute.miniature.kinds import HELD_OUT_KINDS, KINDS
from compute.miniature.problem_sets import run
from compute.miniature.study import BASE_FOLDER, PLAN, SMALL, MiniaturePlan
from compute.problems.problem import BlobStore, Problem, read_problem_set
from compute.problems.programs import read_known_programs

TRAIN = {"easy": 3, "medium": 4, "hard": 20}
HELD_OUT = {"easy": 2, "medium": 3, "hard": 10}
FEW = {"easy": 1, "medium": 1, "hard": 3}


def make(folder: Path, seed: int, train: dict[str, int], held_out: dict[str, int]) -> list[AnyEvent]:
    stream = io.StringIO()
    config = ProblemsConfig(
        train_reference="train",
        held_out_reference="held-out",
        folder=folder,
        blobs=folder / "blobs",
        seed=seed,
        train=train,
        held_out=held_out,
    )
    summary = run(config, EventWriter(stream), lambda: False)
    assert summary == {"problems": sum(train.values()) + sum(held_out.values())}
    return [parse_event(line) for line in stream.getvalue().splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sets")


@pytest.fixture(scope="module")
def events(folder: Path) -> list[AnyEvent]:
    return make(folder, 0, TRAIN, HELD_OUT)


@pytest.fixture(scope="module")
def problems(folder: Path, events: list[AnyEvent]) -> list[Problem]:
    return read_problem_set(folder / "train.jsonl") + read_problem_set(folder / "held-out.jsonl")


def kind_of(problem: Problem) -> str:
    return problem.tags[0].removeprefix("kind ")


def test_both_sets_are_written_and_announced(folder: Path, events: list[AnyEvent], problems: list[Problem]) -> None:
    added = [event for event in events if isinstance(event, ProblemAdded)]
    ready = {event.problem_set: event for event in events if isinstance(event, ProblemSetReady)}
    assert [(event.slug, event.content_sha256) for event in added] == [(p.slug, p.content_sha256) for p in problems]
    assert [event.position for event in added] == [*range(27), *range(15)]
    assert ready["train"].problems == 27
    assert ready["held-out"].path == str(folder / "held-out.jsonl")
    assert [event for event in events if isinstance(event, Progress)][-1].done == 42


def test_difficulties_are_as_asked_and_slugs_are_unique(problems: list[Problem]) -> None:
    assert Counter(problem.difficulty for problem in problems[:27]) == TRAIN
    assert Counter(problem.difficulty for problem in problems[27:]) == HELD_OUT
    assert len({problem.slug for problem in problems[:27]}) == 27


def test_held_out_kinds_are_not_trained_on(problems: list[Problem]) -> None:
    assert not {kind_of(problem) for problem in problems[:27]} & HELD_OUT_KINDS
    assert {kind_of(problem) for problem in problems[27:] if problem.difficulty != "easy"} <= HELD_OUT_KINDS


def test_each_problem_has_five_levels_that_grow(problems: list[Problem]) -> None:
    for problem in problems:
        assert problem.levels == 5
        assert [test.group for test in problem.tests] == [1, 1, 1, 2, 3, 4, 5]
        sizes = [test.size_bytes for test in problem.tests[2:]]
        assert sizes == sorted(sizes)


def test_only_the_first_two_tests_are_public(events: list[AnyEvent]) -> None:
    for event in events:
        if isinstance(event, ProblemAdded):
            assert [test.public for test in event.tests] == [True, True] + [False] * 5
            assert all(test.input_text and test.output_text for test in event.tests[:2])
            assert all(test.input_text is None and test.output_text is None for test in event.tests[2:])


def test_binding_levels_are_dealt_evenly_and_three_tenths_never_bind(problems: list[Problem]) -> None:
    hard = [problem for problem in problems[:27] if problem.difficulty == "hard"]
    binding = Counter(problem.tags[-1] for problem in hard)
    assert binding == {
        "time never binds": 6,
        "time binds at level 3": 5,
        "time binds at level 4": 5,
        "time binds at level 5": 4,
    }


def test_the_audit_sees_levels_bind_one_after_the_other(events: list[AnyEvent]) -> None:
    audit = next(event.audit for event in events if isinstance(event, ProblemSetReady))
    rates = audit["slow_caught_rate"]
    assert isinstance(rates, list)
    assert rates[:2] == [0.0, 0.0]
    assert 0 < rates[2] < rates[3] < rates[4] < 1
    share = audit["reference_share_max"]
    assert isinstance(share, float)
    assert 0 < share < 1, "every reference answers within its limit"


def test_the_fast_and_the_slow_program_of_every_problem_lie_beside_the_set(folder: Path) -> None:
    problems = read_problem_set(folder / "held-out.jsonl")
    programs = read_known_programs(folder / "held-out.programs.jsonl")
    declared = Counter(program.declared for program in programs)
    assert (declared["AC",], declared["TLE",]) == (len(problems), len(problems) - HELD_OUT["easy"])
    assert {program.problem for program in programs} == {problem.slug for problem in problems}
    assert all(b"print" in BlobStore(folder / "blobs").get(program.source) for program in programs)


def test_the_seed_decides_everything_but_run_times(tmp_path: Path) -> None:
    def contents(name: str, seed: int) -> list[tuple[str, str]]:
        events = make(tmp_path / name, seed, FEW, FEW)
        return [(event.slug, event.content_sha256) for event in events if isinstance(event, ProblemAdded)]

    first = contents("first", 0)
    assert contents("again", 0) == first
    assert not {sha256 for _, sha256 in contents("other", 1)} & {sha256 for _, sha256 in first}


def test_the_stored_answer_belongs_to_the_stored_input(folder: Path, problems: list[Problem]) -> None:
    blobs = BlobStore(folder / "blobs")
    for problem in problems:
        if kind_of(problem) in ("prefix-sum", "next-larger", "smaller-before"):
            count = int(blobs.get(problem.tests[0].input).split()[0])
            assert 0 < len(blobs.get(problem.tests[0].output).split()) <= count


def test_making_problems_can_be_cancelled(tmp_path: Path) -> None:
    config = ProblemsConfig(train_reference="t", held_out_reference="h", folder=tmp_path, blobs=tmp_path / "blobs")
    stream = io.StringIO()
    with pytest.raises(Cancelled):
        run(config, EventWriter(stream), lambda: "problem" in stream.getvalue())
    assert not (tmp_path / "t.jsonl").exists()


def test_the_plan_is_coherent() -> None:
    assert PLAN.evaluated_problems == 128
    assert PLAN.sampling(seed=3).samples == 16
    assert set(SMALL.coverages) >= {SMALL.low, SMALL.high}
    assert (PLAN.trainer, SMALL.trainer) == ("trl", "compact")
    assert BASE_FOLDER.is_dir()
    with pytest.raises(ValueError, match="alphas"):
        MiniaturePlan(alphas=(0.0, 0.5))
    with pytest.raises(ValueError, match="coverages"):
        MiniaturePlan(coverages=(0.4,), high=1.0)
    assert all(KINDS[name].difficulty != "easy" for name in HELD_OUT_KINDS)
