"""People, studies and measurements for tests, made the way the product makes them: through the queue and the ingest.

The cast: alice owns the study, bob is a member, charlie is a stranger, a share link opens it to anybody. Figures are
drawn from a seeded generator and mean nothing; only their bookkeeping is real.
"""

import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path as FilePath
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from compute.configs import (
    AuditConfig,
    EvaluateConfig,
    EvaluationPoint,
    GeometryConfig,
    ImportConfig,
    Ingredient,
    JobConfig,
    ProblemsConfig,
    ProblemSetSource,
    Sampling,
    TrainConfig,
)
from compute.events import (
    AnyEvent,
    AuditReady,
    CheckpointWritten,
    DeltaSums,
    EvaluationFinished,
    EvaluationStarted,
    Finished,
    GeometryMeasured,
    Metric,
    ProblemAdded,
    ProblemAudited,
    ProblemSetReady,
    SampleRecord,
    Samples,
    TestSummary,
)
from compute.problems.audit import JudgedProgram, Trial, audit_problem, audit_set
from compute.problems.problem import Problem as ProblemOnDisk
from compute.problems.problem import TestCase
from compute.rollout.transcript import ANSWERED, OUT_OF_TURNS, SUBMITTED, CallRecord, Step, Transcript, sha256_of
from frontier_app import sample_rows
from frontier_app.ingest import ingest
from frontier_app.jobs import queue
from frontier_app.models import (
    ApiToken,
    Checkpoint,
    Evaluation,
    Job,
    Membership,
    MergeIngredient,
    Path,
    Problem,
    ProblemSet,
    Run,
    Sample,
    ShareLink,
    Study,
)
from tests.remembered import remembered

GROUPS = (1, 1, 2, 2, 3, 3, 4, 4, 5, 5)
DIFFICULTIES = ("easy", "medium", "hard", "hard")
SLOW = "n = int(input())\nprint(sum(1 for a in range(n) for b in range(n)))\n"
FAST = "n = int(input())\nprint(n * n)\n"


def person(name: str) -> User:
    user, _ = User.objects.get_or_create(username=name, defaults={"email": f"{name}@example.org"})
    return user


def alice() -> User:
    return person("alice")


def bob() -> User:
    return person("bob")


def vera() -> User:
    return person("vera")


def charlie() -> User:
    return person("charlie")


def api_token(user: User) -> str:
    return ApiToken.issue(user, "a script")


def link(study: Study, allow_programs: bool = False, view: str = "study", query: str = "") -> ShareLink:
    """A link to one view with one query (`frontier_app.sharing.shared_views`)."""
    return ShareLink.objects.create(
        study=study, created_by=alice(), allow_programs=allow_programs, view=view, query=query
    )


def reader(study: Study, view: str = "study", query: str = "", allow_programs: bool = False) -> Client:
    """A browser in which a share link to one view was opened, and nobody is logged in."""
    browser = Client()
    browser.get(f"/share/{link(study, allow_programs, view, query).token}/")
    return browser


class Measured(NamedTuple):
    """A study with a path whose points are measured."""

    study: Study
    path: Path
    evaluations: list[Evaluation]


def empty_study(slug: str = "miniature") -> Study:
    """alice's study, which bob may change and vera read, with a base and two problem sets that are not written yet."""
    sets = [ProblemSet.objects.create(reference=f"{slug}.{part}", title=part) for part in ("train", "held-out")]
    study = Study.objects.create(slug=slug, title=f"The {slug} study", train_set=sets[0], held_out_set=sets[1])
    Membership.objects.create(study=study, user=alice(), role=Membership.OWNER)
    Membership.objects.create(study=study, user=bob(), role=Membership.EDITOR)
    Membership.objects.create(study=study, user=vera(), role=Membership.VIEWER)
    study.base = checkpoint(study, "base", origin=Checkpoint.BASE)
    study.save(update_fields=["base"])
    return study


