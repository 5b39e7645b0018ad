"""The first line of every view: fetch what the address names, with the rights of whoever asks.

A row the viewer may not see does not exist (404). Somebody who is not logged in and follows no share link is refused
(403), which `views.errors.forbidden` turns into the login page. Nothing here renders.
"""

from typing import NamedTuple

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from frontier_app.models import Evaluation, Job, Membership, Problem, SavedView, ShareLink, Study
from frontier_app.models.studies import WRITERS
from frontier_app.sharing.shared_views import SAVED, SHARE, admits, asked, pinned
from frontier_app.viewer import SHARED_STUDIES, Viewer, links_to, viewer_of


class OpenStudy(NamedTuple):
    """A study and what this viewer may do in it. `role` is None for the bearer of a share link.

    `view` names the view that was opened, "" for what no link shows; `saved` is the saved view whose data it pins;
    `embedded` tells that it is drawn in a frame of another site.
    """

    study: Study
    viewer: Viewer
    role: str | None
    view: str = ""
    saved: SavedView | None = None
    embedded: bool = False

    @property
    def person(self) -> User:
        """Who launches or shares; only for those who may."""
        assert self.viewer.user is not None
        return self.viewer.user

    @property
    def is_member(self) -> bool:
        return self.role is not None

    @property
    def may_launch(self) -> bool:
        return self.role in WRITERS

    @property
    def may_share(self) -> bool:
        return self.role == Membership.OWNER


def signed_in(request: HttpRequest) -> User:
    """The person behind the request. Raises PermissionDenied when there is none."""
    user = viewer_of(request).user
    if user is None:
        raise PermissionDenied
    return user


def open_study(request: HttpRequest, slug: str) -> OpenStudy:
    """The study as its member sees it.

    Raises Http404 for a stranger and for the bearer of a share link, PermissionDenied for somebody unknown.
    """
    viewer = viewer_of(request)
    member = _member(viewer, slug)
    if member is not None:
        return OpenStudy(member.study, viewer, member.role)
    if viewer.user is None and not _links(request, slug):
        raise PermissionDenied
    raise Http404


def open_view(request: HttpRequest, slug: str, view: str) -> OpenStudy:
    """The study, for one page or answer of the view named `view` (`frontier_app.sharing.shared_views`), which a share
    link may show: only with the link's own query, and only to be read.

    Raises Http404 for a stranger and for a link to anything else, PermissionDenied for somebody unknown.
    """
    embedded: ShareLink | None = getattr(request, "embedded_link", None)
    viewer = viewer_of(request)
    member = _member(viewer, slug) if embedded is None else None
    if member is not None:
        return OpenStudy(member.study, viewer, member.role, view, _saved_view(request, member.study, view))
    links = _links(request, slug) if embedded is None else [embedded]
    for link in links:
        if link.study.slug == slug and admits(link, view, request):
            return OpenStudy(link.study, Viewer(share_link=link), None, view, link.saved_view, embedded is not None)
    if viewer.user is None and not links:
        raise PermissionDenied
    raise Http404


def _member(viewer: Viewer, slug: str) -> Membership | None:
    if viewer.user is None:
        return None
    return Membership.objects.select_related("study").filter(study__slug=slug, user=viewer.user).first()


def _links(request: HttpRequest, slug: str) -> list[ShareLink]:
    return links_to(slug, request.session, request.GET.get(SHARE, ""))


def _saved_view(request: HttpRequest, study: Study, view: str) -> SavedView | None:
    """The saved view whose short name the address has, as long as the rest of the address is still its own."""
    short = request.GET.get(SAVED, "")
    if not short:
        return None
    kept = SavedView.objects.kept().select_related("study", "owner")
    saved = kept.filter(study=study, short=short, view=view).first()
    return saved if saved is not None and asked(view, request) == pinned(view, saved.query) else None


def open_study_to_write(request: HttpRequest, slug: str) -> OpenStudy:
    """The study, for somebody who may launch in it. Raises PermissionDenied for the bearer of a share link."""
    opened = open_study(request, slug)
    if not opened.may_launch or not Study.objects.writable_by(opened.viewer).filter(pk=opened.study.pk).exists():
        raise PermissionDenied
    return opened


def open_study_to_own(request: HttpRequest, slug: str) -> OpenStudy:
    """The study, for one of its owners. Raises PermissionDenied for everybody else who may read it."""
    opened = open_study(request, slug)
    if not opened.may_share:
        raise PermissionDenied
    return opened


def open_problem(opened: OpenStudy, slug: str) -> Problem:
    """A problem of the study's held-out or training set; of both, the held-out one."""
    study = opened.study
    found = {
        problem.problem_set_id: problem
        for problem in Problem.objects.filter(slug=slug, problem_set__in=[study.held_out_set_id, study.train_set_id])
    }
    for problem_set in (study.held_out_set_id, study.train_set_id):
        if problem_set in found:
            return found[problem_set]
    raise Http404


def open_evaluation(opened: OpenStudy, reference: str) -> Evaluation:
    rows = Evaluation.objects.filter(study=opened.study)
    found = rows.select_related("checkpoint", "problem_set", "path__low", "path__high", "job").defer(
        "job__config", "job__log_tail", "job__summary"
    )
    return get_object_or_404(found, reference=reference)


def open_job(request: HttpRequest, reference: str) -> Job:
    """The job, for a person who may see it; none is there for the bearer of a share link."""
    if viewer_of(request).user is None and (SHARE in request.GET or request.session.get(SHARED_STUDIES)):
        raise Http404
    jobs = Job.objects.visible_to(Viewer(user=signed_in(request))).select_related("study", "launched_by", "parent")
    return get_object_or_404(jobs, reference=reference)
