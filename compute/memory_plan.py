"""How much memory a model needs, to serve and to train: arithmetic on its config.json, nothing is loaded.

Dense decoders of the Llama and Qwen 2 kind. Estimates, in bytes: serving counts weights, the cache of keys and values
and a flat share for the run time; training counts 16 bytes a parameter (weights and gradients in bfloat16, float32
weights and Adam's two moments) sharded over all devices, and with gradient checkpointing one hidden state a layer and
token. Mixtures of experts, quantised weights and other families are refused, not guessed.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from compute.configs import one_sentence
from compute.errors import ConfigError, MissingInput

BFLOAT16 = 2
FLOAT32 = 4
TRAINED_PARAMETER_BYTES = 2 * BFLOAT16 + 3 * FLOAT32
USABLE_SHARE = 0.9  # of a device; vLLM's own default
LEAST_TRAINING_ROOM = 0.5  # of a device beside the activations of one sequence; below, sequences must be split
RUN_TIME_BYTES = 3 << 30  # a device: CUDA context, graphs, activations of one batch
FAMILIES = ("llama", "qwen2", "qwen3", "mistral")
BIASED = ("qwen2",)
# Shapes of the models that the papers use, for those who have no folder at hand.
KNOWN = {
    "qwen2.5-7b": {
        "model_type": "qwen2", "hidden_size": 3584, "num_hidden_layers": 28, "num_attention_heads": 28,
        "num_key_value_heads": 4, "intermediate_size": 18944, "vocab_size": 152064,
    },
    "qwen2.5-32b": {
        "model_type": "qwen2", "hidden_size": 5120, "num_hidden_layers": 64, "num_attention_heads": 40,
        "num_key_value_heads": 8, "intermediate_size": 27648, "vocab_size": 152064,
    },
}  # fmt: skip


class Shape(BaseModel):
    """What of a config.json decides about memory."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    model_type: str
    hidden_size: int = Field(ge=1)
    num_hidden_layers: int = Field(ge=1)
    num_attention_heads: int = Field(ge=1)
    num_key_value_heads: int | None = Field(None, ge=1)
    head_dim: int | None = Field(None, ge=1)
    intermediate_size: int = Field(ge=1)
    vocab_size: int = Field(ge=1)
    tie_word_embeddings: bool = False

    @property
    def head(self) -> int:
        return self.head_dim or self.hidden_size // self.num_attention_heads

    @property
    def key_value_width(self) -> int:
        return (self.num_key_value_heads or self.num_attention_heads) * self.head

    @property
    def parameters(self) -> int:
        query = self.num_attention_heads * self.head
        attention = 2 * self.hidden_size * (query + self.key_value_width)
        biases = query + 2 * self.key_value_width if self.model_type in BIASED else 0
        norms = 2 * self.hidden_size + (2 * self.head if self.model_type == "qwen3" else 0)
        layer = attention + biases + 3 * self.hidden_size * self.intermediate_size + norms
        embeddings = self.vocab_size * self.hidden_size * (1 if self.tie_word_embeddings else 2)
        return embeddings + self.num_hidden_layers * layer + self.hidden_size

    def adapter_parameters(self, rank: int, targets: Sequence[str] = ("all-linear",)) -> int:
        """Of a LoRA adapter on these linear layers: rank x (inputs + outputs) each. What `targets` names in another way
        than by a layer's own name is not counted, so it may be more."""
        query, hidden, inner = self.num_attention_heads * self.head, self.hidden_size, self.intermediate_size
        sums = {
            "q_proj": hidden + query,
            "k_proj": hidden + self.key_value_width,
            "v_proj": hidden + self.key_value_width,
            "o_proj": query + hidden,
            "gate_proj": hidden + inner,
            "up_proj": hidden + inner,
            "down_proj": inner + hidden,
        }
        adapted = sums.keys() if tuple(targets) == ("all-linear",) else sums.keys() & set(targets)
        return self.num_hidden_layers * rank * sum(sums[name] for name in adapted)

    @property
    def training_bytes(self) -> int:
        """Weights, gradients and optimiser, without activations."""
        return self.parameters * TRAINED_PARAMETER_BYTES

    @property
    def cache_bytes_a_token(self) -> int:
        """Keys and values of all layers in bfloat16."""
        return 2 * self.num_hidden_layers * self.key_value_width * BFLOAT16

    def training_activation_bytes(self, tokens: int) -> int:
        """Of one sequence with gradient checkpointing: hidden states, one layer's inside, and the logits twice."""
        inside = tokens * (4 * self.hidden_size + 3 * self.intermediate_size) * BFLOAT16
        logits = 2 * tokens * self.vocab_size * FLOAT32
        return self.num_hidden_layers * tokens * self.hidden_size * BFLOAT16 + inside + logits


class Plan(NamedTuple):
    """Bytes, and whole devices; 0 devices where one sequence fills most of any of them.

    `answers_at_once`: whole contexts that fit the cache on `serving_devices`.
    """

    parameters: int
    weights_bytes: int
    cache_bytes_a_context: int
    serving_devices: int
    answers_at_once: int
    optimiser_bytes: int
    activation_bytes: int
    training_devices: int
    sweep_host_bytes: int


def read_shape(source: str) -> Shape:
    """A name in `KNOWN`, a checkpoint folder or a config.json. Raises MissingInput, ConfigError."""
    if source.lower() in KNOWN:
        return Shape.model_validate(KNOWN[source.lower()])
    path = Path(source) / "config.json" if Path(source).is_dir() else Path(source)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise MissingInput(f"There is no model config at {path}; known by name are {', '.join(KNOWN)}.") from None
    except ValueError as error:
        raise ConfigError(f"The model config {path} is not JSON: {error}.") from None
    try:
        shape = Shape.model_validate(data)
    except ValidationError as error:
        raise ConfigError(f"The model config {path} cannot be planned with: {one_sentence(error)}") from None
    if shape.model_type not in FAMILIES or "quantization_config" in data or "num_experts" in data:
        raise ConfigError(
            f"The model config {path} is of a kind that is not planned for ({shape.model_type}): dense, unquantised"
            f" models of {', '.join(FAMILIES)} are."
        )
    return shape


def plan(shape: Shape, device_bytes: int, context_tokens: int) -> Plan:
    """The fewest devices of `device_bytes` each: to serve one answer of `context_tokens`, and to train on one."""
    weights = shape.parameters * BFLOAT16
    context = shape.cache_bytes_a_token * context_tokens
    usable = int(device_bytes * USABLE_SHARE) - RUN_TIME_BYTES
    if usable <= 0:
        raise ConfigError(f"A device of {device_bytes / 1e9:g} GB holds no model: its run time alone takes 3 GiB.")
    serving = _splits(shape, math.ceil((weights + context) / usable))
    optimiser = shape.parameters * TRAINED_PARAMETER_BYTES - weights
    activations = shape.training_activation_bytes(context_tokens)
    room = usable - activations
    return Plan(
        parameters=shape.parameters,
        weights_bytes=weights,
        cache_bytes_a_context=context,
        serving_devices=serving,
        answers_at_once=(serving * usable - weights) // context,
        optimiser_bytes=optimiser,
        activation_bytes=activations,
        training_devices=math.ceil((weights + optimiser) / room) if room > usable * LEAST_TRAINING_ROOM else 0,
        sweep_host_bytes=2 * weights,
    )


def _splits(shape: Shape, least: int) -> int:
    """The next number of devices that the attention heads split over evenly; `least` where there are fewer heads."""
    heads = shape.num_attention_heads
    return next((devices for devices in range(least, heads + 1) if heads % devices == 0), least)
