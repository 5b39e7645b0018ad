"""Waist 1, the verbs: validate what is asked, write its rows, ring for the jobs after the commit.

Page, API and commands all start and stop work here. A verb raises LaunchError with the field that is wrong and a
sentence for the person who filled it in. Rights to a study are the caller's to check (`Study.objects.writable_by`);
nothing here computes.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import NamedTuple

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from compute.configs import (
    FROM_BASE,
    GeometryConfig,
    HeldOut,
    MergeConfig,
    MergeMethod,
    PartWeights,
    Sampler,
    Sampling,
    Setting,
    Tests,
    ToolLimits,
    Trainer,
    WeightsEngine,
)
from compute.miniature import study as miniature
from compute.miniature.study import PLAN, MiniaturePlan
from frontier_app import live
from frontier_app.jobs import queue
from frontier_app.miniature import write_miniature
from frontier_app.models import Checkpoint, Job, Membership, ProblemSet, Sample, Study
from frontier_app.numbers.failures.looks import last_look
from frontier_app.planning import estimates
from frontier_app.planning.estimates import Estimate, work_of
from frontier_app.planning.inspections import inspection_config
from frontier_app.planning.launches import (
    USUAL_TOOLS,
    Point,
    checkpoint_folder,
    checkpoint_source,
    compute_part,
    deal,
    enqueue,
    is_measured,
    merge_base,
    needed_for,
    off_path,
    on_path,
    path_between,
    plan_evaluation,
    plan_runs,
    source,
    sweep_title,
    training_config,
    valid_config,
    weighted,
)
from frontier_app.planning.problems import (
    USES,
    Compare,
    audit_config,
    known_programs,
    known_sets,
    path_on_server,
    plan_audit,
    plan_import,
    refuse_taken,
    use_of,
)
from frontier_app.planning.queues import LIGHT, chosen_queue, queue_choices, queues, workers
from frontier_app.planning.refusal import LaunchError
from frontier_app.planning.templates import TEMPLATES, Asked, plan_template
from frontier_app.sharing.audit_trail import note

__all__ = ["LaunchError", "Launched", "queue_choices", "queues", "work_of", "workers"]
MOST_ALPHAS = 200
MOST_RUNS = 200
MOST_NUMBERS = 5_000
MOST_NOTED = 50
MEASURED = 32
LARGEST_ALPHA = 100.0
KEPT_SLUGS = ("new",)  # the first part of other addresses
Verb = Callable[[Job, User], Job]


class Launched(NamedTuple):
    """The jobs written by a verb, and what they will cost together. `concludes`: of a template, what the results can
    decide, in sentences."""

    jobs: list[Job]
    estimate: Estimate
    concludes: Sequence[str] = ()


def create_miniature_study(
    owner: User, *, slug: str = miniature.SLUG, seed: int = 0, plan: MiniaturePlan | None = None
) -> Study:
    """The laptop-sized study with all its jobs. A second call with the same slug returns the same study unchanged."""
    if slug in KEPT_SLUGS:
        raise _no_address(slug)
    existing = Study.objects.filter(slug=slug).first()
    if existing is None:
        try:
            with transaction.atomic():
                made = write_miniature(owner, slug, seed, plan or PLAN)
                note(made, owner, "create", made.title)
                return made
        except IntegrityError:  # somebody else's call came first
            existing = Study.objects.get(slug=slug)
    if not Membership.objects.filter(study=existing, user=owner).exists():
        raise _no_address(slug)
    return existing


def create_study(owner: User, title: str, *, slug: str = "", question: str = "") -> Study:
    """A study without problems, checkpoints or jobs, which belongs to `owner`.

    Addresses are one for all, so a name in use has to be refused. The refusal is the one of a name that the site keeps
    for itself: whoever is not a member of the study behind it is not told that there is one.
    """
    slug = slug.strip() or slugify(title)[:64].strip("-")
    if not slug:
        raise LaunchError("title", "The address needs a word of letters or digits: name another.")
    study = Study(slug=slug, title=title.strip(), question=question.strip())
    try:
        study.full_clean(validate_unique=False)
    except ValidationError as error:
        field, sentences = next(iter(error.message_dict.items()))
        raise LaunchError(field, sentences[0]) from None
    if slug in KEPT_SLUGS:
        raise _no_address(slug)
    try:
        with transaction.atomic():
            study.save()
            Membership.objects.create(study=study, user=owner, role=Membership.OWNER)
            note(study, owner, "create", study.title)
    except IntegrityError:
        if Membership.objects.filter(study__slug=slug, user=owner).exists():
            raise LaunchError("slug", f"Your study {slug!r} has this address: choose another.") from None
        raise _no_address(slug) from None
    return study


def _no_address(slug: str) -> LaunchError:
    return LaunchError("slug", f"A study cannot be made at the address {slug!r}: choose another.")


def launch_import(
    study: Study,
    by: User,
    path: str,
    format: str | None = None,
    use_as: str = ProblemSet.HELD_OUT,
    *,
    dry_run_only: bool = False,
    compare: Compare = "seen",
    cpu_seconds: float | None = None,
    memory_mib: float | None = None,
    dry_run: bool = False,
) -> Launched:
    """Read problems from a file or folder on the server and make them the study's held-out or training set.

    `dry_run_only` launches a job that writes no problem and reports what an import would find. Problems that stand in
    a set the person can see ("seen"), or in this study's own ("study"), are duplicates and left out.
    """
    if use_as not in USES:
        raise LaunchError("use_as", f"Problems can be used as {' or '.join(USES)}, not as {use_as!r}.")
    found = path_on_server(path, "path")
    with transaction.atomic(), _one_launch_at_a_time(study), _undone_if(dry_run):
        if not dry_run_only:
            refuse_taken(study, use_as)
        job = plan_import(
            study,
            by,
            found,
            format=format or None,
            use=use_as,
            known=known_sets(study, by, compare),
            only_try=dry_run_only,
            cpu_seconds=cpu_seconds,
            memory_bytes=None if memory_mib is None else int(memory_mib * (1 << 20)),
        )
        return _launched(study, by, [job])


def import_for_real(job: Job, by: User) -> Job:
    """What a dry run tried, with the same config."""
    config = job.config
    if job.kind != "import" or not config["dry_run"] or job.state != Job.SUCCEEDED or job.study is None:
        raise LaunchError("", "Only a dry run that succeeded can be followed by its import.")
    use = use_of(config)
    with transaction.atomic(), _one_launch_at_a_time(job.study):
        refuse_taken(job.study, use)
        launched = plan_import(
            job.study,
            by,
            path_on_server(config["path"], ""),
            format=config["format"],
            use=use,
            known=[FilePath(path) for path in config["known"] if FilePath(path).is_file()],
            only_try=False,
            cpu_seconds=config["cpu_seconds"],
            memory_bytes=config["memory_bytes"],
        )
        _note_launch(job.study, by, [launched])
        return launched


def launch_audit(
    study: Study,
    by: User,
    problem_set: ProblemSet,
    repeats: int = 2,
    *,
    safety_factor: float = 5.0,
    programs: str = "",
    dry_run: bool = False,
) -> Launched:
    """Judge the known programs of one of the study's sets and say what its tests can tell apart.

    `programs` names another file of known programs than the one beside the set.
    """
    if problem_set.pk not in (study.held_out_set_id, study.train_set_id):
        raise LaunchError("problem_set", f"{problem_set} belongs to another study.")
    if not problem_set.ready:
        raise LaunchError("problem_set", f"The problems of {problem_set} are not written yet.")
    given = path_on_server(programs, "programs") if programs.strip() else None
    number = known_programs(problem_set, given)
    with transaction.atomic(), _one_launch_at_a_time(study), _undone_if(dry_run):
        config = audit_config(problem_set, given, repeats, safety_factor)
        under_way = Job.objects.active().filter(kind="audit", config__problems__reference=problem_set.reference)
        if under_way.exists():
            raise LaunchError("problem_set", f"{problem_set} is being audited already.")
        return _launched(study, by, [plan_audit(study, by, problem_set, config, number)])


def launch_inspection(study: Study, by: User, sample: Sample, number: int) -> Job:
    """Run the program of a sample once more on one public test, to see what it writes. A look that is under way is
    given back instead of a second one."""
    config = inspection_config(sample, number)
    with transaction.atomic(), _one_launch_at_a_time(study):
        known = last_look(study, sample, number)
        if known is not None and known.under_way:
            return known.job
        title = f"Look at test {number} of {sample.problem.slug}, sample {sample.index}"
        job = enqueue(config, title=title, study=study, launched_by=by)
        _note_launch(study, by, [job])
        return job


def launch_training(
    study: Study,
    by: User,
    coverages: Sequence[float],
    seeds: Sequence[int] = (0,),
    steps: int = PLAN.steps,
    *,
    save_steps: Sequence[int] = (),
    prompts_per_step: int = PLAN.prompts_per_step,
    repairs_per_step: int = 0,
    group: int = PLAN.group,
    learning_rate: float = PLAN.learning_rate,
    temperature: float = PLAN.temperature,
    max_tokens: int = PLAN.max_tokens,
    scale_rewards: bool = False,
    kl_coefficient: float = 0.0,
    tests: Tests = "first",
    trainer: Trainer = PLAN.trainer,
    mask_truncated: bool = False,
    lora_rank: int | None = None,
    measure_every: int | None = None,
    patience: int | None = None,
    resume_every: int | None = None,
    sampler: Sampler = "cached",
    vllm_server: str | None = None,
    initialisation: Checkpoint | None = None,
    queue: str = "",
    remote: bool = False,
    dry_run: bool = False,
) -> Launched:
    """One run for each coverage and seed, all from the same initialisation. What is left open is as in the miniature.

    `lora_rank` trains an adapter with an alpha of twice that. `measure_every` so many steps the study's held-out
    problems are measured, at most `MEASURED` of them; `patience` as in `compute.configs.HeldOut`.

    Of every launch: `queue` is one of `queues()`, empty for the usual one; `remote` leaves the jobs to a run elsewhere
    that claims them and posts its events; `dry_run` writes nothing and gives the estimate.
    """
    on = chosen_queue(queue)
    start = initialisation or study.base
    if start is None:
        raise LaunchError("initialisation", "This study has no base checkpoint to start from.")
    needed_for(start, "initialisation")
    if not coverages:
        raise LaunchError("coverages", "Name at least one coverage, for example 0.4.")
    if not seeds:
        raise LaunchError("seeds", "Name at least one seed, for example 0.")
    if len(set(seeds)) * len(set(coverages)) > MOST_RUNS:
        raise LaunchError("seeds", f"At most {MOST_RUNS} runs can be launched at once.")
    recipe = {
        "steps": steps,
        "save_steps": tuple(save_steps),
        "prompts_per_step": prompts_per_step,
        "repairs_per_step": repairs_per_step,
        "group": group,
        "learning_rate": learning_rate,
        "temperature": temperature,
        "max_tokens": max_tokens,
        "scale_rewards": scale_rewards,
        "kl_coefficient": kl_coefficient,
        "trainer": trainer,
        "mask_truncated": mask_truncated,
        "lora": None if lora_rank is None else {"rank": lora_rank, "alpha": 2 * lora_rank},
        "held_out": _measured(study, measure_every, patience),
        "resume_every": 1 if resume_every is None else resume_every,
        "sampler": sampler,
        "vllm_server": vllm_server or None,
    }
    with transaction.atomic(), _one_launch_at_a_time(study), _undone_if(dry_run):
        configs = (
            training_config(study, start, coverage, seed, tests, recipe)
            for seed in dict.fromkeys(seeds)
            for coverage in dict.fromkeys(coverages)
        )
        jobs = [run.job for run in plan_runs(study, by, start, configs, remote, on) if run.job is not None]
        return _launched(study, by, jobs)


def launch_sweep(
    study: Study,
    by: User,
    low: Checkpoint,
    high: Checkpoint,
    alphas: Sequence[float],
    samples: int = 16,
    *,
    temperature: float = 1.0,
    max_tokens: int = 160,
    seed: int | None = None,
    setting: Setting = "reasoning",
    tools: ToolLimits = USUAL_TOOLS,
    engine: WeightsEngine = "transformers",
    queue: str = "",
    remote: bool = False,
    dry_run: bool = False,
) -> Launched:
    """Measure (1 - alpha) low + alpha high at those alphas that are not measured yet."""
    on = chosen_queue(queue)
    _refuse_foreign(study, low=low, high=high)
    if low == high:
        raise LaunchError("high", "The two ends are the same checkpoint: choose another.")
    if not alphas:
        raise LaunchError("alphas", "Name at least one alpha, for example 0.5.")
    if len(alphas) > MOST_ALPHAS:
        raise LaunchError("alphas", f"At most {MOST_ALPHAS} alphas can be launched at once.")
    for alpha in alphas:
        _check_alpha(alpha, "alphas")
    sampling = _sampling(study, samples, temperature, max_tokens, seed)
    with transaction.atomic(), _one_launch_at_a_time(study), _undone_if(dry_run):
        path = path_between(study, low, high)
        points = [Point(on_path(path, alpha), alpha, path) for alpha in dict.fromkeys(alphas)]
        points = [point for point in points if not is_measured(study, point, sampling, engine, setting, tools)]
        if not points:
            raise LaunchError("alphas", "All of these alphas are measured, or being measured, with this sampling.")
        jobs = [
            plan_evaluation(
                study,
                by,
                part,
                sampling=sampling,
                setting=setting,
                tools=tools,
                engine=engine,
                remote=remote,
                on=on,
                title=sweep_title(path, part),
            )
            for part in deal(points, workers(on))
        ]
        return _launched(study, by, jobs)


def launch_evaluation(
    study: Study,
    by: User,
    checkpoint: Checkpoint,
    samples: int = 16,
    *,
    temperature: float = 1.0,
    max_tokens: int = 160,
    seed: int | None = None,
    setting: Setting = "reasoning",
    tools: ToolLimits = USUAL_TOOLS,
    engine: WeightsEngine = "transformers",
    others: Sequence[Checkpoint] = (),
    queue: str = "",
    remote: bool = False,
    dry_run: bool = False,
) -> Launched:
    """Measure a checkpoint on the study's held-out problems, and those of `others` that are not measured yet: one job
    each."""
    on = chosen_queue(queue)
    chosen = list({one.pk: one for one in (checkpoint, *others)}.values())
    if len(chosen) > MOST_RUNS:
        raise LaunchError("others", f"At most {MOST_RUNS} checkpoints can be evaluated at once.")
    for one in chosen:
        _refuse_foreign(study, **{"checkpoint" if one == checkpoint else "others": one})
    sampling = _sampling(study, samples, temperature, max_tokens, seed)
    with transaction.atomic(), _one_launch_at_a_time(study), _undone_if(dry_run):
        points = [Point(one) for one in chosen]
        points = [point for point in points if not is_measured(study, point, sampling, engine, setting, tools)]
        if not points:
            measured = f"{checkpoint.name} is" if len(chosen) == 1 else "All of these checkpoints are"
            raise LaunchError("checkpoint", f"{measured} measured, or being measured, with this sampling.")
        jobs = [
            plan_evaluation(
                study,
                by,
                [point],
                sampling=sampling,
                setting=setting,
                tools=tools,
                engine=engine,
                remote=remote,
                on=on,
                title=f"Evaluate {point.checkpoint.name}",
            )
            for point in points
        ]
        return _launched(study, by, jobs)


def launch_merge(
    study: Study,
    by: User,
    low: Checkpoint,
    high: Checkpoint,
    alpha: float,
    *,
    method: MergeMethod = "linear",
    coefficients: Sequence[float] = (),
    density: float | None = None,
    parts: Mapping[str, float] | None = None,
    queue: str = "",
    dry_run: bool = False,
) -> Launched:
    """Write the average at `alpha` to a folder of its own ("materialise"), or a merge by another method.

    Methods that add differences from the study's base take `coefficients`, one for each end, in place of 1 - alpha and
    alpha. `parts`: an alpha of their own for tensors whose names match a pattern, in the order of
    `compute.merging.parts`. What is no linear average with one alpha is on no path.
    """
    parts = parts or {}
    on = chosen_queue(queue, LIGHT)
    _refuse_foreign(study, low=low, high=high)
    if low == high:
        raise LaunchError("high", "The two ends are the same checkpoint: choose another.")
    _check_alpha(alpha, "alpha")
    if coefficients and (method not in FROM_BASE or len(coefficients) != 2):
        sentence = "Give two coefficients, one for each end" if method in FROM_BASE else f"{method} has alpha alone"
        raise LaunchError("coefficients", f"{sentence}.")
    for coefficient in coefficients:
        _check_alpha(coefficient, "coefficients")
    if coefficients and parts:
        raise LaunchError("parts", "A part has an alpha, which does not go with coefficients: leave one of them out.")
    for own in parts.values():
        _check_alpha(own, "parts")
        if method == "ties" and not 0 <= own <= 1:
            raise LaunchError("parts", "ties has weights from 0 on: give its parts alphas between 0 and 1.")
    own_weights = [
        valid_config(PartWeights, fields={"pattern": "parts"}, pattern=pattern, weights=(1 - own, own))
        for pattern, own in parts.items()
    ]
    if alpha in (0, 1) and not coefficients and not parts:
        raise LaunchError("alpha", f"At alpha {alpha:g} the average is an end itself, which has a folder already.")
    with transaction.atomic(), _one_launch_at_a_time(study), _undone_if(dry_run):
        weights = tuple(coefficients) or (1 - alpha, alpha)
        if method == "linear" and not parts:
            merge = on_path(path_between(study, low, high), alpha)
        else:
            merge = off_path(low, high, method, weights, density, parts)
        if merge.materialised:
            raise LaunchError("alpha", f"{merge.name} is written already.")
        if merge.made_by is not None and not merge.made_by.ended_already:
            raise LaunchError("alpha", f"{merge.name} is being written already.")
        config = valid_config(
            MergeConfig,
            fields={"ingredients": "coefficients" if coefficients else "alpha"},
            reference=merge.reference,
            folder=checkpoint_folder(study, merge.reference),
            ingredients=weighted([(low, weights[0]), (high, weights[1])]),
            method=method,
            base=merge_base(study) if method in FROM_BASE else None,
            density=density,
            seed=study.seed if method == "dare" else 0,
            parts=own_weights,
        )
        starts = needed_for(study.base, "method") if study.base and method in FROM_BASE else []
        needs = [*needed_for(low, "low"), *needed_for(high, "high"), *starts, *compute_part(study, by)]
        job = enqueue(config, title=f"Write {merge.name}", study=study, needs=needs, launched_by=by, on=on)
        merge.made_by = job
        merge.save(update_fields=["made_by"])
        return _launched(study, by, [job])


def launch_geometry(study: Study, by: User, low: Checkpoint, high: Checkpoint, *, dry_run: bool = False) -> Launched:
    """Measure how two checkpoints moved away from the study's base, layer by layer, without running them."""
    _refuse_foreign(study, low=low, high=high)
    if low == high:
        raise LaunchError("high", "The two ends are the same checkpoint: choose another.")
    base = study.base
    if base is None:
        raise LaunchError("low", "This study has no base checkpoint from which they could have moved.")
    for field, one in (("low", low), ("high", high)):
        if one == base:
            raise LaunchError(field, f"{one.name} is the base itself: choose what was trained from it.")
        if one.origin == Checkpoint.MERGED and not one.materialised:
            raise LaunchError(field, f"{one.name} has no folder: materialise it first, or choose its ends.")
    with transaction.atomic(), _one_launch_at_a_time(study), _undone_if(dry_run):
        config = GeometryConfig(base=checkpoint_source(base), low=checkpoint_source(low), high=checkpoint_source(high))
        ends = {"config__low__reference": low.reference, "config__high__reference": high.reference}
        if Job.objects.active().filter(study=study, kind="geometry", **ends).exists():
            raise LaunchError("high", "This pair is being measured already.")
        needs = [*needed_for(base, "low"), *needed_for(low, "low"), *needed_for(high, "high"), *compute_part(study, by)]
        title = f"Geometry of {low.name} and {high.name}"
        job = enqueue(config, title=title, study=study, needs=needs, launched_by=by)
        return _launched(study, by, [job])


