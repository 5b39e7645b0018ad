"""Weights by layer or module: an ordered list of shell patterns over tensor names.

The last pattern that matches a tensor wins; a tensor that none matches has the ingredients' own weights. A pattern that
matches nothing is refused, since a misspelt one would merge otherwise than was asked. `*` matches dots as well, so
"model.layers.1.*" is layer 1 and "model.layers.1*" also 10 to 19.
"""

import difflib
from collections.abc import Sequence
from fnmatch import fnmatchcase

from compute.checkpoints import CheckpointFolder
from compute.configs import MergeConfig
from compute.errors import MergeRefused
from compute.merging.refusals import refuse_sum
from compute.merging.tied import first_copy, independent_tensors

AVERAGES = ("linear", "slerp")
Weights = tuple[float, ...]


def weights_by_tensor(config: MergeConfig, source: CheckpointFolder) -> dict[str, Weights]:
    """One weight an ingredient for each of the source's tensors. Raises MergeRefused."""
    count = len(config.ingredients)
    own = (1 / count,) * count if config.method == "soup" else tuple(one.weight for one in config.ingredients)
    rows = [("", own), *((f" for {part.pattern}", part.weights) for part in config.parts)]
    for where, row in rows if config.method in AVERAGES else ():
        refuse_sum(row, where)
    names = list(independent_tensors(source))
    chosen = dict.fromkeys(names, own)
    for part in config.parts:
        matching = [name for name in names if fnmatchcase(name, part.pattern)]
        if not matching:
            raise MergeRefused(_no_match(part.pattern, names, source))
        chosen |= dict.fromkeys(matching, part.weights)
    return {name: chosen[first_copy(source, name)] for name in source.tensors}


def _no_match(pattern: str, names: Sequence[str], source: CheckpointFolder) -> str:
    pair = source.tied_pair
    if pair and fnmatchcase(pair[0], pattern):
        return f"The pattern {pattern!r} names {pair[0]}, which is tied to {pair[1]}: name that."
    close = difflib.get_close_matches(pattern, names, n=1, cutoff=0.0)
    return f"The pattern {pattern!r} matches no tensor." + (f" A name to match is {close[0]!r}." if close else "")
