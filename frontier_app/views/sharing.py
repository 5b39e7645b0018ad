"""Share links: opening one, drawing one in a frame of another site, and an owner's page that makes and revokes them."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.request import split_domain_port
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import resolve, reverse
from django.utils import timezone
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from frontier_app.models import ShareLink
from frontier_app.security import EMBEDDED_POLICY
from frontier_app.sharing import links
from frontier_app.sharing.forms import ShareForm, first_error
from frontier_app.sharing.shared_views import NotAView, address_of, words_of
from frontier_app.viewer import open_share_link, remember_link
from frontier_app.views.fetch import open_study_to_own
from frontier_app.views.frame import render_page, study_context
from frontier_app.views.paging import Slice

LINKS = 50
# Hosts that no other computer can reach under their name.
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@require_safe
def share(request: HttpRequest, token: str) -> HttpResponse:
    """Remember the link in the session and show its view. Every later request checks that the link is still open."""
    link = open_share_link(token)
    page = _page(link)
    if link is None or page is None:
        raise Http404
    remember_link(request.session, link)
    links.count_opening(link)
    response = redirect(page)
    response.headers["Cache-Control"] = "no-store"
    return response


@require_safe
@xframe_options_exempt
def embed(request: HttpRequest, token: str) -> HttpResponse:
    """The link's view without anything around it, which any site may frame. A frame has no session, so the link in the
    address decides alone, even for a member; what the page asks for carries the token along."""
    link = open_share_link(token)
    page = _page(link)
    if link is None or page is None:
        response = render(request, "shared_closed.html", status=404)
    else:
        parts = urlsplit(page)
        if not request.GET:
            links.count_opening(link)
        if parts.query and not request.GET:
            response = redirect(f"{reverse('embed', args=[token])}?{parts.query}")
        else:
            response = _drawn(request, link, parts.path)
    response.headers["Content-Security-Policy"] = EMBEDDED_POLICY
    response.headers["Cache-Control"] = "no-store"
    return response


def _drawn(request: HttpRequest, link: ShareLink, path: str) -> HttpResponse:
    """What the view's own page answers, asked by this link."""
    match = resolve(path)
    request.embedded_link = link  # type: ignore[attr-defined]  # read by `open_view`
    request.resolver_match = match
    try:
        return match.func(request, *match.args, **match.kwargs)
    except Http404:
        return render(request, "shared_closed.html", status=404)


def _page(link: ShareLink | None) -> str | None:
    return address_of(link.study, link.view, link.query, link.saved_view) if link else None


@require_http_methods(["GET", "HEAD", "POST"])
def study_sharing(request: HttpRequest, slug: str) -> HttpResponse:
    """The links of a study; with POST a new one, to the view whose address the form names. A script gets JSON."""
    opened = open_study_to_own(request, slug)
    by_script = "application/json" in request.headers.get("Accept", "")
    form = ShareForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            link = links.make(opened.study, opened.person, **form.cleaned_data)
        except NotAView as error:
            form.add_error("address", str(error))
        else:
            if by_script:
                return JsonResponse(_addresses(request, link), status=201)
            messages.success(request, "The link is ready to be copied.")
            return redirect("study_sharing", slug)
    if form.errors and by_script:
        return JsonResponse({"error": first_error(form)}, status=422)
    page = Slice(request, opened.study.share_links.select_related("created_by", "saved_view").order_by("-pk"), LINKS)
    abandoned = set(ShareLink.objects.abandoned().filter(study=opened.study).values_list("pk", flat=True))
    context = study_context(opened, "sharing") | {
        "form": form,
        "slice": page,
        "links": [_row(request, link, link.pk in abandoned) for link in page.rows],
        "only_here": split_domain_port(request.get_host())[0] in LOOPBACK,
    }
    return render_page(request, "sharing.html", context, parts=("links",), status=422 if form.errors else 200)


def _addresses(request: HttpRequest, link: ShareLink) -> dict[str, str]:
    return {
        "address": request.build_absolute_uri(reverse("share", args=[link.token])),
        "embed": request.build_absolute_uri(reverse("embed", args=[link.token])),
    }


def _row(request: HttpRequest, link: ShareLink, abandoned: bool) -> dict[str, object]:
    expired = link.expires is not None and link.expires <= timezone.now()
    state = "revoked" if link.revoked else "expired" if expired else "closed" if abandoned else "open"
    words = words_of(link.view, link.query)
    return {"link": link, "words": words, "state": state, "page": _page(link), **_addresses(request, link)}


@require_POST
def revoke(request: HttpRequest, slug: str, link: int) -> HttpResponse:
    return _changed(request, slug, link, links.revoke, "The link is revoked; whoever opens it now sees nothing.")


@require_POST
def reopen(request: HttpRequest, slug: str, link: int) -> HttpResponse:
    """Undo a revocation, or answer for a link whose maker is no owner any more."""
    return _changed(request, slug, link, links.reopen, "The link is open again.")


def _changed(
    request: HttpRequest, slug: str, link: int, verb: Callable[[ShareLink, User], bool], said: str
) -> HttpResponse:
    opened = open_study_to_own(request, slug)
    verb(get_object_or_404(ShareLink.objects.select_related("study"), study=opened.study, pk=link), opened.person)
    if "application/json" in request.headers.get("Accept", ""):
        return HttpResponse(status=204)
    messages.success(request, said)
    return redirect("study_sharing", slug)