def launch_template(
    study: Study,
    by: User,
    template: str,
    *,
    coverages: Sequence[float] = (),
    seeds: Sequence[int] = (0,),
    alphas: Sequence[float] = (),
    low: Checkpoint | None = None,
    high: Checkpoint | None = None,
    members: Sequence[Checkpoint] = (),
    steps: int = PLAN.steps,
    samples: int = PLAN.samples,
    temperature: float = 1.0,
    max_tokens: int = PLAN.max_tokens,
    setting: Setting = "reasoning",
    engine: WeightsEngine = "transformers",
    queue: str = "",
    dry_run: bool = False,
) -> Launched:
    """What a template of `frontier_app.planning.templates` still lacks: trainings, sweeps and evaluations together."""
    if template not in TEMPLATES:
        raise LaunchError("template", f"There is no template {template!r}: choose {', '.join(TEMPLATES)}.")
    if len(set(seeds)) * len(set(coverages)) > MOST_RUNS or len(members) > MOST_RUNS:
        raise LaunchError("seeds", f"At most {MOST_RUNS} runs can be launched at once.")
    if len(alphas) > MOST_ALPHAS:
        raise LaunchError("alphas", f"At most {MOST_ALPHAS} alphas can be launched at once.")
    for alpha in alphas:
        _check_alpha(alpha, "alphas")
    named = {"low": low, "high": high}
    _refuse_foreign(study, **{field: one for field, one in named.items() if one is not None})
    for member in members:
        _refuse_foreign(study, members=member)
    asked = Asked(
        sampling=_sampling(study, samples, temperature, max_tokens, None),
        setting=setting,
        engine=engine,
        on=chosen_queue(queue),
        coverages=coverages,
        seeds=seeds,
        alphas=alphas,
        low=low,
        high=high,
        members=members,
        recipe=_miniature_recipe() | {"steps": steps, "temperature": temperature, "max_tokens": max_tokens},
    )
    with transaction.atomic(), _one_launch_at_a_time(study), _undone_if(dry_run):
        planned = plan_template(study, by, template, asked)
        return _launched(study, by, planned.jobs)._replace(concludes=planned.concludes)


