"""The HTTP API for scripts and remote runs: the same verbs, rights and numbers as the pages.

Its description for machines (OpenAPI) is at /api/openapi.json.

Who asks: a bearer token (`Authorization: Bearer ...`) or the session of a logged-in browser. For the bearer of a share
link nothing is here.
"""

from django.db import DataError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI

from frontier_app.api import figures, jobs, studies
from frontier_app.api.rights import BySession, ByShareLink, ByToken
from frontier_app.launch import LaunchError

api = NinjaAPI(
    title="Frontier",
    version="1",
    description="Launch, watch and read studies of weight averaging in code RL.",
    auth=[ByToken(), BySession(), ByShareLink()],
    urls_namespace="api",
    docs_url=None,
)
api.add_router("", studies.router, tags=["studies"])
api.add_router("", figures.router, tags=["figures"])
api.add_router("", jobs.router, tags=["jobs"])


@api.exception_handler(LaunchError)
def refused(request: HttpRequest, error: LaunchError) -> HttpResponse:
    """A verb's refusal, in the shape of the framework's own validation errors."""
    detail = [{"type": "launch", "loc": ["body", error.field], "msg": error.message}]
    return api.create_response(request, {"detail": detail}, status=422)


@api.exception_handler(DataError)
def impossible(request: HttpRequest, error: DataError) -> HttpResponse:
    """A value that no row can hold, such as a NUL character in a name; the transaction is rolled back."""
    detail = [{"type": "value", "loc": ["body"], "msg": f"No row can hold this: {str(error).splitlines()[0]}."}]
    return api.create_response(request, {"detail": detail}, status=422)
