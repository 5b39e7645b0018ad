"""Load a policy (model and tokenizer) from a checkpoint folder, from disk only."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from compute.checkpoints import describe
from compute.errors import EngineError, MissingInput

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

UNREADABLE = (OSError, ValueError, KeyError, RuntimeError)  # what transformers raises for a broken folder


def load_policy(
    folder: Path, dtype: Literal["float32", "bfloat16", "auto"] = "float32"
) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
    """The model, on the GPU where there is one, and its tokenizer. Raises MissingInput, EngineError."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    tokenizer = load_tokenizer(folder)
    logging.disable_progress_bar()
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True)
    except UNREADABLE as error:
        raise EngineError(f"The checkpoint {folder} cannot be loaded: {first_line(error)}") from error
    if torch.cuda.is_available():
        torch.nn.Module.cuda(model)
    return model, tokenizer


def load_tokenizer(folder: Path) -> "PreTrainedTokenizerBase":
    """Raises MissingInput where the checkpoint is not whole, EngineError where it has no chat template."""
    from transformers import AutoTokenizer

    describe(folder)  # says in one sentence what is absent or cut short
    if not (folder / "config.json").is_file():
        raise MissingInput(f"The checkpoint folder {folder} has no config.json.")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except UNREADABLE as error:
        raise EngineError(f"The checkpoint {folder} cannot be loaded: {first_line(error)}") from error
    if tokenizer.chat_template is None:
        raise EngineError(f"The tokenizer of {folder} has no chat template, so no prompt can be made.")
    return tokenizer


def load_generation(folder: Path) -> "GenerationConfig":
    """How the checkpoint says it is sampled; what it does not say comes from the model's own config."""
    from transformers import AutoConfig, GenerationConfig

    if (folder / "generation_config.json").is_file():
        return GenerationConfig.from_pretrained(folder, local_files_only=True)
    return GenerationConfig.from_model_config(AutoConfig.from_pretrained(folder, local_files_only=True))


def load_context(folder: Path) -> int | None:
    """The most tokens that the checkpoint's model reads, None where its config does not say."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    return getattr(config.get_text_config(), "max_position_embeddings", None)


def stop_tokens(generation: "GenerationConfig | None", tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """Every token id that ends an answer: the tokenizer's and all that the model declares."""
    declared = generation.eos_token_id if generation is not None else None
    found = set(declared if isinstance(declared, list) else [declared]) | {tokenizer.eos_token_id}
    return sorted(token for token in found if token is not None)


def decoded(tokenizer: "PreTrainedTokenizerBase", tokens: Sequence[int]) -> str:
    """The text of an answer, to the letter. Special tokens are kept: a closing fence may be one."""
    return str(tokenizer.decode(list(tokens), skip_special_tokens=False, clean_up_tokenization_spaces=False))


def first_line(error: Exception) -> str:
    with contextlib.suppress(IndexError):
        return str(error).strip().splitlines()[0]
    return type(error).__name__
