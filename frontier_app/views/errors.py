"""The pages for what went wrong: each says what to do next."""

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse

from frontier_app.viewer import viewer_of


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Somebody unknown is asked to log in; a known person is told that this is not theirs to do."""
    if viewer_of(request).user is None and request.method in ("GET", "HEAD"):
        if request.headers.get("HX-Request"):
            return HttpResponse(status=403, headers={"HX-Redirect": reverse("login")})
        return redirect_to_login(request.get_full_path())
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Rendered without the request: whatever broke may break again."""
    return HttpResponse(render_to_string("500.html"), status=500)
