"""Share links: made, revoked and opened again, each with its entry in the audit trail. Rights are for callers to check.

What a link shows is said in `frontier_app.sharing.shared_views`.
"""

from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from frontier_app import live
from frontier_app.models import SavedView, ShareLink, Study
from frontier_app.sharing.audit_trail import note
from frontier_app.sharing.shared_views import pinned, read_address, words_of


def make(
    study: Study, by: User, address: str, *, name: str = "", allow_programs: bool = False, days: str = ""
) -> ShareLink:
    """A link to the view that an address names, open for so many days or ("") until it is revoked. Raises NotAView."""
    found = read_address(study, address or study.get_absolute_url())
    saved = None
    if found.saved:
        saved = SavedView.objects.kept().filter(study=study, short=found.saved, view=found.view).first()
    if saved is not None and pinned(saved.view, saved.query) != pinned(found.view, found.query):
        saved = None
    words = words_of(found.view, found.query)
    with transaction.atomic():
        link = study.share_links.create(
            created_by=by,
            name=name,
            view=found.view,
            query=found.query,
            saved_view=saved,
            allow_programs=allow_programs,
            expires=timezone.now() + timedelta(days=int(days)) if days else None,
        )
        note(study, by, "share", name or words, view=words, programs=allow_programs, days=days)
    return link


def revoke(link: ShareLink, by: User) -> bool:
    """False when it was revoked already."""
    return _set_revoked(link, by, True)


def reopen(link: ShareLink, by: User) -> bool:
    """Undo a revocation, or answer for a link whose maker is no owner any more. False when it is open."""
    return _set_revoked(link, by, False)


def _set_revoked(link: ShareLink, by: User, revoked: bool) -> bool:
    rows = ShareLink.objects.filter(pk=link.pk)
    with transaction.atomic():
        taken_over = 0 if revoked else rows.abandoned().update(created_by=by)
        changed = bool(rows.filter(revoked=not revoked).update(revoked=revoked) or taken_over)
        if changed:
            note(link.study, by, "revoke" if revoked else "reopen", link.name or words_of(link.view, link.query))
            live.rights_changed(link.study.slug)
    return changed


def count_opening(link: ShareLink) -> None:
    ShareLink.objects.filter(pk=link.pk).update(opened_count=F("opened_count") + 1, last_opened=timezone.now())
