"""The ICPC / Kattis package: what is read, what is passed over with a note, what is refused and with which sentence."""

import os
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from compute.errors import ConfigError, MissingInput
from compute.problems import formats
from compute.problems.formats import UNKNOWN_DIFFICULTY, Draft, LimitRule
from compute.problems.formats.kattis import FORMAT
from compute.problems.formats.kattis_statement import text_of_html, text_of_latex
from compute.problems.formats.registry import FORMATS, format_of
from compute.problems.packages import open_problem
from compute.problems.problem import BlobStore
from tests.compute.packages import (
    ADD,
    MINIMAL,
    NEW,
    Files,
    checkers,
    write_package,
    zip_package,
)


def identifiers(draft: Draft) -> list[tuple[str, int]]:
    return [(test.identifier, test.group) for test in draft.problem.tests]


def test_a_small_package_is_read(draft, blobs: BlobStore) -> None:
    found = draft()
    problem = found.problem
    assert (problem.slug, problem.title, problem.cpu_seconds) == ("add-two", "Add Two", 1.0)
    assert problem.memory_bytes == 2048 << 20
    assert problem.checker == "tokens case_insensitive"
    assert identifiers(found) == [("sample/1", 1), ("secret/1", 2), ("secret/2", 3)]
    assert [test.public for test in problem.tests] == [True, False, False]
    assert blobs.get(problem.tests[2].input) == b"10 20\n"
    assert blobs.get(problem.tests[2].output) == b"30\n"
    assert problem.statement.startswith("Add two numbers.")
    assert "Sample Input 1\n\n```\n1 2\n```" in problem.statement
    assert found.limit_rule is None
    assert (problem.difficulty, found.notes) == ("medium", (UNKNOWN_DIFFICULTY,))


def test_a_zip_reads_as_its_folder(tmp_path: Path, blobs: BlobStore) -> None:
    (inside,) = FORMAT.read(zip_package(tmp_path / "any.zip"), blobs)
    (bare,) = FORMAT.read(zip_package(tmp_path / "add.kpp", inside=""), blobs)
    (folder,) = FORMAT.read(write_package(tmp_path / "add"), blobs)
    assert inside == bare == folder


def test_a_folder_of_packages_gives_each(tmp_path: Path, blobs: BlobStore) -> None:
    write_package(tmp_path / "set" / "b")
    zip_package(tmp_path / "set" / "a.zip", inside="")
    write_package(tmp_path / "set" / "c", {"data/secret/2.ans": None})
    first, second, third = FORMAT.read(tmp_path / "set", blobs)
    assert (first.problem.slug, second.problem.slug, third.name) == ("a", "b", "c")


def test_hidden_files_count_for_nothing(draft) -> None:
    assert draft(
        {"data/secret/.9.in": "1", ".git/config": "x", "data/secret/1.hint": "h", "data/secret/1.png": b"\x89"}
    )


# Groups -----------------------------------------------------------------------------------------------------------

GROUPS: Files = {
    "data/secret/1.in": None,
    "data/secret/1.ans": None,
    "data/secret/2.in": None,
    "data/secret/2.ans": None,
    "data/secret/1-small/a.in": "1 1\n",
    "data/secret/1-small/a.ans": "2\n",
    "data/secret/2-large/deep/b.in": "100 100\n",
    "data/secret/2-large/deep/b.ans": "200\n",
    "data/secret/2-large/c.in": "5 5\n",
    "data/secret/2-large/c.ans": "10\n",
}


def test_groups_become_levels_in_the_order_of_their_names(draft) -> None:
    found = draft(GROUPS)
    assert found.problem.level_names == ("1-small", "2-large")
    assert identifiers(found) == [
        ("sample/1", 1),
        ("secret/1-small/a", 1),
        ("secret/2-large/c", 2),
        ("secret/2-large/deep/b", 2),
    ]


