"""An engine on any server that speaks OpenAI's API. The model runs elsewhere; here are only questions and answers.

The weights are the server's, and so is the template that makes a prompt of a conversation.
"""

from collections.abc import Sequence

from pydantic import BaseModel, Field

from compute.configs import Ingredient, Sampling
from compute.errors import EngineError
from compute.rollout.calls import in_hermes
from compute.rollout.engines import Completion, Finish
from compute.rollout.engines.served import Question, ServedEngine, Usage
from compute.rollout.prompts import Prompt, conversation_of, with_arguments_as_json

LETTERS_A_TOKEN = 3  # for limits on tokens a minute, which are booked before the server has counted


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
        asked = conversation_of(prompt)
        messages = with_arguments_as_json(asked.messages)
        body: dict[str, object] = {
            "model": self.served.model,
            "messages": messages,
            "temperature": sampling.temperature,
            self.served.length_key: sampling.max_tokens,
            "seed": seed,
        }
        if asked.tools:
            body["tools"] = [dict(tool) for tool in asked.tools]
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
            text=beginning + choice.message.as_text(),
            tokens=reply.usage.completion_tokens,
            finish=finish,
            log_probabilities=None if drawn is None else tuple(one.logprob for one in drawn),
            prompt_tokens=reply.usage.prompt_tokens,
        )


class CalledFunction(BaseModel):
    name: str
    arguments: str = ""


class ToolCall(BaseModel):
    function: CalledFunction


class ChatMessage(BaseModel):
    content: str | None = None
    tool_calls: list[ToolCall] | None = None

    def as_text(self) -> str:
        """A server reads calls by itself; here they are text again, as from every other engine."""
        calls = [in_hermes(one.function.name, one.function.arguments) for one in self.tool_calls or ()]
        text = "\n".join([*([self.content] if self.content else []), *calls])
        return text.encode("utf-8", "replace").decode()  # JSON may hold half of a pair of code units


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
