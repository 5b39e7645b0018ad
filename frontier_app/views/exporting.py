"""Figures as files that a browser cannot make by itself: PDF."""

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.text import slugify
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from frontier_app.figures.pdf import SVG_BYTES_AT_MOST, Busy, NotDrawable, pdf_of
from frontier_app.sharing.shared_views import SHARE
from frontier_app.viewer import links_to
from frontier_app.views.fetch import open_study


# Nothing is changed and nothing of the study is answered, only what was sent; a page that a link opened has no token.
@csrf_exempt
@require_POST
def figure_pdf(request: HttpRequest, slug: str) -> HttpResponse:
    """The drawing in the body, an SVG of the view that `view` names, as PDF. Whoever may see the view may ask."""
    _admit(request, slug, request.GET.get("view", ""))
    # The body is read as a stream: a figure may be larger than a form.
    try:
        pdf = pdf_of(request.read(SVG_BYTES_AT_MOST + 1))
    except NotDrawable as error:
        status = 503 if isinstance(error, Busy) else 422
        return HttpResponse(str(error), status=status, content_type="text/plain; charset=utf-8")
    response = HttpResponse(pdf, content_type="application/pdf")
    name = slugify(request.GET.get("name", "")) or "figure"
    response.headers["Content-Disposition"] = f'attachment; filename="{name[:120]}.pdf"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _admit(request: HttpRequest, slug: str, view: str) -> None:
    """Let members pass, and who opened a link to this view. Raises Http404, PermissionDenied."""
    try:
        open_study(request, slug)
    except (Http404, PermissionDenied):
        links = links_to(slug, request.session, request.GET.get(SHARE, ""))
        if not any(link.view == view for link in links):
            raise