def cancel(job: Job, by: User) -> Job:
    """Ask a job to stop. A running one says itself when it has."""
    with transaction.atomic():
        state = queue.cancel(job.pk)
        if state is not None and job.study is not None:
            note(job.study, by, "cancel", job.title, jobs=[job.reference])
    job.refresh_from_db()
    if state is None:
        raise LaunchError("", f"This job is {job.state}: there is nothing to cancel.")
    live.job_changed(job)
    return job


def send_elsewhere(job: Job, by: User) -> Job:
    """Keep a queued job from the workers here: whoever runs it elsewhere claims it over the API."""
    return _moved(job, by, queue.send_elsewhere, "send")


def take_back(job: Job, by: User) -> Job:
    """Give a job that waits for a run elsewhere to the workers here."""
    return _moved(job, by, queue.take_back, "take")


def _moved(job: Job, by: User, move: Callable[[int], bool], verb: str) -> Job:
    with transaction.atomic():
        changed = move(job.pk)
        if changed and job.study is not None:
            note(job.study, by, verb, job.title, jobs=[job.reference])
    job.refresh_from_db()
    if not changed:
        where = "waits for a run elsewhere" if job.remote else "waits for a worker here"
        raise LaunchError("", f"This job {where if job.state == Job.QUEUED else f'is {job.state}'} already.")
    live.job_changed(job)
    return job


