"""What can be filtered by: the fields of runs, checkpoints, evaluations, problems and samples.

A field says what it means and where it stands in the rows, never what is compared with it. A list of fields can be
extended for one page (`plus`), or reduced to what its viewer may ask for (`without`): who can filter by something can
find out what it is.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    IntegerField,
    Max,
    Min,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.expressions import Combinable, Func
from django.db.models.functions import Cast, Coalesce, Length, NullIf, Replace

from compute.configs import SETTINGS
from compute.problems.audit import MARKS
from compute.stats.rates import RATE_NAMES
from frontier_app.filters.values import Kind
from frontier_app.models import Checkpoint, Evaluation, EvaluationRate, Job, MergeIngredient, Path

Source = str | Callable[[], Combinable]


@dataclass(frozen=True)
class Field:
    """One name of the language.

    `source` is a path from the row, or makes an expression over it. For WORDS and FREE it is the path of a JSON column,
    and `keys` are what leads to the value inside. `choices` are all values there are, as written -> as stored; ""
    in a row is as good as missing. With `keyed` the name is followed by a dot and a key: keys inside of JSON, or for
    any other kind the argument of `source_of`.
    """

    name: str
    kind: Kind
    source: Source
    description: str
    unit: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    keyed: bool = False
    source_of: Callable[[str], Combinable] | None = None
    suggested: bool = True

    @property
    def expression(self) -> Combinable:
        """The value, to filter, sort or annotate by."""
        return F(self.source) if isinstance(self.source, str) else self.source()

    def at(self, key: str) -> "Field":
        """The field that a keyed one has under `key`."""
        name = f"{self.name}.{key}"
        if self.source_of is not None:
            source_of = self.source_of
            return replace(self, name=name, keyed=False, source=lambda: source_of(key))
        return replace(self, name=name, keyed=False, keys=(*self.keys, *key.split(".")))


@dataclass(frozen=True)
class Fields:
    """The fields of one kind of row; `searched` names those in which a word alone is looked for."""

    rows: str
    known: tuple[Field, ...]
    searched: tuple[str, ...]

    def __iter__(self) -> Iterator[Field]:
        return iter(self.known)

    def find(self, name: str) -> Field | None:
        """The field of that name, a key after a dot included."""
        head, dot, key = name.partition(".")
        for one in self.known:
            if one.name == name and not one.keyed:
                return one
            if one.keyed and one.name == head and dot and key and all(key.split(".")):
                return one.at(key)
        return None

    def plus(self, *more: Field) -> "Fields":
        return replace(self, known=self.known + more)

    def without(self, *names: str) -> "Fields":
        return replace(
            self,
            known=tuple(one for one in self.known if one.name not in names),
            searched=tuple(name for name in self.searched if name not in names),
        )


def text(name: str, source: Source, description: str, **more: Any) -> Field:
    return Field(name, Kind.TEXT, source, description, **more)


def number(name: str, source: Source, description: str, unit: str = "") -> Field:
    return Field(name, Kind.NUMBER, source, description, unit)


def truth(name: str, condition: Q, description: str) -> Field:
    return Field(name, Kind.TRUTH, lambda: ExpressionWrapper(condition, output_field=BooleanField()), description)


def date(name: str, source: Source, description: str) -> Field:
    return Field(name, Kind.DATE, source, description)


def free(name: str, source: str, description: str) -> Field:
    return Field(name, Kind.FREE, source, description, keyed=True)


def choice(name: str, source: Source, values: Mapping[str, str], description: str) -> Field:
    return Field(name, Kind.TEXT, source, description, choices=values)


def _same(*values: str) -> dict[str, str]:
    return {value: value for value in values}


class JsonLength(Func):
    """How many elements a JSON array has; missing for anything else."""

    template = "jsonb_array_length(jsonb_path_query_array(%(expressions)s, '$[*]'))"
    output_field = IntegerField()


def last_metric(name: str) -> Combinable:
    """A run's training figure at the last step that reports it; missing where it is undefined there."""
    value = Func(F("last_metrics"), Value(name), Value("1"), function="jsonb_extract_path_text")
    return Cast(value, FloatField())