def test_flags_are_inherited_down_the_tree_until_a_group_has_its_own(draft) -> None:
    found = draft(
        {
            **GROUPS,
            "data/testdata.yaml": "output_validator_flags: float_tolerance 1e-3\n",
            "data/secret/2-large/testdata.yaml": "on_reject: continue\n",
            "data/secret/2-large/deep/testdata.yaml": "output_validator_flags: case_sensitive float_tolerance 1e-9\n",
        }
    )
    assert checkers(found) == {
        "sample/1": "tokens case_insensitive float_tolerance 1e-3",
        "secret/1-small/a": "tokens case_insensitive float_tolerance 1e-3",
        "secret/2-large/c": "tokens case_insensitive float_tolerance 1e-3",
        "secret/2-large/deep/b": "tokens float_tolerance 1e-9",
    }
    assert [test.checker for test in found.problem.tests].count(None) == 3


def test_legacy_flags_of_a_group_follow_those_of_the_problem(draft) -> None:
    found = draft(
        {
            **GROUPS,
            "problem.yaml": "name: A\nvalidator_flags: case_sensitive\nlimits: {time_limit: 1}\n",
            "data/secret/2-large/testdata.yaml": "output_validator_flags: space_change_sensitive\n",
        }
    )
    assert checkers(found)["secret/1-small/a"] == "tokens"
    assert checkers(found)["secret/2-large/c"] == "tokens space_change_sensitive"


def test_settings_of_a_single_test_replace_those_of_its_group(draft) -> None:
    found = draft(
        {
            **GROUPS,
            "problem.yaml": NEW,
            "data/secret/test_group.yaml": "output_validator_args: [float_tolerance, 1e-3]\n",
            "data/secret/2-large/c.yaml": "output_validator_args: [case_sensitive]\nhint: none\n",
        }
    )
    assert checkers(found)["secret/1-small/a"] == "tokens case_insensitive float_tolerance 1e-3"
    assert checkers(found)["secret/2-large/c"] == "tokens"


def test_a_group_that_includes_another_has_its_tests_once(draft) -> None:
    found = draft({**GROUPS, "data/secret/2-large/testdata.yaml": "includes: [1-small]\n"})
    assert identifiers(found) == identifiers(draft(GROUPS | {"data/secret/2-large/testdata.yaml": None}))
    assert "data: 1 tests that stand in several groups were kept once." in found.notes


def test_a_group_can_include_a_later_one(draft) -> None:
    found = draft(
        {**GROUPS, "problem.yaml": NEW, "data/secret/1-small/test_group.yaml": "require_pass: secret/2-large/deep\n"}
    )
    assert identifiers(found)[:3] == [("sample/1", 1), ("secret/1-small/a", 1), ("secret/1-small/2-large/deep/b", 1)]
    assert ("secret/2-large/deep/b", 2) not in identifiers(found)


def test_included_tests_are_judged_by_the_flags_of_the_group_that_includes_them(draft) -> None:
    settings = "include: 1-small\noutput_validator_flags: case_sensitive\n"
    found = draft({**GROUPS, "data/secret/2-large/testdata.yaml": settings})
    assert checkers(found)["secret/1-small/a"] == "tokens case_insensitive"
    assert checkers(found)["secret/2-large/1-small/a"] == "tokens"


def test_links_between_groups_are_followed_and_repeated_tests_kept_once(tmp_path: Path, draft) -> None:
    write_package(tmp_path / "add-two", GROUPS)
    for name in ("a.in", "a.ans"):
        os.symlink(f"../1-small/{name}", tmp_path / "add-two/data/secret/2-large" / name)
    assert ("secret/2-large/a", 2) not in identifiers(draft(GROUPS))


def test_a_level_keeps_its_tests_when_it_has_no_others(draft) -> None:
    found = draft(
        {**GROUPS, "data/secret/3-same/x.in": "5 5\n", "data/secret/3-same/x.ans": "10\n"},
    )
    assert found.problem.level_names[-1] == "3-same"
    assert identifiers(found)[-1] == ("secret/3-same/x", 3)


def test_tests_beside_groups_belong_to_the_last_level(draft) -> None:
    found = draft({**GROUPS, "data/secret/9.in": "9 9\n", "data/secret/9.ans": "18\n"})
    assert ("secret/9", 2) in identifiers(found)
    assert any("data/secret has tests beside its groups" in note for note in found.notes)


