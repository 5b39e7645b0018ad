"""GRPO under nested unit-test coverage (arXiv 2605.28751): the runner of `train` jobs.

From one initialisation, policies learn from the same problems in the same order with the same random numbers; the share
of each suite that the reward requires is the one difference. `config.trainer` chooses who turns rewards into weights:
TRL's GRPOTrainer, which serves models of any size, or a compact loop on one device that reads in five minutes.

With `trainer: "trl"` the same command runs on several processes, GPUs and machines, as accelerate is told to:
    accelerate launch --config_file cluster.yaml -m compute train config.json
The file, which `accelerate config` writes, chooses DistributedDataParallel, FSDP or DeepSpeed; this code asks
accelerate for whole weights before it saves, and only the first process writes and emits events. `prompts_per_step` is
shared by the processes. All machines must see the folders that the config names. Two processes on a CPU are tested
(gloo, DistributedDataParallel); FSDP and DeepSpeed need GPUs and are not.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from compute.checkpoints import CheckpointFolder, describe, refuse_occupied
from compute.configs import TrainConfig, request_sha256
from compute.errors import ConfigError
from compute.events import EventWriter, Log
from compute.judge.judge import Judge
from compute.problems.problem import BlobStore, read_problem_set
from compute.training.resume import checkpoint_event, finished_checkpoint, resume_folder


def run(config: TrainConfig, emit: EventWriter, cancelled: Callable[[], bool]) -> dict[str, object]:
    """Train and write checkpoints. Raises any ComputeError but MergeRefused.

    A training that was killed goes on from the state that it kept, and one that had ended is not done again.
    """
    for step in (*config.early_steps, config.steps):
        refuse_occupied(config.folder_at(step), request_sha256(config))
    start = describe(config.initialisation)
    kept = resume_folder(config, start)
    if kept.read() is None and finished_checkpoint(config, start, config.steps) is not None:
        return say_again(config, start, emit)
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
        from compute.training.processes import is_first

        model, tokenizer = load_policy(config.initialisation, dtype=config.dtype)
        course = Course(config, problems, judge, model, tokenizer, emit, cancelled)
        if config.trainer == "compact":
            from compute.training.compact import train
        else:
            from compute.training.trl_trainer import train
        with closing(course):
            train(course)
        if is_first():
            kept.remove()
        return {
            "checkpoint": config.reference,
            "steps": course.last,
            "executions": judge.executions,
            "cache_hits": judge.cache_hits,
            "isolation": str(judge.isolation),
        }


def say_again(config: TrainConfig, start: CheckpointFolder, emit: EventWriter) -> dict[str, object]:
    """What a training that had ended would say of its checkpoints: its end may have been lost on the way. Patience may
    have ended it before its last step."""
    ended = config.steps
    for step in (*config.early_steps, config.steps):
        if (written := finished_checkpoint(config, start, step)) is not None:
            emit(said := checkpoint_event(config, written))
            ended = said.step or ended
    emit(Log(line=f"This training had ended: {config.folder} holds its checkpoint, and nothing is done again."))
    return {"checkpoint": config.reference, "steps": ended}


@contextmanager
def judge_cache(config: TrainConfig) -> Iterator[Path]:
    """The cache named by the config, else one for this run: a policy writes most of its programs many times over."""
    if config.judge_cache is not None:
        yield config.judge_cache
        return
    with tempfile.TemporaryDirectory(prefix="frontier-judge-") as folder:
        yield Path(folder) / "verdicts.sqlite"