def retry(job: Job, by: User) -> Job:
    """Try an ended job again, as a new job that takes its place."""
    with transaction.atomic():
        again = queue.retry(job, launched_by=by)
        if again is not None and again.study is not None:
            note(again.study, by, "retry", again.title, jobs=[job.reference, again.reference])
    if again is None:
        job.refresh_from_db()
        known = job.retried_by()
        reason = f"it is retried by {known.reference} already" if known else f"it is {job.state}"
        raise LaunchError("", f"This job cannot be retried: {reason}.")
    live.job_changed(again)
    return again


def parse_numbers(text: str, field: str) -> list[float]:
    """ "0, 0.5 1.25" or "-0.5:1.5:0.25" as numbers. Raises LaunchError for the field."""
    numbers: list[float] = []
    for word in text.replace(",", " ").split():
        parts = word.split(":")
        try:
            values = [float(part) for part in parts]
        except ValueError:
            raise LaunchError(field, f"{word!r} is not a number: write for example 0, 0.5, 1 or 0:1:0.25.") from None
        if not all(math.isfinite(value) for value in values):
            raise LaunchError(field, f"{word!r} is not a finite number.")
        if len(values) == 1:
            numbers += values
        elif len(values) == 3 and values[2] > 0 and 0 <= (values[1] - values[0]) / values[2] <= MOST_ALPHAS:
            first, last, step = values
            numbers += [round(first + n * step, 9) for n in range(round((last - first) / step + 1e-9) + 1)]
        else:
            raise LaunchError(field, f"{word!r} is not a range: write first:last:step, for example 0:1:0.25.")
        if len(numbers) > MOST_NUMBERS:
            raise LaunchError(field, f"These are more than {MOST_NUMBERS} numbers: launch them in several parts.")
    return numbers


