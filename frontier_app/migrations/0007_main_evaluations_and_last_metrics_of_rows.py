"""What the columns of the migration before hold for rows that are there already."""

from django.db import migrations

LAST_METRICS = """
UPDATE frontier_app_run AS run SET last_metrics = found.metrics FROM (
    SELECT run_id, jsonb_object_agg(name, jsonb_build_array(step, value)) AS metrics FROM (
        SELECT DISTINCT ON (run_id, name) run_id, name, step, value FROM frontier_app_metricpoint
        ORDER BY run_id, name, step DESC
    ) AS last GROUP BY run_id
) AS found WHERE found.run_id = run.id
"""
MEASURED = """
FROM frontier_app_evaluation AS evaluation
JOIN frontier_app_study AS study ON study.id = evaluation.study_id
    AND study.held_out_set_id = evaluation.problem_set_id
JOIN frontier_app_checkpoint AS measured ON measured.id = evaluation.checkpoint_id
WHERE evaluation.samples_done > 0
"""
MAIN_EVALUATIONS = f"""
UPDATE frontier_app_checkpoint AS checkpoint SET main_evaluation_id = found.id FROM (
    SELECT DISTINCT ON (measured.id) evaluation.id, measured.id AS checkpoint_id {MEASURED}
    ORDER BY measured.id, evaluation.samples_done DESC, evaluation.id DESC
) AS found WHERE found.checkpoint_id = checkpoint.id;
UPDATE frontier_app_run AS run SET main_evaluation_id = found.id FROM (
    SELECT DISTINCT ON (measured.run_id) evaluation.id, measured.run_id {MEASURED}
        AND measured.origin = 'trained' AND measured.step = (SELECT steps FROM frontier_app_run WHERE id = run_id)
    ORDER BY measured.run_id, evaluation.samples_done DESC, evaluation.id DESC
) AS found WHERE found.run_id = run.id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("frontier_app", "0006_main_evaluations_and_last_metrics"),
    ]

    operations = [
        migrations.RunSQL(LAST_METRICS, migrations.RunSQL.noop),
        migrations.RunSQL(MAIN_EVALUATIONS, migrations.RunSQL.noop),
    ]