UNITY = (1 - 1e-9, 1 + 1e-9)
"""Between these the weights of a merge sum to 1."""

ON_HELD_OUT = Q(problem_set=F("study__held_out_set"))
"""Of an evaluation: whether it was made on its study's held-out problems."""


def rate_of_evaluation(column: str) -> Combinable:
    """A mean over all problems of an evaluation, from its means by difficulty."""
    weighed = F(column) * F("problems")
    rows = EvaluationRate.objects.filter(evaluation=OuterRef("pk"), **{f"{column}__isnull": False}).order_by()
    means = rows.values("evaluation").annotate(mean=Sum(weighed) / NullIf(Sum("problems"), 0))
    return Subquery(means.values("mean"), output_field=FloatField())


def _rate_at_difficulty(column: str) -> Callable[[str], Combinable]:
    def of(difficulty: str) -> Combinable:
        rows = EvaluationRate.objects.filter(evaluation=OuterRef("pk"), difficulty=difficulty)
        return Subquery(rows.values(column), output_field=FloatField())

    return of


def _rate(name: str, what: str) -> tuple[Field, Field]:
    """A rate over all problems, and that of one difficulty as its key."""
    return (
        number(name, lambda: rate_of_evaluation(name), f"{what}: mean over problems, judged on whole suites"),
        Field(
            name,
            Kind.NUMBER,
            "pk",
            f"the same on one difficulty, such as {name}.hard",
            keyed=True,
            source_of=_rate_at_difficulty(name),
        ),
    )


RATES = tuple(RATE_NAMES.values())


def on_held_out(one: Field) -> Field:
    """The field, missing for an evaluation on other problems than the study's held-out ones if it is a rate."""
    if one.name not in RATES:
        return one
    if (source_of := one.source_of) is not None:
        return replace(one, source_of=lambda key: Case(When(ON_HELD_OUT, then=source_of(key))))
    return replace(one, source=lambda: Case(When(ON_HELD_OUT, then=one.expression)))


def _evaluations_of_checkpoint() -> Combinable:
    rows = Evaluation.objects.filter(checkpoint=OuterRef("pk")).order_by().values("checkpoint")
    counted = Subquery(rows.annotate(count=Count("pk")).values("count"), output_field=IntegerField())
    return Coalesce(counted, 0)


def alpha_of_merge() -> Combinable:
    """The place of a checkpoint whose recipe is the two ends of a path: the weight of the high one."""
    paths = Path.objects.filter(high=OuterRef("checkpoint"), low__used_in__merge=OuterRef("merge"))
    recipe = MergeIngredient.objects.filter(merge=OuterRef("merge")).order_by().values("merge")
    whole = recipe.annotate(parts=Count("pk"), total=Sum("weight")).filter(parts=2, total__range=UNITY)
    high = MergeIngredient.objects.filter(Exists(paths), Exists(whole), merge=OuterRef("pk")).order_by()
    return Subquery(high.values("weight")[:1], output_field=FloatField())


def seed_of_checkpoint() -> Combinable:
    """The seed of its run; of a merge the one that all its ingredients have."""
    recipe = MergeIngredient.objects.filter(merge=OuterRef("pk")).order_by().values("merge")
    seeds = recipe.annotate(
        low=Min("checkpoint__run__seed"),
        high=Max("checkpoint__run__seed"),
        trained=Count("checkpoint__run"),
        parts=Count("pk"),
    )
    shared = seeds.filter(low=F("high"), trained=F("parts"))
    return Coalesce(F("run__seed"), Subquery(shared.values("low"), output_field=IntegerField()))


