"""Signs that a policy collapses: answers without a program, long or unlikely answers, weights far from their start.

They are figures of a whole evaluation, over all its problems, kept when it ends (`Evaluation.alarms`). One is *raised*
against the figures of the nearer trained end of the path. Words and numbers only; no rows are read here.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from frontier_app.numbers.placement import Placed

# Fewer answers without a program than this raise no alarm; nor do figures within this factor of the nearer end's.
ALARMING_NO_ANSWER_RATE = 0.05
ALARMING_FACTOR = 1.5
ALARMS_BY_FACTOR = (
    ("mean_tokens", "answers {:.1f} times as long"),
    ("mean_log_likelihood", "answers {:.1f} times as unlikely"),
    ("mean_turns", "{:.1f} times as many turns"),
    ("mean_calls", "{:.1f} times as many tool calls"),
)
# Recorded in settings with turns alone.
OF_TURNS = ("mean_turns", "mean_calls")
# What the page shows of `Evaluation.alarms`.
SIGNS = ("no_answer_rate", "cut_off_rate", "mean_tokens", "mean_log_likelihood", "distance", "cosine", *OF_TURNS)


def signs_of(alarms: Mapping[str, float | None]) -> dict[str, float | None]:
    """Every sign to five digits, None where it was not recorded."""
    return {name: _five_digits(alarms.get(name)) for name in SIGNS}


def _five_digits(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(f"{value:.5g}")


def nearer_end(one: Placed, placed: Sequence[Placed]) -> Mapping[str, float | None]:
    """The alarm figures of the trained end of the path that lies nearer; none for an end and for a point apart."""
    if one.alpha is None or one.mark == "trained":
        return {}
    end = 0.0 if one.alpha < 0.5 else 1.0
    return next((other.evaluation.alarms for other in placed if other.alpha == end), {})


def raised_alarms(alarms: Mapping[str, float | None], end: Mapping[str, float | None]) -> list[str]:
    """Signs of collapse, a few words each, against the figures of the nearer trained end."""
    raised = []
    no_answer, usual = alarms.get("no_answer_rate"), end.get("no_answer_rate")
    if no_answer is not None and no_answer >= max(ALARMING_NO_ANSWER_RATE, 2 * (usual or 0.0)):
        raised.append(f"{no_answer:.0%} of answers hold no program")
    for name, words in ALARMS_BY_FACTOR:
        value, usual = alarms.get(name), end.get(name)
        if value and usual and not 1 / ALARMING_FACTOR < value / usual < ALARMING_FACTOR:
            raised.append(words.format(value / usual))
    return raised