@remembered
def study(slug: str = "miniature", problems: int = 4) -> Study:
    """An `empty_study` with its problem sets written and the trained ends of a path."""
    made = empty_study(slug)
    write_problems(made, problems)
    for name, coverage in (("low", 0.4), ("high", 1.0)):
        trained_run(made, name, coverage)
    Path.objects.create(
        study=made,
        name="low → high",
        low=made.checkpoints.get(name="low"),
        high=made.checkpoints.get(name="high"),
    )
    made.refresh_from_db()
    return made


@remembered
def measured_study(
    slug: str = "miniature",
    problems: int = 4,
    samples: int = 4,
    alphas: Sequence[float] = (0.0, 0.5, 1.0),
    seed: int = 0,
) -> Measured:
    """A `study` with an evaluation at each alpha, and one of the base."""
    made = study(slug, problems)
    path = made.paths.get()
    evaluations = [measure(made, point_on(path, alpha), samples, alpha=alpha, path=path, seed=seed) for alpha in alphas]
    measure(made, made.base, samples, seed=seed)
    return Measured(made, path, evaluations)


@remembered
def study_in_settings(
    slug: str = "miniature", problems: int = 4, samples: int = 2, alphas: Sequence[float] = (0.0, 0.5, 1.0)
) -> Measured:
    """A `measured_study` whose path is measured in the settings tools and agentic as well: those evaluations."""
    made, path, _ = measured_study(slug, problems, samples, alphas)
    evaluations = [
        measure(made, point_on(path, alpha), samples, alpha=alpha, path=path, setting=setting)
        for setting in ("tools", "agentic")
        for alpha in alphas
    ]
    return Measured(made, path, evaluations)


def checkpoint(study: Study, name: str, origin: str = Checkpoint.TRAINED, **values: object) -> Checkpoint:
    """A checkpoint with an empty folder: enough for everything but computing."""
    folder = FilePath(settings.FRONTIER_HOME) / "checkpoints" / study.slug / name
    folder.mkdir(parents=True, exist_ok=True)
    return Checkpoint.objects.create(
        reference=f"{study.slug}.{name}", name=name, study=study, origin=origin, folder=str(folder), **values
    )


def point_on(path: Path, alpha: float) -> Checkpoint:
    """The checkpoint at `alpha`: an end, or a virtual merge."""
    if alpha in (0, 1):
        return path.high if alpha else path.low
    merge, created = Checkpoint.objects.get_or_create(
        reference=f"{path.study.slug}.merge-{path.pk}-{alpha:g}",
        defaults={"name": f"{path.name} at {alpha:g}", "study": path.study, "origin": Checkpoint.MERGED},
    )
    if created:
        MergeIngredient.objects.create(merge=merge, checkpoint=path.low, weight=1 - alpha)
        MergeIngredient.objects.create(merge=merge, checkpoint=path.high, weight=alpha)
    return merge


def problem_events(reference: str, problems: int, groups: Sequence[int] = GROUPS) -> list[AnyEvent]:
    """`problems` problems and the notice that the set is complete."""
    tests = tuple(
        TestSummary(
            identifier=f"t{number}",
            group=group,
            size_bytes=10 * 4**group + number,
            public=number < 2,
            input_text="3\n" if number < 2 else None,
            output_text="9\n" if number < 2 else None,
        )
        for number, group in enumerate(groups)
    )
    events: list[AnyEvent] = [
        ProblemAdded(
            problem_set=reference,
            position=position,
            slug=f"{position:03d}-squares",
            title=f"Squares {position}",
            statement="Print the square of n.",
            difficulty=DIFFICULTIES[position % len(DIFFICULTIES)],
            cpu_seconds=0.05,
            memory_bytes=256 << 20,
            content_sha256=hashlib.sha256(f"{reference}{position}".encode()).hexdigest(),
            levels=max(groups),
            tests=tests,
        )
        for position in range(problems)
    ]
    home = FilePath(settings.FRONTIER_HOME)
    path = home / "problem_sets" / f"{reference}.jsonl"
    ready = ProblemSetReady(
        problem_set=reference, path=str(path), blobs=str(home / "blobs"), problems=problems, sha256="0" * 64
    )
    return [*events, ready]


