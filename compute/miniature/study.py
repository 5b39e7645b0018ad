"""The recipe of the miniature study: what is trained, swept and evaluated, and with which numbers.

Light, so that the page can show and launch it. It decides nothing that is measured: the study reports what comes out.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from compute.configs import Sampling, Trainer

SLUG = "miniature"
TITLE = "The correctness-efficiency frontier in miniature"
QUESTION = "What does averaging and extrapolating policies trained under low and high unit-test coverage do?"
BASE_FOLDER = Path(__file__).parent / "base"
SMALL_BASE_FOLDER = Path(__file__).parent / "base_small"

Counts = dict[Literal["easy", "medium", "hard"], int]


@dataclass(frozen=True)
class MiniaturePlan:
    """`low` and `high` are the coverages of the path's ends; `coverages` all that are trained, with the same seed, data
    order and steps. `early_step` is saved as well.

    Ten steps and not more: after 25 the low policy is all brute force and the high one has little left, so a path
    between them ends where they do; from fewer steps extrapolation reaches further on both sides.
    """

    coverages: tuple[float, ...] = (0.4, 0.8, 1.0)
    low: float = 0.4
    high: float = 1.0
    alphas: tuple[float, ...] = (-0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
    train: Counts = field(default_factory=lambda: {"easy": 30, "medium": 60, "hard": 210})
    held_out: Counts = field(default_factory=lambda: {"easy": 24, "medium": 32, "hard": 72})
    weak_share: float = 0.3
    steps: int = 10
    early_step: int = 5
    prompts_per_step: int = 12
    group: int = 12
    learning_rate: float = 2.5e-4
    warmup_steps: int = 5
    trainer: Trainer = "trl"
    samples: int = 16
    temperature: float = 1.0
    max_tokens: int = 160

    def __post_init__(self) -> None:
        if not {self.low, self.high} <= set(self.coverages):
            raise ValueError("the ends of the path must be among the coverages")
        if not {0.0, 1.0} <= set(self.alphas):
            raise ValueError("alphas must hold 0 and 1")

    @property
    def evaluated_problems(self) -> int:
        return sum(self.held_out.values())

    def sampling(self, seed: int) -> Sampling:
        return Sampling(samples=self.samples, temperature=self.temperature, max_tokens=self.max_tokens, seed=seed)


PLAN = MiniaturePlan()
SMALL = replace(
    PLAN,
    coverages=(0.4, 1.0),
    alphas=(0.0, 0.5, 1.0),
    train={"easy": 2, "medium": 4, "hard": 10},
    held_out={"easy": 2, "medium": 3, "hard": 7},
    steps=2,
    early_step=1,
    prompts_per_step=4,
    group=4,
    warmup_steps=1,
    samples=4,
    trainer="compact",  # importing TRL takes longer than its two steps
)
"""The whole road in under a minute, for tests: its figures mean nothing."""
