"""Group-relative advantages: how much better an answer is than the other answers to its prompt."""

import torch

STANDARD_DEVIATION_FLOOR = 1e-4


def group_advantages(rewards: torch.Tensor, scale: bool = False) -> torch.Tensor:
    """Rewards minus their group's mean (GRPO, arXiv 2402.03300, equation 3, without the division by default).

    `rewards`: (prompts, group), NaN where a sample is dropped: it neither counts in the mean nor gets an advantage.
    `scale` divides by the group's sample standard deviation, which weighs nearly solved and nearly unsolved prompts
    up (arXiv 2503.20783). Returns (prompts, group); 0 for dropped samples and for groups of fewer than two.
    """
    known = ~rewards.isnan()
    counts = known.sum(dim=1, keepdim=True)
    values = rewards.nan_to_num(0.0)
    means = values.sum(dim=1, keepdim=True) / counts.clamp(min=1)
    differences = torch.where(known, values - means, 0.0)
    if not scale:
        return differences
    variances = differences.square().sum(dim=1, keepdim=True) / (counts - 1).clamp(min=1)
    return differences / (variances.sqrt() + STANDARD_DEVIATION_FLOOR)