def seed_of_evaluation() -> Combinable:
    """The seed of the checkpoint's run; of a place on a path the one that both ends have."""
    ends = When(path__low__run__seed=F("path__high__run__seed"), then=F("path__low__run__seed"))
    return Coalesce(F("checkpoint__run__seed"), Case(ends, output_field=IntegerField()))


def _passed() -> Combinable:
    return Length("letters") - Length(Replace("letters", Value("A"), Value("")))


def _fails_from() -> Combinable:
    """The number of the first test that failed, missing where every test that ran was accepted."""
    at = Func(F("letters"), Value("[WRTMOC]"), function="regexp_instr", output_field=IntegerField())
    return NullIf(at, 0)


SETTINGS_OFFERED = _same(*SETTINGS)
ORIGINS = _same(*(origin for origin, _ in Checkpoint.ORIGINS))
CLASSES = {"solved": "S", "optimisation": "O", "correctness": "C", "no-answer": "N", "infrastructure": "I"}

RUN_FIELDS = Fields(
    "runs",
    (
        text("name", "name", "the run's name"),
        text("reference", "reference", "the reference of its final checkpoint"),
        number("coverage", "coverage", "the share of each suite that the reward required, 0 to 1"),
        number("seed", "seed", "the seed"),
        number("steps", "steps", "how many steps it was asked for"),
        text("initialisation", "initialisation__name", "the checkpoint it started from"),
        choice("state", "job__state", _same(*Job.STATES), "the state of its job"),
        date("created", "created", "when it was launched"),
        free("config", "config", "a key of its configuration, such as config.learning_rate"),
        Field(
            "metric",
            Kind.NUMBER,
            "pk",
            "a training figure at the last step that reports it, such as metric.reward",
            keyed=True,
            source_of=last_metric,
        ),
    ),
    ("name", "reference"),
)

CHECKPOINT_FIELDS = Fields(
    "checkpoints",
    (
        text("name", "name", "the checkpoint's name"),
        text("reference", "reference", "its reference"),
        choice("origin", "origin", ORIGINS, "base, trained or merged"),
        number("coverage", "coverage", "the coverage of its training, 0 to 1"),
        number("step", "step", "the training step at which it was written"),
        number("seed", seed_of_checkpoint, "the training seed, of a merge the one of all its ingredients"),
        number("alpha", alpha_of_merge, "the place of a merge on its path, below 0 and above 1 past the ends"),
        text("run", "run__name", "the run that wrote it"),
        text("parent", "parent__name", "the checkpoint it was trained from"),
        number("size", "size_bytes", "the size of its folder", "bytes"),
        truth("materialised", ~Q(folder=""), "whether its weights are a folder"),
        number("evaluations", _evaluations_of_checkpoint, "how many evaluations it has"),
        date("created", "created", "when it was made"),
        free("config", "run__config", "a key of its run's configuration"),
    ),
    ("name", "reference"),
)

EVALUATION_FIELDS = Fields(
    "evaluations",
    (
        text("checkpoint", "checkpoint__name", "the checkpoint's name"),
        text("reference", "reference", "the evaluation's reference"),
        number("alpha", "alpha", "the place on its path"),
        text("path", "path__name", "the path's name"),
        choice("setting", "setting", SETTINGS_OFFERED, "reasoning, tools or agentic"),
        choice(
            "state",
            "state",
            _same(Evaluation.PLANNED, Evaluation.RUNNING, Evaluation.COMPLETE),
            "planned, running or complete",
        ),
        text("set", "problem_set__title", "the problem set's title"),
        number("samples", "samples_done", "how many samples are judged"),
        *_rate("solve_rate", "the share of samples that pass every test"),
        *_rate("optimisation_failure_rate", "the share that is right but too slow or too large"),
        *_rate("correctness_failure_rate", "the share that is wrong somewhere"),
        *_rate("no_answer_rate", "the share without a program"),
        text("isolation", "isolation", "how programs were isolated"),
        choice("origin", "checkpoint__origin", ORIGINS, "the checkpoint is base, trained or merged"),
        number("coverage", "checkpoint__coverage", "the coverage of the checkpoint's training"),
        number("step", "checkpoint__step", "the checkpoint's training step"),
        number("seed", seed_of_evaluation, "the training seed, of a place on a path the one of both ends"),
        text("run", "checkpoint__run__name", "the checkpoint's run"),
        date("created", "created", "when it was planned"),
        free("sampling", "sampling", "how answers were drawn, such as sampling.temperature"),
        free("limits", "limits", "the judge's limits, such as limits.cpu_seconds"),
        free("alarms", "alarms", "collapse indicators, such as alarms.mean_tokens"),
        free("config", "checkpoint__run__config", "a key of the configuration of the checkpoint's run"),
    ),
    ("checkpoint", "reference"),
)

