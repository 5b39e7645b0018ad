"""AdamW for weights of any type: what is narrower than float32 is learnt in float32 and rounded once a step.

A weight in bfloat16 has eight bits, so that a step of 1e-6 on a weight of 0.02 would be rounded away, and with it every
step after it. Beside such a weight stand a float32 copy and two float32 moments: with its gradient 16 bytes a
parameter, as `compute.memory_plan` counts. Weights are updated one after the other, so that little is needed on top.
DeepSpeed and FSDP keep float32 copies of their own.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.nn import Parameter
from torch.optim.adam import adam

BETAS = (0.9, 0.95)
EPSILON = 1e-8


def adamw(parameters: Iterable[Parameter], learning_rate: float) -> torch.optim.Optimizer:
    """Without weight decay; torch's own where every weight is in float32 or wider."""
    weights = list(parameters)
    if any(is_narrow(weight) for weight in weights):
        return Float32AdamW(weights, learning_rate)
    return torch.optim.AdamW(weights, lr=learning_rate, betas=BETAS, eps=EPSILON, weight_decay=0.0)


def is_narrow(weight: torch.Tensor) -> bool:
    return weight.is_floating_point() and weight.dtype.itemsize < torch.float32.itemsize


class Float32AdamW(torch.optim.Optimizer):
    """AdamW (arXiv 1711.05101, no weight decay) whose weights, moments and arithmetic are in float32."""

    def __init__(self, parameters: Iterable[Parameter], learning_rate: float) -> None:
        super().__init__(parameters, {"lr": learning_rate})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        if closure is not None:
            raise ValueError("a closure is of no use here: gradients are taken before the step")
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, group["lr"])
        return None

    def _update(self, weight: Parameter, learning_rate: float) -> None:
        kept = self.state[weight]
        if not kept:
            kept["step"] = torch.tensor(0.0)
            kept["weight"] = weight.detach().to(torch.float32, copy=True)
            kept["mean"], kept["square"] = (torch.zeros_like(kept["weight"]) for _ in range(2))
        assert weight.grad is not None
        adam(
            [kept["weight"]],
            [weight.grad.float()],
            [kept["mean"]],
            [kept["square"]],
            [],
            [kept["step"]],
            foreach=False,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=learning_rate,
            weight_decay=0.0,
            eps=EPSILON,
            maximize=False,
            decoupled_weight_decay=True,
        )
        weight.copy_(kept["weight"])

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As torch's, which would round what is kept to the type of the weights."""
        super().load_state_dict(state_dict)
        weights = [weight for group in self.param_groups for weight in group["params"]]
        for place, kept in state_dict["state"].items():
            moved = {name: value.detach().to(weights[place].device, copy=True) for name, value in kept.items()}
            self.state[weights[place]] = moved | {"step": kept["step"].detach().clone()}
