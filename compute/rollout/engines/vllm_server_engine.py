"""An engine on a vLLM server whose weights can be set, for a model that stays loaded between jobs.

It is started with `--logprobs-mode processed_logprobs` and what `HOW_TO_START` says, and sees the checkpoints under the
same paths. One job at a time: whoever sets weights sets them for everybody.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, Field

from compute.configs import Ingredient, Sampling, Served
from compute.errors import EngineError
from compute.rollout.engines import Completion, tokens
from compute.rollout.engines.averages import Averages, materialised
from compute.rollout.engines.served import Question, ServedEngine, Usage
from compute.rollout.policy import load_generation, load_tokenizer, stop_tokens
from compute.rollout.prompts import Prompt

HOW_TO_START = (
    "Weights can be set in a vLLM server that was started with VLLM_SERVER_DEV_MODE=1, Frontier's folder on PYTHONPATH"
    " and --worker-extension-cls compute.rollout.engines.vllm_weights.SetsAverage."
)
Answer = TypeVar("Answer")


class VllmServerEngine(ServedEngine):
    """`folder`: a checkpoint with the tokenizer of what is served. `note` is told what a person should know."""

    path = "/completions"

    def __init__(
        self,
        folder: Path,
        served: Served,
        *,
        initialisation: Path | None = None,
        note: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        super().__init__(served)
        self.tokenizer = load_tokenizer(folder)
        self.stop_tokens = stop_tokens(load_generation(folder), self.tokenizer)
        self.averages = Averages(initialisation)
        self._note = note
        self._root = served.base_url.removesuffix("/v1")

    def set_weights(self, ingredients: Sequence[Ingredient]) -> None:
        terms = self.averages.terms(ingredients)
        try:
            self._call("set_average", json.dumps([[str(term.folder), term.weight] for term in terms]))
        except EngineError as error:
            self._note(f"The server could not sum the weights in place, so the average is written and loaded: {error}")
            with materialised(terms) as folder:
                self._call("load_checkpoint", str(folder))
        if not self._post("/reset_prefix_cache", {}, Emptied.model_validate_json).success:
            raise EngineError(f"The server at {self._root} is busy for others: weights cannot be set under them.")
        self.weights = json.dumps([[str(term.folder), term.sha256, term.weight] for term in terms])

    def question(self, prompt: Prompt, seed: int, sampling: Sampling) -> Question:
        asked = tokens.asked(self.tokenizer, prompt)
        body: dict[str, object] = {
            "model": self.served.model,
            "prompt": asked.tokens,
            "temperature": sampling.temperature,
            "top_p": 1,
            "top_k": 0,
            "repetition_penalty": 1,
            "max_tokens": sampling.max_tokens,
            "seed": seed,
            "stop_token_ids": self.stop_tokens,
            "logprobs": 0,
            "return_token_ids": True,
        }
        return Question(body, asked.beginning, len(asked.tokens) + sampling.max_tokens)

    def read(self, content: bytes, beginning: str) -> Completion:
        reply = TokenReply.model_validate_json(content)
        choice = reply.choices[0]
        answer = tokens.Answered(choice.token_ids, choice.logprobs.token_logprobs, choice.finish_reason != "length")
        completion = tokens.completion_of(self.tokenizer, tokens.Asked([], beginning), answer)
        return completion._replace(prompt_tokens=reply.usage.prompt_tokens)

    def alarms(self) -> dict[str, float | None]:
        return self.averages.alarms()

    def _call(self, method: str, argument: str) -> None:
        try:
            self._post("/collective_rpc", {"method": method, "args": [argument]}, lambda content: None)
        except EngineError as error:
            raise EngineError(f"{error} {HOW_TO_START}") from error

    def _post(self, path: str, body: object, read: Callable[[bytes], Answer]) -> Answer:
        return self._runner.run(self.server.ask(self._root + path, body, read, attempts=1))


class Emptied(BaseModel):
    success: bool


class TokenProbabilities(BaseModel):
    token_logprobs: list[float]


class TokenChoice(BaseModel):
    token_ids: list[int]
    finish_reason: str | None = None
    logprobs: TokenProbabilities


class TokenReply(BaseModel):
    choices: list[TokenChoice] = Field(min_length=1)
    usage: Usage
