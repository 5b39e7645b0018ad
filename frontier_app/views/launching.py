"""The forms that start work: what it will cost before it starts, errors beside the field, and the verb behind each."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path as FilePath
from typing import NamedTuple

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from frontier_app import launch as verbs
from frontier_app.forms import FORMS, LaunchForm, starting_values
from frontier_app.models import Job, Study
from frontier_app.views.fetch import OpenStudy, open_study_to_write
from frontier_app.views.frame import render_page, study_context
from frontier_app.words import count
from frontier_app.words import size as size_in_words


class Kind(NamedTuple):
    words: str
    heading: str
    lede: str


KINDS = {
    "sweep": Kind(
        "alpha sweep",
        "Launch an alpha sweep",
        "Evaluates (1 − a) × low + a × high for every a on the held-out problems. The two ends are loaded once, "
        "weights are set in place, and nothing is written but the answers.",
    ),
    "train": Kind(
        "training sweep",
        "Launch a training sweep",
        "Trains one policy for every coverage and seed, from the study's base, with the same problems in the same "
        "order. Coverage is the only thing that differs between runs of one seed.",
    ),
    "geometry": Kind(
        "geometry of a pair",
        "Measure the geometry of a pair",
        "Reads two checkpoints and the base once and says, layer by layer, how far each moved from the base and at "
        "what angle, and how far their merge will lie from it at every a. Nothing is run and nothing is written.",
    ),
    "evaluate": Kind(
        "evaluation",
        "Launch an evaluation",
        "Samples one checkpoint on the held-out problems and judges every program on every test.",
    ),
    "merge": Kind(
        "materialised merge",
        "Launch a materialised merge",
        "Writes (1 − a) × low + a × high, or what another method or other weights by layer make of the two, as a "
        "checkpoint folder. A sweep needs none of this; a folder is for use elsewhere.",
    ),
    "import": Kind(
        "import of problems",
        "Import problems",
        "Reads problems, tests and known programs from a file or a folder on the server and makes them the study's "
        "held-out or training set. Try it first: the result counts what is new, duplicate or refused, and why.",
    ),
    "audit": Kind(
        "audit of problems",
        "Launch an audit",
        "Judges the programs that came with the problems, and shows which tests tell slow from fast, where a limit is "
        "too tight, and where verdicts differ from what was declared.",
    ),
}
TEMPLATES = {
    "levels": Kind(
        "nested levels × seeds",
        "Nested levels and seeds",
        "Trains every level from the base with every seed, sweeps each seed's path past both ends, and measures the "
        "levels between: the study that the frontier is read from.",
    ),
    "random-tests": Kind(
        "random-subset control",
        "Random tests, as many as the level",
        "A level asks for larger tests and for more of them. These trainings require as many, drawn once from the "
        "whole suite, so that the two can be told apart.",
    ),
    "from-base": Kind(
        "ends from the base",
        "Each end, carried on from the base",
        "Steps out from the initialisation through each end of a path and past it, which separates the direction "
        "between the ends from the length of the step.",
    ),
    "soup": Kind(
        "uniform soup",
        "A uniform soup",
        "Averages trained checkpoints with equal weights and measures the average beside its members.",
    ),
    "seeds": Kind(
        "trained-only ensembles",
        "Seeds of one level",
        "Trains one level with several seeds and measures each: the ensembles without merges that those along the path "
        "must beat.",
    ),
    "settings": Kind(
        "three settings",
        "One path in three settings",
        "Measures the same weights by reasoning alone, with tools and attempts on the public samples, and in a "
        "workspace with a shell, at both ends and along the path.",
    ),
    "scale": Kind(
        "second scale",
        "The levels at a second scale",
        "Trains the levels again from a base of another scale, with the same problems in the same order, and sweeps "
        "the path between them; Frontiers then shows one panel a scale.",
    ),
}
VERBS: dict[str, Callable[..., verbs.Launched]] = {
    "sweep": verbs.launch_sweep,
    "train": verbs.launch_training,
    "evaluate": verbs.launch_evaluation,
    "merge": verbs.launch_merge,
    "geometry": verbs.launch_geometry,
    "import": verbs.launch_import,
    "audit": verbs.launch_audit,
    **{template: partial(verbs.launch_template, template=template) for template in TEMPLATES},
}


@require_http_methods(["GET", "HEAD", "POST"])
def launch(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """The form, filled in from the address; posted, it launches and shows the job, or comes back with errors (422)."""
    opened = open_study_to_write(request, slug)
    form = _form(request, opened.study, kind)
    if form.is_bound:
        launched = _call(form, opened, kind)
        if launched is not None:
            jobs = launched.jobs
            if len(jobs) == 1:
                return redirect(jobs[0])
            messages.success(request, f"Launched {len(jobs)} jobs.")
            return redirect("study_jobs", slug)
    context = study_context(opened, "launch") | _described(kind) | _cost(opened, form, kind) | {"form": form}
    return render_page(request, "launch.html", context, status=422 if form.is_bound else 200)


@require_POST
def estimate(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """What the form as it stands would cost. Launches nothing; an unfinished form has no cost yet and is no error."""
    opened = open_study_to_write(request, slug)
    form = _form(request, opened.study, kind)
    return render(request, "launch.html#cost", {"study": opened.study, "kind": kind} | _cost(opened, form, kind))


def _form(request: HttpRequest, study: Study, kind: str) -> LaunchForm:
    if kind not in FORMS:
        raise Http404
    if request.method == "POST":
        return FORMS[kind](study, request.POST)
    given = request.GET.dict()
    if "alpha" in given:
        given.setdefault("alphas", given["alpha"])
    if kind == "audit" and study.held_out_set is not None:
        given.setdefault("problem_set", study.held_out_set.reference)
    return FORMS[kind](study, initial=starting_values(study) | given)


def _described(kind: str) -> dict[str, object]:
    return (KINDS | TEMPLATES)[kind]._asdict() | {
        "kind": kind,
        "kinds": [(name, one.words) for name, one in KINDS.items()],
        "templates": [(name, one.words) for name, one in TEMPLATES.items()],
        "is_template": kind in TEMPLATES,
    }


def _call(form: LaunchForm, opened: OpenStudy, kind: str, dry_run: bool = False) -> verbs.Launched | None:
    """Launch what the form asks for, or what it would; None when the form or the verb refuses it."""
    if not form.is_valid():
        return None
    try:
        return VERBS[kind](opened.study, opened.person, **form.cleaned_data, dry_run=dry_run)
    except verbs.LaunchError as error:
        form.refuse(error.field, error.message)
        return None


def _cost(opened: OpenStudy, form: LaunchForm, kind: str) -> dict[str, object]:
    """`estimate`: seconds, work, basis and how many jobs are ahead; or `no_estimate`, a sentence why there is none."""
    asked = FORMS[kind](opened.study, form.data if form.is_bound else _as_posted(form))
    planned = _call(asked, opened, kind, dry_run=True)
    if planned is None:
        return {"estimate": None, "no_estimate": _first_error(asked)}
    hands = min(len(planned.jobs), verbs.workers(planned.jobs[0].queue))
    first = planned.jobs[0]
    ahead = 0 if first.remote else Job.objects.active().for_workers().filter(queue=first.queue).count()
    template = kind in TEMPLATES
    return {
        "estimate": {
            "seconds": planned.estimate.seconds / hands,
            "work": "" if template else work_in_words([job.config for job in planned.jobs], opened.study),
            "jobs": [(job.title, job.cost_estimate_seconds) for job in planned.jobs] if template else [],
            "concludes": planned.concludes,
            "basis": planned.estimate.basis,
            "ahead": ahead,
        }
    }


def _first_error(form: LaunchForm) -> str:
    for name, texts in form.errors.items():
        return f"{form.fields[name].label}: {texts[0]}" if name in form.fields else str(texts[0])
    return ""


def _as_posted(form: LaunchForm) -> QueryDict:
    """What the form would post if it were sent as it is shown."""
    data = QueryDict(mutable=True)
    for bound in form:
        value = bound.value()
        if value is not None and value is not False and value != "":
            data[bound.name] = str(value)
    return data


def work_in_words(configs: Sequence[dict], study: Study) -> str:
    """How much there is to do, in what a researcher counts."""
    first = configs[0]
    if first["kind"] == "evaluate":
        points, samples = sum(len(config["points"]) for config in configs), first["sampling"]["samples"]
        problems = study.held_out_set.problems.count() if study.held_out_set else 0
        each = f"{_several(problems, 'problem')} × {_several(samples, 'sample')}"
        total = count(points * samples * problems)
        return f"{_several(points, 'point')} × {each} = {total} programs to judge, in {_several(len(configs), 'job')}"
    if first["kind"] == "train":
        answers = count(len(configs) * int(verbs.work_of(first)))
        runs, steps = _several(len(configs), "run"), _several(first["steps"], "step")
        repairs = f" and {_several(first['repairs_per_step'], 'repair')}" if first["repairs_per_step"] else ""
        each = f"{_several(first['prompts_per_step'], 'problem')}{repairs} × {first['group']} answers"
        if first["held_out"] is None:
            return f"{runs} × {steps} × {each} = {answers} programs to judge"
        return f"{runs} × {steps} × {each}, and the held-out problems: {answers} programs to judge"
    if first["kind"] == "import":
        return f"{'counts' if first['dry_run'] else 'writes'} the problems of {FilePath(first['path']).name or '/'}"
    if first["kind"] == "audit":
        return f"every known program, judged {_several(first['repeats'], 'time')} on every test"
    if first["kind"] == "geometry":
        read = study.checkpoints.filter(reference__in=[first[part]["reference"] for part in ("base", "low", "high")])
        return f"three checkpoints read once, {size_in_words(sum(one.size_bytes for one in read))}"
    size = max((one.size_bytes for one in study.checkpoints.filter(reference__in=_ingredients(first))), default=0)
    return f"one folder of {size_in_words(size)}" if size else "one folder"


def _ingredients(config: dict) -> list[str]:
    return [ingredient["reference"] for ingredient in config["ingredients"]]


def _several(number: int, noun: str) -> str:
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"