def write_problems(study: Study, problems: int, groups: Sequence[int] = GROUPS) -> Job:
    """The job that writes the study's two problem sets, done."""
    assert study.train_set is not None
    assert study.held_out_set is not None
    home = FilePath(settings.FRONTIER_HOME)
    config = ProblemsConfig(
        train_reference=study.train_set.reference,
        held_out_reference=study.held_out_set.reference,
        folder=home / "problem_sets",
        blobs=home / "blobs",
    )
    job = claimed(config, study, "Write the problems")
    references = (study.train_set.reference, study.held_out_set.reference)
    tell(job, *(event for one in references for event in problem_events(one, problems, groups)), Finished())
    return job


def audit(study: Study, problem_set: ProblemSet | None = None, seed: int = 0) -> Job:
    """The audit of a set of the study (the held-out one), done: its known programs are made up."""
    audited = problem_set or study.held_out_set
    assert audited is not None
    job = claimed(AuditConfig(problems=source(audited)), study, f"Audit {audited}")
    rows = audited.problems.order_by("position")
    found = [audit_problem(on_disk(row), known_programs(row, seed), 5.0) for row in rows]
    reference = audited.reference
    events = [ProblemAudited(problem_set=reference, slug=one.slug, audit=one.as_dict()) for one in found]
    figures = audit_set(found, isolation="landlock+seccomp+rlimits", safety_factor=5.0).as_dict()
    programs = sum(len(one.programs) for one in found)
    summary = {"problems": len(found), "programs": programs, "repeats": 2, "passed_over": []}
    tell(job, *events, AuditReady(problem_set=reference, audit=figures), Finished(summary=summary))
    audited.refresh_from_db()
    return job


def geometry(study: Study, layers: Sequence[DeltaSums]) -> Job:
    """The geometry of the ends of the study's path, done."""
    path = study.paths.get()
    parts = {"low": path.low, "high": path.high, "base": study.base}
    sources = {name: {"reference": one.reference, "folder": one.folder} for name, one in parts.items()}
    job = claimed(GeometryConfig.model_validate(sources), study, "Geometry of low and high")
    measured = GeometryMeasured(layers=tuple(layers), **{name: one.reference for name, one in parts.items()})
    tell(job, measured, Finished(summary={"layers": len(layers), "tensors": len(layers)}))
    return job


def on_disk(row: Problem) -> ProblemOnDisk:
    """The problem of a row, with tests that have sizes and groups but no bytes."""
    tests = tuple(
        TestCase(
            identifier=test["identifier"],
            group=test["group"],
            input="0" * 64,
            output="0" * 64,
            size_bytes=test["size_bytes"],
            reference_seconds=0.001,
        )
        for test in row.tests
    )
    return ProblemOnDisk(
        slug=row.slug,
        title=row.title,
        statement=row.statement,
        difficulty=row.difficulty,
        tests=tests,
        cpu_seconds=row.cpu_seconds,
        memory_bytes=row.memory_bytes,
    )


def known_programs(row: Problem, seed: int = 0) -> list[JudgedProgram]:
    """Programs right, slow and wrong, drawn for this problem; some not as declared, some judged differently twice."""
    rng = random.Random(f"{seed} {row.slug}")
    tests = len(row.tests)
    kinds = [("fast.py", ("AC",), "A", 0.02 + 0.7 * rng.random() ** 3)]
    if rng.random() < 0.8:
        kinds += [("slow.py", ("TLE",), "T", 1.0)]
    if rng.random() < 0.6:
        kinds += [("wrong.cpp", ("WA",), "W", 0.01)]
    made = []
    for name, declared, letter, used in kinds:
        passed = tests if letter == "A" else rng.randrange(tests + 1) if rng.random() < 0.3 else tests // 2
        letters = "A" * passed + letter * (tests - passed)
        again = letters[:-1] + "T" if rng.random() < 0.08 else letters
        times = tuple(round(row.cpu_seconds * used * (place + 1) / tests, 6) for place in range(tests))
        trials = (Trial(letters, times), Trial(again, times))
        made.append(JudgedProgram(name, "cpp" if name.endswith("cpp") else "python", declared, trials))
    return made