def _launched(study: Study, by: User, jobs: list[Job]) -> Launched:
    _note_launch(study, by, jobs)
    basis = estimates.of_config(jobs[0].config).basis
    return Launched(jobs, Estimate(sum(job.cost_estimate_seconds or 0.0 for job in jobs), basis))


def _note_launch(study: Study, by: User, jobs: list[Job]) -> None:
    more = f" and {len(jobs) - 1} more" if len(jobs) > 1 else ""
    kinds = sorted({job.kind for job in jobs})
    note(
        study,
        by,
        "launch",
        jobs[0].title + more,
        kind=", ".join(kinds),
        jobs=[job.reference for job in jobs[:MOST_NOTED]],
    )


@contextmanager
def _one_launch_at_a_time(study: Study) -> Iterator[None]:
    """Two clicks at once must not launch the same thing twice."""
    Study.objects.select_for_update().get(pk=study.pk)
    yield


@contextmanager
def _undone_if(dry_run: bool) -> Iterator[None]:
    """Leave no row behind when only the estimate was wanted."""
    yield
    if dry_run:
        transaction.set_rollback(True)


def _measured(study: Study, every: int | None, patience: int | None) -> HeldOut | None:
    """How a training measures itself on the study's held-out problems."""
    if every is None:
        if patience is not None:
            raise LaunchError("patience", "A run can only end early where it is measured: say every how many steps.")
        return None
    fields = {"every": "measure_every", "problems": "measure_every"}
    problems = source(study.held_out_set, "measure_every")
    return valid_config(HeldOut, fields=fields, problems=problems, every=every, most=MEASURED, patience=patience)


