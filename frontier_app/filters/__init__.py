"""One filter language for runs, checkpoints, evaluations, problems and samples.

    alpha > 1 and not (state = planned or checkpoint ~ "^low")
    config.learning_rate in (1e-4, 2.5e-4) created >= 2026-11
    difficulty = hard tags = dp cpu_limit < 500ms squares

A condition is true or false and never unknown. What a row does not have stands in no relation to any value: with no
reward, `metric.reward < 1` and `metric.reward >= 1` are false, `metric.reward = none` is true, and so is everything
with a `not` (or `!`) before what is false, `not metric.reward < 1` for one. In an order such rows come last.

`language` reads a text into a syntax tree, `values` types its words, `fields` declares what each kind of row can be
asked for, `rows` makes the condition, and `completion` completes what somebody is typing. A mistake is one sentence
and a place in the text (FilterError), never anything else. Run the query of a filter inside `patience()`.
"""

from frontier_app.filters.fields import (
    CHECKPOINT_FIELDS,
    EVALUATION_FIELDS,
    FIELDS,
    HELD_OUT_FIELDS,
    PROBLEM_FIELDS,
    RUN_FIELDS,
    SAMPLE_FIELDS,
    Field,
    Fields,
)
from frontier_app.filters.language import FilterError
from frontier_app.filters.patience import patience
from frontier_app.filters.rows import compile_filter

__all__ = [
    "CHECKPOINT_FIELDS",
    "EVALUATION_FIELDS",
    "FIELDS",
    "HELD_OUT_FIELDS",
    "PROBLEM_FIELDS",
    "RUN_FIELDS",
    "SAMPLE_FIELDS",
    "Field",
    "Fields",
    "FilterError",
    "compile_filter",
    "patience",
]
