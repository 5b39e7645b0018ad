"""The one person of an embedded installation, and the one-time address by which they come in."""

import getpass
from datetime import timedelta
from hashlib import sha256

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from frontier_app.models import LoginLink
from frontier_app.models.sharing import fresh_token

LOGIN_LIFETIME = timedelta(days=1)


def researcher() -> User:
    """The account named like whoever runs the command. It has no password: the printed address is the way in."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        name = "researcher"
    user, made = User.objects.get_or_create(username=name, defaults={"is_staff": True, "is_superuser": True})
    if made:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user


def login_address(site: str, user: User) -> str:
    """A fresh one-time address; those printed before and never used end here."""
    token = fresh_token()
    LoginLink.objects.filter(user=user, used=False).delete()
    LoginLink.objects.create(
        user=user, token_sha256=sha256(token.encode()).hexdigest(), expires=timezone.now() + LOGIN_LIFETIME
    )
    return site + reverse("login_once", args=[token])
