"""What people keep and hand to each other: views, links, comments, tokens."""

import secrets
from hashlib import sha256

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q
from django.utils import timezone


def fresh_token() -> str:
    return secrets.token_urlsafe(24)


class SavedView(models.Model):
    """A page's address, which holds the whole state of a view, under a name."""

    study = models.ForeignKey("Study", on_delete=models.CASCADE, related_name="saved_views")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    name = models.CharField(max_length=120)
    note = models.TextField(blank=True, default="")
    query = models.TextField(help_text="the query string of the study page")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    def open(self) -> "ShareLinkQuerySet":
        return self.filter(revoked=False).filter(Q(expires__isnull=True) | Q(expires__gt=timezone.now()))


class ShareLink(models.Model):
    """A read-only address of one study for people without an account."""

    study = models.ForeignKey("Study", on_delete=models.CASCADE, related_name="share_links")
    token = models.CharField(max_length=64, unique=True, default=fresh_token)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    allow_programs = models.BooleanField(default=False)
    revoked = models.BooleanField(default=False)
    expires = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    objects = ShareLinkQuerySet.as_manager()

    def __str__(self) -> str:
        return f"link to {self.study}"


class Comment(models.Model):
    """A remark on a study, or on one of its problems or alphas."""

    study = models.ForeignKey("Study", on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    problem = models.ForeignKey("Problem", null=True, blank=True, on_delete=models.CASCADE)
    alpha = models.FloatField(null=True, blank=True)
    text = models.TextField(max_length=10_000)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("created",)

    def __str__(self) -> str:
        return self.text[:40]


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
