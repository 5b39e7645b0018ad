"""Share links: opening one, and an owner's page that makes and revokes them."""

from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from frontier_app.forms import ShareForm
from frontier_app.models import ShareLink
from frontier_app.viewer import SHARED_STUDIES
from frontier_app.views.fetch import open_study_to_own
from frontier_app.views.frame import render_page, study_context

# Hosts that no other computer can reach under their name.
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@require_safe
def share(request: HttpRequest, token: str) -> HttpResponse:
    """Remember the link in the session and show the study. Every later page checks that the link is still open."""
    link = get_object_or_404(ShareLink.objects.open().select_related("study"), token=token)
    request.session[SHARED_STUDIES] = request.session.get(SHARED_STUDIES, {}) | {link.study.slug: token}
    return redirect(link.study)


@require_http_methods(["GET", "HEAD", "POST"])
def study_sharing(request: HttpRequest, slug: str) -> HttpResponse:
    """Create a link, or revoke the one that the form names."""
    opened = open_study_to_own(request, slug)
    form = ShareForm(request.POST if request.method == "POST" and "revoke" not in request.POST else None)
    if "revoke" in request.POST:
        opened.study.share_links.filter(token=request.POST["revoke"]).update(revoked=True)
        messages.success(request, "The link is revoked; whoever opens it now sees nothing.")
        return redirect("study_sharing", slug)
    if form.is_bound and form.is_valid():
        days = form.cleaned_data["days"]
        opened.study.share_links.create(
            created_by=opened.person,
            allow_programs=form.cleaned_data["allow_programs"],
            expires=timezone.now() + timedelta(days=int(days)) if days else None,
        )
        messages.success(request, "The link is ready to be copied.")
        return redirect("study_sharing", slug)
    links = [
        {"link": link, "address": request.build_absolute_uri(f"/share/{link.token}/")}
        for link in opened.study.share_links.open().select_related("created_by").order_by("-pk")[:100]
    ]
    host = split_domain_port(request.get_host())[0]
    context = study_context(opened, "sharing") | {"form": form, "links": links, "only_here": host in LOOPBACK}
    return render_page(request, "sharing.html", context, status=422 if form.errors else 200)
