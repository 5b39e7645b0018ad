"""From rows to the numbers of a problem's page: verdicts by level, distinct programs, CPU time against size.

Callers hand in a problem and the few evaluations shown at once, both of a study that the viewer may read; how many
samples there are elsewhere does not matter. Draws nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from django.db.models import Count, Max

from frontier_app.figures.growth import Growth
from frontier_app.models import Evaluation, Problem, Program, Sample

# CPU times are drawn from the first samples of an evaluation only: a median does not need more.
TIMED_SAMPLES = 64
SEVERITY = "INCRWMTO"
IN_ORDER = "ATMOWRCNI-"


@dataclass
class LevelVerdicts:
    """The verdicts of one coverage level's own tests: a sample counts once, by its worst letter there."""

    level: int
    letters: Counter[str] = field(default_factory=Counter)

    @property
    def n(self) -> int:
        """Samples that were judged at this level; infrastructure trouble is no verdict."""
        return sum(count for letter, count in self.letters.items() if letter not in "I-")

    @property
    def solved(self) -> int:
        return self.letters["A"]

    @property
    def optimisation(self) -> int:
        return sum(self.letters[letter] for letter in "TMO")

    @property
    def correctness(self) -> int:
        return sum(self.letters[letter] for letter in "WRC")

    @property
    def no_answer(self) -> int:
        return self.letters["N"]

    @property
    def in_words(self) -> str:
        """Accepted first, then what failed, in one order for all, so that columns can be compared."""
        return " ".join(f"{letter}{self.letters[letter]}" for letter in IN_ORDER if self.letters[letter])


@dataclass
class Breakdown:
    """How one evaluation's answers to the problem fared."""

    evaluation: Evaluation
    levels: list[LevelVerdicts]
    classes: Counter[str] = field(default_factory=Counter)
    programs: set[str | None] = field(default_factory=set)

    @property
    def n(self) -> int:
        return sum(self.classes.values()) - self.classes["I"]

    @property
    def distinct(self) -> int:
        return len(self.programs - {None})


@dataclass
class DistinctProgram:
    """One program text and every sample that wrote it. More than one of `patterns` (letters) is a flaky verdict."""

    sha256: str | None
    text: str
    samples: int = 0
    patterns: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)
    cpu_seconds: float = 0.0
    written_by: Counter[int] = field(default_factory=Counter)

    @property
    def letters(self) -> str:
        return self.patterns.most_common(1)[0][0]

    @property
    def failure_class(self) -> str:
        return self.classes.most_common(1)[0][0]

    @property
    def first_line(self) -> str:
        return next((line.strip() for line in self.text.splitlines() if line.strip()), "")


@dataclass(frozen=True)
class TestResult:
    """One test of one program: the commonest letter and the median CPU time of its runs."""

    number: int
    group: int
    size_bytes: int
    public: bool
    letter: str
    milliseconds: float | None


def worst(letters: Iterable[str]) -> str:
    """The letter that decides a group of tests: trouble first, then wrong, then slow; '-' when nothing ran."""
    present = set(letters)
    failing = next((letter for letter in SEVERITY if letter in present), None)
    return failing or ("A" if "A" in present else "-")


def breakdowns(problem: Problem, evaluations: Sequence[Evaluation]) -> list[Breakdown]:
    """One entry an evaluation, in the order given."""
    places = _level_places(problem)
    found = {
        evaluation.pk: Breakdown(evaluation, [LevelVerdicts(level) for level in places]) for evaluation in evaluations
    }
    groups = (
        Sample.objects.filter(problem=problem, evaluation__in=found)
        .values("evaluation_id", "letters", "failure_class", "program_id")
        .annotate(samples=Count("pk"))
        .order_by()
    )
    for row in groups:
        entry = found[row["evaluation_id"]]
        entry.classes[row["failure_class"]] += row["samples"]
        entry.programs.add(row["program_id"])
        for verdicts in entry.levels:
            letters = (row["letters"][place] for place in places[verdicts.level] if place < len(row["letters"]))
            verdicts.letters[worst(letters)] += row["samples"]
    return list(found.values())