def _miniature_recipe() -> dict[str, object]:
    """How the miniature trains, for what nobody has said otherwise."""
    names = ("prompts_per_step", "group", "learning_rate", "warmup_steps", "trainer")
    return {name: getattr(PLAN, name) for name in names}


def _sampling(study: Study, samples: int, temperature: float, max_tokens: int, seed: int | None) -> Sampling:
    return valid_config(
        Sampling,
        samples=samples,
        temperature=temperature,
        max_tokens=max_tokens,
        seed=study.seed if seed is None else seed,
    )


def _refuse_foreign(study: Study, **checkpoints: Checkpoint) -> None:
    for field, checkpoint in checkpoints.items():
        if checkpoint.study_id != study.pk:
            raise LaunchError(field, f"{checkpoint.name} belongs to another study.")
        if checkpoint.folder and not FilePath(checkpoint.folder).is_dir():
            raise LaunchError(field, f"The folder of {checkpoint.name}, {checkpoint.folder}, is not there any more.")
        needed_for(checkpoint, field)


def _check_alpha(alpha: float, field: str) -> None:
    if not math.isfinite(alpha) or abs(alpha) > LARGEST_ALPHA:
        raise LaunchError(field, f"Alpha must be a number between -{LARGEST_ALPHA:g} and {LARGEST_ALPHA:g}.")
