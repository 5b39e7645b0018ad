"""Forms of study templates, which launch several jobs together."""

from typing import Any

from django import forms

from compute.miniature.study import PLAN
from frontier_app.forms.fields import CheckpointsField, NumbersField, WholeNumbersField
from frontier_app.forms.launching import LaunchForm, PathFields, SamplingFields


class LevelsForm(SamplingFields, LaunchForm):
    coverages = NumbersField(
        label="Coverages", initial="0.4, 0.8, 1", help_text="the lowest and the highest are the ends of each path"
    )
    seeds = WholeNumbersField(label="Seeds", initial="0, 1, 2", help_text="one training of each level a seed")
    alphas = NumbersField(
        label="Alphas", initial="-0.5:1.5:0.25", help_text="at which the path of each seed is measured"
    )
    steps = forms.IntegerField(label="Steps", min_value=1, max_value=100_000, initial=PLAN.steps)
    field_order = ("coverages", "alphas", "seeds", "steps", "samples")
    folded = ("setting", "engine")


class RandomTestsForm(SamplingFields, LaunchForm):
    coverages = NumbersField(
        label="Coverages", initial="0.4", help_text="how many tests are drawn: as many as the level requires"
    )
    seeds = WholeNumbersField(label="Seeds", initial="0", help_text="those of the nested trainings to compare with")
    steps = forms.IntegerField(label="Steps", min_value=1, max_value=100_000, initial=PLAN.steps)
    field_order = ("coverages", "seeds", "steps", "samples")
    folded = ("setting", "engine")


class FromBaseForm(PathFields, SamplingFields, LaunchForm):
    alphas = NumbersField(
        label="Lengths",
        initial="0.5, 1.25, 1.5, 2",
        help_text="base + a (end − base): 1 is the end itself, more goes past it",
    )
    field_order = ("low", "high", "alphas", "samples")
    folded = ("setting", "engine")


class SoupForm(SamplingFields, LaunchForm):
    members = CheckpointsField(
        label="Members",
        required=False,
        max_length=20_000,
        help_text="references of trained checkpoints; left empty: what every nested training ends with",
    )
    field_order = ("members", "samples")
    folded = ("setting", "engine")


class SeedsForm(SamplingFields, LaunchForm):
    coverages = NumbersField(label="Coverages", initial="1", help_text="the level that several seeds are trained at")
    seeds = WholeNumbersField(label="Seeds", initial="0, 1, 2", help_text="one member each")
    steps = forms.IntegerField(label="Steps", min_value=1, max_value=100_000, initial=PLAN.steps)
    field_order = ("coverages", "seeds", "steps", "samples")
    folded = ("setting", "engine")


class SettingsForm(PathFields, SamplingFields, LaunchForm):
    alphas = NumbersField(
        label="Alphas", initial="-0.5, 0.5, 1.5", help_text="measured in every setting, with both ends"
    )
    field_order = ("low", "high", "alphas", "samples")
    folded = ("engine",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["setting"]


class ScaleForm(LevelsForm):
    """The levels again, from a base of another scale."""
