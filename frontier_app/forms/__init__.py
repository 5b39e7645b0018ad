"""What people fill in. A form turns text into numbers and rows, and says beside the field what is wrong with it.

Whether a request makes sense is decided by `frontier_app.launch`; its refusals are put beside the same fields.
Nothing here writes a row.
"""

from frontier_app.forms.jobs import EvaluateForm, GeometryForm, MergeForm, SweepForm, TrainForm
from frontier_app.forms.launching import LaunchForm
from frontier_app.forms.problems import AuditForm, ImportForm, NewStudyForm
from frontier_app.forms.templates import (
    FromBaseForm,
    LevelsForm,
    RandomTestsForm,
    ScaleForm,
    SeedsForm,
    SettingsForm,
    SoupForm,
)
from frontier_app.models import Checkpoint, Study

__all__ = ["FORMS", "GeometryForm", "LaunchForm", "NewStudyForm", "starting_values"]

FORMS: dict[str, type[LaunchForm]] = {
    "train": TrainForm,
    "sweep": SweepForm,
    "merge": MergeForm,
    "geometry": GeometryForm,
    "evaluate": EvaluateForm,
    "import": ImportForm,
    "audit": AuditForm,
    "levels": LevelsForm,
    "random-tests": RandomTestsForm,
    "from-base": FromBaseForm,
    "soup": SoupForm,
    "seeds": SeedsForm,
    "settings": SettingsForm,
    "scale": ScaleForm,
}


def starting_values(study: Study) -> dict[str, object]:
    """What a form begins with: the ends of the newest path, else the lowest and the highest coverage trained."""
    path = study.paths.newest()
    if path is not None:
        return {"low": path.low.reference, "high": path.high.reference}
    trained = Checkpoint.objects.filter(study=study, origin=Checkpoint.TRAINED, coverage__isnull=False)
    by_coverage = list(trained.order_by("coverage", "-step")[:1]) + list(trained.order_by("-coverage", "-step")[:1])
    if len(by_coverage) < 2 or by_coverage[0] == by_coverage[1]:
        return {}
    return {"low": by_coverage[0].reference, "high": by_coverage[1].reference}
