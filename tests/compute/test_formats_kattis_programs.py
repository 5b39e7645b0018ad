"""Programs of an ICPC / Kattis package: declared verdicts and output validators."""

import pytest

from compute.problems.formats import UNKNOWN_DIFFICULTY, Draft
from compute.problems.problem import BlobStore
from tests.compute.packages import ADD, CONSTANT, NEW, Files, checkers


def declared(draft: Draft) -> dict[str, tuple[str, ...]]:
    return {program.name: program.declared for program in draft.programs}


def test_folders_declare_verdicts(draft) -> None:
    found = draft(
        {
            "submissions/time_limit_exceeded/a.py": ADD,
            "submissions/run_time_error/b.cpp": "int main() { return 1; }",
            "submissions/rejected/c.py3": CONSTANT,
            "submissions/brute_force/d.cc": "int main() {}",
            "submissions/partially_accepted/e.py": CONSTANT,
        }
    )
    assert declared(found) == {
        "accepted/add.py": ("AC",),
        "brute_force/d.cc": ("TLE", "RE", "MLE"),
        "partially_accepted/e.py": ("WA", "RE", "TLE", "MLE", "OLE", "CE"),
        "rejected/c.py3": ("WA", "RE", "TLE", "MLE", "OLE", "CE"),
        "run_time_error/b.cpp": ("RE", "MLE"),
        "time_limit_exceeded/a.py": ("TLE",),
        "wrong_answer/constant.py": ("WA",),
    }
    assert {program.name: program.language for program in found.programs}["run_time_error/b.cpp"] == "cpp"


def test_expected_results_in_a_comment_count_more_than_the_folder(draft) -> None:
    comment = "# @EXPECTED_RESULTS@: TIMELIMIT, WRONG-ANSWER\n"
    found = draft({"submissions/mixed/a.py": comment + ADD, "submissions/wrong_answer/constant.py": comment + CONSTANT})
    assert declared(found)["mixed/a.py"] == ("TLE", "WA")
    assert declared(found)["wrong_answer/constant.py"] == ("TLE", "WA")


def test_submissions_yaml_replaces_a_folders_rule_and_adds_to_it(draft) -> None:
    found = draft(
        {
            "submissions/submissions.yaml": "wrong_answer: {permitted: [AC, WA, RTE], required: [WA, RTE]}\n"
            "'{odd,strange}/*.py': {permitted: [AC, TLE], required: [TLE]}\n"
            "odd/b.py: {language: cpp, sample: {permitted: [AC]}}\n",
            "submissions/odd/a.py": ADD,
            "submissions/odd/b.py": "int main() {}",
        }
    )
    assert declared(found)["wrong_answer/constant.py"] == ("WA", "RE", "MLE")
    assert declared(found)["odd/a.py"] == ("TLE",)
    assert [program.language for program in found.programs if program.name == "odd/b.py"] == ["cpp"]
    assert any("odd/b.py.sample" in note for note in found.notes)


def test_submissions_that_cannot_be_run_are_passed_over_with_a_note(draft) -> None:
    found = draft(
        {
            "submissions/accepted/Add.java": "class Add {}",
            "submissions/accepted/two/a.cpp": "int main() {}",
            "submissions/accepted/two/b.cpp": "int f() {}",
            "submissions/accepted/one/add.py": ADD,
            "submissions/accepted/old.py": "#!/usr/bin/python2\nprint 3\n",
            "submissions/accepted/odd.py": b"# \xe4\n",
            "submissions/accepted/umlaut.cpp": b"// \xe4\nint main() {}",
        }
    )
    named = {"accepted/add.py", "accepted/one", "accepted/umlaut.cpp", "wrong_answer/constant.py"}
    assert set(declared(found)) == named
    assert {note.split(":")[0] for note in found.notes} - {UNKNOWN_DIFFICULTY} == {
        "submissions/accepted/Add.java",
        "submissions/accepted/two",
        "submissions/accepted/old.py",
        "submissions/accepted/odd.py",
        "submissions/accepted/umlaut.cpp",
    }


CUSTOM = "name: A\nvalidation: custom\nvalidator_flags: strict 3\nlimits: {time_limit: 1}\n"


def test_a_validator_comes_with_its_flags(draft, blobs: BlobStore) -> None:
    found = draft({"problem.yaml": CUSTOM, "output_validators/check.py": "raise SystemExit(42)\n"})
    validator = found.problem.validator
    assert (validator.language, validator.convention) == ("python", "icpc")
    assert blobs.get(validator.files[0].sha256) == b"raise SystemExit(42)\n"
    assert found.problem.checker == "validator strict 3"


def test_a_validator_of_several_files_names_the_main_one_first(draft) -> None:
    found = draft(
        {
            "problem.yaml": CUSTOM,
            "data/secret/testdata.yaml": "output_validator_flags: loose\n",
            "output_validators/check/a.h": "int f();",
            "output_validators/check/b.cc": "int main(int n, char **a) { return 42; }",
            "output_validators/check/README.md": "text",
        }
    )
    assert [file.name for file in found.problem.validator.files] == ["b.cc", "a.h"]
    assert checkers(found) == {
        "sample/1": "validator strict 3",
        "secret/1": "validator strict 3 loose",
        "secret/2": "validator strict 3 loose",
    }


def test_a_new_package_has_a_custom_validator_where_there_is_one(draft) -> None:
    files = {"output_validator/validate.py": "import tools\n", "output_validator/tools.py": ""}
    found = draft({"problem.yaml": NEW, **files})
    assert [file.name for file in found.problem.validator.files] == ["validate.py", "tools.py"]
    assert found.problem.checker == "validator"


def test_a_validator_that_is_not_asked_for_leaves_a_note(draft) -> None:
    found = draft({"output_validators/check.py": ""})
    assert found.problem.validator is None
    assert "output_validators was passed over, since problem.yaml asks for the default validator." in found.notes


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"output_validators/Check.java": ""}, "output_validators/Check.java is a validator in another language"),
        ({"output_validators/a.py": "", "output_validators/b.py": ""}, "output_validators has several validators"),
        ({"output_validators/v/build": "", "output_validators/v/a.cc": ""}, "output_validators/v/build"),
        ({"output_validators/v/a.py": "", "output_validators/v/b.cc": ""}, "output_validators/v mixes languages"),
    ],
)
def test_a_validator_that_cannot_be_run_is_refused(refusal, files: Files, words: str) -> None:
    assert words in refusal({"problem.yaml": CUSTOM, **files})
