"""Numbers, durations, sizes and isolation levels in words: how pages, messages and conditions write them alike.

Missing is an em dash, never 0. Text comes out, no markup; the tags that need markup are in `templatetags`.
"""

import math

DASH = "—"
THIN = "\u202f"
LAYERS = {
    "root-namespaces": "namespaces of root",
    "user-namespaces": "user namespaces",
    "landlock": "Landlock",
    "cgroup": "control group",
    "none": "no isolation",
    "rlimits": "resource limits",
}


def finite(value: object) -> float | None:
    """The value as a finite float; None stands for anything that is missing."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def count(value: object) -> str:
    """12 345 with thin spaces."""
    number = finite(value)
    return DASH if number is None else f"{number:,.0f}".replace(",", THIN)


def figure(value: object, digits: int = 3) -> str:
    """A plain number with fixed digits."""
    number = finite(value)
    return DASH if number is None else f"{number:.{digits}f}".replace("-", "−")


def alpha(value: object) -> str:
    """A position on the path: 0, 0.5, 1.12, −0.25."""
    number = finite(value)
    return DASH if number is None else f"{number:g}".replace("-", "−")


def seconds(value: object) -> str:
    """A duration as one says it: 38 ms, 4.2 s, 3 min 05 s, 2 h 10 min."""
    number = finite(value)
    if number is None:
        return DASH
    if number < 0.9995:
        return f"{number * 1000:.0f} ms"
    if number < 59.95:
        return f"{number:.1f} s"
    if number < 3599.5:
        minutes, rest = divmod(round(number), 60)
        return f"{minutes} min {rest:02d} s"
    hours, rest = divmod(round(number / 60), 60)
    return f"{hours} h {rest:02d} min"


def about(value: object) -> str:
    """An estimated duration, rounded so that it does not look measured: 40 s, 3 min, 1.5 h."""
    number = finite(value)
    if number is None:
        return DASH
    if number < 90:
        return f"{max(5, round(number / 5) * 5)} s"
    if number < 5400:
        return f"{round(number / 60)} min"
    return f"{number / 3600:.1f} h"


def size(value: object) -> str:
    """Bytes in binary units: 512 B, 3.2 KiB, 256 MiB."""
    number = finite(value)
    if number is None:
        return DASH
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if number.is_integer() else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def times(value: object) -> str:
    """A ratio as one says it: × 1.4, × 0.25, × 12 000."""
    number = finite(value)
    if number is None:
        return DASH
    return f"× {count(round(number))}" if number >= 99.5 else f"× {number:.2g}"


def share(value: object) -> str:
    """A share as a percentage with two digits: 43 %, 0.12 %."""
    number = finite(value)
    if number is None:
        return DASH
    return f"{100 * number:.0f} %" if number >= 0.1 else f"{100 * number:.2g} %"


def isolation(value: str) -> str:
    """What holds programs back, in words: "namespaces of root, Landlock, seccomp, resource limits"."""
    if not value:
        return DASH
    return ", ".join(LAYERS.get(part, part) for part in value.split("+"))