def tried_import(study: Study, dry_run: bool = True, **found: object) -> Job:
    """An import that ended, by default as a dry run that found something of everything."""
    home = FilePath(settings.FRONTIER_HOME)
    config = ImportConfig(
        reference=f"{study.slug}.held-out-x",
        path=home,
        folder=home / "problem_sets",
        blobs=home / "blobs",
        dry_run=dry_run,
    )
    job = claimed(config, study, "Try the import of packages (held-out)")
    refusals = [["guess", "problem.yaml: interactive problems are not supported yet."]]
    summary = {"new": 3, "duplicates": 2, "refused": 1, "refusals": refusals, "notes": ["hello: images are left out."]}
    tell(job, Finished(summary=summary | {"format": "kattis", "dry_run": dry_run} | found))
    return job


def training_config(study: Study, name: str, coverage: float, steps: int = 3) -> TrainConfig:
    assert study.train_set is not None
    assert study.base is not None
    return TrainConfig(
        reference=f"{study.slug}.{name}",
        initialisation=FilePath(study.base.folder),
        initialisation_reference=study.base.reference,
        folder=FilePath(settings.FRONTIER_HOME) / "checkpoints" / study.slug / name,
        problems=source(study.train_set),
        coverage=coverage,
        steps=steps,
    )


def trained_run(study: Study, name: str, coverage: float, steps: int = 3) -> Run:
    """A finished training with its curves and its checkpoint."""
    config = training_config(study, name, coverage, steps)
    job = claimed(config, study, f"Train {name}", on="gpu")
    run = Run.objects.create(
        study=study,
        reference=config.reference,
        name=name,
        coverage=coverage,
        steps=steps,
        initialisation=study.base,
        job=job,
        config=job.config,
    )
    checkpoint(study, name, parent=study.base, run=run, step=steps, coverage=coverage, made_by=job)
    curve = [Metric(run=run.reference, step=step, values={"reward": step / 10}) for step in range(1, steps + 1)]
    written = CheckpointWritten(
        checkpoint=config.reference,
        origin="trained",
        folder=str(config.folder),
        sha256=hashlib.sha256(name.encode()).hexdigest(),
        size_bytes=4096,
        run=run.reference,
        step=steps,
        coverage=coverage,
    )
    tell(job, *curve, written, Finished())
    return run


def evaluation_config(study: Study, evaluations: Iterable[Evaluation], samples: int) -> EvaluateConfig:
    return EvaluateConfig(
        points=tuple(
            EvaluationPoint(
                evaluation=evaluation.reference,
                checkpoint=evaluation.checkpoint.reference,
                alpha=evaluation.alpha,
                ingredients=(
                    Ingredient(
                        reference=evaluation.checkpoint.reference,
                        folder=FilePath(evaluation.checkpoint.folder or "/nowhere"),
                        weight=1.0,
                    ),
                ),
            )
            for evaluation in evaluations
        ),
        problems=source(study.held_out_set),
        sampling=Sampling(samples=samples),
        engine="scripted",
    )


def planned_evaluation(
    study: Study,
    checkpoint: Checkpoint,
    samples: int = 4,
    alpha: float | None = None,
    path: Path | None = None,
    setting: str = "reasoning",
) -> Evaluation:
    """An evaluation and its job, which nobody has claimed."""
    evaluation = Evaluation.objects.create(
        study=study,
        reference=queue.new_reference("evaluation"),
        checkpoint=checkpoint,
        path=path,
        alpha=alpha,
        problem_set=study.held_out_set,
        setting=setting,
        sampling=Sampling(samples=samples).model_dump(mode="json"),
    )
    config = evaluation_config(study, [evaluation], samples)
    evaluation.job = queue.enqueue(config, title=f"Evaluate {checkpoint.name}", study=study, queue="gpu")
    evaluation.save(update_fields=["job"])
    return evaluation


