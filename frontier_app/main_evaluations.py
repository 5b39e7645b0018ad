"""Which evaluation stands for a checkpoint, and for a run the one of the checkpoint that it ended with: on the study's
held-out problems the one with the most samples, of equals the newest.

It is stored, so that ten thousand rows are sorted and averaged by their rates without a search for each. A study keeps
its held-out problems once they have evaluations (`Study.uses`), so only new samples and new runs change the choice.
"""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery

from frontier_app.models import Checkpoint, Evaluation, Run

MEASURED = Evaluation.objects.filter(problem_set=F("study__held_out_set"), samples_done__gt=0).order_by(
    "-samples_done", "-pk"
)
OF_CHECKPOINT = MEASURED.filter(checkpoint=OuterRef("pk"))
OF_RUN = MEASURED.filter(
    checkpoint__run=OuterRef("pk"), checkpoint__origin=Checkpoint.TRAINED, checkpoint__step=OuterRef("steps")
)


@transaction.atomic
def refresh_main_evaluations(checkpoints: Iterable[int]) -> None:
    """Choose anew for these checkpoints and their runs."""
    rows = Checkpoint.objects.filter(pk__in=list(checkpoints))
    _choose(rows, OF_CHECKPOINT)
    _choose(Run.objects.filter(pk__in=rows.values("run")), OF_RUN)


def _choose(rows: "QuerySet[Any]", evaluations: "QuerySet[Evaluation]") -> None:
    # The rows are locked first: a statement that waited for another transaction would not see what that one stored.
    locked = list(rows.select_for_update().order_by("pk").values_list("pk", flat=True))
    rows.model._default_manager.filter(pk__in=locked).update(main_evaluation=Subquery(evaluations.values("pk")[:1]))
