"""A brake on guessing passwords, for every form that takes one.

After some failures of one account from one address, or of one address with any accounts, no password is looked at for
a while. An account is braked from that address alone: nobody can lock another person out from elsewhere. The counts are
kept in the memory of the web process and end with it.
"""

from contextlib import suppress
from hashlib import sha256
from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.cache import cache
from django.core.exceptions import ValidationError

SECONDS = 600
OF_ACCOUNT, OF_ADDRESS = 10, 100
CODE = "too many"


class BrakedForm(AuthenticationForm):
    def clean(self) -> dict[str, Any]:
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not username or not password:
            return super().clean()
        address = self.request.META.get("REMOTE_ADDR", "") if self.request is not None else ""
        of_address, of_account = _key(address), _key(address, username.casefold())
        if _counted(of_address) > OF_ADDRESS or _counted(of_account) > OF_ACCOUNT:
            raise ValidationError("There were too many attempts to log in: wait ten minutes and try again.", code=CODE)
        cleaned = super().clean()
        # The account's failures alone: with one of their own nobody clears the way for guesses at others.
        cache.delete(of_account)
        with suppress(ValueError):
            cache.decr(of_address)
        return cleaned


def _key(*parts: str) -> str:
    return "login-" + sha256("\n".join(parts).encode()).hexdigest()


def _counted(key: str) -> int:
    """Which attempt this is. It counts before its password is looked at, so that many at once are counted too."""
    if cache.add(key, 1, SECONDS):
        return 1
    try:
        return cache.incr(key)
    except ValueError:  # it ended just now
        return 1
