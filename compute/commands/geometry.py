"""`python -m compute geometry LOW HIGH --base START`: the deltas of a pair of checkpoints, without running them.

A table for people, one JSON object with `--json`.
"""

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path

from compute.checkpoints import describe
from compute.commands.line import Arguments, status_of, table
from compute.merging.geometry import pair_geometry
from compute.merging.refusals import refuse_mismatch
from compute.stats.deltas import Geometry, by_layer, in_total

HELP = """\
Reads the three checkpoints once, in pieces. Shown are, by layer and in total, the lengths of the two differences from
the base and the cosine between them, and for each alpha how far (1 - alpha) LOW + alpha HIGH will lie from the base.

Exit status: 0; 2 the request is wrong; 3 a folder or file is missing; 4 the checkpoints do not belong together.
"""
ALPHAS = "-0.5:1.5:0.25"
MOST_ALPHAS = 1000
ALMOST = 1e-9


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    return status_of(lambda: _run(_parser().parse_args(_with_negatives(arguments))))


def alphas(text: str) -> list[float]:
    """ "0, 0.5 1" or "first:last:step"."""
    try:
        if ":" not in text:
            found = [float(word) for word in text.replace(",", " ").split()]
        else:
            first, last, step = (float(word) for word in text.split(":"))
            count = math.floor((last - first) / step + ALMOST) + 1 if step > 0 else 0
            found = [round(first + number * step, 9) for number in range(min(count, MOST_ALPHAS + 1))]
    except (ValueError, OverflowError):
        found = []
    if not 1 <= len(found) <= MOST_ALPHAS or not all(map(math.isfinite, found)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list such as 0,0.5,1 or a range such as {ALPHAS}")
    return found


def _with_negatives(arguments: Sequence[str]) -> list[str]:
    """`--alphas -0.5:1.5:0.25` as one word: argparse takes a word that begins with a dash for an option."""
    words = list(arguments)
    for place, word in enumerate(words[:-1]):
        if word == "--alphas":
            return [*words[:place], f"--alphas={words[place + 1]}", *words[place + 2 :]]
    return words


def _parser() -> Arguments:
    parser = Arguments("geometry", "Compare how two checkpoints moved away from their common start.", HELP)
    add = parser.add_argument
    add("low", type=Path, metavar="LOW", help="the checkpoint at alpha 0")
    add("high", type=Path, metavar="HIGH", help="the checkpoint at alpha 1")
    add("--base", type=Path, required=True, metavar="START", help="the initialisation of both")
    add("--alphas", type=alphas, default=alphas(ALPHAS), metavar="LIST", help=f"as 0,0.5,1 or {ALPHAS}, the default")
    add("--json", action="store_true", help="one JSON object")
    return parser


def _run(options: argparse.Namespace) -> int:
    start, low, high = folders = [describe(path) for path in (options.base, options.low, options.high)]
    refuse_mismatch(folders, [str(folder.path) for folder in folders])
    layers = by_layer(pair_geometry(start, low, high))
    total = in_total(layers.values())
    distances = [(alpha, total.distance(alpha)) for alpha in options.alphas]
    if options.json:
        content = {
            "layers": {name: _figures(one) for name, one in layers.items()},
            "total": _figures(total),
            "distances": [{"alpha": alpha, "distance": distance} for alpha, distance in distances],
        }
        print(json.dumps(content, allow_nan=False))
        return 0
    header = ["Layer", " Numbers", " |low - base|", " |high - base|", " Cosine", " |high - low|"]
    print(*table(header, [_row(name, one) for name, one in [*layers.items(), ("total", total)]]), sep="\n")
    print()
    rows = [[f"{alpha:g}", f"{distance:.6g}"] for alpha, distance in distances]
    print(*table([" Alpha", " Distance from the base"], rows), sep="\n")
    return 0


def _figures(one: Geometry) -> dict[str, float | int | None]:
    return {
        "numbers": one.count,
        "low_norm": one.low_norm,
        "high_norm": one.high_norm,
        "cosine": one.cosine,
        "gap": one.gap,
    }


def _row(name: str, one: Geometry) -> list[str]:
    cosine = "—" if one.cosine is None else f"{one.cosine:.4f}"
    return [name, f"{one.count:,}", f"{one.low_norm:.6g}", f"{one.high_norm:.6g}", cosine, f"{one.gap:.6g}"]
