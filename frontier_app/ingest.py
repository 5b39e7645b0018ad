"""Waist 2: events become rows, in one transaction a batch, and pages are told once it is committed.

A local worker, a remote run and an imported file all come through `ingest`. The job's row is locked and its token
checked inside the transaction; `last_sequence` makes a repeated delivery harmless, and so does the key of every row.
An event that cannot be stored is refused with a sentence for the job's log, and costs no other event. Nothing here
starts or stops a process.
"""

import math
import os
from collections.abc import Mapping, Sequence
from functools import singledispatchmethod
from hashlib import sha256
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from django.conf import settings
from django.db import DataError, IntegrityError, transaction

from compute.errors import ConfigError
from compute.events import (
    AnyEvent,
    AuditReady,
    CancelAcknowledged,
    CheckpointWritten,
    EvaluationFinished,
    EvaluationStarted,
    Event,
    Failed,
    Finished,
    GeometryMeasured,
    Log,
    Metric,
    ProblemAdded,
    ProblemAudited,
    ProblemSetReady,
    Progress,
    SampleRecord,
    Samples,
    Started,
    Usage,
)
from compute.rollout.transcript import read_transcript, sha256_of
from frontier_app import live
from frontier_app.jobs import queue
from frontier_app.main_evaluations import refresh_main_evaluations
from frontier_app.models import (
    Checkpoint,
    Evaluation,
    Job,
    JobUsage,
    MergeIngredient,
    MetricPoint,
    PairGeometry,
    Problem,
    ProblemSet,
    Run,
    Study,
)
from frontier_app.sample_rows import Told, add_programs, add_samples, add_transcripts
from frontier_app.words import count

ERROR_CHARACTERS = 4_000


class StaleTokenError(Exception):
    """Whoever sends these events has been given up for lost, or the job has ended: nothing was changed."""


class Ingested(NamedTuple):
    """state: the job's after the batch; log: lines for its log, the child's own and one for each refused event."""

    state: str
    last_sequence: int
    log: list[str]


class RefusedError(Exception):
    """Why one event cannot be stored, as a sentence."""


def told(name: str, text: str) -> Told:
    """A transcript as it was sent. Raises RefusedError for one that is none, or is another than its name says."""
    if sha256_of(text) != name:
        raise RefusedError(f"the text of transcript {name[:12]!r} has another sha256.")
    try:
        return Told(text, read_transcript(text))
    except ConfigError:
        raise RefusedError(f"{name[:12]!r} is no transcript.") from None


def ingest(job: Job, token: int, events: Sequence[AnyEvent]) -> Ingested:
    """Store `events` for the holder of `token`.

    Raises StaleTokenError, and what the database raises when it is away: nothing is stored then, send the batch again.
    """
    try:
        return _ingest(job.pk, token, events)
    except (DataError, IntegrityError):
        return _one_at_a_time(job.pk, token, events)


def _one_at_a_time(pk: int, token: int, events: Sequence[AnyEvent]) -> Ingested:
    """The database refused something in the batch: store what it accepts."""
    log: list[str] = []
    outcome = _ingest(pk, token, ())
    for event in events:
        try:
            outcome = _ingest(pk, token, (event,))
        except (DataError, IntegrityError) as error:
            log.append(f"Refused an event of type {event.type}: {str(error).splitlines()[0]}.")
        else:
            log += outcome.log
    return outcome._replace(log=log)


def _ingest(pk: int, token: int, events: Sequence[AnyEvent]) -> Ingested:
    with transaction.atomic():
        job = Job.objects.select_for_update(of=("self",)).select_related("study").get(pk=pk)
        if job.token != token or job.state not in queue.HELD:
            raise StaleTokenError(f"{job.reference} is {job.state}; token {token} has no say in it.")
        batch = Batch(job)
        for event in events:
            if not 0 <= event.sequence <= job.last_sequence:
                job.last_sequence = max(job.last_sequence, event.sequence)
                batch.add(event)
        batch.write()
        return Ingested(job.state, job.last_sequence, batch.log)


