"""pass@k without bias: the chance that k of n samples, drawn without replacement, hold a solved one.

1 - C(n-c, k) / C(n, k), arXiv 2107.03374, equation 1. Undefined (nan) when n < k: fewer samples than asked for say
nothing about k, and a silent 1.0 would be false.
"""

import numpy as np
from numpy.typing import ArrayLike

from compute.stats.rates import Floats


def pass_at_k(n: ArrayLike, solved: ArrayLike, k: ArrayLike) -> Floats:
    """Elementwise over broadcast arrays of samples, solved samples and budget; nan where n < k."""
    return 1.0 - miss_at_k(n, solved, k)


def miss_at_k(n: ArrayLike, solved: ArrayLike, k: ArrayLike) -> Floats:
    """C(n-c, k) / C(n, k), the chance that all k fail; nan where n < k."""
    total, hits, budget = np.broadcast_arrays(*(np.asarray(a, dtype=np.int64) for a in (n, solved, k)))
    if np.any(hits < 0) or np.any(hits > total) or np.any(budget < 0):
        raise ValueError("0 <= solved <= n and 0 <= k must hold")
    possible = budget <= total
    all_can_fail = possible & (budget <= total - hits)
    log_factorial = log_factorials(int(total.max(initial=0)))
    n_, c_, k_ = total[all_can_fail], hits[all_can_fail], budget[all_can_fail]
    # Paired so that c = 0 and k = 0 give exactly 1.
    logarithm = (log_factorial[n_ - c_] - log_factorial[n_]) + (log_factorial[n_ - k_] - log_factorial[n_ - c_ - k_])
    result = np.where(possible, 0.0, np.nan)
    result[all_can_fail] = np.minimum(np.exp(logarithm), 1.0)
    return result


def log_factorials(largest: int) -> Floats:
    """ln 0!, ln 1!, ..., ln largest!"""
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, largest + 1)))])