HELD_OUT_FIELDS = replace(EVALUATION_FIELDS, known=tuple(on_held_out(one) for one in EVALUATION_FIELDS))
"""Of evaluations in a table whose rates are those on the study's held-out problems."""

PROBLEM_FIELDS = Fields(
    "problems",
    (
        text("name", "slug", "the problem's short name"),
        text("title", "title", "its title"),
        text("difficulty", "difficulty", "its difficulty"),
        Field("tags", Kind.WORDS, "tags", "its tags: = means that it has this one"),
        number("tests", lambda: JsonLength(F("tests")), "how many tests it has"),
        number("cpu_limit", "cpu_seconds", "the limit of CPU time", "seconds"),
        number("memory_limit", "memory_bytes", "the limit of memory", "bytes"),
        text("statement", "statement", "its statement", suggested=False),
        text("checker", "checker", "how outputs are compared", suggested=False),
        number("position", "position", "its place in the set, from 0"),
        truth("audited", ~Q(audit={}), "whether its tests are audited"),
        Field(
            "marks",
            Kind.WORDS,
            "audit",
            "what the audit found, such as no-slow-program",
            keys=("marks",),
            choices=_same(*MARKS),
        ),
    ),
    ("name", "title"),
)

SAMPLE_FIELDS = Fields(
    "samples",
    (
        text("problem", "problem__slug", "the problem's short name"),
        text("difficulty", "problem__difficulty", "the problem's difficulty"),
        text("checkpoint", "evaluation__checkpoint__name", "the checkpoint that answered"),
        number("alpha", "evaluation__alpha", "the place on its path"),
        number("index", "index", "the number of the sample, from 0"),
        choice("class", "failure_class", CLASSES, "how it ended when every test counts"),
        choice("first_failure", "first_failure", CLASSES, "how it ended when the first failing test decides"),
        text("letters", "letters", "a verdict letter for each test, small to large, such as AAAT", suggested=False),
        number("passed", _passed, "how many tests it passed"),
        number("fails_from", _fails_from, "the number of the first test that it failed"),
        number("cpu", "cpu_seconds", "the CPU time of its slowest test", "seconds"),
        number("memory", "memory_bytes", "the memory of its largest test", "bytes"),
        number("tokens", "tokens", "the length of the answer"),
        truth("truncated", Q(truncated=True), "whether the answer was cut off"),
        number("log_likelihood", "log_likelihood", "of the answer"),
        number("turns", "transcript__turns", "of an answer with tools or a workspace"),
        number("calls", "transcript__calls", "of tools, that were run"),
        text("ended", "transcript__ended", "why an answer of several turns ended, such as submitted"),
        text("program", "program__text", "the text of the program", suggested=False),
    ),
    ("program", "problem"),
)
"""Who may not read programs gets `SAMPLE_FIELDS.without("program")`."""

FIELDS: Mapping[str, Fields] = {
    one.rows: one for one in (RUN_FIELDS, CHECKPOINT_FIELDS, EVALUATION_FIELDS, PROBLEM_FIELDS, SAMPLE_FIELDS)
}
