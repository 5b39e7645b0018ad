"""What engines behind HTTP share: many questions under way at once, a spool of answers, seeds, and giving up together.

Each answer is a request of its own with a seed of its own, derived from (seed, key, index); whether the server honours
seeds is its affair. A finished answer goes to the spool before anybody waits for the next.
"""

import asyncio
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from pydantic import BaseModel, Field

from compute.configs import Sampling, Served
from compute.errors import Cancelled
from compute.rollout.engines import Completion, IsCancelled, never, seed_of
from compute.rollout.engines.server import Server
from compute.rollout.engines.spool import Spool
from compute.rollout.prompts import Prompt

SECONDS_BETWEEN_LOOKS = 0.2


class Question(NamedTuple):
    """One request. `body` is sent as it stands, `beginning` goes before the answer, `most_tokens` is its booking."""

    body: dict[str, object]
    beginning: str
    most_tokens: float


class ServedEngine(ABC):
    """Asks for many answers at once. What is sent and how it is read is for its children to say."""

    path: str
    context_tokens: int | None = None

    def __init__(self, served: Served) -> None:
        self.served = served
        self.server = Server(served)
        self.spool = Spool(served.spool)
        self.weights = ""  # identifies what the server answers as
        self._runner = asyncio.Runner()

    @abstractmethod
    def question(self, prompt: Prompt, seed: int, sampling: Sampling) -> Question: ...

    @abstractmethod
    def read(self, content: bytes, beginning: str) -> Completion:
        """The answer in a response's body. Raises pydantic's ValidationError when there is none."""

    def generate(
        self, prompts: Sequence[Prompt], keys: Sequence[str], sampling: Sampling, cancelled: IsCancelled = never
    ) -> list[list[Completion]]:
        questions = [
            self.question(prompt, seed_of(sampling.seed, key, index), sampling)
            for prompt, key in zip(prompts, keys, strict=True)
            for index in range(sampling.samples)
        ]
        answers = self._runner.run(self._answers(questions, cancelled))
        return [answers[start : start + sampling.samples] for start in range(0, len(answers), sampling.samples)]

    def alarms(self) -> dict[str, float | None]:
        return {}

    def close(self) -> None:
        self._runner.run(self.server.close())
        self._runner.close()
        self.spool.close()

    async def _answers(self, questions: Sequence[Question], cancelled: IsCancelled) -> list[Completion]:
        """One a question, in order. What is under way when one fails, or somebody cancels, is given up."""
        turn = asyncio.Semaphore(self.served.concurrency)
        tasks = [asyncio.create_task(self._answer(question, turn)) for question in questions]
        missing = set(tasks)
        try:
            while missing:
                if cancelled():
                    raise Cancelled("The sampling was cancelled; finished answers are kept.")
                done, missing = await asyncio.wait(
                    missing, timeout=SECONDS_BETWEEN_LOOKS, return_when=asyncio.FIRST_EXCEPTION
                )
                for task in done:
                    task.result()
        finally:
            for task in missing:
                task.cancel()
            await asyncio.gather(*missing, return_exceptions=True)
        return [task.result() for task in tasks]

    async def _answer(self, question: Question, turn: asyncio.Semaphore) -> Completion:
        told = json.dumps([self.weights, question.body], sort_keys=True)
        identity = hashlib.sha256(told.encode()).hexdigest()
        known = self.spool.get(identity)
        if known is not None:
            return known
        async with turn:
            completion = await self.server.ask(
                self.served.base_url + self.path,
                question.body,
                lambda content: self.read(content, question.beginning),
                tokens=question.most_tokens,
            )
        self.server.give_back(question.most_tokens - completion.tokens - completion.prompt_tokens)
        self.spool.put(identity, completion)
        return completion


class Usage(BaseModel):
    completion_tokens: int = Field(ge=0)
    prompt_tokens: int = Field(0, ge=0)
