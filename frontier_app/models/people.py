"""How people come in and what they did: invitations, login links, API tokens, the audit trail.

Every secret is stored as a hash alone; it can be read once, when it is made.
"""

from hashlib import sha256

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q
from django.utils import timezone

from frontier_app.models.sharing import fresh_token
from frontier_app.models.studies import Membership


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> "InvitationQuerySet":
        return self.filter(revoked=False).filter(Q(expires__isnull=True) | Q(expires__gt=timezone.now()))


class Invitation(models.Model):
    """Whoever opens its address, logged in, becomes a member of the study in its role."""

    study = models.ForeignKey("Study", on_delete=models.CASCADE, related_name="invitations")
    token_sha256 = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=8, choices=Membership.ROLES, default=Membership.EDITOR)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    accepted_by = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="invitations", blank=True)
    revoked = models.BooleanField(default=False)
    expires = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"invitation to {self.study} as {self.role}"


class AuditEntry(models.Model):
    """Who launched, shared, changed or deleted what. Never changed; gone only with its study."""

    study = models.ForeignKey("Study", on_delete=models.CASCADE, related_name="audit_entries")
    who = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    action = models.CharField(max_length=24)
    subject = models.CharField(max_length=200, blank=True, default="")
    detail = models.JSONField(default=dict, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"


class LoginLink(models.Model):
    """A one-time login address, printed in the terminal; its token is stored only as a hash."""

    token_sha256 = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    expires = models.DateTimeField()
    used = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"login of {self.user}"


class ApiToken(models.Model):
    """Lets a script or a remote run act as a user; stored only as a hash."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    token_sha256 = models.CharField(max_length=64, unique=True)
    created = models.DateTimeField(auto_now_add=True)
    last_used = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name

    @classmethod
    def issue(cls, user: User, name: str) -> str:
        """Store a new token for `user` and return it: the only moment at which it can be read."""
        token = fresh_token()
        cls.objects.create(user=user, name=name, token_sha256=sha256(token.encode()).hexdigest())
        return token
