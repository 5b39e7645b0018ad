"""Whether an output is right, given the expected output. One function a kind; bytes in, yes or no out.

`tokens` compares as Kattis' default validator does: outputs are split at white space and compared token by token.
Unlike there, letters' case counts unless asked otherwise. `json` compares values, for functions' results. A problem
names its checker with options, as in "tokens case_insensitive float_tolerance 1e-6". No checker here runs a program:
one whose name begins with "validator" is a program of the problem's own, which `compute.judge.worker` runs.
"""

import json as json_format
import math
import re
from collections.abc import Callable, Sequence

Checker = Callable[[bytes, bytes], bool]
_LONGER, _LONGER_BYTES = 16, 1 << 16
_SPACES = re.compile(rb"\s+")


def validator_flags(name: str) -> list[str] | None:
    """The flags of a checker that is a program of the problem's own; None for any other checker."""
    kind, *flags = name.split()
    return flags if kind == "validator" else None


def checker_named(name: str) -> Checker:
    """The checker a problem asks for. Raises ValueError for a name or an option that is not known."""
    kind, *options = name.split()
    if kind == "exact" and not options:
        return exact
    if kind == "tokens":
        return _token_checker(name, options)
    if kind == "json":
        return _json_checker(name, options)
    raise ValueError(f"No checker is called {name!r}.")


def exact(output: bytes, expected: bytes) -> bool:
    return output == expected


def tokens(
    output: bytes,
    expected: bytes,
    *,
    case_insensitive: bool = False,
    space_sensitive: bool = False,
    absolute: float = 0.0,
    relative: float = 0.0,
) -> bool:
    """Equal token by token. With a tolerance, tokens that are both finite numbers may differ by `absolute`, or by
    `relative` times the expected value. `space_sensitive`: the white space between tokens must be the same as well."""
    if case_insensitive:
        output, expected = output.lower(), expected.lower()
    if output == expected:
        return True
    if space_sensitive and _spaces(output) != _spaces(expected):
        return False
    wanted = expected.split()
    given = output.split(None, len(wanted))  # millions of tokens too many need not be told apart
    if len(given) != len(wanted):
        return False
    if not (absolute or relative):
        return given == wanted
    return all(a == b or _close(a, b, absolute, relative) for a, b in zip(given, wanted, strict=True))


def _spaces(text: bytes) -> tuple[bool, list[bytes]]:
    """The white space of a text, and whether it begins with some."""
    return text[:1].isspace(), _SPACES.findall(text)


def _close(given: bytes, wanted: bytes, absolute: float, relative: float) -> bool:
    try:
        number, target = float(given), float(wanted)
    except ValueError:
        return False
    if not (math.isfinite(number) and math.isfinite(target)) or b"_" in given:
        return False
    return abs(number - target) <= max(absolute, relative * abs(target))


def _token_checker(name: str, options: Sequence[str]) -> Checker:
    case_insensitive, space_sensitive, tolerance = False, False, {"absolute": 0.0, "relative": 0.0}
    words = iter(options)
    for word in words:
        if word == "case_insensitive":
            case_insensitive = True
        elif word == "space_change_sensitive":
            space_sensitive = True
        elif word == "float_tolerance":
            tolerance["absolute"] = tolerance["relative"] = _tolerance(name, next(words, ""))
        elif word in ("float_absolute_tolerance", "float_relative_tolerance"):
            tolerance[word.split("_")[1]] = _tolerance(name, next(words, ""))
        else:
            raise ValueError(f"The checker {name!r} has an unknown option {word!r}.")

    def check(output: bytes, expected: bytes) -> bool:
        return tokens(output, expected, case_insensitive=case_insensitive, space_sensitive=space_sensitive, **tolerance)

    return check


def json(output: bytes, expected: bytes, *, tolerance: float = 0.0) -> bool:
    """Equal as JSON values: 1 and 1.0 are, 1 and true are not, and what is no JSON equals nothing. With a `tolerance`,
    numbers may differ by it, absolutely or relative to the expected one."""
    if len(output) > _LONGER * len(expected) + _LONGER_BYTES:  # not worth being taken apart
        return False
    try:
        return _same(_parsed(output), _parsed(expected), tolerance)
    except (ValueError, RecursionError, OverflowError):  # of which the last is an integer beyond any float
        return False


def _parsed(data: bytes) -> object:
    return json_format.loads(data, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _same(given: object, wanted: object, tolerance: float) -> bool:
    if isinstance(given, bool) or isinstance(wanted, bool):
        return given is wanted
    if isinstance(given, int | float) and isinstance(wanted, int | float):
        return given == wanted or (bool(tolerance) and abs(given - wanted) <= tolerance * max(1.0, abs(wanted)))
    if isinstance(given, list) and isinstance(wanted, list):
        return len(given) == len(wanted) and all(map(_same, given, wanted, [tolerance] * len(given)))
    if isinstance(given, dict) and isinstance(wanted, dict):
        return given.keys() == wanted.keys() and all(_same(given[key], wanted[key], tolerance) for key in given)
    return given == wanted


def _json_checker(name: str, options: Sequence[str]) -> Checker:
    if not options:
        return json
    if options[0] != "float_tolerance" or len(options) > 2:
        raise ValueError(f"The checker {name!r} has an unknown option {options[0]!r}.")
    tolerance = _tolerance(name, options[1] if len(options) == 2 else "")
    return lambda output, expected: json(output, expected, tolerance=tolerance)


def _tolerance(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"The checker {name!r} needs a tolerance, not {text!r}.")
    return value