def measure(
    study: Study,
    checkpoint: Checkpoint,
    samples: int = 4,
    alpha: float | None = None,
    path: Path | None = None,
    seed: int = 0,
    setting: str = "reasoning",
) -> Evaluation:
    """A complete evaluation of every held-out problem."""
    evaluation = planned_evaluation(study, checkpoint, samples, alpha, path, setting)
    job = hold(evaluation.job)
    assert study.held_out_set is not None
    started = EvaluationStarted(
        evaluation=evaluation.reference,
        checkpoint=checkpoint.reference,
        problem_set=study.held_out_set.reference,
        alpha=alpha,
        setting=setting,
        samples_per_problem=samples,
        isolation="rlimits",
        levels=study.held_out_set.levels,
    )
    problems = study.held_out_set.problems.all()
    answers = [sample_event(evaluation, one.slug, len(one.tests), samples, seed) for one in problems]
    of_turns = {"mean_turns": 3.0, "mean_calls": 2.0} if evaluation.has_turns else {}
    finished = EvaluationFinished(evaluation=evaluation.reference, alarms={"no_answer_rate": 0.0} | of_turns)
    tell(job, started, *answers, finished, Finished())
    evaluation.refresh_from_db()
    return evaluation


def sample_event(evaluation: Evaluation, problem: str, tests: int, samples: int, seed: int = 0) -> Samples:
    """Answers that are slow at low alpha and wrong at high alpha, drawn for this problem; in a setting with turns each
    with its transcript."""
    rng = random.Random(f"{seed} {evaluation.alpha} {problem}" + (evaluation.setting if evaluation.has_turns else ""))
    efficient = min(max(0.2 + 0.5 * (evaluation.alpha or 0.0), 0.0), 1.0)
    records = []
    texts: dict[str, str] = {}
    transcripts: dict[str, str] = {}
    for index in range(samples):
        fast, wrong = rng.random() < efficient, rng.random() < 0.4
        kept = tests if fast else tests - 4
        letters = ("W" * tests if fast and wrong else "A" * kept + "T" * (tests - kept)) if rng.random() > 0.03 else ""
        text = f"{FAST if fast else SLOW}# {rng.randrange(3)}\n"
        program = hashlib.sha256(text.encode()).hexdigest() if letters else None
        texts |= {program: text} if program else {}
        seconds = tuple(0.001 if letter == "A" else 0.05 for letter in letters or "N" * tests)
        told = transcript(evaluation.setting, text if program else None).as_text() if evaluation.has_turns else None
        transcripts |= {sha256_of(told): told} if told else {}
        records.append(
            SampleRecord(
                problem=problem,
                index=index,
                letters=letters or "N" * tests,
                cpu_seconds=max(seconds),
                memory_bytes=12 << 20,
                tokens=20 + rng.randrange(20),
                log_likelihood=-rng.random(),
                program=program,
                test_cpu_seconds=seconds,
                transcript=sha256_of(told) if told else None,
            )
        )
    return Samples(evaluation=evaluation.reference, samples=tuple(records), programs=texts, transcripts=transcripts)


def transcript(setting: str, program: str | None) -> Transcript:
    """How an answer came about: a first program that fails on a public sample, and then `program`, if there is one."""
    return (tools_transcript if setting == "tools" else agentic_transcript)(program)


def give_transcript(sample: Sample, record: Transcript | None = None) -> None:
    """Let a sample have taken several turns."""
    told = record or tools_transcript(FAST)
    sample_rows.add_transcripts({sha256_of(told.as_text()): sample_rows.Told(told.as_text(), told)})
    Sample.objects.filter(pk=sample.pk).update(transcript=sha256_of(told.as_text()))


