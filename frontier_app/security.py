"""What holds for every request, whatever view answers it.

The content security policy: pages load only what this server serves, and run no inline script. `unsafe-inline` is
granted to styles alone, because Plotly writes style attributes into the figures it draws.

A page that a share link embeds may be framed by any site (`EMBEDDED_POLICY`); no other page may.

No address holds a NUL character: no row could, so PostgreSQL would refuse the query of whichever view looked for it.
"""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
EMBEDDED_POLICY = POLICY.replace("frame-ancestors 'none'", "frame-ancestors *")


class ContentSecurityPolicyMiddleware:
    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        _refuse_null_characters(request)
        response = self.get_response(request)
        if isinstance(response, HttpResponse) or not isinstance(response, Awaitable):
            return with_policy(response)
        return self._finish(response)

    async def _finish(self, response: Awaitable[HttpResponse]) -> HttpResponse:
        return with_policy(await response)


def _refuse_null_characters(request: HttpRequest) -> None:
    query = request.META.get("QUERY_STRING", "")
    if "\x00" in request.path_info or "\x00" in query or "%00" in query:
        raise BadRequest("An address cannot hold a NUL character.")


def with_policy(response: HttpResponse) -> HttpResponse:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    return response
