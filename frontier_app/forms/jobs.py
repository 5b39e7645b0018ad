"""Forms that launch one kind of job."""

from functools import partial

from django import forms
from django.db.models import Q, QuerySet

from compute.miniature.study import PLAN
from frontier_app.forms.fields import (
    CheckpointField,
    CheckpointsField,
    CoefficientsField,
    NumberField,
    NumbersField,
    PartsField,
    WholeNumbersField,
)
from frontier_app.forms.launching import (
    ElsewhereFields,
    LaunchForm,
    PathFields,
    QueueField,
    QueueFields,
    SamplingFields,
)
from frontier_app.launch import MEASURED, queue_choices
from frontier_app.models import Checkpoint

SAMPLERS = [("cached", "our sampler, in the process"), ("vllm", "vLLM")]
TRAINERS = [("trl", "TRL GRPOTrainer"), ("compact", "compact loop")]


class SweepForm(PathFields, SamplingFields, ElsewhereFields, LaunchForm):
    alphas = NumbersField(
        label="Alphas",
        initial="-0.5:1.5:0.25",
        help_text="numbers, or first:last:step; below 0 and above 1 extrapolates; measured points are not repeated",
    )
    field_order = ("low", "high", "alphas", "samples", "setting")
    folded = ("engine",)


MERGE_METHODS = [
    ("linear", "linear: (1 − a) low + a high"),
    ("slerp", "slerp: along the arc from low to high"),
    ("task_arithmetic", "task arithmetic: base + coefficients × differences"),
    ("ties", "TIES: largest differences that agree in sign"),
    ("dare", "DARE: differences thinned at random"),
]


class MergeForm(PathFields, QueueFields, LaunchForm):
    queue = QueueField(partial(queue_choices, light=True))
    alpha = NumberField(
        label="Alpha",
        initial="0.5",
        help_text="weights (1 − a) of the low end and a of the high end, summed in float32",
    )
    method = forms.ChoiceField(
        label="Method",
        initial="linear",
        choices=MERGE_METHODS,
        required=False,
        help_text="linear is what a sweep measures; the others are measured once they are written",
    )
    coefficients = CoefficientsField(
        label="Coefficients",
        required=False,
        help_text="of the two differences from the base, such as 1, 0.5, in place of 1 − a and a",
    )
    density = forms.FloatField(
        label="Density", required=False, help_text="share of each difference that TIES and DARE keep, such as 0.2"
    )
    parts = PartsField(
        label="Parts",
        required=False,
        help_text="an alpha of their own for layers or modules, a line each: model.layers.0.* = 0.3; * is any text",
    )
    folded = ("method", "coefficients", "density", "parts")

    def clean_method(self) -> str:
        return self.cleaned_data["method"] or "linear"


class GeometryForm(PathFields, LaunchForm):
    def checkpoints(self, field: str) -> QuerySet[Checkpoint]:
        """Whatever has a folder, or will have one, but the base."""
        virtual = Q(origin=Checkpoint.MERGED, folder="")
        return Checkpoint.objects.filter(study=self.study).exclude(virtual | Q(pk=self.study.base_id))


class EvaluateForm(SamplingFields, ElsewhereFields, LaunchForm):
    checkpoint = CheckpointField(label="Checkpoint")
    others = CheckpointsField(
        label="And these", required=False, help_text="references of more checkpoints, by commas; one job each"
    )
    field_order = ("checkpoint", "others", "samples", "setting")
    folded = ("engine",)

    def checkpoints(self, field: str) -> QuerySet[Checkpoint]:
        return Checkpoint.objects.filter(study=self.study)


class TrainForm(QueueFields, ElsewhereFields, LaunchForm):
    coverages = NumbersField(
        label="Coverages",
        initial="0.4, 1",
        help_text="share of each problem's tests that earns the reward; one run each",
    )
    seeds = WholeNumbersField(label="Seeds", initial="0", help_text="one run for each seed and coverage")
    steps = forms.IntegerField(label="Steps", min_value=1, max_value=100_000, initial=PLAN.steps)
    save_steps = WholeNumbersField(
        label="Early checkpoints",
        required=False,
        help_text="steps to save at as well, such as 8; extrapolation reaches furthest from few steps",
    )
    prompts_per_step = forms.IntegerField(
        label="Problems a step", min_value=1, max_value=4096, initial=PLAN.prompts_per_step
    )
    repairs_per_step = forms.IntegerField(
        label="Repairs a step",
        required=False,
        min_value=0,
        max_value=4096,
        help_text="attempts of the step that failed, asked about again (online fixing); left empty: none",
    )

    group = forms.IntegerField(label="Answers a problem", min_value=2, max_value=4096, initial=PLAN.group)
    learning_rate = forms.FloatField(label="Learning rate", min_value=0, initial=PLAN.learning_rate)
    temperature = forms.FloatField(label="Temperature", min_value=0, max_value=5, initial=PLAN.temperature)
    kl_coefficient = forms.FloatField(label="KL coefficient", min_value=0, initial=0.0)
    scale_rewards = forms.BooleanField(label="Divide advantages by their deviation", required=False)
    tests = forms.ChoiceField(
        label="Required tests",
        initial="first",
        choices=[("first", "the first in size order"), ("random", "as many at random (control)")],
    )
    trainer = forms.ChoiceField(label="Trainer", initial=PLAN.trainer, choices=TRAINERS)
    mask_truncated = forms.BooleanField(label="Learn nothing from answers that are cut", required=False)
    lora_rank = forms.IntegerField(
        label="LoRA rank",
        required=False,
        min_value=1,
        max_value=4096,
        help_text="left empty: all weights; else an adapter of this rank, merged into the checkpoint",
    )
    measure_every = forms.IntegerField(
        label="Measure every",
        required=False,
        min_value=1,
        max_value=100_000,
        help_text=f"steps, on {MEASURED} held-out problems; left empty: never",
    )
    patience = forms.IntegerField(
        label="Patience",
        required=False,
        min_value=1,
        max_value=1000,
        help_text="ends a run that so many measurements have not improved; it then chooses by held-out problems",
    )
    resume_every = forms.IntegerField(
        label="Keep a state every",
        required=False,
        min_value=0,
        max_value=100_000,
        help_text="steps, to go on from when killed; left empty: 1; 0 never. It is three times the weights",
    )
    sampler = forms.TypedChoiceField(
        label="Answers from",
        required=False,
        choices=SAMPLERS,
        empty_value=SAMPLERS[0][0],
        help_text="vLLM needs the TRL trainer and a GPU",
    )
    vllm_server = forms.CharField(
        label="vLLM server",
        required=False,
        max_length=500,
        help_text="address of a trl vllm-serve; left empty: vLLM runs beside the policy",
    )
    folded = (
        "tests",
        "prompts_per_step",
        "repairs_per_step",
        "group",
        "learning_rate",
        "temperature",
        "kl_coefficient",
        "trainer",
        "lora_rank",
        "measure_every",
        "patience",
        "resume_every",
        "sampler",
        "vllm_server",
        "scale_rewards",
        "mask_truncated",
    )

    def clean_repairs_per_step(self) -> int:
        return self.cleaned_data["repairs_per_step"] or 0
