"""An engine on any server that speaks OpenAI's API. The model runs elsewhere; here are only questions and answers.

Each answer is a request of its own with a seed of its own, derived from (seed, key, index); whether the server honours
seeds is its affair. Finished answers go to a spool before anybody waits for the next. The weights are the server's.
"""

import asyncio
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from pydantic import BaseModel, Field

from compute.configs import Ingredient, Sampling, Served
from compute.errors import Cancelled, EngineError
from compute.rollout.engines import Asked, Completion, Finish, never, seed_of
from compute.rollout.engines.server import Server
from compute.rollout.engines.spool import Spool
from compute.rollout.prompts import Prompt

SECONDS_BETWEEN_LOOKS = 0.2
LETTERS_A_TOKEN = 3  # for limits on tokens a minute, which are booked before the server has counted


class Question(NamedTuple):
    """One request. `body` is sent as it stands, `beginning` goes before the answer, `most_tokens` is its booking."""

    body: dict[str, object]
    beginning: str
    most_tokens: float


class ServedEngine(ABC):
    """Asks for many answers at once. What is sent and how it is read is for its children to say."""

    path: str

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
        self, prompts: Sequence[Prompt], keys: Sequence[str], sampling: Sampling, cancelled: Asked = never
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

    async def _answers(self, questions: Sequence[Question], cancelled: Asked) -> list[Completion]:
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
                self.path, question.body, lambda content: self.read(content, question.beginning), question.most_tokens
            )
        self.server.give_back(question.most_tokens - completion.tokens - completion.prompt_tokens)
        self.spool.put(identity, completion)
        return completion


class OpenAIEngine(ServedEngine):
    """Conversations to `/chat/completions`; a prompt that is a text becomes the user's message."""

    path = "/chat/completions"

    def set_weights(self, ingredients: Sequence[Ingredient]) -> None:
        terms = [ingredient for ingredient in ingredients if ingredient.weight != 0]
        asked = " + ".join(f"{term.weight:g} x {term.reference}" for term in terms)
        if [term.weight for term in terms] != [1] or self.weights not in ("", asked):
            serves = self.weights.removeprefix("1 x ") or f"{self.served.model!r}"
            raise EngineError(
                f"The server at {self.served.base_url} answers as {serves} alone and cannot become {asked}: evaluate"
                " averages with transformers or vllm, or serve the merged checkpoint."
            )
        self.weights = asked

    def question(self, prompt: Prompt, seed: int, sampling: Sampling) -> Question:
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(map(dict, prompt))
        body: dict[str, object] = {
            "model": self.served.model,
            "messages": messages,
            "temperature": sampling.temperature,
            self.served.length_key: sampling.max_tokens,
            "seed": seed,
        }
        if self.served.log_probabilities:
            body["logprobs"] = True
        letters = sum(len(message["content"]) for message in messages)
        return Question(body, "", letters / LETTERS_A_TOKEN + sampling.max_tokens)

    def read(self, content: bytes, beginning: str) -> Completion:
        reply = ChatReply.model_validate_json(content)
        choice = reply.choices[0]
        drawn = choice.logprobs.content if choice.logprobs else None
        finish: Finish = "length" if choice.finish_reason == "length" else "stop"
        return Completion(
            text=beginning + (choice.message.content or ""),
            tokens=reply.usage.completion_tokens,
            finish=finish,
            log_probabilities=None if drawn is None else tuple(one.logprob for one in drawn),
            prompt_tokens=reply.usage.prompt_tokens,
        )


class Usage(BaseModel):
    completion_tokens: int = Field(ge=0)
    prompt_tokens: int = Field(0, ge=0)


class ChatMessage(BaseModel):
    content: str | None = None


class TokenProbability(BaseModel):
    logprob: float


class ChatProbabilities(BaseModel):
    content: list[TokenProbability] | None = None


class ChatChoice(BaseModel):
    message: ChatMessage
    finish_reason: str | None = None
    logprobs: ChatProbabilities | None = None


class ChatReply(BaseModel):
    choices: list[ChatChoice] = Field(min_length=1)
    usage: Usage
