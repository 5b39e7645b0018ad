"""The processes of one training under a distributed launcher (`accelerate launch`, torchrun); one where there is none.

`gathered` is collective: every process calls it at the same place, or none does.
"""

from collections.abc import Sequence
from typing import TypeVar

from torch import distributed

Value = TypeVar("Value")


def count() -> int:
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def rank() -> int:
    return distributed.get_rank() if count() > 1 else 0


def is_first() -> bool:
    return rank() == 0


def share_of(values: Sequence[Value]) -> list[Value]:
    """This process's part of what all of them share evenly, in the order of the processes."""
    assert len(values) % count() == 0
    size = len(values) // count()
    return list(values[rank() * size : (rank() + 1) * size])


def gathered(values: Sequence[Value]) -> list[Value]:
    """The values of all processes, in the order of the processes."""
    if count() == 1:
        return list(values)
    found: list[Sequence[Value]] = [()] * count()
    distributed.all_gather_object(found, values)
    return [value for part in found for value in part]
