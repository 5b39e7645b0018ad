"""Fields that turn text into numbers and rows of the study."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from frontier_app.launch import LaunchError, parse_numbers
from frontier_app.models import Checkpoint, ProblemSet, Study

MOST_CHOICES = 500
LONGEST_NUMBERS = 4_000


class NumbersField(forms.CharField):
    """Numbers and ranges as `launch.parse_numbers` reads them; without repeats where they are `distinct`."""

    distinct = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=LONGEST_NUMBERS, **kwargs)

    def clean(self, value: str | None) -> Sequence[float]:
        text = super().clean(value).replace("−", "-")
        try:
            numbers = parse_numbers(text, "")
        except LaunchError as error:
            raise ValidationError(error.message) from None
        return tuple(dict.fromkeys(numbers) if self.distinct else numbers)


class CoefficientsField(NumbersField):
    distinct = False


class WholeNumbersField(NumbersField):
    def clean(self, value: str | None) -> Sequence[int]:
        numbers = super().clean(value)
        broken = next((number for number in numbers if not float(number).is_integer() or number < 0), None)
        if broken is not None:
            raise ValidationError(f"{broken:g} is not a whole number from 0 on.")
        return [int(number) for number in numbers]


class NumberField(NumbersField):
    """Exactly one number."""

    def clean(self, value: str | None) -> float:  # type: ignore[override]
        numbers = super().clean(value)
        if len(numbers) != 1:
            raise ValidationError("Write one number, for example 0.5.")
        return numbers[0]


class PartsField(forms.CharField):
    """Alphas of single layers or modules: `pattern = alpha`, a line each. Gives them by pattern, in their order."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=LONGEST_NUMBERS, widget=forms.Textarea({"rows": 3, "class": "mono"}), **kwargs)

    def clean(self, value: str | None) -> dict[str, float]:
        found: dict[str, float] = {}
        lines = 0
        for line in super().clean(value).replace("−", "-").splitlines():
            pattern, equals, number = (part.strip() for part in line.rpartition("="))
            if not line.strip():
                continue
            try:
                found[pattern] = float(number)
            except ValueError:
                equals = ""
            if not (pattern and equals):
                raise ValidationError(f"Write a pattern and its alpha, such as model.layers.0.* = 0.3, not {line!r}.")
            if len(found) < (lines := lines + 1):
                raise ValidationError(f"The pattern {pattern} stands in two lines: the last that matches counts.")
        return found


class CheckpointField(forms.ModelChoiceField):
    """One checkpoint of the study, by its reference. Lists the newest; the address can name any other."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            queryset=Checkpoint.objects.none(),
            to_field_name="reference",
            empty_label="choose a checkpoint",
            error_messages={
                "required": "Choose a checkpoint.",
                "invalid_choice": "This checkpoint is not in the study any more; choose another.",
            },
            **kwargs,
        )

    def offer(self, checkpoints: QuerySet[Checkpoint], chosen: str | None) -> None:
        self.queryset = checkpoints
        listed = list(checkpoints.order_by("-pk")[:MOST_CHOICES])
        if chosen and all(one.reference != chosen for one in listed):
            listed += list(checkpoints.filter(reference=chosen))
        shown = [(one.reference, self.label_from_instance(one)) for one in reversed(listed)]
        self.choices = [("", self.empty_label), *shown]

    def label_from_instance(self, one: Checkpoint) -> str:
        return one.name if one.materialised or one.origin == Checkpoint.MERGED else f"{one.name} (planned)"


class CheckpointsField(forms.CharField):
    """Checkpoints of the study by their references, by commas; none where it is left empty."""

    checkpoints: QuerySet[Checkpoint] = Checkpoint.objects.none()

    def clean(self, value: str | None) -> Sequence[Checkpoint]:
        wanted = list(dict.fromkeys(super().clean(value).replace(",", " ").split()))
        found = {one.reference: one for one in self.checkpoints.filter(reference__in=wanted)}
        missing = next((one for one in wanted if one not in found), None)
        if missing is not None:
            raise ValidationError(f"This study has no checkpoint {missing}.")
        return [found[one] for one in wanted]


class ProblemSetField(forms.ModelChoiceField):
    """The held-out or the training set of the study, by its reference."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            queryset=ProblemSet.objects.none(),
            to_field_name="reference",
            empty_label="choose a problem set",
            error_messages={
                "required": "Choose a problem set.",
                "invalid_choice": "This study has no such problem set; choose another.",
            },
            **kwargs,
        )

    def offer(self, study: Study) -> None:
        self.queryset = ProblemSet.objects.filter(pk__in=[study.held_out_set_id, study.train_set_id])
        named = [(study.held_out_set, "held out"), (study.train_set, "training")]
        self.choices = [(one.reference, f"{words}: {one}") for one, words in named if one is not None]
