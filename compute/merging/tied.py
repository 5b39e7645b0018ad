"""Input and output embeddings that are one tensor: stored once, or twice by some libraries.

Only what config.json says outright (`tie_word_embeddings: true`) counts. The second copy, where there is one, follows
the first: it gets the same weights and the same random choices, and is not a tensor that a pattern can name.
"""

from collections.abc import Mapping

from compute.checkpoints import CheckpointFolder, TensorPlace
from compute.errors import MergeRefused

COMPARED_BYTES = 4 << 20


def first_copy(folder: CheckpointFolder, name: str) -> str:
    """The name under which a tensor is certainly stored."""
    pair = folder.tied_pair
    return pair[1] if pair and name == pair[0] else name


def independent_tensors(folder: CheckpointFolder) -> Mapping[str, TensorPlace]:
    """The tensors without the second copy of a tied one."""
    pair = folder.tied_pair
    return {name: place for name, place in folder.tensors.items() if not pair or name != pair[0]}


def refuse_broken_tie(folder: CheckpointFolder, title: str) -> None:
    """Raises MergeRefused when a tied tensor is stored twice with different numbers: nobody knows which one counts."""
    pair = folder.tied_pair
    if pair is None or pair[0] not in folder.tensors:
        return
    one, other = (folder.tensors[name] for name in pair)
    if (one.dtype, one.shape) != (other.dtype, other.shape) or not _same_bytes(folder, one, other):
        raise MergeRefused(f"{title} ties {pair[0]} to {pair[1]} in its config, but stores different numbers for them.")


def _same_bytes(folder: CheckpointFolder, one: TensorPlace, other: TensorPlace) -> bool:
    with (folder.path / one.file).open("rb") as first, (folder.path / other.file).open("rb") as second:
        first.seek(one.start)
        second.seek(other.start)
        left = one.stop - one.start
        while left:
            length = min(left, COMPARED_BYTES)
            if first.read(length) != second.read(length):
                return False
            left -= length
    return True
