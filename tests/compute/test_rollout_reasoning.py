"""Finding the program in an answer."""

import pytest

from compute.rollout.reasoning import program_from, render


def test_the_first_python_block_is_the_program():
    assert program_from("Think.\n```python\nprint(1)\n```\nor\n```python\nprint(2)\n```") == "print(1)\n"


def test_the_last_block_can_be_asked_for():
    assert program_from("```python\nprint(1)\n```\n```python\nprint(2)\n```", "last") == "print(2)\n"


def test_a_block_of_another_language_is_passed_over():
    assert program_from("```text\n1 2 3\n```\n```py\nprint(1)\n```") == "print(1)\n"


def test_an_unmarked_block_counts_only_when_none_is_marked():
    assert program_from("```\n3\n```\n```python\nprint(3)\n```") == "print(3)\n"
    assert program_from("```\nprint(3)\n```") == "print(3)\n"


NO_PROGRAM = ["", "print(1)", "```python\nprint(1)\n", "```python\n \n```", "```cpp\nint main;\n```"]


@pytest.mark.parametrize("text", NO_PROGRAM)
def test_no_closed_python_block_is_no_program(text):
    assert program_from(text) is None


def test_a_fence_directly_after_the_code_closes_the_block():
    assert program_from("```python\nprint(1)```") == "print(1)"


@pytest.mark.ml
def test_the_beginning_of_the_answer_that_a_template_writes_belongs_to_the_answer(tiny_policy):
    from transformers import AutoTokenizer

    prompt, beginning = render(AutoTokenizer.from_pretrained(tiny_policy), "Add")
    assert (prompt, beginning) == ("Add\n```python\n", "```python\n")
