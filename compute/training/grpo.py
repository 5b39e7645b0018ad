"""GRPO under nested unit-test coverage (arXiv 2605.28751): the runner of `train` jobs.

From one initialisation, policies learn from the same problems in the same order with the same random numbers; the share
of each suite that the reward requires is the one difference. `config.trainer` chooses who turns rewards into weights:
TRL's GRPOTrainer, which serves models of any size, or a compact loop on one device that reads in five minutes.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from compute.checkpoints import refuse_occupied
from compute.configs import TrainConfig, request_sha256
from compute.errors import ConfigError
from compute.events import EventWriter
from compute.judge.judge import Judge
from compute.problems.problem import BlobStore, read_problem_set


def run(config: TrainConfig, emit: EventWriter, cancelled: Callable[[], bool]) -> dict[str, object]:
    """Train and write checkpoints. Raises any ComputeError but MergeRefused."""
    for step in (*config.save_steps, config.steps):
        refuse_occupied(config.folder_at(step), request_sha256(config))
    problems = read_problem_set(config.problems.path)
    if not problems:
        raise ConfigError(f"The problem set {config.problems.path} holds no problems.")
    # The judge first: its fork server must stay small, so nothing heavy may be loaded before it starts.
    with (
        judge_cache(config) as cache,
        Judge(config.limits, BlobStore(config.problems.blobs), cache=cache) as judge,
    ):
        from compute.rollout.policy import load_policy
        from compute.training.course import Course

        model, tokenizer = load_policy(config.initialisation, dtype=config.dtype)
        course = Course(config, problems, judge, model, tokenizer, emit, cancelled)
        if config.trainer == "compact":
            from compute.training.compact import train
        else:
            from compute.training.trl_trainer import train
        train(course)
        return {
            "checkpoint": config.reference,
            "steps": config.steps,
            "executions": judge.executions,
            "cache_hits": judge.cache_hits,
            "isolation": str(judge.isolation),
        }


@contextmanager
def judge_cache(config: TrainConfig) -> Iterator[Path]:
    """The cache named by the config, else one for this run: a policy writes most of its programs many times over."""
    if config.judge_cache is not None:
        yield config.judge_cache
        return
    with tempfile.TemporaryDirectory(prefix="frontier-judge-") as folder:
        yield Path(folder) / "verdicts.sqlite"
