"""Runs the cases of `tests/judge_cases` through the judge and says in sentences where it fell short.

Three passes over an isolation layer: each case in a call of its own (`Alone`), all shuffled among honest programs in
one worker, and the same on two workers at once (`crowded`). Every pass holds each case's letters against its recipe,
and the surroundings, the workers and an honest neighbour against what they were before. `python -m
tests.compute.judge_conformance` does the first pass for the user who calls it, whose layers are others than root's, and
prints JSON; no test framework is needed.
"""

import contextlib
import json
import os
import random
import signal
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, Self

from compute.configs import JudgeLimits
from compute.errors import SandboxError
from compute.judge import judge, workshop, zygote
from compute.judge.judge import Judge, Judgement, Submission
from compute.judge.languages import LANGUAGES
from compute.judge.sandbox import Run, RunLimits, Sandbox, open_sandbox
from compute.judge.sealed_file import SealedFile
from compute.judge.workshop import Builds, Built
from compute.problems.problem import BlobStore, Problem, TestCase
from tests.compute.judge_cases import Case, load_cases
from tests.compute.judge_surroundings import Surroundings, inhabitants, newcomers

LAYERS = zygote.LAYERS[:-1]
LIMITS = JudgeLimits(output_bytes=1 << 20, wall_factor=10)
PATIENCE_SECONDS = 30.0  # the passes themselves keep the host busy: there is no point in waiting long for a calm one
# A compile bomb ends sooner here than for a user, and no other way.
BUILD_LIMITS = RunLimits(cpu_seconds=3, wall_seconds=60, memory_bytes=384 << 20, output_bytes=64 << 20)
# Of the honest programs some take more than a second to compile. What would be compiled for ever need not have as long.
_ENDLESS = "compiling/recursive-templates/cpp"
_ENDLESS_SECONDS = 1
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
    """What programs wrote and the sandboxes they ran in, by isolation layer. Verdicts do not show either, so the doors
    through which all programs go are held open; what passes is unchanged."""

    def __init__(self) -> None:
        self._heard: dict[str, list[Run]] = defaultdict(list)
        self._sandboxes: dict[str, list[Sandbox]] = defaultdict(list)

    def __enter__(self) -> Self:
        self._doors = run, execute = Sandbox.run, Sandbox.execute

        def listening_run(sandbox: Sandbox, *arguments: Any, **keywords: Any) -> Any:
            return self._note(sandbox, run(sandbox, *arguments, **keywords))

        def listening_execute(sandbox: Sandbox, *arguments: Any, **keywords: Any) -> Any:
            runs, file = execute(sandbox, *arguments, **keywords)
            return self._note(sandbox, runs), file

        Sandbox.run, Sandbox.execute = listening_run, listening_execute  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        Sandbox.run, Sandbox.execute = self._doors  # type: ignore[method-assign]

    def _note(self, sandbox: Sandbox, runs: list[Run]) -> list[Run]:
        self._heard[sandbox.layer].extend(runs)
        if sandbox not in self._sandboxes[sandbox.layer]:
            self._sandboxes[sandbox.layer].append(sandbox)
        return runs

    def take(self, layer: str) -> list[Run]:
        """The runs since the last call."""
        return self._heard.pop(layer, [])

    def pids(self, layer: str) -> set[int]:
        """Of the processes at the tops of the sandboxes that are up."""
        return {sandbox.pid for sandbox in self._sandboxes[layer] if sandbox.pid}


class SharedBuilds(Builds):
    """What compiles is compiled once for all judges of a range. What does not is tried again by each, since how a
    compiler is held back is the layer's business."""

    def put(self, key: str, built: Built) -> None:
        if built.error is None:
            super().put(key, built)