def test_a_suite_without_groups_that_includes_the_samples_has_them_once(draft) -> None:
    found = draft({"problem.yaml": NEW, "data/secret/test_group.yaml": "require_pass: sample\n"})
    assert identifiers(found) == [("sample/1", 1), ("secret/1", 2), ("secret/2", 3)]


def test_many_groups_that_include_one_another_are_read_at_once(draft) -> None:
    names = [f"g{number:02}" for number in range(20)]
    files = {f"data/secret/{name}/1.in": f"{place} 0\n" for place, name in enumerate(names)}
    files |= {f"data/secret/{name}/1.ans": f"{place}\n" for place, name in enumerate(names)}
    files |= {f"data/secret/{name}/testdata.yaml": f"includes: [{', '.join(names)}]\n" for name in names}
    alone = {name: None for name in MINIMAL if name.startswith("data/secret")}
    found = draft({**alone, **files})
    assert found.problem.levels == 20
    assert {test.input for test in found.problem.tests if test.group == 1 and not test.public} == {
        test.input for test in found.problem.tests if not test.public
    }


# Limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("yaml", "rule"),
    [
        ("name: A\n", LimitRule(5.0, 1.0)),
        ("name: A\nlimits: {time_multiplier: 2.5}\n", LimitRule(2.5, 1.0)),
        (NEW, LimitRule(2.0, 1.0)),
        (NEW + "limits: {time_multipliers: {ac_to_time_limit: 3}, time_resolution: 0.5}\n", LimitRule(3.0, 0.5)),
    ],
)
def test_a_package_without_a_limit_says_how_to_compute_one(draft, yaml: str, rule: LimitRule) -> None:
    assert draft({"problem.yaml": yaml}).limit_rule == rule


def test_older_files_state_limits_too(draft) -> None:
    assert draft({"problem.yaml": "name: A\n", ".timelimit": "2.5\n"}).problem.cpu_seconds == 2.5
    ini = {"problem.yaml": "name: A\n", ".timelimit": None, "domjudge-problem.ini": "color='x'\ntimelimit='3'\n"}
    assert draft(ini).limit_rule is None


def test_whether_memory_is_stated_is_told(draft) -> None:
    stated = draft({"problem.yaml": "name: A\nlimits: {memory: 256, output: 8, time_safety_margin: 2}\n"})
    assert (stated.problem.memory_bytes, stated.states_memory) == (256 << 20, True)
    assert stated.notes == (UNKNOWN_DIFFICULTY,)
    assert not draft({"problem.yaml": "name: A\n"}).states_memory


# problem.yaml -----------------------------------------------------------------------------------------------------


def test_names_in_several_languages_follow_the_statement(draft) -> None:
    found = draft(
        {
            "problem.yaml": "problem_format_version: 2023-07\nname: {sv: Summa, en: Sum}\n",
            "problem_statement/problem.en.tex": None,
            "statement/problem.en.md": "Add *two* numbers below {{top}}.\n",
            "statement/problem.sv.md": "Addera.\n",
        }
    )
    assert found.problem.title == "Sum"
    assert found.problem.statement.startswith("Add *two* numbers")


def test_a_name_that_is_missing_is_taken_from_the_statement(draft) -> None:
    assert draft({"problem.yaml": "limits: {time_limit: 1}\n"}).problem.title == "Add Two"


def test_unknown_keys_leave_a_note(draft) -> None:
    found = draft(
        {
            "problem.yaml": "name: A\ncolour: red\nlimits: {time_limit: 1, patience: 3}\n",
            "data/testdata.yaml": "mood: good\n",
        }
    )
    assert set(found.notes) == {
        UNKNOWN_DIFFICULTY,
        "problem.yaml: the key colour is not known and was passed over.",
        "problem.yaml: the key limits.patience is not known and was passed over.",
        "data/testdata.yaml: the key mood is not known and was passed over.",
    }


