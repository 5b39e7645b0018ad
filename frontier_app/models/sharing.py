"""What people keep of a study and hand to each other: saved views, share links, comments.

A *view* is one page with its state: the name of its address (`study`, `explore`, ...) and a query string.
"""

import gzip
import json
import secrets
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from frontier_app.models.studies import Membership


def fresh_token() -> str:
    return secrets.token_urlsafe(24)


def short_name() -> str:
    return secrets.token_urlsafe(6)


class Snapshot(models.Model):
    """The data behind a figure as it was once: JSON, compressed, stored once however often it is pinned."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    compressed = models.BinaryField()
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.sha256[:12]

    @classmethod
    def of(cls, data: Any) -> "Snapshot":
        """The snapshot of JSON-serialisable `data`, stored now unless it is there already."""
        text = json.dumps(data, separators=(",", ":"), sort_keys=True).encode()
        values = {"compressed": gzip.compress(text, mtime=0)}
        return cls.objects.get_or_create(sha256=sha256(text).hexdigest(), defaults=values)[0]

    @property
    def data(self) -> Any:
        return json.loads(gzip.decompress(bytes(self.compressed)))


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def kept(self) -> "SavedViewQuerySet":
        return self.filter(deleted__isnull=True)


class SavedView(models.Model):
    """A view under a name and a short address. `snapshot` has the data that it showed, `data_version` which it was. A
    deleted one is kept for undo."""

    study = models.ForeignKey("Study", on_delete=models.CASCADE, related_name="saved_views")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    name = models.CharField(max_length=120)
    note = models.TextField(blank=True, default="")
    view = models.CharField(max_length=24, default="study")
    query = models.TextField(blank=True, default="", help_text="the query string of the page")
    short = models.CharField(max_length=16, unique=True, default=short_name)
    snapshot = models.ForeignKey(Snapshot, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    data_version = models.CharField(max_length=64, blank=True, default="")
    created = models.DateTimeField(auto_now_add=True)
    pinned = models.DateTimeField(default=timezone.now, help_text="when the data of the snapshot were taken")
    deleted = models.DateTimeField(null=True, blank=True)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


def _of_owner() -> Exists:
    owners = Membership.objects.filter(role=Membership.OWNER, user__is_active=True)
    return Exists(owners.filter(study=OuterRef("study"), user=OuterRef("created_by")))


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    def open(self) -> "ShareLinkQuerySet":
        """Not revoked, not expired, not to a saved view that was deleted, and made by somebody who may still share."""
        unexpired = Q(expires__isnull=True) | Q(expires__gt=timezone.now())
        return self.filter(_of_owner(), unexpired, revoked=False, saved_view__deleted__isnull=True)

    def abandoned(self) -> "ShareLinkQuerySet":
        """Whoever made them is no owner of the study any more."""
        return self.filter(~_of_owner())


class ShareLink(models.Model):
    """A read-only address of one view for people without an account."""

    study = models.ForeignKey("Study", on_delete=models.CASCADE, related_name="share_links")
    name = models.CharField(max_length=120, blank=True, default="")
    view = models.CharField(max_length=24, default="study")
    query = models.TextField(blank=True, default="", help_text="the query string of the page")
    saved_view = models.ForeignKey(SavedView, null=True, blank=True, on_delete=models.CASCADE, related_name="links")
    token = models.CharField(max_length=64, unique=True, default=fresh_token)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    allow_programs = models.BooleanField(default=False)
    revoked = models.BooleanField(default=False)
    expires = models.DateTimeField(null=True, blank=True)
    opened_count = models.PositiveIntegerField(default=0)
    last_opened = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    objects = ShareLinkQuerySet.as_manager()

    def __str__(self) -> str:
        return f"link to {self.study}"


class CommentQuerySet(models.QuerySet["Comment"]):
    def kept(self) -> "CommentQuerySet":
        return self.filter(deleted__isnull=True)


class Comment(models.Model):
    """A remark on a study, or anchored to one of its points, problems or alphas. A deleted one is kept for undo."""

    study = models.ForeignKey("Study", on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    evaluation = models.ForeignKey(
        "Evaluation", null=True, blank=True, on_delete=models.CASCADE, related_name="comments"
    )
    problem = models.ForeignKey("Problem", null=True, blank=True, on_delete=models.CASCADE, related_name="comments")
    alpha = models.FloatField(null=True, blank=True)
    text = models.TextField(max_length=10_000)
    created = models.DateTimeField(auto_now_add=True)
    edited = models.DateTimeField(null=True, blank=True)
    deleted = models.DateTimeField(null=True, blank=True)

    objects = CommentQuerySet.as_manager()

    class Meta:
        ordering = ("created",)

    def __str__(self) -> str:
        return self.text[:40]