class Range:
    """Where programs are let loose: surroundings, a store of test bytes and judges of several layers."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases = list(cases)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with self._stack:
            judge.allow_many_files()  # which the first judge of a process does, and no program
            self.surroundings = self._stack.enter_context(Surroundings())
            self.ear = self._stack.enter_context(Eavesdropper())
            builds = SharedBuilds()
            self._replace(workshop, "BUILD_LIMITS", BUILD_LIMITS)
            self._replace(judge, "Builds", lambda: builds)
            self._stop_the_endless_sooner()
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="frontier-blobs-")))
            folder.chmod(0o755)
            self.blobs = BlobStore(folder)
            self._honest = _squares(self.blobs, self.surroundings.canaries["earlier input"])
            self._secret = self.surroundings.canaries["answer"].encode()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _replace(self, module: ModuleType, name: str, value: object) -> None:
        self._stack.callback(setattr, module, name, getattr(module, name))
        setattr(module, name, value)

    def _stop_the_endless_sooner(self) -> None:
        endless = {case.program.encode() for case in self.cases if case.identifier == _ENDLESS}
        execute = Sandbox.execute

        def hurried_execute(sandbox: Sandbox, command: Any, inputs: Any, limits: RunLimits, **keywords: Any) -> Any:
            if limits == BUILD_LIMITS and endless & set(map(_bytes_of, keywords["box"].values())):
                limits = replace(limits, cpu_seconds=_ENDLESS_SECONDS)
            return execute(sandbox, command, inputs, limits, **keywords)

        self._stack.callback(setattr, Sandbox, "execute", execute)
        Sandbox.execute = hurried_execute  # type: ignore[method-assign]

    def judge(self, layer: str, workers: int = 1) -> Judge:
        limits = LIMITS.model_copy(update={"workers": workers})
        return self._stack.enter_context(Judge(limits, self.blobs, layers=[layer], patience_seconds=PATIENCE_SECONDS))

    def submission(self, case: Case) -> Submission:
        return Submission(case.program, case.problem(self.blobs, self._secret), language=case.language)

    def neighbour(self, number: int, tests: int | None = None) -> Submission:
        """An honest program that no other submission equals, for some of its three tests; its source holds a canary."""
        text = f"earlier = '{self.surroundings.canaries['earlier source']} {number}'\nprint(int(input()) ** 2)\n"
        return Submission(text, self._honest, tests)


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
        layers = [layer for layer in self._judges if case.runs_in(layer)]
        ear = self._range.ear
        workers = {layer: ear.pids(layer) for layer in layers}
        before = inhabitants(set().union(*workers.values()))
        faults = self._in_each(layers, lambda layer: self._judge(case, layer))
        if newcomers(set().union(*workers.values()), before):
            left = {layer: inhabitants(pids) - before for layer, pids in workers.items()}
            faults += [f"{layer}: {len(pids)} processes are left" for layer, pids in left.items() if pids]
        faults += self._in_each(layers, self._judge_neighbour)
        faults += [f"{layer}: it cost the judge a worker" for layer in layers if workers[layer] - ear.pids(layer)]
        return [*faults, *self._range.surroundings.signs()]

    def _in_each(self, layers: Sequence[str], judge: Callable[[str], list[str]]) -> list[str]:
        """The faults that `judge` finds in each layer, all at once."""
        found = zip(layers, self._pool.map(judge, layers), strict=True)
        return [f"{layer}: {fault}" for layer, faults in found for fault in faults]

    def _judge(self, case: Case, layer: str) -> list[str]:
        judge, ear = self._judges[layer], self._range.ear
        ear.take(layer)
        judgement = judge.judge([self._range.submission(case)])[0]
        return [
            *_misjudged(case, judgement, layer),
            *_leaks(case, judgement, ear.take(layer), self._range.surroundings),
        ]

    def _judge_neighbour(self, layer: str) -> list[str]:
        letters = self._neighbour_letters(layer)
        return [] if letters == "A" else [f"the next program got {letters}, not A"]

    def _neighbour_letters(self, layer: str) -> str:
        self._count += 1
        return self._judges[layer].judge([self._range.neighbour(self._count, tests=1)])[0].letters


def crowded(place: Range, layer: str, workers: int, seed: int) -> list[str]:
    """The faults of all cases shuffled among honest programs, in one call, on some workers."""
    submissions = [(case, place.submission(case)) for case in place.cases if case.runs_in(layer)]
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


def _leaks(case: Case, judgement: Judgement, runs: Sequence[Run], surroundings: Surroundings) -> Iterator[str]:
    seen = [judgement.message.encode(), *(text for run in runs for text in (run.output, run.error_output))]
    for name, text in surroundings.canaries.items():
        if any(text.encode() in one for one in seen):
            yield f"the {name} canary is in its output"
    if case.silent and (said := b"".join(run.output for run in runs).strip()):
        yield f"it got through: {said[:200]!r}"


def _bytes_of(file: SealedFile) -> bytes:
    with open(file.open(), "rb") as opened:
        return opened.read()


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


def all_alone(cases: Sequence[Case]) -> dict[str, Any]:
    """Each case alone in every layer that the calling user can have. `layers`: what is wrong with each; `faults`: by
    case."""
    layers = usable_layers()
    with Range(cases) as place:
        faults = dict(_alone(place, [layer for layer in LAYERS if not layers[layer]]))
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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the surroundings are cleared away
    json.dump(all_alone(judgeable(load_cases())), sys.stdout)
