"""Who asks the API, and the first line of every operation: fetch what the address names, with their rights."""

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest
from ninja.errors import HttpError
from ninja.security import APIKeyQuery, HttpBearer, SessionAuth

from frontier_app.models import Job, Study
from frontier_app.viewer import SHARED_STUDIES, Viewer, open_share_link, user_of_token


class ByToken(HttpBearer):
    def authenticate(self, request: HttpRequest, token: str) -> Viewer | None:
        user = user_of_token(token)
        return Viewer(user=user) if user else None


class BySession(SessionAuth):
    def authenticate(self, request: HttpRequest, key: str | None) -> Viewer | None:
        user = request.user
        return Viewer(user=user) if isinstance(user, User) and user.is_active else None


class ByShareLink(APIKeyQuery):
    """A share link shows one page, never the API: for its bearer nothing is here."""

    param_name = "share"

    def authenticate(self, request: HttpRequest, key: str | None) -> Viewer | None:
        if open_share_link(key or "") is not None or request.session.get(SHARED_STUDIES):
            raise Http404
        return None


def viewer(request: HttpRequest) -> Viewer:
    return request.auth  # type: ignore[attr-defined]  # set by the classes above


def person(request: HttpRequest) -> User:
    """The account behind the request."""
    user = viewer(request).user
    assert user is not None
    return user


def open_study(request: HttpRequest, slug: str) -> Study:
    study = Study.objects.visible_to(viewer(request)).filter(slug=slug).first()
    if study is None:
        raise HttpError(404, f"There is no study {slug!r} that you may see.")
    return study


def open_study_to_write(request: HttpRequest, slug: str) -> tuple[Study, User]:
    study, user = open_study(request, slug), person(request)
    if not Study.objects.writable_by(viewer(request)).filter(pk=study.pk).exists():
        raise HttpError(403, "You may read this study but not change it.")
    return study, user


def open_job(request: HttpRequest, reference: str) -> Job:
    jobs = Job.objects.visible_to(viewer(request)).select_related("study", "parent")
    job = jobs.filter(reference=reference).first()
    if job is None:
        raise HttpError(404, f"There is no job {reference!r} that you may see.")
    return job


def open_job_to_write(request: HttpRequest, reference: str) -> tuple[Job, User]:
    job, user = open_job(request, reference), person(request)
    if not Job.objects.writable_by(viewer(request)).filter(pk=job.pk).exists():
        raise HttpError(403, "You may see this job but not change it.")
    return job, user
