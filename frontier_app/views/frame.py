"""What surrounds the content of a page: the study's header and tabs, and the choice between a page and a part of it.

A page and its HTMX parts have one address and one view: the part is the named partial whose name is the id of the
element that asks.
"""

from collections.abc import Collection
from urllib.parse import urlencode

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control, patch_vary_headers

from frontier_app.models import Checkpoint, Evaluation, Job, Problem, Run, Study
from frontier_app.sharing.saved_views import is_newer, listed, may_refresh
from frontier_app.sharing.shared_views import SAVED, SHARE, address_of, drawn_by
from frontier_app.viewer import Viewer
from frontier_app.views.fetch import OpenStudy


def study_context(opened: OpenStudy, tab: str) -> dict[str, object]:
    """What study_base.html needs; `counts` are those of the tabs and of running and queued jobs. `view_name` names the
    view that can be shared and saved, `carried` is what every request of the page must carry along."""
    link = opened.viewer.share_link
    carried = {SHARE: link.token if link else "", SAVED: opened.saved.short if opened.saved else ""}
    return {
        "study": opened.study,
        "view_name": opened.view,
        "saved_view": opened.saved,
        "live_address": address_of(opened.study, opened.saved.view, opened.saved.query) if opened.saved else None,
        "newer_data": opened.saved is not None and is_newer(opened.saved),
        "saved_views": listed(opened.study) if opened.is_member else [],
        "may_refresh_saved": opened.saved is not None and may_refresh(opened.saved, opened.viewer.user, opened.role),
        "embedded": opened.embedded,
        "carried": urlencode({name: value for name, value in carried.items() if value}),
        "free_keys": " ".join(sorted(drawn_by(opened.view))),
        "viewer": opened.viewer,
        "may_launch": opened.may_launch,
        "may_share": opened.may_share,
        "may_read_programs": opened.viewer.may_read_programs,
        "tab": tab,
        "counts": tab_counts(opened.study, opened.viewer) if link is None else {},
    }


def tab_counts(study: Study, viewer: Viewer) -> dict[str, int]:
    return {
        "problems": Problem.objects.filter(problem_set=study.held_out_set_id).count() if study.held_out_set_id else 0,
        "runs": Run.objects.filter(study=study).count(),
        "checkpoints": Checkpoint.objects.filter(study=study).count(),
        "evaluations": Evaluation.objects.filter(study=study).count(),
    } | job_counts(study, viewer)


def job_counts(study: Study, viewer: Viewer) -> dict[str, int]:
    """How many jobs of the study there are, run and wait."""
    return (
        Job.objects.visible_to(viewer)
        .filter(study=study)
        .aggregate(
            jobs=Count("pk"),
            running=Count("pk", filter=Q(state__in=(Job.RUNNING, Job.CANCELLING))),
            queued=Count("pk", filter=Q(state=Job.QUEUED)),
        )
    )


def render_page(
    request: HttpRequest,
    template: str,
    context: dict[str, object],
    parts: Collection[str] = (),
    status: int = 200,
) -> HttpResponse:
    """The page, or the part of it that HTMX asks for. Caches must not mistake one for the other."""
    htmx = getattr(request, "htmx", None)
    target = htmx.target if htmx else None
    name = f"{template}#{target}" if target in parts else template
    response = render(request, name, context, status=status)
    patch_vary_headers(response, ("HX-Request", "HX-Target"))
    patch_cache_control(response, private=True, no_cache=True)
    return response