def tools_transcript(program: str | None) -> Transcript:
    tried = CallRecord(name="python", arguments={"code": "print(3 * 3)"})
    steps = [
        *OPENING,
        Step(role="assistant", text="Let me see.", calls=(tried,), tokens=12, finish="stop"),
        Step(role="tool", text="9\n", tool="python", turns_left=15, tokens_left=4000),
        Step(role="assistant", text="```python\nprint(n)\n```", tokens=9, finish="stop"),
        Step(role="user", text="Sample 1: run-time error\nNameError: n\n", turns_left=14, tokens_left=3900),
        Step(
            role="assistant",
            text=f"So:\n```python\n{program}```" if program else "I give up.",
            tokens=20,
            finish="stop",
        ),
    ]
    return Transcript(setting="tools", ended=ANSWERED, steps=tuple(steps))


def agentic_transcript(program: str | None) -> Transcript:
    written = CallRecord(name="create", arguments={"path": "main.py", "text": program or "print("})
    tried = CallRecord(name="bash", arguments={"command": "python3 run_samples.py main.py"})
    left = "[{} turns, 3000 tokens left]\n"
    steps = [
        *OPENING,
        Step(role="assistant", text="I write a file.", calls=(written,), tokens=30, finish="stop"),
        Step(role="tool", text=f"Wrote main.py.\n{left.format(2)}", tool="create", turns_left=2, tokens_left=3000),
        Step(role="assistant", text="", calls=(tried,), tokens=11, finish="stop"),
        Step(
            role="tool",
            text="Sample 1: wrong answer\n",
            tool="bash",
            ended="exit status 1",
            turns_left=1,
            tokens_left=3000,
        ),
        Step(role="assistant", text="", calls=(LAST_CALL if program else tried,), tokens=8, finish="stop"),
    ]
    return Transcript(setting="agentic", ended=SUBMITTED if program else OUT_OF_TURNS, steps=tuple(steps))


OPENING = (Step(role="system", text="Solve the problem."), Step(role="user", text="Print the square of n."))
LAST_CALL = CallRecord(name="submit", arguments={"path": "main.py"})


def source(problem_set: ProblemSet | None) -> ProblemSetSource:
    assert problem_set is not None
    home = FilePath(settings.FRONTIER_HOME)
    return ProblemSetSource(
        reference=problem_set.reference,
        path=FilePath(problem_set.path or home / "problem_sets" / f"{problem_set.reference}.jsonl"),
        blobs=home / "blobs",
    )


def queued(study: Study | None = None, title: str = "Write the problems", **values: object) -> Job:
    """A job of the lightest kind, waiting."""
    home = FilePath(settings.FRONTIER_HOME)
    config = ProblemsConfig(
        train_reference="some.train", held_out_reference="some.held-out", folder=home, blobs=home / "blobs"
    )
    return queue.enqueue(config, title=title, study=study, **values)


def claimed(config: JobConfig, study: Study | None, title: str, on: str = "cpu") -> Job:
    return hold(queue.enqueue(config, title=title, study=study, queue=on))


def hold(job: Job | None, worker: str = "a test") -> Job:
    """The job, claimed."""
    assert job is not None
    held = queue.claim(job.reference, worker)
    assert held is not None
    return held


def tell(job: Job, *events: AnyEvent) -> None:
    """The child of `job` says `events`, numbered on from the last."""
    last = Job.objects.values_list("last_sequence", flat=True).get(pk=job.pk)
    ingest(job, job.token, [event.model_copy(update={"sequence": last + 1 + n}) for n, event in enumerate(events)])


def scripted_answers(folder: FilePath, answers: dict[str, list[str]]) -> FilePath:
    """A file of the scripted engine."""
    path = folder / "answers.json"
    path.write_text(json.dumps(answers))
    return path
