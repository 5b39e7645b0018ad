"""Saved views: their short addresses, the list of a study's, and what changes them."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from frontier_app.models import SavedView
from frontier_app.sharing import saved_views as verbs
from frontier_app.sharing.forms import SavedViewForm, first_error
from frontier_app.sharing.shared_views import NotAView, address_of, words_of
from frontier_app.sharing.view_answers import NotAnswered
from frontier_app.views.fetch import OpenStudy, open_study, open_study_to_write, signed_in
from frontier_app.views.frame import render_page, study_context
from frontier_app.views.paging import Slice

VIEWS = 50


@require_safe
def short(request: HttpRequest, short: str) -> HttpResponse:
    """The view's own page, for members of its study."""
    person = signed_in(request)
    kept = SavedView.objects.kept().filter(study__membership__user=person).select_related("study")
    view = get_object_or_404(kept, short=short)
    page = address_of(view.study, view.view, view.query, view)
    if page is None:
        raise Http404
    return redirect(page)


@require_http_methods(["GET", "HEAD", "POST"])
def saved_views(request: HttpRequest, slug: str) -> HttpResponse:
    """The study's saved views; with POST one more, of the view whose address the form names. A script gets JSON."""
    if request.method == "POST":
        return _save(request, slug)
    opened = open_study(request, slug)
    rows = SavedView.objects.kept().filter(study=opened.study).select_related("owner").order_by("-pk")
    page = Slice(request, rows, VIEWS)
    context = study_context(opened, "views") | {
        "slice": page,
        "rows": [_row(request, opened, view) for view in page.rows],
    }
    return render_page(request, "saved_views.html", context, parts=("views",))


def _save(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_study_to_write(request, slug)
    form = SavedViewForm(request.POST)
    if form.is_valid():
        asked = form.cleaned_data
        try:
            view = verbs.save(opened.study, opened.person, asked["name"], asked["note"], asked["address"])
        except NotAView as error:
            form.add_error("address", str(error))
        else:
            return JsonResponse(
                {"address": reverse("saved_view", args=[view.short]), "said": "The view is saved."}, status=201
            )
    return JsonResponse({"error": first_error(form)}, status=422)


def _row(request: HttpRequest, opened: OpenStudy, view: SavedView) -> dict[str, object]:
    return {
        "view": view,
        "words": words_of(view.view, view.query),
        "address": request.build_absolute_uri(reverse("saved_view", args=[view.short])),
        "may_change": verbs.may_change(view, opened.viewer.user, opened.role),
    }


def _open_to_change(request: HttpRequest, slug: str, short: str) -> tuple[OpenStudy, SavedView]:
    opened = open_study_to_write(request, slug)
    view = get_object_or_404(SavedView.objects.select_related("study", "snapshot"), study=opened.study, short=short)
    if not verbs.may_change(view, opened.person, opened.role):
        raise PermissionDenied
    return opened, view


@require_POST
def change(request: HttpRequest, slug: str, short: str) -> HttpResponse:
    """Another name and note."""
    opened, view = _open_to_change(request, slug, short)
    form = SavedViewForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"error": first_error(form)}, status=422)
    verbs.rename(view, opened.person, form.cleaned_data["name"], form.cleaned_data["note"])
    return JsonResponse({"address": reverse("saved_views", args=[slug]), "said": "The view is changed."})


@require_POST
def refresh(request: HttpRequest, slug: str, short: str) -> HttpResponse:
    """Pin the data of now, and show them."""
    opened, view = _open_to_change(request, slug, short)
    if not verbs.may_refresh(view, opened.person, opened.role):
        messages.error(request, "A link shows this view to others, so only an owner takes newer data into it.")
        return redirect("saved_view", short)
    try:
        verbs.refresh(view, opened.person)
    except NotAnswered as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The view shows the data of now.")
    return redirect("saved_view", short)


@require_POST
def delete(request: HttpRequest, slug: str, short: str) -> HttpResponse:
    opened, view = _open_to_change(request, slug, short)
    verbs.delete(view, opened.person)
    return _done(request, slug, "The view is deleted, and links to it are closed.")


@require_POST
def restore(request: HttpRequest, slug: str, short: str) -> HttpResponse:
    """Undo a deletion."""
    opened, view = _open_to_change(request, slug, short)
    if not verbs.may_restore(view, opened.person, opened.role):
        raise PermissionDenied
    verbs.restore(view, opened.person)
    return _done(request, slug, "The view is back.")


def _done(request: HttpRequest, slug: str, said: str) -> HttpResponse:
    if "application/json" in request.headers.get("Accept", ""):
        return HttpResponse(status=204)
    messages.success(request, said)
    return redirect("saved_views", slug)
