"""Numbers as JSON has them: rounded, and null where there is none, for JSON knows no nan."""

import numpy as np

from frontier_app.figures.frontier import Reading


def rounded(value: float, digits: int = 5) -> float | None:
    return round(float(value), digits) if np.isfinite(value) else None


def pair_of(reading: Reading) -> list[float | None]:
    """[rate, half-width]"""
    return [rounded(reading.rate), rounded(reading.half_width)]
