"""What forms that launch share: the study they know, and groups of fields."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.db.models import QuerySet

from compute.configs import SETTINGS
from compute.miniature.study import PLAN
from frontier_app.forms.fields import CheckpointField, CheckpointsField, ProblemSetField
from frontier_app.launch import queue_choices
from frontier_app.models import Checkpoint, Study

ENGINES = [("transformers", "transformers"), ("vllm", "vLLM")]
PLACE_FIELDS = ("queue", "remote")


class LaunchForm(forms.Form):
    """Base of all that launch: knows the study, offers its checkpoints, marks invalid fields for people and readers.

    `folded` names the fields that most launches leave alone.
    """

    folded: tuple[str, ...] = ()

    def __init__(self, study: Study, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.study = study
        for name, field in self.fields.items():
            if isinstance(field, CheckpointField):
                field.offer(self.checkpoints(name), self.data.get(name) or self.initial.get(name))
            elif isinstance(field, CheckpointsField):
                field.checkpoints = self.checkpoints(name)
            elif isinstance(field, ProblemSetField):
                field.offer(study)
        if self.is_bound:
            for name in self.errors:
                if name in self.fields:
                    self.mark(name)

    def checkpoints(self, field: str) -> QuerySet[Checkpoint]:
        """What a field may name: for the ends of a path whatever has weights of its own."""
        return Checkpoint.objects.filter(study=self.study).exclude(origin=Checkpoint.MERGED)

    def folded_names(self) -> tuple[str, ...]:
        return (*self.folded, *(name for name in PLACE_FIELDS if name in self.fields))

    def open_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in self.folded_names()]

    def folded_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.folded_names()]

    def folded_has_errors(self) -> bool:
        return any(name in self.errors for name in self.folded_names())

    def refuse(self, field: str, message: str) -> None:
        """Put a refusal beside its field, or above the form when it belongs to none."""
        known = field if field in self.fields else None
        self.add_error(known, message)
        if known:
            self.mark(known)

    def mark(self, name: str) -> None:
        self.fields[name].widget.attrs |= {"aria-invalid": "true", "aria-describedby": f"id_{name}_error"}


class QueueField(forms.ChoiceField):
    def __init__(self, choices: Callable[[], list[tuple[str, str]]]) -> None:
        super().__init__(
            label="Queue",
            required=False,
            choices=choices,
            help_text="which workers take the job; one that does not fit their devices is refused",
        )


class QueueFields(forms.Form):
    """Where a job runs: always among the settings that most launches leave alone (`LaunchForm.folded_names`)."""

    queue = QueueField(queue_choices)


class ElsewhereFields(forms.Form):
    remote = forms.BooleanField(
        label="Run elsewhere",
        required=False,
        help_text="no worker here takes it: its page has the command for another machine, and for Slurm",
    )


class SamplingFields(QueueFields):
    samples = forms.IntegerField(
        label="Samples a problem",
        min_value=1,
        max_value=4096,
        initial=PLAN.samples,
        help_text="answers drawn for each held-out problem",
    )
    setting = forms.TypedChoiceField(
        label="Setting",
        required=False,
        choices=[(name, name) for name in SETTINGS],
        empty_value=SETTINGS[0],
        help_text="tools and agentic take several turns an answer, and keep each one's transcript",
    )
    engine = forms.TypedChoiceField(
        label="Engine",
        required=False,
        choices=ENGINES,
        empty_value=ENGINES[0][0],
        help_text="vLLM needs its interpreter on the worker: python -m compute doctor there says whether it has one",
    )


class PathFields(forms.Form):
    low = CheckpointField(label="Low end, a = 0")
    high = CheckpointField(label="High end, a = 1")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("low") and cleaned.get("low") == cleaned.get("high"):
            self.add_error("high", "The two ends are the same checkpoint; choose another.")
        return cleaned