def letters_of(rows: Iterable[Breakdown]) -> str:
    """The letters that occur in a table of breakdowns, in the order in which its cells name them."""
    present = {letter for row in rows for verdicts in row.levels for letter in verdicts.letters}
    return "".join(letter for letter in IN_ORDER if letter in present)


def _level_places(problem: Problem) -> dict[int, list[int]]:
    places: dict[int, list[int]] = defaultdict(list)
    for place, group in enumerate(problem.test_groups):
        places[group].append(place)
    return dict(sorted(places.items()))


def distinct_programs(problem: Problem, evaluations: Sequence[Evaluation]) -> list[DistinctProgram]:
    """The programs of the given evaluations, most frequent first. Answers without a program are one entry."""
    groups = (
        Sample.objects.filter(problem=problem, evaluation__in=evaluations)
        .values("program_id", "letters", "failure_class", "evaluation_id")
        .annotate(samples=Count("pk"), slowest=Max("cpu_seconds"))
        .order_by()
    )
    found: dict[str | None, DistinctProgram] = {}
    for row in groups:
        program = found.setdefault(row["program_id"], DistinctProgram(row["program_id"], ""))
        program.samples += row["samples"]
        program.patterns[row["letters"]] += row["samples"]
        program.classes[row["failure_class"]] += row["samples"]
        program.written_by[row["evaluation_id"]] += row["samples"]
        program.cpu_seconds = max(program.cpu_seconds, row["slowest"])
    return sorted(found.values(), key=lambda program: (-program.samples, program.sha256 or ""))


def add_texts(programs: Sequence[DistinctProgram]) -> None:
    """Fill in the texts of the programs that are shown."""
    texts = Program.objects.in_bulk([program.sha256 for program in programs if program.sha256])
    for program in programs:
        if program.sha256 in texts:
            program.text = texts[program.sha256].text


def results_of(problem: Problem, program: DistinctProgram) -> list[TestResult]:
    """The program's result on every test in size order, from the samples that wrote it."""
    samples = Sample.objects.filter(
        problem=problem, program=program.sha256, evaluation__in=list(program.written_by), letters=program.letters
    )
    times = list(samples.values_list("test_milliseconds", flat=True)[:TIMED_SAMPLES])
    results = []
    for place, test in enumerate(problem.tests):
        letter = program.letters[place] if place < len(program.letters) else "-"
        measured = [row[place] for row in times if place < len(row)] if letter not in "-N" else []
        results.append(
            TestResult(
                number=place + 1,
                group=test["group"],
                size_bytes=test["size_bytes"],
                public=bool(test.get("public")),
                letter=letter,
                milliseconds=median(measured) if measured else None,
            )
        )
    return results


def growths(problem: Problem, evaluations: Sequence[Evaluation]) -> list[Growth]:
    """Median CPU time on each test for each evaluation; tests that did not run are left out."""
    samples: dict[int, list[tuple[str, Sequence[float]]]] = defaultdict(list)
    rows = Sample.objects.filter(problem=problem, evaluation__in=evaluations, index__lt=TIMED_SAMPLES)
    for evaluation, letters, milliseconds in rows.values_list("evaluation_id", "letters", "test_milliseconds"):
        samples[evaluation].append((letters, milliseconds))
    found = (_growth(problem, evaluation, samples[evaluation.pk]) for evaluation in evaluations)
    return [growth for growth in found if growth.sizes]


def _growth(problem: Problem, evaluation: Evaluation, samples: Sequence[tuple[str, Sequence[float]]]) -> Growth:
    sizes, times, letters = [], [], []
    for place, test in enumerate(problem.tests):
        ran = [
            (verdicts[place], milliseconds[place])
            for verdicts, milliseconds in samples
            if place < min(len(verdicts), len(milliseconds)) and verdicts[place] not in "-NI"
        ]
        if ran:
            sizes.append(test["size_bytes"])
            times.append(median(time for _, time in ran))
            letters.append(Counter(letter for letter, _ in ran).most_common(1)[0][0])
    return Growth(str(evaluation.checkpoint), evaluation.alpha, sizes, times, letters)
