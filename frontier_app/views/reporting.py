"""Reports: their list, one to read, one to edit, and the figures in them."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from frontier_app.models import Report
from frontier_app.sharing import reports as verbs
from frontier_app.views.fetch import OpenStudy, open_study, open_study_to_write, open_view
from frontier_app.views.frame import render_page, study_context
from frontier_app.views.paging import Slice

VIEW = "report"
REPORTS = 50
TITLE_AT_MOST = 120
DELETED = "deleted_report"
CONFLICT = 409
FIRST_TEXT = """What was asked, and what the figures below show.

```frontier
study#frontier
Failures along the path.
```
"""


@require_safe
def reports(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_study(request, slug)
    page = Slice(request, Report.objects.filter(study=opened.study).select_related("author"), REPORTS)
    rows = [
        {"report": one, "figures": verbs.number_of_figures(one.text), "frozen": len(one.frozen)} for one in page.rows
    ]
    context = study_context(opened, "reports") | {"slice": page, "rows": rows}
    return render_page(request, "reports.html", context)


@require_safe
def report(request: HttpRequest, slug: str, report: str) -> HttpResponse:
    """The report to read; `?format=md` gives its text as a file."""
    opened = open_view(request, slug, VIEW)
    found = _find(opened, report)
    if request.GET.get("format") == "md":
        response = HttpResponse(found.text, content_type="text/markdown; charset=utf-8")
        response.headers["Content-Disposition"] = f'attachment; filename="{found.slug}.md"'
        return response
    parts = verbs.parts_of(found)
    figures = [part for part in parts if isinstance(part, verbs.Placed)]
    context = study_context(opened, "reports") | {
        "report": found,
        "parts": parts,
        "figures": len(figures),
        "live": sum(figure.frozen is None for figure in figures),
        "figure_data": reverse("report_figure", args=[slug, found.slug]),
    }
    return render_page(request, "report.html", context)


@require_safe
def figure(request: HttpRequest, slug: str, report: str) -> HttpResponse:
    """One figure of the report, frozen or as it is now."""
    found = _find(open_view(request, slug, VIEW), report)
    address = request.GET.get("address", "")
    if address not in verbs.addresses_of(found.text):
        return JsonResponse({"error": "The report has no such figure any more: reload the page."}, status=404)
    try:
        return _unkept(JsonResponse(verbs.figure_of(found, address)))
    except verbs.NoFigure as error:
        return JsonResponse({"error": str(error)}, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str, report: str = "") -> HttpResponse:
    """The editor of a report, or of a new one. What somebody else saved meanwhile is never overwritten unseen."""
    opened = open_study_to_write(request, slug)
    found = _find(opened, report) if report else None
    if request.method != "POST":
        title, text = (found.title, found.text) if found else ("", FIRST_TEXT)
        return _editor(request, opened, found, title, text)
    title = " ".join(request.POST.get("title", "").split())
    text = request.POST.get("text", "").replace("\r\n", "\n")
    if problem := _refused(title, text):
        return _editor(request, opened, found, title, text, problem=problem, status=422)
    if found is None:
        return redirect("report", slug, verbs.create(opened.study, opened.person, title, text).slug)
    if not verbs.save(found, opened.person, title, text, request.POST.get("began_from", "")):
        return _editor(request, opened, found, title, text, theirs=found.text, status=CONFLICT)
    return redirect("report", slug, found.slug)


@require_POST
def preview(request: HttpRequest, slug: str) -> HttpResponse:
    """The text of an editor as it would be read."""
    opened = open_study_to_write(request, slug)
    text = request.POST.get("text", "")
    if problem := _refused("a", text):
        return HttpResponse(problem, status=422, content_type="text/plain; charset=utf-8")
    unsaved = Report(study=opened.study, text=text, frozen={})
    context = {
        "parts": verbs.parts_of(unsaved),
        "study": opened.study,
        "figure_data": reverse("preview_figure", args=[slug]),
    }
    return render(request, "report.html#parts", context)


@require_safe
def preview_figure(request: HttpRequest, slug: str) -> HttpResponse:
    """One figure of a text that is being edited, as it is now."""
    opened = open_study_to_write(request, slug)
    try:
        found = verbs.live_figure(opened.study, request.GET.get("address", ""))
    except verbs.NoFigure as error:
        return JsonResponse({"error": str(error)}, status=422)
    return _unkept(JsonResponse({"figure": found.figure, "path": found.path, "frozen": False}))


@require_POST
def freeze(request: HttpRequest, slug: str, report: str) -> HttpResponse:
    """Freeze all figures, or with `live` make them follow the data again."""
    opened = open_study_to_write(request, slug)
    found = _find(opened, report)
    if "live" in request.POST:
        verbs.thaw(found, opened.person, request.POST.get("address", ""))
    else:
        for sentence in verbs.freeze(found, opened.person):
            messages.warning(request, f"Not frozen: {sentence}")
    return redirect("report", slug, found.slug)


@require_POST
def delete(request: HttpRequest, slug: str, report: str) -> HttpResponse:
    """Delete a report; this session can bring the last one back."""
    opened = open_study_to_write(request, slug)
    kept = verbs.delete(_find(opened, report), opened.person)
    request.session[DELETED] = {"study": opened.study.pk, "slug": report, "kept": kept}
    return _done(request, slug, "The report is deleted.")


@require_POST
def restore(request: HttpRequest, slug: str, report: str) -> HttpResponse:
    """Bring back the report that this session deleted last."""
    opened = open_study_to_write(request, slug)
    deleted = request.session.get(DELETED, {})
    if (deleted.get("study"), deleted.get("slug")) != (opened.study.pk, report):
        raise Http404
    verbs.restore(opened.study, opened.person, report, deleted["kept"])
    del request.session[DELETED]
    return _done(request, slug, "The report is back.")


def _done(request: HttpRequest, slug: str, said: str) -> HttpResponse:
    if "application/json" in request.headers.get("Accept", ""):
        return HttpResponse(status=204)
    messages.success(request, said)
    return redirect("reports", slug)


def _find(opened: OpenStudy, slug: str) -> Report:
    found = get_object_or_404(Report.objects.select_related("author"), study=opened.study, slug=slug)
    found.study = opened.study
    return found


def _refused(title: str, text: str) -> str:
    """Why a report cannot be saved so; "" when it can."""
    if not title:
        return "Give the report a title."
    if len(title) > TITLE_AT_MOST:
        return f"A title has at most {TITLE_AT_MOST} characters; this one has {len(title)}."
    if len(text) > verbs.TEXT_AT_MOST:
        return f"A report has at most {verbs.TEXT_AT_MOST} characters; this one has {len(text)}."
    if verbs.cells_of(text) > verbs.CELLS_AT_MOST:
        return f"The tables of a report have at most {verbs.CELLS_AT_MOST} cells: give them fewer columns or rows."
    if "\x00" in title + text:
        return "A text cannot hold a NUL character."
    return ""


def _editor(
    request: HttpRequest,
    opened: OpenStudy,
    found: Report | None,
    title: str,
    text: str,
    problem: str = "",
    theirs: str | None = None,
    status: int = 200,
) -> HttpResponse:
    context = study_context(opened, "reports") | {
        "report": found,
        "title": title,
        "text": text,
        "began_from": verbs.version_of(found) if found else "",
        "problem": problem,
        "theirs": theirs,
        "text_at_most": verbs.TEXT_AT_MOST,
        "preview": reverse("report_preview", args=[opened.study.slug]),
    }
    return render_page(request, "report_edit.html", context, status=status)


def _unkept(response: JsonResponse) -> JsonResponse:
    response.headers["Cache-Control"] = "private, no-cache"
    return response
