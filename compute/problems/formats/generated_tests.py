"""Tests that a problem's own programs make: inputs by a generator's commands, outputs by an accepted solution.

Everything runs in the sandbox it is given, under limits; nothing is run while a format is read. What a generator or a
solution does wrong costs that test alone, and is told in a note. Compares no outputs.
"""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

from compute.configs import JudgeLimits
from compute.errors import SandboxError
from compute.judge import zygote
from compute.judge.languages import language_named
from compute.judge.languages.language import LanguageMissing
from compute.judge.sandbox import Run, RunLimits, SandboxLost, open_sandbox
from compute.judge.workshop import Workshop
from compute.problems.formats import Draft, ProgramRunner, Recipe, Refusal, attempt

MOST_COMMANDS = 200
MOST_LETTERS = 4000
"""Of a command."""
MOST_SOLUTIONS = 5
INPUT_BYTES = 64 << 20
_GENERATOR_LIMITS = RunLimits(cpu_seconds=20, wall_seconds=60, memory_bytes=1 << 30, output_bytes=INPUT_BYTES)
FAILED = "failed"
_SHELL = frozenset("|;&$`<(){}")


class Source(NamedTuple):
    """A program: its language and its files, of which the first is compiled or started."""

    language: str
    files: dict[str, bytes]


class GeneratedTest(NamedTuple):
    """`command`: the arguments that made `input`."""

    command: str
    input: bytes
    output: bytes


def finished(items: Iterable[Draft | Recipe | Refusal], limits: JudgeLimits) -> Iterator[Draft | Refusal]:
    """What a format reads, with its recipes carried out in a workshop that is opened when the first one comes.

    A recipe whose language this machine lacks is refused. Raises SandboxError when programs cannot be isolated here.
    """
    with ExitStack() as stack:
        bench: Bench | None = None
        for item in items:
            if not isinstance(item, Recipe):
                yield item
                continue
            if bench is None:
                bench = Bench(stack.enter_context(_workshop(limits)))
            try:
                yield attempt(item.name, partial(item.make, bench))
            except LanguageMissing as error:
                yield Refusal(item.name, f"The tests of {item.name} cannot be made: {error}")


def _workshop(limits: JudgeLimits) -> Workshop:
    sandbox = open_sandbox(unsafe=limits.unsafe)
    sandbox.close()
    return Workshop(sandbox.layer, limits.toolchain)


