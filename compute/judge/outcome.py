"""What came of one program on one test."""

from typing import NamedTuple

from compute.judge.verdict import Verdict

STARVED = "starved"
"""The rule of a run that got too little of the processor to be judged."""
VALIDATOR = "validator"
"""How the rules of a validator that failed begin."""


class Outcome(NamedTuple):
    """The verdict letter of one test with what the program used, and the rule that fired where one did."""

    letter: str
    cpu_seconds: float
    wall_seconds: float
    memory_bytes: int
    rule: str = ""

    @property
    def is_trouble(self) -> bool:
        """Whether fresh sandboxes might do better."""
        settled = self.rule == STARVED or self.rule.startswith(VALIDATOR)
        return self.letter == Verdict.INFRASTRUCTURE and not settled
