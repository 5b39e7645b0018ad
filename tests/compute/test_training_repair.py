"""Online fixing: which attempts are asked about again, what is told of them, and what the policy learns from that."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.ml

from compute.checkpoints import read_tensors  # noqa: E402
from compute.configs import JudgeLimits  # noqa: E402
from compute.events import EventWriter  # noqa: E402
from compute.judge.case import Judgement  # noqa: E402
from compute.judge.judge import Judge, Submission  # noqa: E402
from compute.problems.problem import BlobStore, read_problem_set  # noqa: E402
from compute.rollout.policy import load_policy  # noqa: E402
from compute.training.course import Course  # noqa: E402
from compute.training.repair import Attempt, chosen, conversation  # noqa: E402
from tests.compute.conftest import SLOW  # noqa: E402
from tests.compute.training import TRAINERS, metrics, trained, training  # noqa: E402

WHOLE_CONVERSATION = """\
{% for message in messages %}{{ message['content'] }}
{% endfor %}{% if add_generation_prompt %}```python
{% endif %}"""


@pytest.fixture(scope="module")
def policy(tmp_path_factory, tiny_policy):
    """The tiny policy with a template that shows every message."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("policies") / "reads"
    AutoModelForCausalLM.from_pretrained(tiny_policy).save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(tiny_policy)
    tokenizer.chat_template = WHOLE_CONVERSATION
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def config(tmp_path, sums, policy):
    return lambda trainer="compact", **changes: training(
        tmp_path, policy, sums, trainer, **{"repairs_per_step": 2} | changes
    )


@pytest.fixture
def begun(sums, tmp_path):
    """Courses with a judge of their own."""
    made = []
    with Judge(JudgeLimits(), BlobStore(Path(sums["blobs"]))) as judge:

        def begin(config):
            model, tokenizer = load_policy(config.initialisation, dtype="float32")
            with (tmp_path / "events.jsonl").open("w") as stream:
                problems = read_problem_set(config.problems.path)
                made.append(Course(config, problems, judge, model, tokenizer, EventWriter(stream), lambda: False))
            return made[-1]

        yield begin
        for course in made:
            course.close()


def test_one_attempt_of_each_prompt_comes_before_a_second_and_a_program_counts_once_a_problem():
    a, b, c, d = Attempt(0, "a"), Attempt(0, "b"), Attempt(1, "a"), Attempt(2, "d")
    failed = [[a, a, b], [], [c], [d, d], [a]]
    assert chosen(failed, 10) == [a, c, d, b]
    assert chosen(failed, 2) == [a, c]
    assert chosen([[], []], 3) == []


def test_a_repair_prompt_tells_what_the_run_was_like_in_sum_and_nothing_of_a_test(sums):
    problem = read_problem_set(Path(sums["path"]))[0]
    run = Judgement("AAWTI", (0.01, 0.02, 0.01, 0.104, 0.0), (9 << 20, 9 << 20, 12 << 20, 8 << 20, 0), "", False)
    asked = conversation(problem, SLOW, run)
    assert [message["role"] for message in asked] == ["user", "assistant", "user"]
    assert [message["content"] for message in asked] == [
        "Add",
        f"```python\n{SLOW}```",
        "passed: 2 of 4 tests\nwrong answer: 1 of 4 tests\ntime limit exceeded: 1 of 4 tests\n"
        "slowest test: 0.10 s of 0.10 s\nmost memory: 12 MiB of 256 MiB\n",
    ]


def test_of_a_program_that_does_not_compile_no_cost_is_told(sums):
    problem = read_problem_set(Path(sums["path"]))[0]
    asked = conversation(problem, "def f(:\n", Judgement("CCC", (0.0,) * 3, (0,) * 3, "", False))
    assert asked[-1]["content"] == "does not compile: 3 of 3 tests\n"


def test_a_step_asks_about_programs_of_its_own_that_failed(begun, config):
    course = begun(config())
    groups = course.ask(0)
    assert [group.question.repair for group in groups] == [False] * 3 + [True] * 2
    assert [group.question.key for group in groups[3:]] == ["step 0 repair 0", "step 0 repair 1"]
    assert all(len(group.draws) == 12 for group in groups)
    for (place, prompt, _, _), _ in groups[3:]:
        problem = course.problems[place]
        draws = [draw for group in groups[:3] if group.question.place == place for draw in group.draws]
        programs = [program for draw in draws if (program := course.program(place, draw.tokens)) is not None]
        runs = course.judge.judge([Submission(program, problem) for program in programs])
        failed = [pair for pair in zip(programs, runs, strict=True) if set(pair[1].letters) != {"A"}]
        assert prompt in [course.prompt(conversation(problem, *pair)) for pair in failed]


def test_where_too_few_attempts_failed_the_problems_are_asked_once_more(begun, config):
    course = begun(config(coverage=0.2, repairs_per_step=8, group=4))  # the slow program passes the first test
    groups = course.ask(0)
    repairs = sum(group.question.repair for group in groups)
    assert 0 < repairs < 8
    again = groups[3 + repairs :]
    assert len(groups) == 3 + 8
    places = course.order[0]
    assert [group.question.place for group in again] == [places[(repairs + n) % 3] for n in range(len(again))]
    assert len({str(group.draws) for group in groups[:3] + again}) == 3 + len(again)


def test_both_trainers_learn_the_same_from_repairs(config):
    found = {}
    for trainer in TRAINERS:
        one = config(trainer)
        found[trainer] = metrics(trained(one)[1]), read_tensors(one.folder)
    for values, others in zip(found["trl"][0], found["compact"][0], strict=True):
        assert values["gradient_norm"] > 0
        for name in ("reward", "repair_reward", "mean_tokens", "loss", "gradient_norm"):
            assert values[name] == pytest.approx(others[name], abs=1e-5)
    for name, tensor in found["trl"][1].items():
        assert torch.allclose(tensor, found["compact"][1][name], atol=1e-4)


def test_the_figures_of_first_answers_are_those_of_a_training_without_repairs(config, tmp_path):
    fixing = metrics(trained(config(steps=1))[1])[0]
    plain = metrics(trained(config(steps=1, repairs_per_step=0, folder=str(tmp_path / "plain")))[1])[0]
    for name in ("reward", "solved_rate", "too_slow_rate", "wrong_rate", "mean_tokens"):
        assert fixing[name] == plain[name]
    assert 0 <= fixing["repair_reward"] <= 1
    assert "repair_reward" not in plain
    assert fixing["gradient_norm"] != plain["gradient_norm"]
