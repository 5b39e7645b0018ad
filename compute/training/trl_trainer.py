"""TRL's GRPOTrainer behind our config: the one place that imports trl.

TRL does the learning, on one CPU or on many GPUs; problems, answers, rewards, figures and checkpoints are the course's.
With `sampler: "cached"` our sampler answers in this process (`rollout_func`), which on a small model is faster than
`model.generate` and gives every answer its own random numbers; with "vllm" TRL runs vLLM beside the policy, or sends
the weights to a `trl vllm-serve` at `vllm_server`. That needs GPUs: nothing of it runs here, so only the settings that
it is given are tested.
"""

import os
import warnings
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from typing import Any

import torch
from accelerate import PartialState
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from compute.configs import TrainConfig
from compute.errors import ConfigError
from compute.rollout import reasoning
from compute.training.course import Completing, Course, warm_up
from compute.training.figures import Kind
from compute.training.optimiser import Float32AdamW, is_narrow
from compute.training.resume import Values

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # rollout_func is marked experimental; pyproject pins trl

from trl import GRPOConfig, GRPOTrainer


def train(course: Course) -> None:
    """Run what is left of the steps of `course.config`. Raises ConfigError, Cancelled, StorageError."""
    with warnings.catch_warnings():
        # TRL 1.16 still says gradient_checkpointing, which transformers 5.23 renames.
        warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
        chosen = arguments(course)  # from here on the processes know of each other
        begun = course.begin()
        chosen.max_steps = course.last
        trainer = CoverageTrainer(
            model=course.model,
            reward_funcs=[reward_function(course)],
            args=chosen,
            train_dataset=questions(course),
            processing_class=course.tokenizer,
            rollout_func=rollout_function(course) if course.config.sampler == "cached" else None,
        )
        if course.config.sampler == "vllm":
            course.complete = completions(trainer)
        else:
            refuse_sharded(trainer)
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(CourseCallback(course, trainer))
        trainer.train(resume_from_checkpoint=str(course.resume.place(begun)) if begun else None)


class CoverageTrainer(GRPOTrainer):
    """GRPOTrainer with a warm-up whose first step already learns (transformers' begins at a learning rate of 0), and
    float32 copies of weights that are narrower."""

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        chosen = model or self.model
        assert chosen is not None, "transformers sets the model first"
        shards = self.is_deepspeed_enabled or self.is_fsdp_enabled
        learnt = [weight for weight in chosen.parameters() if weight.requires_grad]
        if self.optimizer is None and not shards and any(map(is_narrow, learnt)):
            self.optimizer = Float32AdamW(learnt, self.args.learning_rate)
        return super().create_optimizer(model)

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> Any:
        if self.lr_scheduler is None:
            chosen = optimizer or self.optimizer
            assert chosen is not None, "transformers makes the optimiser first"
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(chosen, warm_up(int(self.args.warmup_steps)))
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """The state to resume from is for nobody to read."""


class CourseCallback(TrainerCallback):
    """Between steps: cancel, write checkpoints, keep the state, send figures. Runs in every process."""

    def __init__(self, course: Course, trainer: GRPOTrainer) -> None:
        self.course = course
        self.trainer = trainer
        self.values: Values = {}

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.course.stop_together()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Called once a step with the step's figures, and once more at the end with a summary that has no loss."""
        if not logs or "loss" not in logs:
            return
        state.log_history.clear()  # it would be written with every state, and grow
        step = state.global_step
        self.values = self.course.figures_of(
            step,
            {
                "loss": logs["loss"],
                "gradient_norm": logs.get("grad_norm"),
                "learning_rate": logs.get("learning_rate"),
                "mean_entropy": logs.get("entropy"),
            },
        )
        if step in self.course.config.early_steps:
            self.course.save(step, self.weights())
        if self.course.keeps_at(step):
            control.should_save = True
        else:
            self.course.report(step, self.values)
        control.should_training_stop = step == self.course.last

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """The trainer has written its state in every process's own time."""
        self.trainer.accelerator.wait_for_everyone()
        self.course.keep(state.global_step)
        self.course.report(state.global_step, self.values)

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.course.end(state.global_step, self.weights())

    def weights(self) -> dict[str, torch.Tensor]:
        """Whole weights, to which every process gives its part."""
        found: dict[str, torch.Tensor] = self.trainer.accelerator.get_state_dict(self.trainer.model_wrapped)
        return found


