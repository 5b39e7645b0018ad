"""Runs the cases of `tests/judge_cases` through the judge and says in sentences where it fell short.

Three passes over an isolation layer: each case in a call of its own (`Alone`), all shuffled among honest programs in
one worker, and the same on two workers at once (`crowded`). Every pass holds each case's letters against its recipe,
and the surroundings, the workers and an honest neighbour against what they were before. `python -m
tests.compute.judge_conformance` does it all for the user who calls it and prints JSON; no test framework is needed.
"""

import contextlib
import itertools
import json
import os
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from compute.configs import JudgeLimits
from compute.errors import SandboxError
from compute.judge import zygote
from compute.judge.judge import Judge, Judgement, Submission
from compute.judge.languages import LANGUAGES
from compute.judge.sandbox import Sandbox, open_sandbox
from compute.problems.problem import BlobStore, Problem, TestCase
from tests.compute.judge_cases import Case, load_cases
from tests.compute.judge_surroundings import Surroundings, inhabitants, newcomers

LAYERS = zygote.LAYERS[:-1]
LIMITS = JudgeLimits(output_bytes=1 << 20, wall_factor=10)
_KILL_FACTOR = 1.5  # more than the judge's own: a run is killed a little after its limit
_GRACE_SECONDS = 0.5  # for what is spent before anybody looks


def usable_layers() -> dict[str, str]:
    """Of each layer what is wrong with it here; an empty text where this user can have it."""
    found = {}
    for layer in LAYERS:
        try:
            open_sandbox(layers=[layer]).close()
            found[layer] = ""
        except SandboxError as error:
            found[layer] = str(error)
    return found


def judgeable(cases: Sequence[Case]) -> list[Case]:
    """The cases in a language that the judge knows."""
    return [case for case in cases if case.language in LANGUAGES]


class Eavesdropper:
    """What programs wrote, by isolation layer. Verdicts do not show it, so the door through which all outputs come is
    held open; what passes is unchanged."""

    def __init__(self) -> None:
        self.heard: dict[str, list[bytes]] = defaultdict(list)

    def __enter__(self) -> Self:
        self._run = run = Sandbox.run

        def listening(sandbox: Sandbox, *arguments: Any, **keywords: Any) -> Any:
            runs = run(sandbox, *arguments, **keywords)
            self.heard[sandbox.layer].extend(text for one in runs for text in (one.output, one.error_output))
            return runs

        Sandbox.run = listening  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        Sandbox.run = self._run  # type: ignore[method-assign]

    def take(self, layer: str) -> list[bytes]:
        return self.heard.pop(layer, [])


