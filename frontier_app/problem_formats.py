"""The names of the formats that problems can be imported from, for forms and commands. Reads no problem.

Every module of `compute.problems.formats` with a `FORMAT` is one.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from compute.problems import formats


@cache
def known_formats() -> dict[str, str]:
    """Name -> title, in order of the names."""
    modules = (import_module(f"{formats.__name__}.{found.name}") for found in iter_modules(formats.__path__))
    named = [module.FORMAT for module in modules if isinstance(getattr(module, "FORMAT", None), formats.Format)]
    return {one.name: one.title for one in sorted(named, key=lambda one: one.name)}


def format_choices() -> list[tuple[str, str]]:
    return [("", "recognise it"), *known_formats().items()]