def test_windows_line_ends_are_read_and_noted_and_tests_keep_theirs(draft, blobs: BlobStore) -> None:
    found = draft(
        {
            "problem.yaml": b"\xef\xbb\xbfname: A\r\nlimits:\r\n  time_limit: 1\r\n",
            "data/secret/2.in": b"10 20\r\n",
        }
    )
    assert found.problem.title == "A"
    assert blobs.get(found.problem.tests[-1].input) == b"10 20\r\n"
    assert any(note.startswith("problem.yaml: Windows line ends") for note in found.notes)
    assert any(note.startswith("problem.yaml: a byte-order mark") for note in found.notes)
    assert any("data/secret/2" in note and "Windows line ends" in note for note in found.notes)


def test_constants_are_filled_in(draft, blobs: BlobStore) -> None:
    found = draft(
        {
            "problem.yaml": NEW + "constants: {top: 100}\nlimits: {time_limit: 1}\n",
            "problem_statement/problem.en.tex": "At most \\constant{top}.\n",
            "submissions/accepted/add.py": "# {{top}}\n" + ADD,
        }
    )
    assert found.problem.statement.startswith("At most 100.")
    assert blobs.get(found.programs[0].source).startswith(b"# 100\n")


BOMB = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"problem.yaml": None}, "problem.yaml is missing"),
        ({"problem.yaml": "- a\n"}, "problem.yaml: the document must be a map"),
        ({"problem.yaml": "name: [a\n"}, "problem.yaml is not YAML in line"),
        ({"problem.yaml": b"name: \xff\xfe\n"}, "problem.yaml is not UTF-8"),
        ({"problem.yaml": "name: 7\n"}, "problem.yaml: name must be a text"),
        ({"problem.yaml": "name: !!python/object/apply:os.system [ls]\n"}, "the tag !!python/object/apply:os"),
        ({"problem.yaml": BOMB}, "problem.yaml has more than 20 aliases"),
        ({"problem.yaml": "[" * 5000}, "problem.yaml is nested more than 30 deep"),
        ({"problem.yaml": "name: A\nlimits: 3\n"}, "problem.yaml: limits must be a map"),
        ({"problem.yaml": "limits: {memory: much}\n"}, "problem.yaml: limits.memory must be a number above 0"),
        ({"problem.yaml": "limits: {memory: true}\n"}, "problem.yaml: limits.memory must be a number above 0"),
        ({"problem.yaml": "limits: {time_limit: -1}\n"}, "problem.yaml: limits.time_limit must be a number above 0"),
        ({"problem.yaml": "limits: {time_limit: .inf}\n"}, "problem.yaml: limits.time_limit must be"),
        ({"problem.yaml": "limits: {time_limit: 5000}\n"}, "problem.yaml: limits.time_limit must lie between"),
        ({"problem.yaml": "limits: {time_multiplier: five}\n"}, "problem.yaml: limits.time_multiplier must be"),
        ({"problem.yaml": "limits: {time_multiplier: 1e6}\n"}, "limits.time_multiplier must be between 0.001 and 1000"),
        ({"problem.yaml": "name: A\n", ".timelimit": "soon"}, ".timelimit must be a number of seconds"),
        ({"problem.yaml": "problem_format_version: '1999-01'\n"}, "problem.yaml: problem_format_version '1999-01'"),
        ({"problem.yaml": "type: duel\n"}, "problem.yaml: type must be one of"),
        ({"problem.yaml": "validation: magic\n"}, "problem.yaml: validation must begin with default or custom"),
        ({"problem.yaml": "validator_flags: loosely\n"}, "problem.yaml: validator_flags: the default validator has no"),
        ({"problem.yaml": "validator_flags: float_tolerance\n"}, "validator_flags: float_tolerance must be followed"),
        ({"problem.yaml": "validation: custom interactive\n"}, "Interactive problems are not supported yet"),
        ({"problem.yaml": "validation: custom score\n"}, "Scores given by a validator are not supported yet"),
        ({"problem.yaml": NEW + "validation: custom interactive\n"}, "Interactive problems are not supported yet"),
        ({"problem.yaml": NEW + "type: interactive\n"}, "Interactive problems are not supported yet"),
        ({"problem.yaml": NEW + "type: [pass-fail, multi-pass]\n"}, "Multi-pass problems are not supported yet"),
        ({"problem.yaml": NEW + "type: submit-answer\n"}, "Submit-answer problems are not supported yet"),
        ({"problem.yaml": "validation: custom\n"}, "problem.yaml: validation is custom, but output_validators has no"),
        ({"data/secret/2.ans": None}, "data/secret/2.ans is missing, the answer to data/secret/2.in"),
        ({"data/secret/2.in": None}, "data/secret/2.in is missing, the input that data/secret/2.ans answers"),
        ({f"data/secret/{n}.{e}": None for n in "12" for e in ("in", "ans")}, "data/secret has no tests"),
        ({"data/testdata.yaml": "output_validator_flags: 3\n"}, "data/testdata.yaml: output_validator_flags must be"),
        (
            {"data/testdata.yaml": "output_validator_flags: x\n"},
            "data/testdata.yaml: output_validator_flags: the default",
        ),
        ({"data/secret/testdata.yaml": "includes: nowhere\n"}, "data/secret includes the group data/nowhere"),
        ({"problem.yaml": NEW, "data/secret/1.yaml": "args: [-v]\n"}, "data/secret/1.yaml: args"),
        ({"problem.yaml": NEW, "data/secret/1.files/a.txt": "x"}, "data/secret/1.files"),
        ({f"data/secret/{'a/' * 40}1.in": "x"}, "lies more than 30 folders deep"),
        ({"include/python3/grader.py": "x"}, "include/python3: files added to every submission"),
        (
            {"submissions/submissions.yaml": "accepted: {permitted: [OK]}\n"},
            "submissions/submissions.yaml: accepted.permi",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_the_file_and_the_key(refusal, changes: Files, words: str) -> None:
    assert words in refusal(changes)


# Statements and the registry --------------------------------------------------------------------------------------


def test_latex_becomes_text_and_formulas_stay() -> None:
    text = text_of_latex(
        "\\problemname{X} % gone\n\\section*{Input}\nAn \\emph{integer \\textbf{$n$}} of 5\\% -- ``big''.\n"
        "\\begin{itemize}\n\\item one~two\n\\end{itemize}\n\\includegraphics[width=3cm]{a.png}\n$a_{1} \\le 10$",
        {},
    )
    assert text == 'Input\n\nAn integer $n$ of 5% -- "big".\n\n- one two\n\n$a_{1} \\le 10$'


def test_html_becomes_text() -> None:
    assert text_of_html("<style>p {}</style><p>A &lt; b</p><ul><li>one</ul>") == "A < b\n\n- one"


def test_a_statement_in_pdf_is_named_but_not_read(draft) -> None:
    found = draft({"problem_statement/problem.en.tex": None, "problem_statement/problem.en.pdf": b"%PDF"})
    assert "problem_statement/problem.en.pdf: a statement in PDF cannot be read." in found.notes


def test_packages_are_recognised(tmp_path: Path) -> None:
    assert format_of(write_package(tmp_path / "add")).name == "kattis"
    assert format_of(zip_package(tmp_path / "add.zip")).name == "kattis"
    (tmp_path / "other").mkdir()
    with pytest.raises(ConfigError, match="in none of the formats"):
        format_of(tmp_path / "other")
    with pytest.raises(ConfigError, match="No problem format is called 'magic'"):
        format_of(tmp_path / "add", "magic")
    with pytest.raises(MissingInput, match="no problem package"):
        format_of(tmp_path / "nowhere")


def test_one_package_can_be_opened_by_itself(tmp_path: Path, blobs: BlobStore) -> None:
    found = open_problem(write_package(tmp_path / "set" / "add"), blobs)
    assert (found.problem.slug, found.notes) == ("add", ())
    write_package(tmp_path / "set" / "bad", {"data/secret/1.ans": None})
    with pytest.raises(ConfigError, match=r"bad: data/secret/1.ans is missing"):
        open_problem(tmp_path / "set" / "bad", blobs)
    write_package(tmp_path / "set" / "also")
    with pytest.raises(ConfigError, match="several problems"):
        open_problem(tmp_path / "set", blobs)


def test_every_format_is_in_the_registry() -> None:
    modules = (import_module(f"{formats.__name__}.{found.name}") for found in iter_modules(formats.__path__))
    assert {module.FORMAT.name for module in modules if hasattr(module, "FORMAT")} == set(FORMATS)
