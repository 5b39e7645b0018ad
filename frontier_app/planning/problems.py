"""Behind imports and audits: where a set will lie, which sets count as known, which programs there are to judge.

`frontier_app.launch` decides what is asked for; this looks and writes it down. It reads no problem and runs nothing.
"""

import os
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Literal

from django.contrib.auth.models import User
from django.db.models import Q

from compute.configs import AuditConfig, ImportConfig
from compute.problems.programs import programs_beside
from frontier_app.jobs import queue
from frontier_app.models import Job, Membership, ProblemSet, Study
from frontier_app.planning.launches import (
    enqueue,
    home_folder,
    judge_cache,
    needed_for_set,
    reference_prefix,
    source,
    valid_config,
)
from frontier_app.planning.refusal import LaunchError
from frontier_app.problem_formats import located

Compare = Literal["seen", "study"]
USES = {ProblemSet.HELD_OUT: "held-out", ProblemSet.TRAINING: "training"}
LONGEST_NAME = 90
# Of a longer file of programs only the beginning is counted, and the rest estimated from it.
COUNTED_BYTES = 16 << 20


def plan_import(
    study: Study,
    by: User,
    path: FilePath,
    *,
    format: str | None,
    use: str,
    known: Sequence[FilePath],
    only_try: bool,
    cpu_seconds: float | None,
    memory_bytes: int | None,
    reference: str | None = None,
) -> Job:
    """The job, and unless it is only tried the set that it writes, which the study takes at once where it has none."""
    config = valid_config(
        ImportConfig,
        fields={"memory_bytes": "memory_mib"},
        reference=reference or set_reference(study, use),
        path=path,
        format=format,
        folder=home_folder("problem_sets"),
        blobs=home_folder("blobs"),
        known=tuple(known),
        dry_run=only_try,
        cpu_seconds=cpu_seconds,
        memory_bytes=memory_bytes,
        judge_cache=judge_cache(),
    )
    name = (path.name or "problems")[:LONGEST_NAME]
    title = f"{'Try the import of' if only_try else 'Import'} {name} ({USES[use]})"
    if not only_try:
        made = ProblemSet.objects.create(
            reference=config.reference, title=f"{name}, {USES[use].replace('-', ' ')}", meant_for=use
        )
        present = study.set_of(use)
        if present is None or not present.ready:
            study.take_set(made)
    return enqueue(config, title=title, study=study, launched_by=by)


def plan_audit(study: Study, by: User, problem_set: ProblemSet, config: AuditConfig, programs: int) -> Job:
    return enqueue(config, title=f"Audit {problem_set}", study=study, launched_by=by, problems=programs)


def audit_config(problem_set: ProblemSet, programs: FilePath | None, repeats: int, safety_factor: float) -> AuditConfig:
    return valid_config(
        AuditConfig,
        problems=source(problem_set, "problem_set"),
        programs=programs,
        repeats=repeats,
        safety_factor=safety_factor,
    )


def path_on_server(text: str, field: str) -> FilePath:
    """A file or folder that the workers can read. Raises LaunchError for the field."""
    if not text.strip() or "\x00" in text:
        raise LaunchError(field, "Name a file or a folder on the server, for example /data/problems/hello.")
    path = located(text.strip())
    if not path.is_absolute():
        raise LaunchError(field, f"{text.strip()} is not a whole path: write it from the root, beginning with /.")
    try:
        there = path.exists()
    except OSError as error:
        raise LaunchError(field, f"{path} cannot be read: {error.strerror}.") from None
    if not there:
        raise LaunchError(field, f"There is no file or folder {path} on the server.")
    if not os.access(path, os.R_OK):
        raise LaunchError(field, f"The server may not read {path}.")
    return path


def refuse_taken(study: Study, use: str) -> None:
    """Raises LaunchError when the study cannot take another set for `use`, because its figures rest on the one it has,
    or because one is being written."""
    if study.uses(use):
        measured = "evaluations on its held-out" if use == ProblemSet.HELD_OUT else "runs trained on its training"
        raise LaunchError(
            "use_as", f"This study has {measured} problems and keeps them: make a new study for other problems."
        )
    importing = [job for job in imports_under_way(study) if use_of(job.config) == use]
    for job in importing or needed_for_set(study.set_of(use)):
        raise LaunchError(
            "use_as", f"The {USES[use]} set is being written by “{job.title}”: wait for it, or cancel it first."
        )


def imports_under_way(study: Study) -> list[Job]:
    return list(Job.objects.active().filter(study=study, kind="import", config__dry_run=False))


def set_reference(study: Study, use: str) -> str:
    reference = f"{reference_prefix(study.slug)}.{use}"
    file = home_folder("problem_sets") / f"{reference}.jsonl"  # a deleted study leaves its files
    if not ProblemSet.objects.filter(reference=reference).exists() and not file.exists():
        return reference
    return f"{reference}-{queue.new_reference('set').removeprefix('set-')}"


def use_of(config: dict) -> str:
    """What the set of an import's config is meant for, which its reference tells."""
    last = str(config["reference"]).rpartition(".")[2]
    return ProblemSet.TRAINING if last.startswith(ProblemSet.TRAINING) else ProblemSet.HELD_OUT


def known_sets(study: Study, by: User, compare: Compare) -> list[FilePath]:
    """The files of the sets whose problems count as duplicates: of every study that the person has joined, or of this
    study alone. What is not on the disk any more is passed over."""
    joined = Study.objects.filter(pk__in=Membership.objects.filter(user=by).values("study"))
    studies = joined if compare == "seen" else joined.filter(pk=study.pk)
    used = Q(pk__in=studies.values("held_out_set")) | Q(pk__in=studies.values("train_set"))
    paths = ProblemSet.objects.filter(used).exclude(path="").order_by("pk").values_list("path", flat=True)
    return [file for file in map(FilePath, paths) if file.is_file()]


def known_programs(problem_set: ProblemSet, given: FilePath | None) -> int:
    """How many programs an audit would judge, about so many where they fill a large file. Raises LaunchError when there
    are none."""
    field = "problem_set" if given is None else "programs"
    path = given or programs_beside(FilePath(problem_set.path))
    if given is not None and not given.is_file():
        raise LaunchError(field, f"{given} is no file: name a file with one known program a line.")
    try:
        number = _lines_of(path) if path.is_file() else 0
    except OSError:
        number = 0
    if not number:
        raise LaunchError(
            field,
            f"No programs are known for {problem_set}, so there is nothing to judge: import problems that come with "
            "submissions, or name a file of known programs.",
        )
    return number


def _lines_of(path: FilePath) -> int:
    """The lines of a file that are not blank."""
    with path.open("rb") as file:
        start = file.read(COUNTED_BYTES)
        size = os.fstat(file.fileno()).st_size
    found = sum(1 for line in start.splitlines() if line.strip())
    return found if size <= len(start) else found * size // len(start)
