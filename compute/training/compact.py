"""GRPO in one readable file: the loop behind `trainer: "compact"`, for one device.

On policy: every group is used for one update, so the importance ratio of GRPO is 1 and its clipping never acts; what is
left is a policy gradient with the group's mean as baseline, averaged over all sampled tokens (arXiv 2503.14476). It
does no generation on another device and no sharding; TRL's trainer does.
"""

import copy
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from compute.configs import TrainConfig
from compute.errors import ConfigError, MissingInput, StorageError
from compute.training.advantages import group_advantages
from compute.training.course import Course, warm_up
from compute.training.optimiser import adamw
from compute.training.padding import NOT_SCORED, Answered, padded

if TYPE_CHECKING:
    from transformers import PreTrainedModel


STATE_FILE = "state.pt"


class Example(NamedTuple):
    """An answer to a prompt with its advantage. `scored` False: it is compared with, but not learnt from."""

    text: Answered
    advantage: float
    scored: bool = True


def train(course: Course) -> None:
    """Run what is left of the steps of `course.config`. Raises ConfigError, Cancelled, MissingInput, StorageError."""
    config, model = course.config, course.model
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ConfigError('trainer: the compact loop runs in one process; under a launcher of several choose "trl".')
    torch.manual_seed(config.seed)
    reference = copy.deepcopy(model).eval() if config.kl_coefficient > 0 else None
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = adamw(learning, config.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, warm_up(config.warmup_steps))
    begun = course.begin()
    if begun:
        restore(course.resume.place(begun), model, optimiser, schedule)
    for step in range(begun, course.last):
        examples = experience(course, step)
        loss = accumulate(config, model, examples, course.pad_token, reference)
        norm = torch.nn.utils.clip_grad_norm_(learning, config.gradient_clip)
        rate = float(schedule.get_last_lr()[0])
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
        done = step + 1
        values = course.figures_of(done, {"loss": loss, "gradient_norm": norm.item(), "learning_rate": rate})
        if done in config.early_steps:
            course.save(done, model.state_dict())
        if course.keeps_at(done):
            store(course.resume.place(done), model, optimiser, schedule)
            course.keep(done)
        course.report(done, values)
        if done == course.last:
            break
    course.end(course.last, model.state_dict())


def store(folder: Path, model: "PreTrainedModel", optimiser: Optimizer, schedule: LRScheduler) -> None:
    """Write all that the next step depends on. Raises StorageError."""
    state = {
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "schedule": schedule.state_dict(),
        "random": torch.get_rng_state(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(state, folder / STATE_FILE)
    except (OSError, RuntimeError) as error:  # torch's own writer names no reason
        raise StorageError(f"The training's state cannot be written to {folder}: {error}.") from error


def restore(folder: Path, model: "PreTrainedModel", optimiser: Optimizer, schedule: LRScheduler) -> None:
    """Undo `store`. Raises MissingInput."""
    try:
        state = torch.load(folder / STATE_FILE, map_location=model.device, weights_only=True)
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        reason = f"The state {folder} of the training cannot be read: remove it to begin anew."
        raise MissingInput(reason) from error
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    schedule.load_state_dict(state["schedule"])
    torch.set_rng_state(state["random"].cpu())


def experience(course: Course, step: int) -> list[Example]:
    """Ask the step's problems, judge the answers and compare each with its group: (prompts x group) examples."""
    asked = [(group.question, draw.tokens) for group in course.ask(step) for draw in group.draws]
    rewards = course.rewards(
        [question.place for question, _ in asked],
        [answer for _, answer in asked],
        [question.kind for question, _ in asked],
    )
    table = torch.tensor([float("nan") if reward is None else reward for reward in rewards])
    advantages = group_advantages(table.view(-1, course.config.group), course.config.scale_rewards).flatten().tolist()
    masked = course.config.mask_truncated
    return [
        Example(Answered(question.prompt, answer), advantage, scored=not (masked and course.is_cut(answer)))
        for (question, answer), advantage in zip(asked, advantages, strict=True)
    ]


def accumulate(
    config: TrainConfig,
    model: "PreTrainedModel",
    examples: Sequence[Example],
    pad_token: int,
    reference: "PreTrainedModel | None" = None,
) -> float:
    """Add the gradient of the loss over all examples to the parameters. Returns the loss, a mean over the tokens of the
    answers that are scored."""
    model.train()
    scored = [example for example in examples if example.scored]
    total_tokens = sum(len(example.text.answer) for example in scored)
    # Without a KL term an answer of advantage 0 has no gradient: most groups agree, so this saves half of the work.
    useful = [example for example in scored if example.advantage != 0 or reference is not None]
    loss_sum = 0.0
    for batch in micro_batches(useful, config.micro_batch):
        tokens, labels = (ids.to(model.device) for ids in padded([one.text for one in batch], pad_token))
        surprisal = token_surprisal(model, tokens, labels, config.temperature)
        ratio = torch.exp(surprisal.detach() - surprisal)  # 1, and the gradient of the log-probability
        advantages = torch.tensor([example.advantage for example in batch], device=model.device)[:, None]
        token_loss = -ratio * advantages
        if reference is not None:
            with torch.no_grad():
                expected = token_surprisal(reference, tokens, labels, config.temperature)
            difference = surprisal - expected
            # Times the ratio, so that the gradient is that of the reverse KL (arXiv 2512.02556).
            token_loss = token_loss + config.kl_coefficient * ratio * (difference.exp() - difference - 1)
        loss = token_loss[labels[:, 1:] != NOT_SCORED].sum() / max(total_tokens, 1)
        loss.backward()
        loss_sum += loss.item()
    return loss_sum


def token_surprisal(
    model: "PreTrainedModel", tokens: torch.Tensor, labels: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Minus the log-probability of each label at the sampling temperature, 0 where unscored: (batch, length - 1)."""
    logits = model(input_ids=tokens).logits[:, :-1].float() / temperature
    flat = cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), reduction="none", ignore_index=NOT_SCORED)
    return flat.view(labels.shape[0], -1)


def micro_batches(examples: Sequence[Example], size: int) -> Iterator[list[Example]]:
    """Batches of answers of similar length, so that little is padded."""
    ordered = sorted(examples, key=lambda example: example.text.length)
    for start in range(0, len(ordered), size):
        yield list(ordered[start : start + size])
