"""Answers read from a file, for tests and for replaying what somebody else's policy wrote. Knows no weights."""

import json
from collections.abc import Sequence
from pathlib import Path

from compute.configs import Ingredient, Sampling
from compute.errors import ConfigError, MissingInput
from compute.rollout.engines import Completion, IsCancelled, never
from compute.rollout.prompts import Prompt, turn_of_key

Turn = str | dict[str, object]


class ScriptedEngine:
    """`path`: a JSON object, problem slug -> list of answers. Answer i of a problem is entry i modulo their number, the
    same for every checkpoint: a text, or a list with one a turn. In place of a text stands, where its length matters,
    an object of a completion's `text`, `tokens`, `finish` and `prompt_tokens`. What is not in the file is empty."""

    context_tokens: int | None = None

    def __init__(self, path: Path | None) -> None:
        if path is None:
            raise ConfigError("script: The scripted engine needs a file of answers.")
        try:
            answers = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise MissingInput(f"There is no script of answers at {path}.") from None
        except json.JSONDecodeError as error:
            raise ConfigError(f"The script {path} is not JSON: {error}.") from None
        if not isinstance(answers, dict) or not all(isinstance(texts, list) for texts in answers.values()):
            raise ConfigError(f"The script {path} must be a JSON object of lists.")
        self._answers: dict[str, list[Turn | list[Turn]]] = answers

    def set_weights(self, ingredients: Sequence[Ingredient]) -> None:
        """A script is the same at every point."""

    def generate(
        self, prompts: Sequence[Prompt], keys: Sequence[str], sampling: Sampling, cancelled: IsCancelled = never
    ) -> list[list[Completion]]:
        groups = []
        for key in keys:
            later = turn_of_key(key)
            if later is None:
                groups.append([self._turn(key, index, 1) for index in range(sampling.samples)])
            else:
                groups.append([self._turn(*later)] * sampling.samples)
        return groups

    def _turn(self, problem: str, index: int, turn: int) -> Completion:
        answers = self._answers.get(problem) or [""]
        answer = answers[index % len(answers)]
        turns = answer if isinstance(answer, list) else [answer]
        told = turns[turn - 1] if turn <= len(turns) else ""
        if isinstance(told, str):
            told = {"text": told}
        return Completion(**{"tokens": len(str(told["text"]).split()), "finish": "stop"} | told)  # type: ignore[arg-type]

    def alarms(self) -> dict[str, float | None]:
        return {}

    def close(self) -> None: ...
