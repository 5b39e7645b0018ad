"""Who belongs to a study: changing roles, removing members, inviting by link. A study always keeps an owner.

The verbs that write it, each with its entry in the audit trail and word to the open sockets. Rights are the caller's to
check.
"""

from datetime import timedelta
from hashlib import sha256

from django.contrib.auth.models import User
from django.core import signing
from django.db import transaction
from django.utils import timezone

from frontier_app import live
from frontier_app.models import AuditEntry, Invitation, Membership, Study
from frontier_app.models.sharing import fresh_token
from frontier_app.sharing.audit_trail import note

RANKS = {Membership.VIEWER: 0, Membership.EDITOR: 1, Membership.OWNER: 2}
UNDO_SALT = "frontier.membership"
UNDO_SECONDS = 3_600


class MembershipError(ValueError):
    """What cannot be changed about the members; the message is one sentence."""


def change_role(member: Membership, by: User, role: str) -> None:
    """Raises MembershipError for the last owner."""
    with transaction.atomic():
        current = _held(member)
        if current.role == role:
            return
        _refuse_last_owner(current)
        before, current.role = current.role, role
        current.save(update_fields=["role"])
        note(current.study, by, "role", current.user.get_username(), role=role, before=before)
        live.rights_changed(current.study.slug)


def remove(member: Membership, by: User) -> None:
    """Raises MembershipError for the last owner."""
    with transaction.atomic():
        current = _held(member)
        _refuse_last_owner(current)
        current.delete()
        note(current.study, by, "remove", current.user.get_username(), role=current.role)
        live.rights_changed(current.study.slug)


def way_back(member: Membership) -> str:
    """What `bring_back` takes: nobody can be brought back who was no member shortly before."""
    values = {"study": member.study_id, "user": member.user_id, "role": member.role}
    return signing.dumps(values, salt=UNDO_SALT)


def bring_back(study: Study, by: User, signed: str) -> None:
    """Undo a removal. Raises MembershipError where there is nothing to undo."""
    try:
        values = signing.loads(signed, salt=UNDO_SALT, max_age=UNDO_SECONDS)
    except signing.BadSignature:
        raise MembershipError("It is too late to take this back: invite the person again.") from None
    user = User.objects.filter(pk=values["user"], is_active=True).first()
    if values["study"] != study.pk or user is None:
        raise MembershipError("There is no such person to bring back.")
    with transaction.atomic():
        _, made = Membership.objects.get_or_create(study=study, user=user, defaults={"role": values["role"]})
        if made:
            note(study, by, "restore", user.get_username(), what="member", role=values["role"])


def invite(study: Study, by: User, role: str, days: int | None) -> tuple[Invitation, str]:
    """An invitation, and the token of its address: the only moment at which it can be read."""
    token = fresh_token()
    with transaction.atomic():
        invitation = Invitation.objects.create(
            study=study,
            token_sha256=_hash(token),
            role=role,
            created_by=by,
            expires=timezone.now() + timedelta(days=days) if days else None,
        )
        note(study, by, "invite", role, days=days)
    return invitation, token


def set_revoked(invitation: Invitation, by: User, revoked: bool) -> None:
    with transaction.atomic():
        if Invitation.objects.filter(pk=invitation.pk, revoked=not revoked).update(revoked=revoked):
            note(invitation.study, by, "uninvite" if revoked else "invite", invitation.role)


def open_invitation(token: str) -> Invitation | None:
    found = Invitation.objects.open().select_related("study", "created_by").filter(token_sha256=_hash(token)).first()
    return found if found is not None and _may_invite(found) else None


def is_spent(invitation: Invitation, person: User) -> bool:
    """Whether somebody else removed the person, or took a role from them, after the invitation was written: it does not
    give that back, whether or not they came by it. Who left by themselves may come again."""
    told = AuditEntry.objects.filter(
        study=invitation.study,
        subject=person.get_username(),
        action__in=("remove", "role"),
        created__gte=invitation.created,
    ).exclude(who=person)
    return any(one.action == "remove" or RANKS[one.detail["before"]] > RANKS[one.detail["role"]] for one in told)


def accept(invitation: Invitation, person: User) -> Membership:
    """Become a member in the invitation's role; somebody who has a higher one keeps it. Raises MembershipError where
    the invitation is spent."""
    study = invitation.study
    with transaction.atomic():
        Study.objects.select_for_update().get(pk=study.pk)
        if is_spent(invitation, person):
            raise MembershipError("An owner changed what you may do here after this invitation was written.")
        member, made = Membership.objects.select_for_update().get_or_create(
            study=study, user=person, defaults={"role": invitation.role}
        )
        before = None if made else member.role
        if not made and RANKS[member.role] < RANKS[invitation.role]:
            member.role = invitation.role
            member.save(update_fields=["role"])
        if before != member.role:
            invitation.accepted_by.add(person)
            note(
                study, person, "join", person.get_username(), role=member.role, by=invitation.created_by.get_username()
            )
            live.rights_changed(study.slug)
    return member


def _may_invite(invitation: Invitation) -> bool:
    """An invitation lasts no longer than the right of whoever wrote it."""
    owners = Membership.objects.filter(study=invitation.study, role=Membership.OWNER, user__is_active=True)
    return owners.filter(user=invitation.created_by).exists()


def _held(member: Membership) -> Membership:
    """The row as it is now, while nobody else changes the members of its study."""
    Study.objects.select_for_update().get(pk=member.study_id)
    current = Membership.objects.select_related("study", "user").filter(pk=member.pk).first()
    if current is None:
        raise MembershipError("This person is no member any more.")
    return current


def _refuse_last_owner(member: Membership) -> None:
    others = Membership.objects.filter(study=member.study_id, role=Membership.OWNER).exclude(pk=member.pk)
    if member.role == Membership.OWNER and not others.exists():
        raise MembershipError("A study keeps at least one owner: make somebody else an owner first.")


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
