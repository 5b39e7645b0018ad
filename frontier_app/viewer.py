"""Who is looking: a logged-in person, a script with an API token, the bearer of a share link, or nobody.

Says who asks, never what may be seen: the querysets that take a Viewer decide that (`visible_to`, `writable_by`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils import timezone

if TYPE_CHECKING:
    from frontier_app.models import ShareLink

SHARED_STUDIES = "shared_studies"
"""Session key: the share links opened in this session, study slug -> tokens, the newest last."""
MOST_LINKS = 10
MOST_SHARED_STUDIES = 20


@dataclass(frozen=True)
class Viewer:
    """Handed to every queryset that decides what may be seen. A share link, where there is one, decides alone."""

    user: User | None = None
    share_link: "ShareLink | None" = None

    @property
    def may_read_programs(self) -> bool:
        return self.share_link.allow_programs if self.share_link is not None else self.user is not None


def viewer_of(request: HttpRequest) -> Viewer:
    """The viewer behind a request: its API token, its session's user, or its `?share=` token, in this order."""
    bearer = request.headers.get("Authorization", "")
    if bearer.startswith("Bearer "):
        return Viewer(user=user_of_token(bearer.removeprefix("Bearer ").strip()))
    user = getattr(request, "user", None)
    if isinstance(user, User) and user.is_active:
        return Viewer(user=user)
    return Viewer(share_link=open_share_link(request.GET.get("share", "")))


def remember_link(session: SessionBase, link: "ShareLink") -> None:
    """Keep an opened link in the session, and of all that were opened only the newest."""
    shared = dict(session.get(SHARED_STUDIES) or {})
    slug = link.study.slug
    tokens = [token for token in _tokens(shared.pop(slug, [])) if token != link.token]
    shared[slug] = [*tokens, link.token][-MOST_LINKS:]
    session[SHARED_STUDIES] = dict(list(shared.items())[-MOST_SHARED_STUDIES:])


def links_to(slug: str, session: "SessionBase | Mapping", token: str = "") -> "list[ShareLink]":
    """The open links to one study that were opened in a session or whose token the address has, that one first."""
    from frontier_app.models import ShareLink

    tokens = [token, *reversed(_tokens((session.get(SHARED_STUDIES) or {}).get(slug, [])))]
    tokens = [one for one in tokens if one]
    if not tokens:
        return []
    found = ShareLink.objects.open().filter(token__in=tokens, study__slug=slug).select_related("study", "saved_view")
    return sorted(found, key=lambda link: tokens.index(link.token))


def _tokens(kept: object) -> list[str]:
    return [one for one in kept if isinstance(one, str)] if isinstance(kept, list) else []


def open_share_link(token: str) -> "ShareLink | None":
    from frontier_app.models import ShareLink

    found = ShareLink.objects.open().select_related("study", "saved_view").filter(token=token)
    return found.first() if token else None


def user_of_token(token: str) -> User | None:
    """The person whose API token this is, and a note that it was used."""
    from frontier_app.models import ApiToken

    found = ApiToken.objects.select_related("user").filter(token_sha256=sha256(token.encode()).hexdigest()).first()
    if found is None or not found.user.is_active:
        return None
    now = timezone.now()
    if found.last_used is None or (now - found.last_used).total_seconds() > 60:
        ApiToken.objects.filter(pk=found.pk).update(last_used=now)
    return found.user
