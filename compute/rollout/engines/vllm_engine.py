"""An engine on vLLM, which runs in child processes under an interpreter of its own.

Tokens are made and read here, with the checkpoint's tokenizer, so that a policy is asked exactly what transformers
would ask it. Each of `data_parallel` children holds the whole model on `tensor_parallel` devices and takes its share of
the answers. Weights are set in place; where vLLM cannot, the average is written, loaded and removed, and a note says
so.
"""

import importlib.util
import json
import os
import selectors
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import compute
from compute.checkpoints import describe
from compute.configs import Ingredient, Sampling, VllmOptions
from compute.errors import Cancelled, EngineError
from compute.rollout.engines import Completion, IsCancelled, never, seed_of, tokens
from compute.rollout.engines.averages import Averages, materialised
from compute.rollout.policy import load_context, load_generation, load_tokenizer, stop_tokens
from compute.rollout.prompts import Prompt

INTERPRETER = "FRONTIER_VLLM_PYTHON"
SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_TO_CLOSE = 10.0
QUIET = {"VLLM_LOGGING_LEVEL": "WARNING", "VLLM_NO_USAGE_STATS": "1"}
DTYPES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}


class VllmEngine:
    """`folder`: a checkpoint that gives the architecture, the tokenizer and the first weights. `note` is told what a
    person should know. Raises MissingInput, EngineError."""

    def __init__(
        self,
        folder: Path,
        options: VllmOptions,
        *,
        initialisation: Path | None = None,
        note: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self.tokenizer = load_tokenizer(folder)
        self.stop_tokens = stop_tokens(load_generation(folder), self.tokenizer)
        self.context_tokens = options.context_tokens or load_context(folder)
        self.averages = Averages(initialisation)
        self._note = note
        opening = options.model_dump(mode="json", exclude={"data_parallel"}) | {"folder": str(folder)}
        if options.dtype == "checkpoint":
            opening["dtype"] = DTYPES.get(describe(folder).dtype, "auto")
        devices = devices_of(options)
        self._children = [Child(interpreter(), environment) for environment in devices]
        try:
            self._tell_all(opening)
        except BaseException:
            self.close()
            raise

    def set_weights(self, ingredients: Sequence[Ingredient]) -> None:
        terms = self.averages.terms(ingredients)
        try:
            self._tell_all({"set": [[str(term.folder), term.weight] for term in terms]})
        except VllmRefused as error:
            self._note(f"vLLM could not set the weights in place ({error}), so the average is written and loaded.")
            with materialised(terms) as folder:
                self._tell_all({"load": str(folder)})

    def generate(
        self, prompts: Sequence[Prompt], keys: Sequence[str], sampling: Sampling, cancelled: IsCancelled = never
    ) -> list[list[Completion]]:
        questions = [tokens.asked(self.tokenizer, prompt) for prompt in prompts]
        draws = [
            [question.tokens, seed_of(sampling.seed, key, index)]
            for question, key in zip(questions, keys, strict=True)
            for index in range(sampling.samples)
        ]
        how = {"temperature": sampling.temperature, "max_tokens": sampling.max_tokens, "stop": self.stop_tokens}
        width = len(self._children)
        shares = [how | {"draw": draws[place::width]} for place in range(width)]
        answers: list[Any] = [None] * len(draws)
        for place, share in enumerate(self._ask(shares, cancelled)):
            answers[place::width] = share
        completions = [
            tokens.completion_of(self.tokenizer, questions[place // sampling.samples], tokens.Answered(*answer))
            for place, answer in enumerate(answers)
        ]
        return [completions[start : start + sampling.samples] for start in range(0, len(answers), sampling.samples)]

    def alarms(self) -> dict[str, float | None]:
        return self.averages.alarms()

    def close(self) -> None:
        for child in self._children:
            child.close()

    def _tell_all(self, message: dict[str, Any]) -> None:
        self._ask([message] * len(self._children), never)

    def _ask(self, messages: Sequence[dict[str, Any]], cancelled: IsCancelled) -> list[Any]:
        """One message a child, all at work at once."""
        for child, message in zip(self._children, messages, strict=True):
            child.send(message)
        replies = [child.receive(cancelled) for child in self._children]
        for reply in replies:
            if "error" in reply:
                raise VllmRefused(reply["error"])
        return [reply["result"] for reply in replies]


class VllmRefused(EngineError):
    """vLLM could not do what it was told; it still runs."""


class Child:
    """A process that holds a model, see `compute.rollout.engines.vllm_child`."""

    def __init__(self, python: str, environment: dict[str, str]) -> None:
        repository = str(Path(compute.__file__).parents[1])
        self._process = subprocess.Popen(
            [python, "-m", "compute.rollout.engines.vllm_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=repository,
            env=QUIET | os.environ | {"PYTHONPATH": repository} | environment,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._busy = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._stdout, selectors.EVENT_READ)

    def send(self, message: dict[str, Any]) -> None:
        self._busy = True
        with suppress(BrokenPipeError):  # `receive` says how it ended
            self._stdin.write(json.dumps(message).encode() + b"\n")
            self._stdin.flush()

    def receive(self, cancelled: IsCancelled) -> dict[str, Any]:
        while not self._selector.select(SECONDS_BETWEEN_LOOKS):
            if cancelled():
                raise Cancelled("The sampling was cancelled.")
        line = self._stdout.readline()
        self._busy = False
        if not line.endswith(b"\n"):
            raise EngineError(f"vLLM's process ended with status {self._process.wait()}; the log has its last words.")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def close(self) -> None:
        """End it; whoever is in the middle of an answer is killed."""
        self._selector.close()
        if self._busy:
            self._process.kill()
        with suppress(BrokenPipeError):
            self._stdin.close()
        try:
            self._process.wait(SECONDS_TO_CLOSE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stdout.close()


def interpreter() -> str:
    """The Python that has vLLM. Raises EngineError where there is none."""
    chosen = os.environ.get(INTERPRETER, "")
    if chosen:
        if not os.access(chosen, os.X_OK):
            raise EngineError(f"{INTERPRETER} names {chosen}, which is no interpreter.")
        return chosen
    if importlib.util.find_spec("vllm") is None:
        raise EngineError(
            f"vLLM is not installed here: install it into an environment of its own and let {INTERPRETER} name that"
            " environment's bin/python."
        )
    return sys.executable


def devices_of(options: VllmOptions) -> list[dict[str, str]]:
    """The environment of each child: its share of the visible devices. Raises EngineError where they do not suffice."""
    if options.data_parallel == 1:
        return [{}]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    if not visible:
        width = options.tensor_parallel
        return [{"CUDA_VISIBLE_DEVICES": ",".join(map(str, range(start, start + width)))} for start in starts(options)]
    names = visible.split(",")
    if len(names) < options.tensor_parallel * options.data_parallel:
        raise EngineError(
            f"{options.data_parallel} copies on {options.tensor_parallel} devices each do not fit into the"
            f" {len(names)} devices that CUDA_VISIBLE_DEVICES names."
        )
    return [
        {"CUDA_VISIBLE_DEVICES": ",".join(names[start : start + options.tensor_parallel])} for start in starts(options)
    ]


def starts(options: VllmOptions) -> range:
    return range(0, options.tensor_parallel * options.data_parallel, options.tensor_parallel)
