"""What the harness adds to bare engine calls, and where the time of evaluations and trainings goes.

    python tests/benchmarks/bench_overhead.py [--rounds N] [--problems N] [--steps N]

Bar: an evaluation whose verdicts are all in the judge's cache takes at most 5 % longer than the same calls of the
engine and nothing else; rounds alternate and the medians are compared. Then the share of generation, judging and
learning in an evaluation and in a training that judge for real, with one judge worker and with two: an evaluation
judges while it generates, so its shares may add up to more than 1. On the miniature's base, one thread.
"""

import argparse
import io
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import project  # noqa: F401  (before Frontier)
import torch

from compute.configs import EvaluateConfig, ProblemsConfig, TrainConfig
from compute.events import EventWriter
from compute.judge.judge import Judge
from compute.miniature import problem_sets
from compute.miniature.study import BASE_FOLDER
from compute.problems.problem import BlobStore, Problem, read_problem_set
from compute.rollout.engines.transformers_engine import TransformersEngine
from compute.rollout.evaluate import Sweep
from compute.rollout.reasoning import Reasoning, messages
from compute.training import grpo


def quiet() -> EventWriter:
    return EventWriter(io.StringIO())


def write_problems(folder: Path, number: int) -> None:
    each = {"easy": number // 3, "medium": number // 3, "hard": number - 2 * (number // 3)}
    config = ProblemsConfig(
        train_reference="train", held_out_reference="held-out", folder=folder, blobs=folder / "blobs", train=each,
        held_out=each,
    )  # fmt: skip
    problem_sets.run(config, quiet(), lambda: False)


def source(folder: Path, name: str) -> dict[str, object]:
    return {"reference": name, "path": folder / f"{name}.jsonl", "blobs": folder / "blobs"}


def evaluation(folder: Path, workers: int, cache: Path | None) -> EvaluateConfig:
    alone = [{"reference": "base", "folder": BASE_FOLDER, "weight": 1}]
    return EvaluateConfig.model_validate(
        {
            "points": [{"evaluation": "e", "checkpoint": "base", "ingredients": alone}],
            "problems": source(folder, "held-out"),
            "limits": {"workers": workers},
            "judge_cache": cache,
        }
    )


def bare(config: EvaluateConfig, problems: Sequence[Problem], engine: TransformersEngine) -> float:
    """Seconds of the engine's calls alone, in the batches of the harness."""
    started = time.perf_counter()
    width = config.sampling.problems_per_batch
    for start in range(0, len(problems), width):
        few = problems[start : start + width]
        engine.generate([messages(one.statement) for one in few], [one.slug for one in few], config.sampling)
    return time.perf_counter() - started


def harnessed(
    config: EvaluateConfig, problems: Sequence[Problem], engine: TransformersEngine
) -> tuple[float, dict[str, float]]:
    """Seconds of the whole evaluation without opening the engine, and what it says of them."""
    with Judge(config.limits, BlobStore(config.problems.blobs), cache=config.judge_cache) as judge:
        sweep = Sweep(config, list(problems), judge, engine, Reasoning(engine), quiet(), lambda: False)
        started = time.perf_counter()
        sweep.run()
        return time.perf_counter() - started, sweep.seconds


def training(folder: Path, workers: int, steps: int) -> tuple[float, dict[str, float]]:
    """Wall seconds of the steps and the trainer's own seconds, summed over them."""
    config = TrainConfig.model_validate(
        {
            "reference": f"r{workers}",
            "initialisation": BASE_FOLDER,
            "initialisation_reference": "base",
            "folder": folder / f"trained-{workers}",
            "problems": source(folder, "train"),
            "coverage": 1.0,
            "steps": steps,
            "trainer": "compact",
            "limits": {"workers": workers},
        }
    )
    stream = io.StringIO()
    grpo.run(config, EventWriter(stream), lambda: False)
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    values = [event["values"] for event in events if event["type"] == "metric"]
    seconds = {name: sum(one[f"{name}_seconds"] for one in values) for name in ("sampling", "judging", "learning")}
    return sum(seconds.values()), seconds


def shares(what: str, workers: int, wall: float, seconds: dict[str, float]) -> None:
    parts = ", ".join(f"{name} {value:.2f} s ({value / wall:.0%})" for name, value in seconds.items())
    print(f"{what}, {workers} judge worker{'s' if workers > 1 else ''}: {wall:.2f} s; {parts}")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=re.split(r"\n\n", __doc__ or "")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--problems", type=int, default=48)
    parser.add_argument("--steps", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"load average {os.getloadavg()[0]:.2f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_problems(folder, options.problems)
        problems = read_problem_set(folder / "held-out.jsonl")
        engine = TransformersEngine(BASE_FOLDER)
        cached = evaluation(folder, 1, folder / "verdicts.sqlite")
        harnessed(cached, problems, engine)  # fills the cache, and warms the engine
        calls, whole = [], []
        for _ in range(options.rounds):
            calls.append(bare(cached, problems, engine))
            whole.append(harnessed(cached, problems, engine)[0])
        overhead = median(whole) / median(calls) - 1
        answers = len(problems) * cached.sampling.samples
        print(
            f"{answers} answers: engine calls {median(calls):.2f} s, evaluation with known verdicts"
            f" {median(whole):.2f} s, overhead {overhead:+.1%} (bar 5 %)"
        )
        for workers in (1, 2):
            shares("evaluation", workers, *harnessed(evaluation(folder, workers, None), problems, engine))
        for workers in (1, 2):
            shares("training", workers, *training(folder, workers, options.steps))


if __name__ == "__main__":
    main()
