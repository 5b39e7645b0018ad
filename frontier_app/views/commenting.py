"""Comments as JSON: read, written, changed and deleted by members, never by the bearer of a share link."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_POST

from frontier_app.models import Comment
from frontier_app.sharing import comments as verbs
from frontier_app.sharing.forms import CommentForm, first_error
from frontier_app.views.fetch import OpenStudy, open_study


@require_http_methods(["GET", "HEAD", "POST"])
def comments(request: HttpRequest, slug: str) -> HttpResponse:
    """The study's comments; with POST one more."""
    opened = open_study(request, slug)
    if request.method != "POST":
        return _all(opened)
    form = CommentForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"error": first_error(form)}, status=422)
    asked = form.cleaned_data
    try:
        verbs.write(opened.study, opened.person, asked["text"], asked["evaluation"], asked["problem"], asked["alpha"])
    except verbs.CommentError as error:
        return JsonResponse({"error": str(error)}, status=422)
    return _all(opened, status=201)


def _all(opened: OpenStudy, status: int = 200) -> HttpResponse:
    response = JsonResponse(verbs.listed(opened.study, opened.viewer.user, opened.role), status=status)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _comment(opened: OpenStudy, comment: int) -> Comment:
    found = Comment.objects.select_related("study", "author", "problem", "evaluation")
    return get_object_or_404(found, study=opened.study, pk=comment)


@require_POST
def change(request: HttpRequest, slug: str, comment: int) -> HttpResponse:
    """Another text, by whoever wrote it."""
    opened = open_study(request, slug)
    found = _comment(opened, comment)
    if found.author != opened.viewer.user:
        raise PermissionDenied
    form = CommentForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"error": first_error(form)}, status=422)
    verbs.change(found, form.cleaned_data["text"])
    return _all(opened)


@require_POST
def delete(request: HttpRequest, slug: str, comment: int) -> HttpResponse:
    return _set_deleted(request, slug, comment, True)


@require_POST
def restore(request: HttpRequest, slug: str, comment: int) -> HttpResponse:
    """Undo a deletion."""
    return _set_deleted(request, slug, comment, False)


def _set_deleted(request: HttpRequest, slug: str, comment: int, deleted: bool) -> HttpResponse:
    opened = open_study(request, slug)
    found = _comment(opened, comment)
    allowed = verbs.may_delete if deleted else verbs.may_restore
    if not allowed(found, opened.viewer.user, opened.role):
        raise PermissionDenied
    verbs.set_deleted(found, opened.person, deleted)
    return _all(opened)
