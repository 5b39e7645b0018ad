"""Supervised pre-training of the miniature bases: a small Llama learns to answer with slow and with fast programs.

One readable loop for one tiny model on one core; real bases come from elsewhere. The shipped base is rebuilt by
    OMP_NUM_THREADS=1 python -m compute pretrain compute/miniature/pretrain.json
and the one of the second scale with pretrain_small.json.
The same config gives the same weights on the same build of torch, and nearly the same elsewhere.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import cross_entropy

from compute.checkpoints import Manifest, refuse_occupied, save_model
from compute.configs import PretrainConfig, request_sha256
from compute.errors import Cancelled
from compute.events import CheckpointWritten, EventWriter, Metric, Progress
from compute.miniature.corpus import Corpus
from compute.miniature.lessons import Lessons
from compute.miniature.tokenizer import CLOSE, CLOSE_CALL, CONTEXT, train_tokenizer
from compute.rollout.prompts import Conversation, render
from compute.training.padding import NOT_SCORED, Answered, padded

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

WARMUP_STEPS = 50
FINAL_SHARE = 0.05  # of the learning rate, where the cosine ends
BUCKET = 4  # batches drawn together and sorted by length, which saves a third of the padding
REPORT_EVERY = 10


def run(config: PretrainConfig, emit: EventWriter, cancelled: Callable[[], bool]) -> dict[str, object]:
    """Train and write `config.folder`. Raises Cancelled, StorageError."""
    import transformers

    request = request_sha256(config)
    refuse_occupied(config.folder, request)
    torch.manual_seed(config.seed)
    lessons = Lessons(Corpus())
    tokenizer = train_tokenizer(lessons, config.seed)
    model = new_model(tokenizer, config)
    batches = draw_batches(lessons, tokenizer, config.batch, random.Random(config.seed + 1))
    loss = train(model, batches, config, emit, cancelled)
    notes = {
        "training": config.model_dump(mode="json", exclude={"folder"}),
        "mixture": asdict(lessons.corpus.mixture),
        "lessons": asdict(lessons.shares),
        "parameters": model.num_parameters(),
        "final_loss": round(loss, 4),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    }
    manifest = Manifest(reference=config.reference, origin="base", request_sha256=request, notes=notes)
    written = save_model(config.folder, model, tokenizer, manifest)
    emit(
        CheckpointWritten(
            checkpoint=config.reference,
            origin="base",
            folder=str(config.folder),
            sha256=written.sha256,
            size_bytes=written.size_bytes,
            run=config.reference,
            step=config.steps,
        )
    )
    return {"loss": loss, "parameters": model.num_parameters()}


def new_model(tokenizer: "PreTrainedTokenizerFast", config: PretrainConfig) -> "LlamaForCausalLM":
    """A small Llama with fresh weights: at the usual size about 0.6 million parameters.

    Not a Qwen2: beside one, transformers 5 insists on Qwen's own tokenizer, whatever the folder holds."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=config.hidden_size,
            intermediate_size=config.hidden_size * 11 // 4,
            num_hidden_layers=config.layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=list(ends_of(tokenizer)),
            bos_token_id=None,
        )
    )


def train(
    model: "LlamaForCausalLM",
    batches: Iterator[list[Answered]],
    config: PretrainConfig,
    emit: EventWriter,
    cancelled: Callable[[], bool],
) -> float:
    """AdamW with warm-up and cosine decay. Returns the smoothed loss at the end. Raises Cancelled."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    model.train()
    smoothed = math.nan
    for step in range(config.steps):
        if cancelled():
            raise Cancelled("Pre-training was cancelled.")
        rate = learning_rate(step, config)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = answer_loss(model, next(batches))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        smoothed = loss.item() if step == 0 else 0.97 * smoothed + 0.03 * loss.item()
        done = step + 1
        if done % REPORT_EVERY == 0 or done == config.steps:
            emit(Metric(run=config.reference, step=done, values={"loss": smoothed, "learning_rate": rate}))
            emit(Progress(stage="Pre-training", done=done, total=config.steps, unit="steps"))
    return smoothed


def learning_rate(step: int, config: PretrainConfig) -> float:
    warm = min(1.0, (step + 1) / WARMUP_STEPS)
    cosine = 0.5 * (1 + math.cos(math.pi * step / config.steps))
    return config.learning_rate * warm * (FINAL_SHARE + (1 - FINAL_SHARE) * cosine)


def answer_loss(model: "LlamaForCausalLM", examples: list[Answered]) -> torch.Tensor:
    """Mean cross-entropy of the answers' tokens, given prompt and earlier tokens."""
    tokens, labels = padded(examples, model.config.pad_token_id or 0)
    logits = model(input_ids=tokens).logits[:, :-1]
    return cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=NOT_SCORED)


def ends_of(tokenizer: "PreTrainedTokenizerFast") -> tuple[int, int]:
    """What ends a turn: the closing fence, and the mark that closes a call."""
    known = tokenizer.get_vocab()
    return known[CLOSE], known[CLOSE_CALL]


def draw_batches(
    lessons: Lessons, tokenizer: "PreTrainedTokenizerFast", size: int, rng: random.Random
) -> Iterator[list[Answered]]:
    """Endless batches of `size` examples of similar length."""
    ends = ends_of(tokenizer)
    while True:
        examples = []
        for _ in range(size * BUCKET):
            lesson = lessons.draw(rng)
            prompt = render(tokenizer, Conversation(lesson.messages, lesson.tools)).text
            end = ends[lesson.call]
            examples.append(Answered(tokenizer(prompt)["input_ids"], [*tokenizer(lesson.answer)["input_ids"], end]))
        examples.sort(key=lambda one: one.length)
        batches = [examples[start : start + size] for start in range(0, len(examples), size)]
        rng.shuffle(batches)
        yield from batches
