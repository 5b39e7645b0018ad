"""Writes the training and the held-out problem set of the miniature: tasks, tests, answers, known programs, audit.

Everything but the reference's run times follows from the seed. Answers come from the fast program and are compared
with the slow one's on small inputs; both are the family's own, so they run in this process.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle, islice, repeat
from typing import NamedTuple

from compute.configs import ProblemsConfig
from compute.errors import Cancelled
from compute.events import EventWriter, ProblemSetReady, Progress
from compute.miniature.composition import (
    Composition,
    Task,
    draw_balanced,
    evaluation_compositions,
    reinforcement_compositions,
)
from compute.miniature.execution import run_program
from compute.miniature.inputs import LARGE_RANGES, SMALL_RANGES, Shape, draw_input
from compute.miniature.rendering import fast_program, slow_program, statement, title
from compute.miniature.sizes import BINDING_LEVELS, LIMIT_SECONDS, SMALL_SIZES, BindsAt, sizes
from compute.problems.announcement import problem_added
from compute.problems.audit import audit
from compute.problems.coverage import size_order
from compute.problems.problem import BlobStore, Difficulty, KnownProgram, Problem, TestCase, write_problem_set
from compute.problems.programs import programs_beside, write_known_programs

MEMORY_BYTES = 256 << 20
PUBLIC_TESTS = 2
AUDITED = 32  # slow programs run for the audit of one set, each until its limit
PROGRESS_SECONDS = 0.5


class Specification(NamedTuple):
    """A problem before its tests are drawn. `seed` fixes them."""

    slug: str
    task: Task
    binds_at: BindsAt
    seed: str


class Part(NamedTuple):
    """One of the two sets."""

    reference: str
    compositions: Sequence[Composition]
    counts: Mapping[Difficulty, int]


def run(config: ProblemsConfig, emit: EventWriter, cancelled: Callable[[], bool]) -> dict[str, object]:
    """Write both sets below `config.folder`. Raises Cancelled; OSError when the disk refuses."""
    blobs = BlobStore(config.blobs)
    parts = (
        Part(config.train_reference, reinforcement_compositions(), config.train),
        Part(config.held_out_reference, evaluation_compositions(), config.held_out),
    )
    planned = [(part, specifications(part, config.seed, config.weak_share)) for part in parts]
    total = sum(len(specified) for _, specified in planned)
    done, reported = 0, 0.0
    for part, specified in planned:
        problems = []
        for position, specification in enumerate(specified):
            if cancelled():
                raise Cancelled("Making problems was cancelled.")
            problem = make_problem(specification, blobs)
            problems.append(problem)
            emit(problem_added(part.reference, position, problem, blobs))
            done += 1
            if time.monotonic() - reported > PROGRESS_SECONDS or done == total:
                emit(Progress(stage="Writing problems", done=done, total=total, unit="problems"))
                reported = time.monotonic()
        finish(part.reference, problems, specified, config, blobs, emit)
    return {"problems": total}


def finish(
    reference: str,
    problems: list[Problem],
    specified: list[Specification],
    config: ProblemsConfig,
    blobs: BlobStore,
    emit: EventWriter,
) -> None:
    path = config.folder / f"{reference}.jsonl"
    sha256 = write_problem_set(path, problems)
    write_known_programs(programs_beside(path), known_programs(problems, specified, blobs))
    emit(
        ProblemSetReady(
            problem_set=reference,
            path=str(path),
            blobs=str(config.blobs),
            problems=len(problems),
            sha256=sha256,
            audit=audit(problems, dict(slow_letters(problems, specified, blobs))).as_dict(),
        )
    )


def specifications(part: Part, seed: int, weak_share: float) -> list[Specification]:
    """The problems of a set in a mixed order. Binding levels are dealt evenly within a difficulty."""
    rng = random.Random(f"{part.reference}:{seed}")
    drawn: list[tuple[Task, BindsAt]] = []
    for difficulty, count in part.counts.items():
        tasks = draw_balanced(part.compositions, {difficulty: count}, rng)
        weak = round(count * weak_share)
        levels = [*repeat(None, weak), *islice(cycle(BINDING_LEVELS), count - weak)]
        rng.shuffle(levels)
        drawn += [(task, level if task.kind.fast else None) for task, level in zip(tasks, levels, strict=True)]
    rng.shuffle(drawn)
    return [
        Specification(f"{number:03d}-{task.kind.name}", task, level, f"{part.reference}:{seed}:{number}")
        for number, (task, level) in enumerate(drawn, start=1)
    ]


def make_problem(specification: Specification, blobs: BlobStore) -> Problem:
    """Draw inputs, compute answers, store both."""
    slug, task, binds_at, seed = specification
    rng = random.Random(seed)
    largest = rng.choice(LARGE_RANGES)  # one for all levels, so that more values are always more bytes
    tests: list[TestCase] = []
    for level, level_sizes in enumerate(sizes(task.kind, binds_at), start=1):
        for size in level_sizes:
            small = level <= len(SMALL_SIZES)
            binds = binds_at is not None and level >= binds_at
            text = draw_input(task, Shape(size, rng.choice(SMALL_RANGES) if small else largest, binds), rng)
            answer = run_program(fast_program(task), text)
            assert answer.output is not None
            if small:
                assert answer.output == run_program(slow_program(task), text).output, f"{slug}: the programs differ"
            data = text.encode()
            tests.append(
                TestCase(
                    identifier=f"{level}-{size}",
                    group=level,
                    input=blobs.put(data),
                    output=blobs.put(answer.output.encode()),
                    size_bytes=len(data),
                    # Rounded, so that the order of tests of one size does not follow the machine's mood.
                    reference_seconds=round(answer.cpu_seconds, 3),
                    public=len(tests) < PUBLIC_TESTS,
                )
            )
    return Problem(
        slug=slug,
        title=title(task),
        statement=statement(task),
        difficulty=task.kind.difficulty,
        tags=tags(task, binds_at),
        cpu_seconds=LIMIT_SECONDS,
        memory_bytes=MEMORY_BYTES,
        tests=tuple(size_order(tests)),
    )


def tags(task: Task, binds_at: BindsAt) -> tuple[str, ...]:
    """What the problem is made of, and from which level its tests bind on time."""
    kind, transform, chosen, post = task.composition
    binding = "time never binds" if binds_at is None else f"time binds at level {binds_at}"
    return (f"kind {kind}", f"transform {transform}", f"filter {chosen}", f"last step {post}", binding)


def known_programs(
    problems: Sequence[Problem], specified: Sequence[Specification], blobs: BlobStore
) -> Iterator[KnownProgram]:
    """The fast and the slow program of every problem, for the audit job.

    A slow one is declared too slow even where time never binds: that such a suite lets it pass is for an audit to find.
    """
    for problem, specification in zip(problems, specified, strict=True):
        task = specification.task
        programs = [("fast.py", fast_program(task), "AC")]
        if task.kind.fast:
            programs.append(("slow.py", slow_program(task), "TLE"))
        for name, text, declared in programs:
            source = blobs.put(text.encode())
            yield KnownProgram(problem=problem.slug, name=name, language="python", source=source, declared=(declared,))


def slow_letters(
    problems: Sequence[Problem], specified: Sequence[Specification], blobs: BlobStore
) -> Iterator[tuple[str, str]]:
    """(slug, letters) of the slow programs of evenly chosen problems, each run up to its first time limit."""
    pairs = [pair for pair in zip(problems, specified, strict=True) if pair[1].task.kind.fast]
    step = max(1, -(-len(pairs) // AUDITED))
    for problem, specification in pairs[::step]:
        program = slow_program(specification.task)
        letters = ""
        for test in problem.tests:
            text = blobs.get(test.input).decode()
            stopped = run_program(program, text, problem.cpu_seconds).output is None
            letters += "T" if stopped else "A"
            if stopped:
                break
        yield problem.slug, letters.ljust(len(problem.tests), "-")
