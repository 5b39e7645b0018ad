"""Online fixing: which attempts are asked about again, what is told of them, and what the policy learns from that."""

import json
import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.ml

from compute.checkpoints import read_tensors  # noqa: E402
from compute.configs import JudgeLimits  # noqa: E402
from compute.events import EventWriter  # noqa: E402
from compute.judge.case import Judgement  # noqa: E402
from compute.judge.judge import Judge, Submission  # noqa: E402
from compute.judge.ruling import Bounds  # noqa: E402
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
    """The tiny policy with a template that shows every message, and room for them."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("policies") / "reads"
    AutoModelForCausalLM.from_pretrained(tiny_policy, max_position_embeddings=256).save_pretrained(folder)
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


def judged(letters, seconds=(), memory=()):
    return Judgement(letters, tuple(seconds), tuple(memory), "", False)


def test_one_attempt_of_each_prompt_comes_before_a_second_and_a_program_counts_once_a_problem():
    a, b, c, d = (Attempt(place, text, judged("W")) for place, text in ((0, "a"), (0, "b"), (1, "a"), (2, "d")))
    failed = [[a, a, b], [], [c], [d, d], [a]]
    assert chosen(failed, 10) == [a, c, d, b]
    assert chosen(failed, 2) == [a, c]
    assert chosen([[], []], 3) == []


def test_a_repair_prompt_tells_what_the_run_was_like_in_sum_and_nothing_of_a_test():
    run = judged("AAWT-", (0.01, 0.02, 0.01, 0.104), (9 << 20, 9 << 20, 12 << 20, 8 << 20))
    asked = conversation("Add", Attempt(0, SLOW, run), Bounds(0.1, 256 << 20, 1 << 20, 10))
    assert [message["role"] for message in asked] == ["user", "assistant", "user"]
    assert [message["content"] for message in asked] == [
        "Add",
        f"```python\n{SLOW}```",
        "passed: 2 of 5 tests\nwrong answer: 1 of 5 tests\ntime limit exceeded: 1 of 5 tests\nnot run: 1 of 5 tests\n"
        "slowest test: 0.10 s of 0.10 s\nmost memory: 12 MiB of 256 MiB\n",
    ]


def test_of_a_program_that_does_not_compile_no_cost_is_told():
    attempt = Attempt(0, "def f(:\n", judged("CCC", (0.0,) * 3, (0,) * 3))
    asked = conversation("Add", attempt, Bounds(0.1, 256 << 20, 1 << 20, 10))
    assert asked[-1]["content"] == "does not compile: 3 of 3 tests\n"


def test_a_step_asks_about_programs_of_its_own_that_failed_by_the_limits_they_were_judged_by(begun, config):
    course = begun(config(limits={"cpu_seconds": 0.2}))
    told = []
    tokens_of = course.prompt
    course.prompt = lambda asked: told.append(asked) or tokens_of(asked)
    groups = course.ask(0)
    assert [group.question.kind for group in groups] == ["first"] * 3 + ["repair"] * 2
    assert [group.question.key for group in groups[3:]] == ["step 0 repair 0", "step 0 repair 1"]
    assert all(len(group.draws) == 12 for group in groups)
    for (place, *_), asked in zip((group.question for group in groups[3:]), told[3:], strict=True):
        question, answer, statistics = (message["content"] for message in asked)
        assert question == course.problems[place].statement
        draws = [draw for group in groups[:3] if group.question.place == place for draw in group.draws]
        program = answer.removeprefix("```python\n").removesuffix("```")
        assert program in [course.program(place, draw.tokens) for draw in draws]
        (run,) = course.judge.judge([Submission(program, course.problems[place])])
        assert set(run.letters) != {"A"}
        assert "s of 0.20 s" in statistics


def test_where_too_few_attempts_failed_the_problems_are_asked_once_more_and_counted_apart(begun, config):
    course = begun(config(coverage=0.2, repairs_per_step=8, group=4))  # the slow program passes the first test
    groups = course.ask(0)
    repairs = [group for group in groups if group.question.kind == "repair"]
    again = [group for group in groups if group.question.kind == "again"]
    assert 0 < len(repairs) < 8
    assert groups == groups[:3] + repairs + again
    assert len(groups) == 3 + 8
    places = course.order[0]
    assert [group.question.place for group in again] == [places[(len(repairs) + n) % 3] for n in range(len(again))]
    assert len({str(group.draws) for group in groups[:3] + again}) == 3 + len(again)

    asked = [(group.question, draw.tokens) for group in groups for draw in group.draws]
    places, answers, kinds = zip(*((one.place, answer, one.kind) for one, answer in asked), strict=True)
    rewards = course.rewards(places, answers, kinds)
    figures = course.figures.take()
    assert figures["reward"] == pytest.approx(sum(rewards[:12]) / 12)
    of_repairs = [reward for reward, kind in zip(rewards, kinds, strict=True) if kind == "repair"]
    assert figures["repair_reward"] == pytest.approx(sum(of_repairs) / len(of_repairs))


def test_an_attempt_that_the_model_could_not_read_is_not_asked_about(begun, config, policy, tmp_path):
    short = tmp_path / "short"
    shutil.copytree(policy, short)
    settings = json.loads((short / "config.json").read_text())
    (short / "config.json").write_text(json.dumps(settings | {"max_position_embeddings": 20}))
    course = begun(config(initialisation=str(short)))
    assert [group.question.kind for group in course.ask(0)] == ["first"] * 3 + ["again"] * 2


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