def storable(value: Any) -> Any:
    """`value` with what PostgreSQL cannot hold shown otherwise, NUL as U+2400 and a number that is not finite as null:
    how a job ended must not be lost for a character in its last words."""
    if isinstance(value, str):
        return value.replace("\x00", "␀")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {storable(key): storable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [storable(one) for one in value]
    return value


def _samples(number: int) -> str:
    return "1 sample is" if number == 1 else f"{count(number)} samples are"


class Batch:
    """The rows that some events of one job mean. `job` is locked by the caller."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.log: list[str] = []
        self._evaluations: dict[str, Evaluation] = {}
        self._samples: dict[str, list[SampleRecord]] = {}
        self._programs: dict[str, str] = {}
        self._transcripts: dict[str, Told] = {}
        self._problem_sets: dict[str, ProblemSet] = {}
        self._problems: dict[str, list[Problem]] = {}
        self._audits: dict[tuple[str, str], dict[str, object]] = {}
        self._metrics: dict[tuple[str, int], dict[str, float | None]] = {}
        self._usage: list[Usage] = []
        self._end: Event | None = None

    def add(self, event: AnyEvent) -> None:
        try:
            self._take(event)
        except RefusedError as reason:
            self.log.append(f"Refused an event of type {event.type}: {reason}")

    @singledispatchmethod
    def _take(self, event: Event) -> None:
        raise RefusedError(f"there is no rule for {type(event).__name__}.")

    @_take.register
    def _(self, event: Started) -> None:
        versions = ", ".join(f"{name} {version}" for name, version in event.versions.items())
        self.log.append(f"Started as process {event.pid}{f' with {versions}' if versions else ''}.")
        JobUsage.objects.filter(job=self.job).delete()

    @_take.register
    def _(self, event: Log) -> None:
        self.log.append(event.line)

    @_take.register
    def _(self, event: Progress) -> None:
        self.job.stage, self.job.done, self.job.total, self.job.unit = event.stage, event.done, event.total, event.unit

    @_take.register
    def _(self, event: ProblemAdded) -> None:
        problem_set = self._written_set(event.problem_set)
        self._problems.setdefault(event.problem_set, []).append(
            Problem(
                problem_set=problem_set,
                slug=event.slug,
                position=event.position,
                title=event.title[:160],
                statement=event.statement,
                difficulty=event.difficulty[:16],
                tags=list(event.tags),
                cpu_seconds=event.cpu_seconds,
                memory_bytes=event.memory_bytes,
                content_sha256=event.content_sha256[:64],
                tests=[test.model_dump(mode="json") for test in event.tests],
                checker=event.checker,
                level_names=list(event.level_names),
                limit_source=event.limit_source,
            )
        )
        problem_set.levels = max(problem_set.levels, event.levels)

    @_take.register
    def _(self, event: ProblemSetReady) -> None:
        problem_set = self._written_set(event.problem_set)
        problem_set.path, problem_set.blobs = event.path, event.blobs
        problem_set.sha256, problem_set.audit = event.sha256[:64], dict(event.audit)
        if problem_set.meant_for and self.job.study is not None:
            self._take_in(self.job.study, problem_set)

    @_take.register
    def _(self, event: ProblemAudited) -> None:
        self._audited_set(event.problem_set)
        self._audits[event.problem_set, event.slug] = storable(dict(event.audit))

    @_take.register
    def _(self, event: AuditReady) -> None:
        problem_set = self._audited_set(event.problem_set)
        problem_set.audit = problem_set.audit | storable(dict(event.audit))

    @_take.register
    def _(self, event: Metric) -> None:
        self._metrics.setdefault((event.run, event.step), {}).update(event.values)

    @_take.register
    def _(self, event: CheckpointWritten) -> None:
        self._need_study()
        if self.job.remote:
            self._refuse_place(FilePath(event.folder))
        known = Checkpoint.objects.filter(reference=event.checkpoint).first()
        if known is not None and known.study_id != self.job.study_id:
            raise RefusedError(f"the checkpoint {event.checkpoint!r} belongs to another study.")
        if known is not None and self._is_anothers(known, event.sha256):
            raise RefusedError(f"the checkpoint {event.checkpoint!r} was written by another job.")
        run = Run.objects.filter(reference=event.run, study=self.job.study).first() if event.run else None
        parent = Checkpoint.objects.filter(reference=event.parent, study=self.job.study).first()
        name = f"{run.name}, step {event.step}" if run is not None and event.step is not None else event.checkpoint
        checkpoint = known or Checkpoint(reference=event.checkpoint, study=self.job.study, name=name[:120])
        checkpoint.origin, checkpoint.folder = event.origin, event.folder
        checkpoint.sha256, checkpoint.size_bytes = event.sha256[:64], event.size_bytes
        checkpoint.made_by, checkpoint.run = self.job, run or checkpoint.run
        checkpoint.parent = parent or checkpoint.parent
        checkpoint.step = event.step if event.step is not None else checkpoint.step
        checkpoint.coverage = event.coverage if event.coverage is not None else checkpoint.coverage
        checkpoint.save()
        self._write_recipe(checkpoint, event)
        if event.grown_from:
            checkpoint.grown_from.set(Checkpoint.objects.filter(reference__in=event.grown_from, study=self.job.study))
        if known is not None:
            refresh_main_evaluations([known.pk])
        self._tell_study("checkpoint", {"reference": checkpoint.reference, "origin": checkpoint.origin})

    @_take.register
    def _(self, event: GeometryMeasured) -> None:
        if self.job.study is None:
            raise RefusedError("this job belongs to no study.")
        parts = {name: getattr(event, name) for name in ("low", "high", "base")}
        asked = {name: self.job.config[name]["reference"] for name in parts} if self.job.kind == "geometry" else None
        if parts != asked:
            raise RefusedError(f"this job was not asked to compare {event.low!r} and {event.high!r}.")
        rows = {
            row.reference: row for row in Checkpoint.objects.filter(study=self.job.study, reference__in=parts.values())
        }
        if missing := set(parts.values()) - rows.keys():
            raise RefusedError(f"this study has no checkpoint {min(missing)!r}.")
        PairGeometry.objects.update_or_create(
            low=rows[event.low],
            high=rows[event.high],
            base=rows[event.base],
            defaults={
                "study": self.job.study,
                "job": self.job,
                "layers": [storable(layer.model_dump(mode="json")) for layer in event.layers],
            },
        )
        self._tell_study("geometry", {"low": event.low, "high": event.high})

    @_take.register
    def _(self, event: EvaluationStarted) -> None:
        evaluation = self._evaluation(event.evaluation)
        evaluation.state, evaluation.isolation = Evaluation.RUNNING, event.isolation[:64]

    @_take.register
    def _(self, event: Samples) -> None:
        evaluation = self._evaluation(event.evaluation)
        for name, text in event.programs.items():
            if sha256(text.encode()).hexdigest() != name:
                raise RefusedError(f"the text of program {name[:12]!r} has another sha256.")
        if evaluation.state == Evaluation.PLANNED:
            evaluation.state = Evaluation.RUNNING
        self._programs |= event.programs
        self._samples.setdefault(event.evaluation, []).extend(self._with_transcripts(event))

    def _with_transcripts(self, event: Samples) -> list[SampleRecord]:
        """The samples, without such transcripts as are none: a verdict is not lost for what was said on the way."""
        refused = set()
        for name, text in event.transcripts.items():
            try:
                self._transcripts[name] = told(name, text)
            except RefusedError as error:
                refused.add(name)
                self.log.append(f"Refused a transcript: {error}")
        return [
            one.model_copy(update={"transcript": None}) if one.transcript in refused else one for one in event.samples
        ]

    @_take.register
    def _(self, event: EvaluationFinished) -> None:
        evaluation = self._evaluation(event.evaluation)
        # Complete if no sample is missing. What an earlier attempt said was of more samples than a retry draws.
        evaluation.state, evaluation.alarms = Evaluation.COMPLETE, {**event.alarms, **evaluation.alarms}

    @_take.register
    def _(self, event: Usage) -> None:
        self._usage.append(event)

    @_take.register(Finished)
    @_take.register(CancelAcknowledged)
    @_take.register(Failed)
    def _(self, event: Event) -> None:
        self._end = event

    def write(self) -> None:
        """Everything the events meant, then the job's row, then the notices."""
        self._write_problems()
        self._write_metrics()
        add_programs(self._programs)
        add_transcripts(self._transcripts)
        for reference, evaluation in self._evaluations.items():
            self._write_evaluation(evaluation, self._samples.get(reference, []))
        if self._samples:
            refresh_main_evaluations({self._evaluations[reference].checkpoint_id for reference in self._samples})
        self._write_usage()
        job = self.job
        job.save(update_fields=["last_sequence", "stage", "done", "total", "unit"])
        if self._end is not None:
            self._write_end(self._end)
        live.job_changed(job, progress_only=self._end is None)

    def _write_problems(self) -> None:
        for reference, problems in self._problems.items():
            Problem.objects.bulk_create(
                {problem.slug: problem for problem in problems}.values(),
                update_conflicts=True,
                unique_fields=["problem_set", "slug"],
                update_fields=[
                    "position", "title", "statement", "difficulty", "tags", "cpu_seconds", "memory_bytes",
                    "content_sha256", "tests", "checker", "level_names", "limit_source",
                ],
            )  # fmt: skip
            self._tell_study("problems", {"problem_set": reference})
        self._write_audits()
        for reference, problem_set in self._problem_sets.items():
            problem_set.save()
            if problem_set.ready:
                self._tell_study("problems", {"problem_set": reference, "ready": True})

    def _write_audits(self) -> None:
        if not self._audits:
            return
        sets = [self._problem_sets[reference] for reference in dict.fromkeys(name for name, _ in self._audits)]
        slugs = {slug for _, slug in self._audits}
        rows = Problem.objects.filter(problem_set__in=sets, slug__in=slugs).select_related("problem_set")
        found = {(row.problem_set.reference, row.slug): row for row in rows.only("slug", "problem_set__reference")}
        for key, audit in self._audits.items():
            if key in found:
                found[key].audit = audit
            else:
                self.log.append(f"Refused an event of type problem_audited: {key[0]} has no problem {key[1]!r}.")
        Problem.objects.bulk_update(found.values(), ["audit"], batch_size=500)

    def _write_metrics(self) -> None:
        named_runs = Run.objects.filter(reference__in={run for run, _ in self._metrics})
        runs = {run.reference: run for run in named_runs.select_for_update().order_by("pk")}
        points = []
        for (reference, step), values in self._metrics.items():
            run = runs.get(reference)
            if run is None or run.study_id != self.job.study_id:
                self.log.append(f"Refused an event of type metric: this study has no run {reference!r}.")
                continue
            named = {name[:64]: value for name, value in values.items()}
            points += [MetricPoint(run=run, step=step, name=name, value=value) for name, value in named.items()]
            run.note_metrics(step, named)
            self._tell_study("metrics", {"run": reference, "step": step})
        MetricPoint.objects.bulk_create(
            points, update_conflicts=True, unique_fields=["run", "step", "name"], update_fields=["value"]
        )
        Run.objects.bulk_update(runs.values(), ["last_metrics"])

    def _write_usage(self) -> None:
        if self._usage:
            row = JobUsage.objects.filter(job=self.job).first() or JobUsage(job=self.job)
            for event in self._usage:
                row.take(event)
            row.save()

    def _write_evaluation(self, evaluation: Evaluation, samples: list[SampleRecord]) -> None:
        if samples:
            added = add_samples(evaluation, samples)
            evaluation.samples_done += added.stored
            self.log += added.refused
        if evaluation.state == Evaluation.COMPLETE and evaluation.samples_missing:
            evaluation.state = Evaluation.RUNNING
        evaluation.version += 1
        evaluation.save(update_fields=["state", "isolation", "alarms", "samples_done", "version"])
        if self.job.study is not None:
            live.evaluation_changed(evaluation, self.job.study.slug)

    def _write_recipe(self, checkpoint: Checkpoint, event: CheckpointWritten) -> None:
        """The ingredients of a merge that was not planned here; a planned one has its recipe already."""
        if not event.ingredients or checkpoint.recipe.exists():
            return
        names = [ingredient.checkpoint for ingredient in event.ingredients]
        known = {row.reference: row for row in Checkpoint.objects.filter(reference__in=names, study=self.job.study)}
        if set(names) - set(known):
            self.log.append(f"The merge {checkpoint.reference} names checkpoints that this study does not have.")
            return
        MergeIngredient.objects.bulk_create(
            MergeIngredient(merge=checkpoint, checkpoint=known[one.checkpoint], weight=one.weight)
            for one in event.ingredients
        )

    def _write_end(self, end: Event) -> None:
        job = self.job
        if isinstance(end, Finished):
            job.state, job.summary = Job.SUCCEEDED, storable(dict(end.summary))
            if missing := sum(one.samples_missing for one in job.evaluations.exclude(state=Evaluation.COMPLETE)):
                job.state, job.error_kind = Job.FAILED, "incomplete"
                job.error = f"{_samples(missing)} missing; a retry asks for the problems that lack them again."
        elif isinstance(end, CancelAcknowledged):
            job.state = Job.CANCELLED
        elif isinstance(end, Failed):
            job.state, job.error_kind = Job.FAILED, storable(end.error_kind)
            job.error = storable(end.message[:ERROR_CHARACTERS])
        queue.finish(job.pk, job.token, job.state, error_kind=job.error_kind, error=job.error, summary=job.summary)

    def _evaluation(self, reference: str) -> Evaluation:
        """One of this job's evaluations, locked. Raises RefusedError for any other."""
        if reference not in self._evaluations:
            found = Evaluation.objects.select_for_update().filter(reference=reference, job=self.job).first()
            if found is None:
                raise RefusedError(f"this job has no evaluation {reference!r}.")
            self._evaluations[reference] = found
        return self._evaluations[reference]

    def _refuse_place(self, folder: FilePath) -> None:
        """A run elsewhere says where weights lie, and workers here will read them: it may not name those of other
        studies, which the server keeps. Raises RefusedError."""
        if "\x00" in str(folder) or not folder.is_absolute():
            raise RefusedError(f"{str(folder)!r} is no whole path, beginning with /.")
        kept, place = (FilePath(os.path.realpath(one)) for one in (f"{settings.FRONTIER_HOME}/checkpoints", folder))
        own = kept / self.job.study.slug if self.job.study is not None else None
        if place.is_relative_to(kept) and own not in place.parents:
            raise RefusedError(f"{folder} belongs to another study.")

    def _is_anothers(self, known: Checkpoint, sha256: str) -> bool:
        """Whether a checkpoint has weights that this job may not replace. A repeated import may name them again."""
        return known.materialised and known.made_by_id != self.job.pk and known.sha256 != sha256[:64]

    def _written_set(self, reference: str) -> ProblemSet:
        """A problem set that this job was asked to write. Raises RefusedError for any other."""
        names = {"problems": ("train_reference", "held_out_reference"), "import": ("reference",)}
        asked = {self.job.config.get(name) for name in names.get(self.job.kind, ())}
        if reference not in asked or self.job.config.get("dry_run"):
            raise RefusedError(f"this job was not asked to write the problem set {reference!r}.")
        return self._problem_set(reference)

    def _audited_set(self, reference: str) -> ProblemSet:
        """The problem set that this job was asked to audit. Raises RefusedError for any other."""
        asked = self.job.config["problems"]["reference"] if self.job.kind == "audit" else None
        if reference != asked:
            raise RefusedError(f"this job was not asked to audit the problem set {reference!r}.")
        return self._problem_set(reference)

    def _problem_set(self, reference: str) -> ProblemSet:
        if reference not in self._problem_sets:
            self._problem_sets[reference], _ = ProblemSet.objects.get_or_create(
                reference=reference, defaults={"title": reference}
            )
        return self._problem_sets[reference]

    def _take_in(self, study: Study, problem_set: ProblemSet) -> None:
        """Make an imported set what it was meant to be, unless the study was measured with another meanwhile."""
        present = study.set_of(problem_set.meant_for)
        if present == problem_set:
            return
        if study.uses(problem_set.meant_for):
            self.log.append(f"The study was begun with {present} meanwhile and keeps it: the imported set is not used.")
            return
        study.take_set(problem_set)

    def _need_study(self) -> None:
        if self.job.study is None:
            raise RefusedError("this job belongs to no study.")

    def _tell_study(self, what: str, data: dict[str, object]) -> None:
        if self.job.study is not None:
            live.notify(f"study:{self.job.study.slug}", what, data)