class Range:
    """Where programs are let loose: surroundings, a store of test bytes and judges of several layers."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases = list(cases)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with self._stack:
            self.surroundings = self._stack.enter_context(Surroundings())
            self._ear = self._stack.enter_context(Eavesdropper())
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="frontier-blobs-")))
            folder.chmod(0o755)
            self.blobs = BlobStore(folder)
            self._honest = _squares(self.blobs, self.surroundings.canaries["earlier input"])
            self._secret = self.surroundings.canaries["answer"].encode()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def judge(self, layer: str, workers: int = 1) -> Judge:
        limits = LIMITS.model_copy(update={"workers": workers})
        return self._stack.enter_context(Judge(limits, self.blobs, layers=[layer]))

    def submission(self, case: Case) -> Submission:
        return Submission(case.program, case.problem(self.blobs, self._secret), language=case.language)

    def neighbour(self, number: int) -> Submission:
        """An honest program that no other submission equals; its source holds a canary."""
        text = f"earlier = '{self.surroundings.canaries['earlier source']} {number}'\nprint(int(input()) ** 2)\n"
        return Submission(text, self._honest)


class Alone:
    """Each case in a call of its own, in every layer at once."""

    def __init__(self, place: Range, layers: Sequence[str]) -> None:
        self._range = place
        self._judges = {layer: place.judge(layer) for layer in layers}
        self._count = 0
        self._pool = ThreadPoolExecutor(max(1, len(layers)))
        for layer in layers:  # an earlier program for the first case as well
            self._neighbour_letters(layer)

    def close(self) -> None:
        self._pool.shutdown()

    def faults(self, case: Case) -> list[str]:
        """What is wrong with the judge on `case`, a sentence each."""
        found = self._pool.map(lambda layer: self._judge(case, layer), self._judges)
        return [*itertools.chain.from_iterable(found), *self._range.surroundings.signs()]

    def _judge(self, case: Case, layer: str) -> list[str]:
        judge = self._judges[layer]
        workers = list(judge.worker_pids)
        before = inhabitants(workers)
        self._range._ear.take(layer)
        judgement = judge.judge([self._range.submission(case)])[0]
        outputs = self._range._ear.take(layer)
        faults = [*_misjudged(case, judgement, layer), *_leaks(case, judgement, outputs, self._range.surroundings)]
        if left := newcomers(workers, before):
            faults.append(f"{len(left)} processes are left")
        letters = self._neighbour_letters(layer)
        if letters != "AAA":
            faults.append(f"the next program got {letters}, not AAA")
        if judge.worker_pids != workers:
            faults.append("it cost the judge a worker")
        return [f"{layer}: {fault}" for fault in faults]

    def _neighbour_letters(self, layer: str) -> str:
        self._count += 1
        return self._judges[layer].judge([self._range.neighbour(self._count)])[0].letters


def crowded(place: Range, layer: str, workers: int, seed: int) -> list[str]:
    """The faults of all cases shuffled among honest programs, in one call, on some workers."""
    submissions = [(case, place.submission(case)) for case in place.cases]
    submissions += [(None, place.neighbour(number)) for number in range(len(place.cases))]
    random.Random(seed).shuffle(submissions)
    judge = place.judge(layer, workers)
    pids = list(judge.worker_pids)
    before = inhabitants(pids)
    faults = []
    for (case, _), judgement in zip(submissions, judge.judge([one for _, one in submissions]), strict=True):
        if case is not None:
            faults += [f"{case.identifier}: {fault}" for fault in _misjudged(case, judgement, layer)]
        elif judgement.letters != "AAA":
            faults.append(f"an honest program got {judgement.letters}, not AAA")
    if left := newcomers(pids, before):
        faults.append(f"{len(left)} processes are left")
    if judge.worker_pids != pids:
        faults.append("some program cost the judge a worker")
    return faults


def _misjudged(case: Case, judgement: Judgement, layer: str) -> Iterator[str]:
    allowed = case.allowed(layer)
    if not judgement.letters or set(judgement.letters) - allowed:
        yield f"it got {judgement.letters}, and each must be one of {''.join(sorted(allowed))} ({judgement.rules})"
    most = (os.cpu_count() or 1) * _KILL_FACTOR * case.cpu_seconds + _GRACE_SECONDS
    if max(judgement.cpu_seconds) > most:
        yield f"it used {max(judgement.cpu_seconds):.2f} s of {case.cpu_seconds} s"


def _leaks(case: Case, judgement: Judgement, outputs: Sequence[bytes], surroundings: Surroundings) -> Iterator[str]:
    seen = [*outputs, judgement.message.encode()]
    for name, text in surroundings.canaries.items():
        if any(text.encode() in one for one in seen):
            yield f"the {name} canary is in its output"
    if case.silent and (said := b"".join(outputs[::2]).strip()):
        yield f"it got through: {said[:200]!r}"


def _squares(blobs: BlobStore, last_line: str) -> Problem:
    tests = tuple(
        TestCase(
            identifier=f"t{n}",
            group=1,
            input=blobs.put(f"{n}\n{last_line}\n".encode()),
            output=blobs.put(f"{n * n}\n".encode()),
            size_bytes=2,
            reference_seconds=0.001,
        )
        for n in (7, 8, 9)
    )
    return Problem(
        slug="squares",
        title="Squares",
        statement="Print the square of n.",
        difficulty="easy",
        cpu_seconds=1.0,
        memory_bytes=128 << 20,
        tests=tests,
    )


def all_passes(cases: Sequence[Case]) -> dict[str, Any]:
    """Every pass that the calling user can have. `layers`: what is wrong with each; `faults`: by pass and case."""
    layers = usable_layers()
    usable = [layer for layer in LAYERS if not layers[layer]]
    with Range(cases) as place:
        faults = {f"alone {case}": found for case, found in _alone(place, usable)}
        faults |= crowded_passes(place, usable[0]) if usable else {}
    faults = {name: found for name, found in faults.items() if found}
    return {"user": os.getuid(), "layers": layers, "cases": len(cases), "faults": faults}


def _alone(place: Range, layers: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    with contextlib.closing(Alone(place, layers)) as alone:
        for case in place.cases:
            yield case.identifier, alone.faults(case)


def crowded_passes(place: Range, layer: str) -> dict[str, list[str]]:
    """Shuffled in one worker and on two workers, both at the same time."""
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(crowded, place, layer, 1, 1)
        two = pool.submit(crowded, place, layer, 2, 2)
        found = {"shuffled in one worker": one.result(), "on two workers": two.result()}
    return found | {"afterwards": place.surroundings.signs()}


if __name__ == "__main__":
    json.dump(all_passes(judgeable(load_cases())), sys.stdout)
