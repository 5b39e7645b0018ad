"""The stored rates of evaluations by difficulty, from their rollups: one statement, however many evaluations.

Rates are means over problems, as `compute.stats.bootstrap.cluster_bootstrap` has them. Callers hold the evaluations'
rows locked (`frontier_app.ingest`), so that no two refresh one at once.
"""

from collections.abc import Sequence

from django.db import connection

KEPT = (
    "problems",
    "n",
    "infrastructure",
    "solve_rate",
    "optimisation_failure_rate",
    "correctness_failure_rate",
    "no_answer_rate",
    "mean_tokens",
    "mean_cpu_seconds",
)
REFRESH = f"""
INSERT INTO frontier_app_evaluationrate (evaluation_id, difficulty, {", ".join(KEPT)})
SELECT rollup.evaluation_id, problem.difficulty, count(*) FILTER (WHERE rollup.n > 0), sum(rollup.n),
    sum(rollup.infrastructure),
    avg(rollup.solved::float8 / nullif(rollup.n, 0)),
    avg(rollup.optimisation::float8 / nullif(rollup.n, 0)),
    avg(rollup.correctness::float8 / nullif(rollup.n, 0)),
    avg(rollup.no_answer::float8 / nullif(rollup.n, 0)),
    sum(rollup.tokens_sum)::float8 / nullif(sum(rollup.n), 0),
    sum(rollup.cpu_seconds_sum) / nullif(sum(rollup.n), 0)
FROM frontier_app_evaluation AS evaluation
JOIN frontier_app_problemset AS problem_set ON problem_set.id = evaluation.problem_set_id
JOIN frontier_app_rollup AS rollup ON rollup.evaluation_id = evaluation.id AND rollup.level = problem_set.levels
JOIN frontier_app_problem AS problem ON problem.id = rollup.problem_id
WHERE evaluation.id = ANY(%s)
GROUP BY rollup.evaluation_id, problem.difficulty
ON CONFLICT (evaluation_id, difficulty) DO UPDATE SET {", ".join(f"{name} = EXCLUDED.{name}" for name in KEPT)}
"""


def refresh_rates(evaluations: Sequence[int]) -> None:
    """Bring the stored rates of these evaluations up to their rollups."""
    with connection.cursor() as cursor:
        cursor.execute(REFRESH, [list(evaluations)])
