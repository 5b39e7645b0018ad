"""The record of an answer that took several turns: what was said, called, run and left. Light: pages read it too."""

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from compute.errors import ConfigError

ANSWERED, SUBMITTED, CUT_OFF = "answered", "submitted", "cut off"
OUT_OF_TURNS, OUT_OF_TOKENS, OUT_OF_ATTEMPTS = "out of turns", "out of tokens", "out of attempts"
MALFORMED, TROUBLE = "malformed calls", "sandbox trouble"
ENDS = {
    ANSWERED: "It gave its answer.",
    SUBMITTED: "It submitted a file.",
    CUT_OFF: "Its last turn reached the longest length before a program was whole.",
    OUT_OF_TURNS: "It used all its turns.",
    OUT_OF_TOKENS: "Its conversation reached the longest length.",
    OUT_OF_ATTEMPTS: "Its last attempt was graded as it stood.",
    MALFORMED: "Several turns in a row held no call that could be run.",
    TROUBLE: "The sandbox of its tools failed; the sample does not count.",
}


class Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class CallRecord(Record):
    """A call as it was read. `problem`: why it was not run, empty for one that was."""

    name: str
    arguments: dict[str, object] = {}
    problem: str = ""


class Step(Record):
    """One message. Of an assistant's: the tokens it drew and how they ended; of a tool's: which call it answers, and in
    words how that ended. `turns_left` and `tokens_left` are what it had left; the agentic setting tells it so."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    calls: tuple[CallRecord, ...] = ()
    tokens: int = Field(0, ge=0)
    finish: Literal["", "stop", "length"] = ""
    tool: str = ""
    ended: str = ""
    turns_left: int | None = None
    tokens_left: int | None = None


class Transcript(Record):
    """`ended`: one of `ENDS`. `turns`: of the policy."""

    setting: Literal["tools", "agentic"]
    ended: str = Field(min_length=1, max_length=20)
    steps: tuple[Step, ...]

    @property
    def turns(self) -> int:
        return sum(step.role == "assistant" for step in self.steps)

    @property
    def calls(self) -> int:
        """That were run."""
        return sum(not call.problem for step in self.steps for call in step.calls)

    def as_text(self) -> str:
        """JSON in ASCII: what a program wrote may hold any character, and a database takes no zero byte."""
        return json.dumps(self.model_dump(mode="json", exclude_defaults=True), separators=(",", ":"), sort_keys=True)


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def read_transcript(text: str) -> Transcript:
    """Raises ConfigError for what is none."""
    try:
        return Transcript.model_validate_json(text)
    except ValidationError:
        raise ConfigError("This is not a transcript.") from None
