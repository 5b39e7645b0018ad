import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("frontier_app", "0004_evaluation_rates")]

    operations = [
        migrations.AddField(
            model_name="savedview",
            name="deleted",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="savedview",
            name="pinned",
            field=models.DateTimeField(
                default=django.utils.timezone.now, help_text="when the data of the snapshot were taken"
            ),
        ),
    ]
