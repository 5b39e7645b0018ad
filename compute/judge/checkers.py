"""Whether an output is right, given the expected output. One function a kind; bytes in, yes or no out.

`tokens` compares as Kattis' default validator does: outputs are split at white space and compared token by token.
Unlike there, letters' case counts unless asked otherwise. A problem names its checker with options, as in
"tokens case_insensitive float_tolerance 1e-6". No checker runs a program.
"""

import math
from collections.abc import Callable, Sequence

Checker = Callable[[bytes, bytes], bool]


def checker_named(name: str) -> Checker:
    """The checker a problem asks for. Raises ValueError for a name or an option that is not known."""
    kind, *options = name.split()
    if kind == "exact" and not options:
        return exact
    if kind == "tokens":
        return _token_checker(name, options)
    raise ValueError(f"No checker is called {name!r}.")


def exact(output: bytes, expected: bytes) -> bool:
    return output == expected


def tokens(
    output: bytes, expected: bytes, *, case_insensitive: bool = False, absolute: float = 0.0, relative: float = 0.0
) -> bool:
    """Equal token by token. With a tolerance, tokens that are both finite numbers may differ by `absolute`, or by
    `relative` times the expected value."""
    if case_insensitive:
        output, expected = output.lower(), expected.lower()
    if output == expected:
        return True
    wanted = expected.split()
    given = output.split(None, len(wanted))  # millions of tokens too many need not be told apart
    if len(given) != len(wanted):
        return False
    if not (absolute or relative):
        return given == wanted
    return all(a == b or _close(a, b, absolute, relative) for a, b in zip(given, wanted, strict=True))


def _close(given: bytes, wanted: bytes, absolute: float, relative: float) -> bool:
    try:
        number, target = float(given), float(wanted)
    except ValueError:
        return False
    if not (math.isfinite(number) and math.isfinite(target)) or b"_" in given:
        return False
    return abs(number - target) <= max(absolute, relative * abs(target))


def _token_checker(name: str, options: Sequence[str]) -> Checker:
    case_insensitive, tolerance = False, {"absolute": 0.0, "relative": 0.0}
    words = iter(options)
    for word in words:
        if word == "case_insensitive":
            case_insensitive = True
        elif word == "float_tolerance":
            tolerance["absolute"] = tolerance["relative"] = _tolerance(name, next(words, ""))
        elif word in ("float_absolute_tolerance", "float_relative_tolerance"):
            tolerance[word.split("_")[1]] = _tolerance(name, next(words, ""))
        else:
            raise ValueError(f"The checker {name!r} has an unknown option {word!r}.")

    def check(output: bytes, expected: bytes) -> bool:
        return tokens(output, expected, case_insensitive=case_insensitive, **tolerance)

    return check


def _tolerance(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"The checker {name!r} needs a tolerance, not {text!r}.")
    return value
