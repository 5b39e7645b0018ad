"""Saved views: a view under a name and a short address, with the data that it showed.

The verbs that write them, each with its entry in the audit trail. Rights are the caller's to check, with `may_change`,
`may_refresh` and `may_restore`.
"""

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from frontier_app import live
from frontier_app.models import AuditEntry, Membership, SavedView, Snapshot, Study
from frontier_app.sharing.audit_trail import note
from frontier_app.sharing.pinned import data_version, take_snapshot
from frontier_app.sharing.shared_views import read_address, words_of
from frontier_app.sharing.view_answers import NotAnswered

MOST_LISTED = 30


def save(study: Study, owner: User, name: str, text: str, address: str) -> SavedView:
    """Keep the view that a page's address names, with its data as of now. Raises NotAView."""
    found = read_address(study, address)
    with transaction.atomic():
        view = SavedView.objects.create(
            study=study,
            owner=owner,
            name=name,
            note=text,
            view=found.view,
            query=found.query,
            snapshot=take_snapshot(study, found.view, found.query),
            data_version=data_version(study, found.view),
        )
        note(study, owner, "save", name, view=words_of(found.view, found.query))
    return view


def rename(view: SavedView, by: User, name: str, text: str) -> None:
    view.name, view.note = name, text
    with transaction.atomic():
        view.save(update_fields=["name", "note"])
        note(view.study, by, "edit", name)


def refresh(view: SavedView, by: User) -> None:
    """Take the data of now in place of what was pinned. Raises NotAnswered, and keeps what was, where some of it has no
    successor."""
    before, fresh = view.snapshot, take_snapshot(view.study, view.view, view.query)
    if before is not None and (fresh is None or before.data.keys() - fresh.data.keys()):
        raise NotAnswered("The study does not answer for all of this view now, so that it keeps the data it has.")
    with transaction.atomic():
        view.snapshot = fresh
        view.data_version = data_version(view.study, view.view)
        view.pinned = timezone.now()
        view.save(update_fields=["snapshot", "data_version", "pinned"])
        if before is not None and not SavedView.objects.filter(snapshot=before).exists():
            Snapshot.objects.filter(pk=before.pk).delete()
        note(view.study, by, "refresh", view.name)


def delete(view: SavedView, by: User) -> bool:
    """Take a view away, and close the links to it, until it is restored. False when it was deleted already."""
    return _set_deleted(view, by, True)


def restore(view: SavedView, by: User) -> bool:
    return _set_deleted(view, by, False)


def _set_deleted(view: SavedView, by: User, deleted: bool) -> bool:
    rows = SavedView.objects.filter(pk=view.pk, deleted__isnull=deleted)
    with transaction.atomic():
        changed = bool(rows.update(deleted=timezone.now() if deleted else None))
        if changed:
            action = "delete" if deleted else "restore"
            note(view.study, by, action, view.name, what="saved view", saved_view=view.pk)
            live.rights_changed(view.study.slug)
    return changed


def may_change(view: SavedView, person: User | None, role: str | None) -> bool:
    """Whoever saved it, as long as they may save, and the study's owners."""
    return role == Membership.OWNER or (role == Membership.EDITOR and view.owner == person)


def may_restore(view: SavedView, person: User | None, role: str | None) -> bool:
    """Whoever may change it, unless it was an owner who deleted it: restoring opens its links again."""
    last = AuditEntry.objects.filter(study=view.study_id, action="delete", detail__saved_view=view.pk).first()
    by_themselves = last is None or last.who == person
    return role == Membership.OWNER or (by_themselves and may_change(view, person, role))


def may_refresh(view: SavedView, person: User | None, role: str | None) -> bool:
    """Whoever may change it, but while a link shows it only owners: they alone decide what people outside see."""
    return role == Membership.OWNER or (may_change(view, person, role) and not view.links.open().exists())


def listed(study: Study) -> list[SavedView]:
    """For the menu in the study's header: the newest, by name."""
    newest = SavedView.objects.kept().filter(study=study).order_by("-pk").defer("note", "query")
    return sorted(newest[:MOST_LISTED], key=lambda view: view.name.lower())


def is_newer(view: SavedView) -> bool:
    """Whether the study has other data than those that the view shows."""
    return view.snapshot_id is not None and view.data_version != data_version(view.study, view.view)
