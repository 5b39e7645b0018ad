"""A small study, run for real, does not contradict itself. Whatever its figures are, nothing is said of their shape.

The oracle reads the letters of one sample after another with `compute.judge.verdict`; rows and summary come from other
code.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from compute.judge.verdict import FailureClass, failure_class, first_failure
from compute.miniature.study import SMALL
from compute.problems.coverage import level_sizes
from tests.processes.installation import Installation

pytestmark = [pytest.mark.processes, pytest.mark.ml]

SAMPLES = """
select e.reference, p.slug, p.difficulty, p.tests, s.letters, s.failure_class, s.first_failure, s.tokens
from frontier_app_sample s
join frontier_app_evaluation e on e.id = s.evaluation_id
join frontier_app_problem p on p.id = s.problem_id
where e.state = 'complete'
"""
ROLLUPS = """
select e.reference, p.slug, r.level, r.n, r.solved, r.optimisation, r.correctness, r.no_answer, r.first_optimisation,
  r.first_correctness, r.infrastructure, r.tokens_sum
from frontier_app_rollup r
join frontier_app_evaluation e on e.id = r.evaluation_id
join frontier_app_problem p on p.id = r.problem_id
where e.state = 'complete'
"""
EVALUATIONS = """
select e.reference, c.name, e.alpha, (e.sampling->>'samples')::int
from frontier_app_evaluation e join frontier_app_checkpoint c on c.id = e.checkpoint_id
where e.state = 'complete'
"""
LAUNCH = """
from frontier_app import launch
from frontier_app.models import Path, Study
path, study = Path.objects.get(), Study.objects.get()
for end in (path.low, path.high):
    if not end.evaluations.filter(path=None).exists():
        launch.launch_evaluation(study, study.members.get(), end, samples={samples})
"""
ENDS = """
select e.alpha, c.name, p.slug, s.index, s.program_id, s.tokens, s.letters
from frontier_app_sample s
join frontier_app_evaluation e on e.id = s.evaluation_id
join frontier_app_checkpoint c on c.id = e.checkpoint_id
join frontier_app_problem p on p.id = s.problem_id
where c.origin = 'trained' and e.state = 'complete' and (e.sampling->>'samples')::int = %s and e.sampling->>'seed' = '0'
"""
UNDER_WAY = "select count(*) from frontier_app_job where state in ('queued', 'running')"
RATES = ("solve_rate", "optimisation_failure_rate", "correctness_failure_rate", "no_answer_rate")
CLASSES = (FailureClass.SOLVED, FailureClass.OPTIMISATION, FailureClass.CORRECTNESS, FailureClass.NO_ANSWER)


class Answer(NamedTuple):
    evaluation: str
    problem: str
    difficulty: str
    tests: list[dict]
    letters: str
    failure_class: str
    first_failure: str
    tokens: int

    def prefixes(self) -> Iterator[tuple[int, str]]:
        """Level -> the letters of the tests that it counts."""
        for level, size in enumerate(level_sizes([test["group"] for test in self.tests]), start=1):
            yield level, self.letters[:size]


@pytest.fixture(scope="module")
def study(installation: Installation) -> Installation:
    installation.serve()
    return installation


@pytest.fixture(scope="module")
def answers(study: Installation) -> list[Answer]:
    found = [Answer(*row) for row in study.rows(SAMPLES)]
    assert found
    return found


def test_every_problem_was_answered_as_often_as_was_asked(study: Installation, answers: list[Answer]):
    problems = {answer.problem for answer in answers}
    assert len(problems) == SMALL.evaluated_problems
    asked = {reference: samples for reference, _, _, samples in study.rows(EVALUATIONS)}
    assert Counter((answer.evaluation, answer.problem) for answer in answers) == {
        (reference, problem): samples for reference, samples in asked.items() for problem in problems
    }


def test_the_stored_classes_are_those_of_the_letters(answers: list[Answer]):
    for answer in answers:
        assert answer.failure_class == failure_class(answer.letters)
        assert answer.first_failure == first_failure(answer.letters)


def test_the_rollups_count_what_the_letters_say_at_every_level(study: Installation, answers: list[Answer]):
    classes: dict[tuple, Counter] = {}
    for answer in answers:
        for level, prefix in answer.prefixes():
            counted = classes.setdefault((answer.evaluation, answer.problem, level), Counter())
            found = failure_class(prefix)
            counted[found] += 1
            if found is not FailureClass.INFRASTRUCTURE:
                counted["n"] += 1
                counted["first", first_failure(prefix)] += 1
                counted["tokens"] += answer.tokens
    expected = {
        (*place, counted["n"], *(counted[one] for one in CLASSES), counted["first", FailureClass.OPTIMISATION],
         counted["first", FailureClass.CORRECTNESS], counted[FailureClass.INFRASTRUCTURE], counted["tokens"])
        for place, counted in classes.items()
    }  # fmt: skip
    assert set(study.rows(ROLLUPS)) == expected


def test_the_summary_says_what_the_letters_say(study: Installation, answers: list[Answer]):
    code = """
import json
from frontier_app.models import Study
from frontier_app.numbers.summary import measured_points
print(json.dumps([[point.evaluation.reference, point.as_json()] for point in measured_points(Study.objects.get())]))
"""
    points = dict(json.loads(study.shell(code)))
    known = {reference: (name, alpha) for reference, name, alpha, _ in study.rows(EVALUATIONS)}
    assert {reference: (point["checkpoint"], point["alpha"]) for reference, point in points.items()} == known
    for reference, point in points.items():
        for difficulty, problems in SMALL.held_out.items():
            rates = point["difficulties"][difficulty]
            own = [one for one in answers if (one.evaluation, one.difficulty) == (reference, difficulty)]
            counted = Counter(failure_class(one.letters) for one in own)
            n = len(own) - counted[FailureClass.INFRASTRUCTURE]
            assert len({one.problem for one in own}) == problems
            assert (rates["n"], rates["infrastructure_count"]) == (n, counted[FailureClass.INFRASTRUCTURE])
            assert [rates[name] for name in RATES] == pytest.approx([counted[one] / n for one in CLASSES])
            assert sum(rates[name] for name in RATES) == pytest.approx(1)


def test_the_ends_of_the_path_answer_as_the_checkpoints_themselves(study: Installation):
    study.shell(LAUNCH.format(samples=SMALL.samples))
    study.wait_for(lambda: study.rows(UNDER_WAY) == [(0,)], 240, "the two checkpoints are evaluated")
    found: dict[tuple, list[tuple]] = {}
    for alpha, name, *answer in study.rows(ENDS, SMALL.samples):
        found.setdefault((alpha, name), []).append(tuple(answer))
    assert {len(rows) for rows in found.values()} == {SMALL.evaluated_problems * SMALL.samples}
    for alpha, name in ((0.0, "low"), (1.0, "high")):
        assert set(found[alpha, name]) == set(found[None, name])
