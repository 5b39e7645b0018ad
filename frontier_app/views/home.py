"""The first page: studies with their frontiers, the queue, what happened last."""

from collections import defaultdict
from collections.abc import Sequence

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, F, Max, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from frontier_app import launch
from frontier_app.figures.thumbnail import ThumbnailPoint, thumbnail
from frontier_app.forms import NewStudyForm
from frontier_app.models import Evaluation, Job, Path, Rollup, Study
from frontier_app.models.jobs import JobQuerySet
from frontier_app.numbers.explorer import standings
from frontier_app.numbers.placement import select
from frontier_app.viewer import Viewer
from frontier_app.views.fetch import signed_in
from frontier_app.views.frame import render_page
from frontier_app.views.paging import Slice

STUDIES, QUEUE, LAST = 12, 8, 10
# So few studies have room for a table of their points beside the thumbnail, which holds so many lines.
ROOMY, LINES = 2, 9


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    viewer = Viewer(user=signed_in(request))
    visible = Job.objects.visible_to(viewer)
    studies = Slice(request, Study.objects.visible_to(viewer), STUDIES)
    roomy = studies.total <= ROOMY
    context = {"slice": studies, "tiles": _tiles(studies.rows, roomy), "roomy": roomy} | _queue(visible)
    return render_page(request, "home.html", context, parts=("studies", "queue", "last"))


def _queue(visible: JobQuerySet) -> dict[str, object]:
    active = visible.active()
    running_first = active.for_lists().order_by(F("started").asc(nulls_last=True), "pk")
    return {
        "queue": list(running_first[:QUEUE]),
        "active_count": active.count(),
        "last": list(visible.for_lists().filter(ended__isnull=False).order_by("-ended")[:LAST]),
    }


def _tiles(studies: Sequence[Study], roomy: bool) -> list[dict[str, object]]:
    """Each study with its thumbnail and counts; the number of queries does not depend on how many there are. A roomy
    tile also tells the figures of its points, for some queries each."""
    points = _points(studies)
    evaluations = {
        row["study"]: row
        for row in Evaluation.objects.filter(study__in=studies)
        .values("study")
        .annotate(
            complete=Count("pk", filter=Q(state=Evaluation.COMPLETE)), planned=Count("pk"), drawn=Sum("samples_done")
        )
        .order_by()
    }
    active = dict(
        Job.objects.active().filter(study__in=studies).values_list("study").annotate(jobs=Count("pk")).order_by()
    )
    return [
        {
            "study": study,
            # Made of numbers and fixed markup only.
            "thumbnail": mark_safe(thumbnail(points[study.pk])),
            "evaluations": evaluations.get(study.pk, {}),
            "active": active.get(study.pk, 0),
            "table": _table(study) if roomy and points[study.pk] else None,
        }
        for study in studies
    ]


def _table(study: Study) -> dict[str, object]:
    """The points of the study's first path; where there are too many, only every half and the trained ends."""
    selection = select(study, {})
    found = standings(study, selection)
    shown = found if len(found) <= LINES else [one for one in found if (one.alpha * 2).is_integer()][:LINES]
    return {"difficulty": selection.difficulty, "points": shown}


def _points(studies: Sequence[Study]) -> dict[int, list[ThumbnailPoint]]:
    """Study -> its newest path judged on whole suites: hard problems, or all of them where none is called hard."""
    newest = Path.objects.filter(study__in=studies).values("study").annotate(newest=Max("pk")).values("newest")
    sums = (
        Rollup.objects.filter(
            evaluation__path__in=newest,
            evaluation__alpha__isnull=False,
            level=F("evaluation__problem_set__levels"),
            n__gt=0,
        )
        .values("evaluation__study", "evaluation__alpha", hard=Q(problem__difficulty="hard"))
        .annotate(samples=Sum("n"), slow=Sum("optimisation"), wrong=Sum("correctness"))
        .order_by("evaluation__alpha")
    )
    found: dict[tuple[int, bool], list[ThumbnailPoint]] = defaultdict(list)
    for row in sums:
        point = ThumbnailPoint(
            alpha=row["evaluation__alpha"],
            optimisation_failure_rate=row["slow"] / row["samples"],
            correctness_failure_rate=row["wrong"] / row["samples"],
        )
        found[row["evaluation__study"], row["hard"]].append(point)
    return {study.pk: found.get((study.pk, True)) or found.get((study.pk, False), []) for study in studies}


@require_POST
def create_miniature(request: HttpRequest) -> HttpResponse:
    """The way out of the empty page: the laptop-sized study, started from a button."""
    person = signed_in(request)
    try:
        # `miniature-1` is what `demo --seed 1` makes.
        study = launch.create_miniature_study(person, slug=f"miniature-of-{person.pk}")
    except launch.LaunchError as error:
        messages.error(request, str(error))
        return redirect("home")
    return redirect(study)


@require_http_methods(["GET", "HEAD", "POST"])
def new_study(request: HttpRequest) -> HttpResponse:
    """A study of one's own, and the import of its problems; where the import is refused nothing is made (422)."""
    person = signed_in(request)
    form = NewStudyForm(request.POST if request.method == "POST" else None, initial=request.GET.dict())
    if form.is_bound and form.is_valid():
        asked = form.cleaned_data
        own = {name: asked.pop(name) for name in ("title", "slug", "question")}
        try:
            with transaction.atomic():
                study = launch.create_study(person, **own)
                jobs = launch.launch_import(study, person, **asked).jobs if asked["path"] else []
        except launch.LaunchError as error:
            form.refuse(error.field, error.message)
        else:
            return redirect(jobs[0] if jobs else study)
    return render_page(request, "new_study.html", {"form": form}, status=422 if form.errors else 200)
