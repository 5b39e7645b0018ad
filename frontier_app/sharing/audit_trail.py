"""The audit trail: who launched, shared, changed or deleted what in a study.

Entries are written in the transaction of what they tell, so that one is never there without the other. They name
things by their words at that time and hold no secret: no token, no address of a link, no text of a comment.
"""

from django.contrib.auth.models import User

from frontier_app.models import AuditEntry, Study

ACTIONS = {
    "create": "created the study",
    "launch": "launched",
    "cancel": "cancelled",
    "retry": "retried",
    "send": "left to a run elsewhere",
    "take": "took back for workers here",
    "share": "shared",
    "revoke": "revoked a link",
    "reopen": "opened a link again",
    "save": "saved a view",
    "edit": "changed a saved view",
    "refresh": "took newer data",
    "delete": "deleted",
    "restore": "restored",
    "write": "wrote a report",
    "change": "changed a report",
    "freeze": "froze the figures of a report",
    "thaw": "made figures of a report live",
    "invite": "invited",
    "uninvite": "revoked an invitation",
    "join": "joined",
    "role": "changed a role",
    "remove": "removed a member",
}
SUBJECT_LENGTH = 200


def note(study: Study, who: User | None, action: str, subject: str, **detail: object) -> AuditEntry:
    """Write one entry. `detail` holds JSON values; `action` is one of ACTIONS."""
    assert action in ACTIONS, action
    return AuditEntry.objects.create(
        study=study, who=who, action=action, subject=subject[:SUBJECT_LENGTH], detail=detail
    )
