"""The miniature family: statements, programs, slips, the split, inputs and their margins."""

import random
import re
from collections import Counter

import pytest

from compute.miniature.composition import (
    Composition,
    Task,
    compositions,
    draw_balanced,
    draw_task,
    evaluation_compositions,
    reinforcement_compositions,
    split,
)
from compute.miniature.corpus import Corpus
from compute.miniature.execution import run_program
from compute.miniature.inputs import Shape, draw_input
from compute.miniature.kinds import HELD_OUT_KINDS, KINDS, Kind
from compute.miniature.parts import PLAIN, TRANSFORMS
from compute.miniature.rendering import answer, fast_program, guarded, slow_program, statement, title
from compute.miniature.sizes import LIMIT_SECONDS, sizes
from compute.miniature.slips import SLIPS, Slip, with_slips

WITH_TWO_PROGRAMS = [kind for kind in KINDS.values() if kind.fast]


def task(kind: str, transform: str = PLAIN, chosen: str = PLAIN, post: str = PLAIN, seed: int = 0) -> Task:
    return draw_task(Composition(kind, transform, chosen, post), random.Random(seed))


def output(program: str, text: str) -> str:
    """What the program prints, or how it fails, stopped after a second."""
    try:
        return run_program(program, text, cpu_seconds=1).output or "too slow"
    except Exception as error:
        return repr(error)


def test_the_slow_and_the_fast_program_of_every_composition_agree() -> None:
    rng = random.Random(1)
    for composition in compositions():
        drawn = draw_task(composition, rng)
        for size in (1, 5, 17):
            text = draw_input(drawn, Shape(size), rng)
            slow, fast = run_program(slow_program(drawn), text), run_program(fast_program(drawn), text)
            assert slow.output == fast.output, f"{composition} on {text}"


def test_a_task_is_rendered_as_text_and_programs() -> None:
    drawn = task("range-sum", "square", "odd", "remainder")
    assert title(drawn) == "Range sums, squares, odd only, answer modulo 97"
    assert statement(drawn) == (
        "Read n and q, then n values, then q queries.\n"
        "Replace every x by x * x.\n"
        "Count only odd values.\n"
        "For each query l r print the sum of the range.\n"
        "Print each answer modulo 97.\n"
    )
    assert fast_program(drawn) == (
        "n,q=map(int,input().split())\n"
        "a=list(map(int,input().split()))\n"
        "a=[x*x for x in a]\n"
        "p=[0]\n"
        "for x in a:\n"
        " if x%2==1:\n"
        "  p.append(p[-1]+x)\n"
        " else:\n"
        "  p.append(p[-1])\n"
        "for i in range(q):\n"
        " l,r=map(int,input().split())\n"
        " print((p[r]-p[l-1])%97)"
    )
    assert run_program(fast_program(drawn), "3 2\n1 2 3\n1 3\n2 2\n").output == "10\n0\n"


def test_without_a_filter_guards_are_dissolved() -> None:
    lines = ["for x in a:", " when:", "  s+=x", " otherwise:", "  s-=x", "print(s)"]
    assert guarded(lines, "") == ["for x in a:", " s+=x", "print(s)"]
    assert guarded(lines, "x>2") == ["for x in a:", " if x>2:", "  s+=x", " else:", "  s-=x", "print(s)"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [("s", "s%97"), ("d.get(x,0)", "d.get(x,0)%97"), ("p[r]", "p[r]%97"), ("p[r]^p[l]", "(p[r]^p[l])%97")],
)
def test_the_last_step_respects_precedence(expression: str, expected: str) -> None:
    assert answer(expression, "%97") == expected
    assert answer(expression, "") == expression


def test_no_statement_or_program_keeps_a_mark_of_its_template() -> None:
    rng = random.Random(2)
    for composition in compositions():
        drawn = draw_task(composition, rng)
        text = statement(drawn) + title(drawn) + slow_program(drawn) + fast_program(drawn)
        assert not re.search("«|»|when:|otherwise:|{[a-z]", text)


def test_the_split_holds_out_three_tenths_of_the_compositions() -> None:
    seen, held_out = split()
    assert not set(seen) & set(held_out)
    assert len(seen) + len(held_out) == len(compositions())
    assert len(seen) / len(compositions()) == pytest.approx(0.7, abs=0.001)
    assert split() == (seen, held_out)


def test_the_held_out_set_asks_what_was_never_rewarded() -> None:
    seen, held_out = split()
    rewarded, evaluated = reinforcement_compositions(), evaluation_compositions()
    assert set(rewarded) <= set(seen)
    assert set(evaluated) <= set(held_out)
    assert not HELD_OUT_KINDS & {one.kind for one in rewarded}
    assert {one.kind for one in evaluated} >= HELD_OUT_KINDS
    assert not {one.kind for one in evaluated if KINDS[one.kind].difficulty != "easy"} & {one.kind for one in rewarded}
    assert {one.kind for one in seen} >= HELD_OUT_KINDS, "the base has met every kind"


