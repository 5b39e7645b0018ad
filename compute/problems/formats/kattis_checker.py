"""The checker that a Kattis package's validator flags ask for, as the judge names checkers."""

import re
from collections.abc import Sequence

from compute.problems.formats.package_files import PackageRefused

_TOLERANCES = ("float_tolerance", "float_absolute_tolerance", "float_relative_tolerance")
MOST_LETTERS = 2000
_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")


def checker_of(flags: Sequence[str], custom: bool) -> str:
    """`flags` as `check_flags` lets them pass. The default validator compares tokens whatever their case."""
    if custom:
        return " ".join(("validator", *flags))
    options = [flag for flag in flags if flag != "case_sensitive"]
    return " ".join(("tokens", *(() if "case_sensitive" in flags else ("case_insensitive",)), *options))


def check_flags(place: str, flags: Sequence[str], custom: bool) -> None:
    """Raises PackageRefused, naming `place`, for a flag that the validator cannot be given."""
    if sum(map(len, flags)) > MOST_LETTERS:
        raise PackageRefused(f"{place}: the flags have more than {MOST_LETTERS} letters.")
    if custom:
        if strange := next((flag for flag in flags if len(flag.split()) != 1), None):
            raise PackageRefused(f"{place}: the flag {strange!r} is not one word, which is not supported.")
        return
    words = iter(flags)
    for word in words:
        if word in _TOLERANCES:
            if not _NUMBER.fullmatch(tolerance := next(words, "")):
                raise PackageRefused(f"{place}: {word} must be followed by a tolerance, not {tolerance!r}.")
        elif word not in ("case_sensitive", "space_change_sensitive"):
            raise PackageRefused(f"{place}: the default validator has no flag {word!r}.")
