"""TRL's GRPOTrainer behind our config: the one place that imports trl.

TRL does the learning, on one CPU or on many GPUs; problems, answers, rewards, figures and checkpoints are the course's.
With `sampler: "cached"` our sampler answers in this process (`rollout_func`), which on a small model is faster than
`model.generate` and gives every answer its own random numbers; with "vllm" TRL runs vLLM beside the policy.
"""

import os
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import torch
from accelerate import PartialState
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from compute.errors import ConfigError
from compute.rollout import reasoning
from compute.training.course import Course, warm_up
from compute.training.optimiser import Float32AdamW, is_narrow

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # rollout_func is marked experimental; pyproject pins trl

from trl import GRPOConfig, GRPOTrainer


def train(course: Course) -> None:
    """Run all steps of `course.config`. Raises ConfigError, Cancelled, StorageError."""
    with tempfile.TemporaryDirectory(prefix="frontier-trl-") as scratch, warnings.catch_warnings():
        # TRL 1.16 still says gradient_checkpointing, which transformers 5.23 renames.
        warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
        trainer = CoverageTrainer(
            model=course.model,
            reward_funcs=[reward_function(course)],
            args=arguments(course, scratch),
            train_dataset=questions(course),
            processing_class=course.tokenizer,
            rollout_func=rollout_function(course) if course.config.sampler == "cached" else None,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(CourseCallback(course, trainer))
        trainer.train()


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


class CourseCallback(TrainerCallback):
    """Between steps: cancel, write checkpoints, send figures."""

    def __init__(self, course: Course, trainer: GRPOTrainer) -> None:
        self.course = course
        self.trainer = trainer

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.course.refuse_when_cancelled()

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
        step = state.global_step
        self.course.report(
            step,
            {
                "loss": logs["loss"],
                "gradient_norm": logs.get("grad_norm"),
                "learning_rate": logs.get("learning_rate"),
                "mean_entropy": logs.get("entropy"),
            },
        )
        if self.course.saves_at(step):
            weights = self.trainer.accelerator.get_state_dict(self.trainer.model)
            if state.is_world_process_zero:
                self.course.save(step, weights)


def questions(course: Course) -> Dataset:
    """One row a prompt in the order of asking; `place` is the problem's place in the set."""
    places = [place for step in course.order for place in step]
    prompts = [reasoning.messages(course.problems[place].statement) for place in places]
    return Dataset.from_dict({"prompt": prompts, "place": places})


def reward_function(course: Course) -> Callable[..., list[float | None]]:
    def coverage_reward(completion_ids: list[list[int]], place: list[int], **_: Any) -> list[float | None]:
        return course.rewards(place, completion_ids)

    return coverage_reward


def rollout_function(course: Course) -> Callable[[list[Any], GRPOTrainer], dict[str, Any]]:
    """Answers by our own sampler. TRL hands this process whole groups: each prompt `group` times in a row."""
    group = course.config.group

    def rollout(prompts: list[Any], trainer: GRPOTrainer) -> dict[str, Any]:
        rendered = [course.prompt(prompt[0]["content"]) for prompt in prompts[::group]]
        first = trainer.accelerator.process_index * len(rendered)
        draws = course.draw(trainer.state.global_step, rendered, first)
        return {
            "prompt_ids": [prompt for prompt in rendered for _ in range(group)],
            "completion_ids": [draw.tokens for drawn in draws for draw in drawn],
            "logprobs": [draw.log_likelihoods for drawn in draws for draw in drawn],
        }

    return rollout


def arguments(course: Course, scratch: str) -> GRPOConfig:
    """Our config in TRL's words: one generation and one update a step, no KL and no scaling unless asked for."""
    config = course.config
    processes = PartialState().num_processes
    if config.prompts_per_step % processes:
        raise ConfigError(f"prompts_per_step: {config.prompts_per_step} cannot be shared by {processes} processes.")
    share = config.prompts_per_step * config.group // processes
    micro_batch = max(size for size in range(1, min(config.micro_batch, share) + 1) if share % size == 0)
    on_gpu = torch.cuda.is_available()
    return GRPOConfig(
        output_dir=scratch,
        max_steps=config.steps,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=share // micro_batch,
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
        vllm_mode="colocate",
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