def test_balanced_tasks_spread_over_kinds_and_need_every_difficulty() -> None:
    drawn = draw_balanced(evaluation_compositions(), {"easy": 6, "hard": 16}, random.Random(3))
    counts = Counter(one.kind.name for one in drawn)
    assert [one.kind.difficulty for one in drawn].count("hard") == 16
    assert {counts[name] for name in HELD_OUT_KINDS if KINDS[name].difficulty == "hard"} == {2}
    with pytest.raises(ValueError, match="no medium"):
        draw_balanced(
            [one for one in compositions() if KINDS[one.kind].difficulty == "easy"], {"medium": 1}, random.Random()
        )


def test_a_filter_always_leaves_something() -> None:
    rng = random.Random(4)
    for composition in compositions():
        drawn = draw_task(composition, rng)
        values = drawn.transformed(range(61))
        assert len({value for value, kept in zip(values, drawn.passes(values), strict=True) if kept}) >= 2


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.pattern)
def test_every_slip_happens_and_can_make_a_right_program_wrong(slip: Slip) -> None:
    pattern, replacements = slip
    rng = random.Random(5)
    wrong = set()
    for kind in WITH_TWO_PROGRAMS:
        for chosen in (PLAIN, "even") if kind.filter_mode != "none" else (PLAIN,):
            drawn = task(kind.name, "divide", chosen)
            program = fast_program(drawn)
            for replacement in replacements:
                changed = re.sub(pattern, replacement, program, count=1)
                texts = [draw_input(drawn, Shape(size), rng) for size in (7, 10, 10, 30, 30)]
                if changed != program and any(output(changed, text) != output(program, text) for text in texts):
                    wrong.add(replacement)
    assert wrong == set(replacements)


def test_slips_follow_their_rate() -> None:
    program = fast_program(task("subarrays-sum-at-most"))
    rng = random.Random(6)
    assert with_slips(program, 0, rng) == program
    assert with_slips(program, 1, rng) != program
    changed = sum(with_slips(program, 0.1, rng) != program for _ in range(500))
    assert 60 < changed < 240


def test_the_corpus_mixes_strategies_and_uses_only_its_part_of_the_split() -> None:
    corpus, rng = Corpus(), random.Random(7)
    examples = [corpus.draw(rng) for _ in range(3000)]
    on_pairs = [program for text, program in examples if "Count pairs" in text]
    slow = sum(" for j in range(i):" in program for program in on_pairs) / len(on_pairs)
    assert 0.45 < slow < 0.75
    rng = random.Random(7)
    assert examples[:50] == [corpus.draw(rng) for _ in range(50)]


def test_a_program_is_stopped_at_its_limit_and_leaves_the_streams_alone() -> None:
    assert run_program("while 1:pass", "", cpu_seconds=0.02).output is None
    assert run_program("print(input())", "7\n", cpu_seconds=0.5).output == "7\n"


@pytest.mark.parametrize("kind", WITH_TWO_PROGRAMS, ids=lambda kind: kind.name)
def test_margins_around_the_time_limit_are_wide(kind: Kind) -> None:
    """Where tests bind the slow program needs 5 limits; where they do not, a quarter, as the fast one ever.

    Only the least of a few runs counts, since a busy machine can only make a run longer; and where a plain loop, run
    before and after, takes longer than on the machines that the sizes are for, so may a program.
    """
    rng = random.Random(8)
    chosen = PLAIN if kind.filter_mode == "none" else rng.choice([PLAIN, "even", "multiple"])
    first_binding, largest = sizes(kind, 3)[2][0], sizes(kind, 3)[4][0]
    largest_free = sizes(kind, None)[4][0]
    drawn = task(kind.name, rng.choice(sorted(TRANSFORMS)), chosen, seed=9)
    slow, fast = slow_program(drawn), fast_program(drawn)
    assert (
        run_program(slow, draw_input(drawn, Shape(first_binding, long_ranges=True), rng), 5 * LIMIT_SECONDS).output
        is None
    )
    before = slowness()
    unbound = least_seconds(slow, draw_input(drawn, Shape(largest_free), rng))
    efficient = least_seconds(fast, draw_input(drawn, Shape(largest, long_ranges=True), rng))
    times = max(before, slowness())
    assert unbound < times * LIMIT_SECONDS / 4, f"the slow program, on a machine {times:.2f} times slower"
    assert efficient < times * LIMIT_SECONDS / 4, f"the fast program, on a machine {times:.2f} times slower"


def slowness() -> float:
    """How much slower than those the sizes are for this machine is now: 1 where a plain loop takes 15 ms or less."""
    return max(1.0, least_seconds("s=0\nfor i in range(300000): s+=i", "", 3) / 0.015)


def least_seconds(program: str, text: str, runs: int = 5) -> float:
    return min(run_program(program, text).cpu_seconds for _ in range(runs))