def questions(course: Course) -> Dataset:
    """One row a prompt in the order of asking; `place` is the problem's place in the set. Our sampler says itself what
    it asks, and then TRL needs these rows for their number alone."""
    asked = course.config.prompts_asked
    places = [place for step in course.order[: course.last] for place in islice(cycle(step), asked)]
    prompts = [reasoning.messages(course.problems[place].statement) for place in places]
    return Dataset.from_dict({"prompt": prompts, "place": places})


def reward_function(course: Course) -> Callable[..., list[float | None]]:
    def coverage_reward(
        completion_ids: list[list[int]], place: list[int], kind: list[Kind] | None = None, **_: Any
    ) -> list[float | None]:
        return course.rewards(place, completion_ids, kind)

    return coverage_reward


def rollout_function(course: Course) -> Callable[[list[Any], GRPOTrainer], dict[str, Any]]:
    """Answers by our own sampler, whole groups in a row. Besides what TRL asks for: what the reward must know."""

    def rollout(prompts: list[Any], trainer: GRPOTrainer) -> dict[str, Any]:
        asked = [(one.question, draw) for one in course.ask(trainer.state.global_step) for draw in one.draws]
        assert len(asked) == len(prompts)
        return {
            "prompt_ids": [question.prompt for question, _ in asked],
            "completion_ids": [draw.tokens for _, draw in asked],
            "logprobs": [draw.log_likelihoods for _, draw in asked],
            "place": [question.place for question, _ in asked],
            "kind": [question.kind for question, _ in asked],
        }

    return rollout


def completions(trainer: GRPOTrainer) -> Completing:
    """Answers outside the training by what generates for it, which chooses its own random numbers, whatever the key."""

    def complete(prompts: Sequence[Sequence[int]], keys: Sequence[str], samples: int) -> list[list[list[int]]]:
        repeated = [list(prompt) for prompt in prompts for _ in range(samples)]
        answers, _ = trainer._generate_single_turn(repeated, None, {}, samples)
        return [answers[first : first + samples] for first in range(0, len(answers), samples)]

    return complete


def refuse_sharded(trainer: GRPOTrainer) -> None:
    """Our sampler calls the model as often as its process's longest answer asks for, which shards cannot follow."""
    plugin = trainer.accelerator.state.deepspeed_plugin
    if trainer.is_fsdp_enabled or (plugin is not None and plugin.zero_stage == 3):
        raise ConfigError(
            'sampler: "cached" needs whole weights in every process; with FSDP or ZeRO-3 choose the sampler "vllm".'
        )


def arguments(course: Course) -> GRPOConfig:
    """Our config in TRL's words: one generation and one update a step, no KL and no scaling unless asked for."""
    config = course.config
    on_gpu = torch.cuda.is_available()
    answers = share(config, PartialState(cpu=not on_gpu).num_processes)
    micro_batch = max(size for size in range(1, min(config.micro_batch, answers) + 1) if answers % size == 0)
    return GRPOConfig(
        output_dir=str(course.resume.path),
        max_steps=config.steps,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=answers // micro_batch,
        num_generations=config.group,
        max_completion_length=config.max_tokens,
        temperature=config.temperature,
        beta=config.kl_coefficient,
        scale_rewards="group" if config.scale_rewards else "none",
        loss_type="dapo",
        learning_rate=config.learning_rate,
        warmup_steps=config.warmup_steps,
        adam_beta2=0.95,
        weight_decay=0.0,
        max_grad_norm=config.gradient_clip,
        shuffle_dataset=False,
        seed=config.seed,
        bf16=on_gpu and config.dtype == "bfloat16",
        use_cpu=not on_gpu,
        dataloader_pin_memory=on_gpu,
        gradient_checkpointing=config.gradient_checkpointing,
        use_vllm=config.sampler == "vllm",
        vllm_mode="server" if config.vllm_server else "colocate",
        vllm_server_base_url=config.vllm_server,
        mask_truncated_completions=config.mask_truncated,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )


def share(config: TrainConfig, processes: int) -> int:
    """How many answers of a step each process samples and learns from. Raises ConfigError."""
    for name in ("prompts_per_step", "repairs_per_step"):
        if getattr(config, name) % processes:
            raise ConfigError(f"{name}: {getattr(config, name)} cannot be shared by {processes} processes.")
    return config.prompts_asked * config.group // processes
