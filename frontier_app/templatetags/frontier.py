"""How numbers and verdicts are written on every page.

Missing is an em dash, never 0. A rate never stands without its interval and its n when they are known.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from compute.judge.verdict import SUITE_VERDICTS
from frontier_app.numbers.usage import Part
from frontier_app.words import DASH, about, alpha, count, figure, finite, isolation, seconds, share, size, times

register = template.Library()
for write in (about, alpha, count, figure, isolation, seconds, share, size, times):
    register.filter(write)

VERDICTS = {
    "A": "accepted",
    "W": "wrong answer",
    "R": "crashed",
    "T": "time limit",
    "M": "memory limit",
    "O": "output limit",
    "C": "did not compile",
    "N": "no program",
    "I": "infrastructure trouble",
    "-": "not run",
}
TOLERANCES = {
    "float_tolerance": "(relative or absolute)",
    "float_relative_tolerance": "(relative)",
    "float_absolute_tolerance": "(absolute)",
}
CLASSES = {
    "S": "solved",
    "O": "too slow or too large",
    "C": "wrong or crashed",
    "N": "no program",
    "I": "infrastructure trouble",
}


@register.simple_tag
def rate(value: object, half_width: object = None, n: object = None) -> SafeString:
    """0.612 ± 0.021 (n = 880)."""
    mean, half, size = finite(value), finite(half_width), finite(n)
    if mean is None:
        return format_html('<span class="rate">{}</span>', DASH)
    doubt = "" if half is None else f" ± {half:.3f}"
    of = "" if size is None else f" (n = {count(size)})"
    return format_html('<span class="rate">{}<em>{}{}</em></span>', f"{mean:.3f}", doubt, of)


@register.simple_tag
def mean(value: object, half_width: object = None) -> SafeString:
    """A mean count: 4.2 ± 0.3."""
    found, half = finite(value), finite(half_width)
    doubt = "" if half is None else f" ± {half:.1f}"
    return format_html('<span class="rate">{}<em>{}</em></span>', DASH if found is None else f"{found:.1f}", doubt)


@register.filter
def ago(value: datetime | None) -> SafeString | str:
    """A moment relative to now, with the exact time in the title."""
    if value is None:
        return DASH
    passed = max(0, (timezone.now() - value).total_seconds())
    if passed < 10:
        text = "just now"
    elif passed < 60:
        text = f"{passed:.0f} s ago"
    elif passed < 3600:
        text = f"{passed / 60:.0f} min ago"
    elif passed < 86400:
        text = f"{passed / 3600:.0f} h ago"
    else:
        text = timezone.localtime(value).strftime("%-d %b %Y")
    exact = timezone.localtime(value)
    title = exact.strftime("%Y-%m-%d %H:%M:%S %Z")
    return format_html('<time datetime="{}" title="{}">{}</time>', exact.isoformat(), title, text)


@register.simple_tag
def letters(value: str, groups: list[int] | None = None) -> SafeString:
    """One square a test in size order; a gap where a coverage level begins."""
    levels = groups if groups and len(groups) == len(value) else [1] * len(value)
    squares = (
        (
            letter if letter != "-" else "none",
            " first" if index and levels[index] != levels[index - 1] else "",
            f"test {index + 1}: {VERDICTS.get(letter, letter)}",
            letter if letter != "-" else "·",
        )
        for index, letter in enumerate(value)
    )
    return format_html(
        '<span class="letters" role="img" aria-label="{}">{}</span>',
        value,
        format_html_join("", '<i class="{}{}" title="{}">{}</i>', squares),
    )


@register.filter
def class_words(value: str) -> str:
    """A failure class in words."""
    return CLASSES.get(value, value or DASH)


@register.inclusion_tag("parts/mix.html")
def mix(counts: object) -> dict[str, object]:
    """A bar of solved, too slow, wrong and no program. `counts` has those counts and `n` as attributes or keys."""

    def of(name: str) -> int:
        value = counts.get(name, 0) if isinstance(counts, dict) else getattr(counts, name, 0)
        return int(value or 0)

    n = of("n")
    bars, at = [], 0.0
    for name, css in (("solved", "solved"), ("optimisation", "slow"), ("correctness", "wrong"), ("no_answer", "none")):
        width = 100 * of(name) / n if n else 0.0
        if width:
            bars.append({"css": css, "x": round(at, 3), "width": round(width, 3)})
        at += width
    failed = f"{of('optimisation')} too slow, {of('correctness')} wrong, {of('no_answer')} no program"
    return {"bars": bars, "label": f"{of('solved')} solved, {failed}, of {n}" if n else "no samples yet"}


@register.inclusion_tag("parts/sparkline.html")
def sparkline(points: Sequence[tuple[float, float]], name: str) -> dict[str, object]:
    """A line over time of values in [0, 1]; what it shows is also said in words."""
    if len(points) < 2:
        return {"label": f"{name}: too few readings for a line"}
    first, last = points[0][0], points[-1][0]
    width = (last - first) or 1.0
    places = [f"{100 * (at - first) / width:.1f},{23 - 22 * value:.1f}" for at, value in points]
    values = [value for _, value in points]
    return {
        "line": " ".join(places),
        "area": f"0,24 {' '.join(places)} 100,24",
        "label": f"{name} over {seconds(last - first)}: from {share(min(values))} to {share(max(values))}, "
        f"{share(values[-1])} at the end",
    }


@register.inclusion_tag("parts/split.html")
def split(parts: Sequence[Part]) -> dict[str, object]:
    """A bar of where the time went."""
    bars, at = [], 0.0
    for part in parts:
        bars.append({"css": part.css, "x": round(at, 3), "width": round(100 * part.share, 3)})
        at += 100 * part.share
    return {"bars": bars, "label": ", ".join(f"{part.name} {share(part.share)}" for part in parts)}


@register.inclusion_tag("parts/point.html")
def point(origin: str, position: object = None) -> dict[str, object]:
    """The mark of a checkpoint: base square, trained filled, merged open, extrapolated ringed."""
    at = finite(position)
    extrapolated = at is not None and not 0 <= at <= 1
    return {"origin": origin, "extrapolated": extrapolated}


@register.filter
def declared(verdicts: Sequence[str]) -> str:
    """The verdicts that an author allows: AC, "AC or TLE", "not AC", or a dash where nothing is declared."""
    if not verdicts:
        return DASH
    if "AC" not in verdicts and len(verdicts) >= len(SUITE_VERDICTS) - 3:
        return "not AC"
    return " or ".join(verdicts)


@register.filter
def checker_words(checker: str) -> str:
    """How an output is compared, as the end of "an output is right when"."""
    name, *options = checker.split()
    if name == "exact":
        return "it equals the answer byte by byte"
    if name == "validator":
        flags = f", called with {' '.join(options)}" if options else ""
        return f"the problem's own validator says so{flags}"
    said = ["its JSON value equals the answer's" if name == "json" else "its words are the answer's"]
    if name == "tokens" and "case_insensitive" in options:
        said.append("whatever their case")
    if name == "tokens" and "space_change_sensitive" in options:
        said.append("with the same white space")
    for option, value in pairwise(options):
        if option in TOLERANCES:
            said.append(f"numbers within {value} {TOLERANCES[option]}")
    return ", ".join(said)


@register.filter
def after_colon(sentence: str) -> str:
    """The reason behind a finding, without the words that name it."""
    return sentence.partition(": ")[2] or sentence


@register.filter
def item(counts: Mapping[str, int], name: str) -> int:
    """What a counter counted of `name`."""
    return counts.get(name, 0)


@register.filter
def as_json(value: object) -> str:
    """For an element whose text is copied."""
    return json.dumps(value, indent=1)


ADVICE = {
    "config": "Correct the request and launch again; nothing was started.",
    "missing_input": "Put the file or folder back, or choose a checkpoint that has one, then retry.",
    "merge_refused": "Choose checkpoints of one architecture, one tokenizer and one base.",
    "storage": "Free some space on the disk, then retry: what is already judged is kept.",
    "engine": "The log has the reason. Often the model is too large for the device: lower the batch, then retry.",
    "sandbox": "Programs cannot be isolated on this machine. The log says which kernel feature is missing.",
    "does_not_fit": "Launch it for a queue with larger devices, or run it elsewhere, sharded over several.",
    "incomplete": "The log has what was refused, if anything was. What is stored is kept.",
    "lost": "The worker died or was cut off. A retry continues after the last judged problem.",
    "internal": "The log ends with the traceback. Retry; report it if it stays.",
}


@register.filter
def advice(error_kind: str) -> str:
    """What to do about a job that ended badly."""
    return ADVICE.get(error_kind, "")


@register.filter
def verdict_words(letter: str) -> str:
    return VERDICTS.get(letter, letter)


@register.filter
def words(name: str) -> str:
    """A key as one reads it: solve_rate -> solve rate."""
    return name.replace("_", " ").replace("/", ": ")


@register.filter
def absolute(value: object) -> str:
    """A weight without its sign, which the template writes as an operator."""
    number = finite(value)
    return DASH if number is None else f"{abs(number):.4g}"


@register.filter
def ramp_colour(position: object) -> str:
    """The CSS colour of a place on the coverage scale, which goes on half a unit past both ends."""
    share = min(max(((finite(position) or 0.0) + 0.5) / 2, 0.0), 1.0) * 200
    if share < 100:
        return f"color-mix(in srgb, var(--alpha-mid) {share:.0f}%, var(--alpha-low))"
    return f"color-mix(in srgb, var(--alpha-high) {share - 100:.0f}%, var(--alpha-mid))"
