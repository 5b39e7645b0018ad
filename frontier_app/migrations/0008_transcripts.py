"""Transcripts as rows. The column they replace was empty everywhere: no answer had more than one turn."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("frontier_app", "0007_main_evaluations_and_last_metrics_of_rows")]

    operations = [
        migrations.CreateModel(
            name="Transcript",
            fields=[
                ("sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("text", models.TextField()),
                ("ended", models.CharField(max_length=20)),
                ("turns", models.PositiveIntegerField()),
                ("calls", models.PositiveIntegerField(help_text="of tools, that were run")),
            ],
        ),
        migrations.RemoveField("sample", "transcript"),
        migrations.AddField(
            "sample",
            "transcript",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                help_text="null for a single turn",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="samples",
                to="frontier_app.transcript",
            ),
        ),
    ]