class Bench:
    """A workshop that takes a language by its name and is replaced once when it is lost."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    def run(
        self, language: str, files: Mapping[str, bytes], arguments: Sequence[str], stdin: bytes, limits: RunLimits
    ) -> Run:
        try:
            return self._workshop.run(language_named(language), files, arguments, stdin, limits)
        except SandboxLost:
            self._workshop.restart()
        try:
            return self._workshop.run(language_named(language), files, arguments, stdin, limits)
        except SandboxLost as error:
            raise SandboxError(f"The sandbox was lost twice while making tests: {error}.") from None


def read_commands(text: str | Sequence[str]) -> tuple[list[list[str]], list[str]]:
    """The arguments of each command line of a generator ("./gen -n 5") and a sentence on each line passed over.

    A line's first word is the generator's own name where it is a path or one of the names generators go by; what
    follows ">" is where the output went. Lines that need a shell are passed over.
    """
    lines = text.splitlines() if isinstance(text, str) else list(text)
    commands: list[list[str]] = []
    notes: list[str] = []
    wanted = [line for line in map(str.strip, lines) if line and not line.startswith("#")]
    for place, line in enumerate(wanted):
        if len(commands) == MOST_COMMANDS or len(notes) == MOST_COMMANDS:
            notes.append(f"Only the first {place} of {len(wanted)} generator commands were read.")
            break
        if len(line) > MOST_LETTERS:
            notes.append(f"The generator's command {line[:80]!r} is longer than {MOST_LETTERS} letters.")
            continue
        try:
            words = shlex.split(line.split(">")[0])
        except ValueError:
            words = None
        if words is None or not _SHELL.isdisjoint(line.split(">")[0]):
            notes.append(f"The generator's command {line[:80]!r} needs a shell and was passed over.")
            continue
        named = bool(words) and ("/" in words[0] or words[0] in ("gen", "generator", "generate", "gen.exe"))
        commands.append(words[1:] if named else words)
    return commands, notes


def generate_tests(
    runner: ProgramRunner,
    generator: Source,
    commands: Sequence[Sequence[str]],
    solutions: Sequence[Source],
    limits: RunLimits,
    validator: Source | None = None,
) -> tuple[list[GeneratedTest], list[str]]:
    """Run `generator` with each command and a solution, under `limits`, on what it prints.

    An input that `validator` (a testlib program: exit status 0 for a valid one) refuses is passed over. Of `solutions`
    the first that runs through on every input gives the outputs; failing that, the one that manages most of them.
    Returns the tests and a sentence on each thing passed over.
    """
    inputs, notes = _inputs(runner, generator, commands, validator)
    best: dict[int, bytes] = {}
    for solution in solutions[:MOST_SOLUTIONS]:
        outputs = _outputs(runner, solution, [given for _, given in inputs], limits)
        if len(outputs) > len(best):
            best = outputs
        if len(best) == len(inputs):
            break
    if len(best) < len(inputs):
        notes.append(f"{len(inputs) - len(best)} of {len(inputs)} generated inputs have no output by a known solution.")
    tests = [GeneratedTest(*inputs[place], output) for place, output in sorted(best.items())]
    return tests, notes


def _inputs(
    runner: ProgramRunner, generator: Source, commands: Sequence[Sequence[str]], validator: Source | None
) -> tuple[list[tuple[str, bytes]], list[str]]:
    """(command, input) of each different valid input, and what was passed over."""
    inputs: dict[bytes, str] = {}
    notes = []
    for command in commands:
        words = shlex.join(command)
        run = runner.run(generator.language, generator.files, command, b"", _GENERATOR_LIMITS)
        if fault := failure(run, _GENERATOR_LIMITS):
            notes.append(f"The generator {fault} with the arguments {words[:80]!r}.")
        elif not run.output.strip():
            notes.append(f"The generator printed nothing with the arguments {words[:80]!r}.")
        elif complaint := _complaint(runner, validator, run.output):
            notes.append(f"The input that the generator made with {words[:80]!r} {complaint}.")
        else:
            inputs.setdefault(run.output, words)
    return [(words, given) for given, words in inputs.items()], notes


def _complaint(runner: ProgramRunner, validator: Source | None, given: bytes) -> str:
    """Why an input cannot be taken, in words that follow it; empty where the validator, if there is one, accepts it."""
    if validator is None:
        return ""
    fault = failure(runner.run(validator.language, validator.files, (), given, _GENERATOR_LIMITS), _GENERATOR_LIMITS)
    if fault == FAILED:
        return "is not valid by the problem's validator"
    return fault and f"could not be checked: the problem's validator {fault}"


def _outputs(runner: ProgramRunner, solution: Source, inputs: Sequence[bytes], limits: RunLimits) -> dict[int, bytes]:
    """The outputs of the inputs on which `solution` runs through. Gives up after three failures."""
    outputs: dict[int, bytes] = {}
    failures = 0
    for place, given in enumerate(inputs):
        run = runner.run(solution.language, solution.files, (), given, limits)
        if failure(run, limits):
            failures += 1
        else:
            outputs[place] = run.output
        if failures == 3:
            break
    return outputs


def failure(run: Run, limits: RunLimits) -> str:
    """Why a run gave no result, in words that follow "it"; empty when it did."""
    if run.killed or run.cpu_seconds > limits.cpu_seconds:
        return "took too long"
    if run.output_bytes >= limits.output_bytes:
        return "printed too much"
    if run.memory_bytes > limits.memory_bytes:
        return "took too much memory"
    if run.status:
        return "does not compile" if run.phase < zygote.RUNNING else FAILED
    return ""
