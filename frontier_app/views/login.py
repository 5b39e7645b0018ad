"""Logging in by password or by the one-time address that the terminal prints, and logging out."""

import hashlib

from django.contrib.auth import login, logout
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from frontier_app.login_brake import CODE, BrakedForm
from frontier_app.models import LoginLink

BACKEND = "django.contrib.auth.backends.ModelBackend"


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    form = BrakedForm(request, request.POST or None)
    if request.method == "POST" and form.is_valid():
        login(request, form.get_user())
        return redirect(_next(request))
    context = {"form": form, "next": _next(request), "hide_login": True}
    refused = 429 if form.has_error(NON_FIELD_ERRORS, CODE) else 422
    return render(request, "login.html", context, status=refused if form.errors else 200)


def _next(request: HttpRequest) -> str:
    """The address to go on to: of this site only."""
    address = request.POST.get("next") or request.GET.get("next") or "/"
    here = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if here else "/"


@never_cache
@require_GET
def log_in_once(request: HttpRequest, token: str) -> HttpResponse:
    """Log in with a one-time address. One row can be used once: the count of updated rows decides.

    A prefetch must not use the address up. Somebody who is logged in already is simply let in.
    """
    if request.user.is_authenticated:
        return redirect("home")
    if "prefetch" in request.headers.get("Sec-Purpose", request.headers.get("Purpose", "")):
        return HttpResponse(status=503)
    links = LoginLink.objects.filter(token_sha256=hashlib.sha256(token.encode()).hexdigest())
    if links.filter(used=False, expires__gt=timezone.now()).update(used=True) == 1:
        user = links.select_related("user").get().user
        if user.is_active:
            login(request, user, backend=BACKEND)
            return redirect("home")
    context = {"form": AuthenticationForm(request), "next": "/", "spent": True, "hide_login": True}
    return render(request, "login.html", context, status=403)


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("login")
