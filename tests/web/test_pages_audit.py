"""The audit page: figures, marks, declared against judged, and who sees what; the import's result; the launch forms."""

import json
import re

import factories
import pytest

from frontier_app import launch
from frontier_app.figures.audit import CaughtShare, ProblemFigures, caught_figure, reference_figure, sizes_figure
from frontier_app.models import Job, Problem, Study
from frontier_app.numbers.audit import audited, caught_shares, judged_programs, overview
from frontier_app.templatetags.frontier import checker_words, declared
from frontier_app.words import isolation, share, times

pytestmark = pytest.mark.django_db
ADDRESS = "/studies/miniature/audit/"


@pytest.fixture
def study() -> Study:
    made = factories.study(problems=12)
    factories.audit(made)
    return made


def audits(study: Study) -> list[dict]:
    return [one.audit for one in study.held_out_set.problems.order_by("position")]


def test_the_head_says_what_the_audit_found(client_of, study):
    page = client_of(factories.bob()).get(ADDRESS).content.decode()

    figures = study.held_out_set.audit
    assert "12 of 12 problems audited" in page
    assert f"n = {figures['slow_programs']} slow but correct" in page
    assert f"{figures['agreeing']} <em>of {figures['declared']}</em>" in page
    assert "Landlock, seccomp, resource limits" in page


def test_the_share_caught_is_that_of_the_set_with_an_interval_over_problems(study):
    seen = overview(study.held_out_set, audited(study.held_out_set))

    assert [round(one.share, 4) for one in seen.caught] == study.held_out_set.audit["slow_caught_rate"]
    assert all(one.half_width is not None for one in seen.caught)
    assert seen.programs == sum(len(one["programs"]) for one in audits(study))


def test_a_problem_of_fewer_levels_is_whole_at_its_last():
    short = {"levels": 1, "slow_programs": 1, "slow_caught": [1]}
    long = {"levels": 2, "slow_programs": 3, "slow_caught": [0, 3]}

    assert [(one.share, one.n) for one in caught_shares([short, long])] == [(0.25, 4), (1.0, 4)]
    assert [one.half_width for one in caught_shares([long])] == [None, None]
    assert caught_shares([{"levels": 2, "slow_programs": 0, "slow_caught": [0, 0]}]) == []


def test_problems_with_most_marks_come_first_and_a_mark_filters(client_of, study):
    client = client_of(factories.alice())
    marks = {one["slug"]: one["marks"] for one in audits(study)}

    shown = client.get(ADDRESS).context["rows"]
    counts = [len(row["marks"]) for row in shown]
    assert counts == sorted((len(found) for found in marks.values()), reverse=True)

    filtered = client.get(f"{ADDRESS}?mark=no-slow-program").context["rows"]
    having = {slug for slug, found in marks.items() if "no-slow-program" in found}
    assert {row["problem"].slug for row in filtered} == having
    assert "Show all audited problems" in client.get(f"{ADDRESS}?mark=unstable&q=nowhere").content.decode()
    assert client.get(f"{ADDRESS}?mark=invented").context["slice"].total == 12


def test_every_mark_has_a_shape_and_words(client_of, study):
    page = client_of(factories.alice()).get(ADDRESS).content.decode()
    row = page.partition('id="audited"')[2]

    for found in re.findall(r'<span class="finding (\w+)" title="([^"]*)"><svg.*?</svg>([^<]+)', row):
        assert all(part.strip() for part in found)
    assert row.count("<svg") >= sum(len(one["marks"]) for one in audits(study))


def test_disagreements_come_first_and_can_be_seen_alone(client_of):
    study = factories.study(problems=60)
    factories.audit(study)
    everything = judged_programs(study.held_out_set, "", 1, 1000)
    disagreeing = judged_programs(study.held_out_set, "disagree", 1, 1000)
    unstable = judged_programs(study.held_out_set, "unstable", 1, 1000)

    assert everything.total == sum(len(one["programs"]) for one in audits(study))
    assert 0 < disagreeing.total == sum(one.agrees is False for one in everything.rows)
    assert [one.agrees is False for one in everything.rows[: disagreeing.total]] == [True] * disagreeing.total
    assert 0 < unstable.total == sum(bool(one.unstable) for one in everything.rows)
    assert {len(one.groups) for one in everything.rows} == {10}
    second = judged_programs(study.held_out_set, "", 2, 50)
    assert (second.first, second.last, second.rows) == (51, 100, everything.rows[50:100])
    assert judged_programs(study.held_out_set, "", 999, 50).page == second.pages
    client = client_of(factories.alice())
    assert "programs_page=2" in client.get(ADDRESS).content.decode()
    for number in ("x", "9" * 5_000):
        assert client.get(f"{ADDRESS}?programs_page={number}&programs=what").status_code == 200


def test_suggested_limits_are_copied_for_all_problems(client_of, study):
    page = client_of(factories.alice()).get(ADDRESS)

    copied = page.context["all_limits"]
    assert copied == {
        one["slug"]: one["suggested_cpu_seconds"] for one in audits(study) if one["suggested_cpu_seconds"]
    }
    changes = [abs(one["factor"] - 1) > 0 for one in page.context["limits"]]
    assert len(changes) <= 12
    assert "slowest × 5" in page.content.decode()


def test_the_figures_come_with_the_table_behind_them(client_of, study):
    figures = client_of(factories.alice()).get(f"{ADDRESS}figures.json").json()

    assert list(figures) == ["caught", "reference", "sizes"]
    assert len(figures["sizes"]["table"]) == 13
    assert figures["caught"]["data"][0]["y"] == pytest.approx(study.held_out_set.audit["slow_caught_rate"])
    train = client_of(factories.alice()).get(f"{ADDRESS}figures.json?set=train").json()
    assert train["sizes"]["layout"]["annotations"][0]["text"] == "no problem is audited"


def test_shapes_say_how_near_a_reference_comes_to_its_limit():
    shares = {"a": 0.1, "b": 0.6, "c": 1.4}
    problems = [ProblemFigures(slug, 2.0, 2.0 * one, [10, 100], 10) for slug, one in shares.items()]
    problems.append(ProblemFigures("unknown", 2.0, None, [10], 1))

    figure = reference_figure(problems)

    assert figure["data"][0]["marker"]["symbol"] == ["circle", "triangle-up", "x"]
    assert [shape["y0"] for shape in figure["layout"]["shapes"]] == [1.0, 0.5]
    assert [row[0] for row in figure["table"][1:]] == ["a", "b", "c"]


def test_one_size_and_no_problem_make_figures_all_the_same():
    same = sizes_figure([ProblemFigures("a", 1.0, None, [0], 1.0)])
    assert same["data"][0]["y"] == [1, 1, None]
    for figure in (caught_figure([], 0), reference_figure([]), sizes_figure([])):
        assert figure["layout"]["annotations"][0]["text"]
        json.dumps(figure, allow_nan=False)
    assert caught_figure([CaughtShare(1, 2, 0.5, None, 4)], 1)["data"][0]["error_y"]["array"] == [0.0]


def test_empty_pages_say_the_next_step(client_of):
    study = factories.empty_study()
    client = client_of(factories.alice())
    assert "can be audited as soon as they are" in client.get(ADDRESS).content.decode()
    factories.write_problems(study, 1)
    assert "Launch an audit" in client.get(ADDRESS).content.decode()
    Study.objects.update(held_out_set=None)
    page = client.get(ADDRESS).content.decode()
    assert "There is no held-out set" in page
    assert 'launch/import/?use_as=held-out"' in page
    assert "Import problems" in client.get("/studies/miniature/problems/").content.decode()


def test_figures_of_the_set_alone_are_shown_with_the_way_to_more(client_of):
    study = factories.study(problems=1)
    study.held_out_set.audit = {
        "problems": 1,
        "slow_programs": 8,
        "slow_caught_rate": [0.25, 1.0],
        "size_ratio_median": 40,
    }
    study.held_out_set.save()

    page = client_of(factories.alice()).get(ADDRESS).content.decode()

    assert "0.250" in page
    assert "Launch an audit</a> to see them problem by problem" in page


def test_an_audit_under_way_is_shown_to_members(client_of, study, tmp_path):
    known = tmp_path / "more.jsonl"
    known.write_text("{}\n")
    job = launch.launch_audit(study, factories.alice(), study.held_out_set, programs=str(known)).jobs[0]

    assert job.get_absolute_url() in client_of(factories.bob()).get(ADDRESS).content.decode()
    page = factories.reader(study, "audit").get(ADDRESS)
    assert page.status_code == 200
    assert job.reference not in page.content.decode()


def test_a_link_sees_figures_and_marks_but_programs_only_when_it_may(client_of, study):
    for allowed in (False, True):
        reader = factories.reader(study, "audit", allow_programs=allowed)
        page = reader.get(ADDRESS).content.decode()
        other = factories.reader(study, "problem", "@problem=000-squares", allow_programs=allowed)
        problem = other.get("/studies/miniature/problems/000-squares/").content.decode()
        assert "problems audited" in page
        assert ("fast.py" in page) is allowed
        assert ("fast.py" in problem) is allowed
        assert "Audit again" not in page
        assert study.held_out_set.path not in page + problem
        assert reader.get(f"{ADDRESS}figures.json").status_code == 200


def test_a_stranger_finds_no_audit_and_nobody_logs_in_first(client_of, study):
    for address in (ADDRESS, f"{ADDRESS}figures.json"):
        assert client_of(factories.charlie()).get(address).status_code == 404
        assert client_of(None).get(address).status_code == 302


def test_the_problem_page_says_how_outputs_are_judged_and_what_the_audit_found(client_of, study):
    problem = next(one for one in study.held_out_set.problems.all() if "no-slow-program" in one.audit["marks"])
    problem.checker, problem.limit_source = "tokens float_tolerance 1e-6", "computed: slowest accepted × 5"
    problem.level_names = ["sample", "small", "medium", "large", "huge"]
    problem.save()

    page = client_of(factories.alice()).get(f"/studies/miniature/problems/{problem.slug}/").content.decode()

    assert "computed: slowest accepted × 5" in page
    assert "numbers within 1e-6 (relative or absolute)" in page
    assert "no slow but correct program is known" in page
    assert "huge" in page
    assert "fast.py" in page


def test_the_problem_list_shows_marks_and_leads_to_the_audit(client_of, study):
    page = client_of(factories.alice()).get("/studies/miniature/problems/").content.decode()

    assert re.search(r"audit: \d+ of 12 marked", page)
    assert 'class="finding' in page


def test_a_dry_run_shows_what_it_found_and_imports_with_one_click(client_of, study):
    fresh = launch.create_study(factories.alice(), "Fresh")
    job = factories.tried_import(fresh)
    client = client_of(factories.alice())

    page = client.get(job.get_absolute_url()).content.decode()
    assert "interactive problems are not supported yet" in page
    assert "Import 3 problems" in page
    assert "images are left out" in page
    answer = client.post(f"/jobs/{job.reference}/import/")

    real = Job.objects.filter(kind="import").latest("pk")
    assert answer.url == real.get_absolute_url()
    assert not real.config["dry_run"]
    assert client_of(factories.charlie()).post(f"/jobs/{job.reference}/import/").status_code == 404
    done = factories.tried_import(fresh, dry_run=False)
    assert "See the problems" in client.get(done.get_absolute_url()).content.decode()


def test_a_dry_run_that_found_nothing_new_says_how_to_use_problems_again(client_of):
    study = launch.create_study(factories.alice(), "Fresh")
    job = factories.tried_import(study, new=0, duplicates=5)

    page = client_of(factories.alice()).get(job.get_absolute_url()).content.decode()

    assert "Nothing new is there to import" in page
    assert "compared in this study only" in page
    assert "Import 0" not in page


def test_an_import_is_launched_from_its_form_as_a_dry_run_first(client_of, tmp_path):
    study = launch.create_study(factories.alice(), "Fresh")
    client, address = client_of(factories.alice()), f"/studies/{study.slug}/launch/import/"
    assert client.get(address).context["form"]["dry_run_only"].value() is True

    wrong = client.post(address, {"path": "/nowhere", "use_as": "held-out", "compare": "seen"})
    assert (wrong.status_code, list(wrong.context["form"].errors)) == (422, ["path"])
    values = {"path": str(tmp_path), "use_as": "training", "compare": "seen", "dry_run_only": "on"}
    assert "estimated cost" in client.post(f"{address}estimate/", values).content.decode()
    assert not Job.objects.exists()
    assert client.post(address, values).status_code == 302
    assert Job.objects.get().config["dry_run"]


def test_an_audit_is_launched_from_its_form_and_refused_beside_the_set(client_of, study, tmp_path):
    study.held_out_set.path = str(tmp_path / "held-out.jsonl")
    study.held_out_set.save()
    client, address = client_of(factories.alice()), "/studies/miniature/launch/audit/"
    assert client.get(address).context["form"]["problem_set"].value() == study.held_out_set.reference

    values = {"problem_set": study.held_out_set.reference, "repeats": "2", "safety_factor": "5"}
    answer = client.post(address, values)

    assert answer.status_code == 422
    assert "No programs are known" in answer.context["form"].errors["problem_set"][0]
    (tmp_path / "held-out.programs.jsonl").write_text("{}\n")
    assert client.post(address, values).url == Job.objects.filter(kind="audit").latest("pk").get_absolute_url()
    foreign = factories.empty_study("other").held_out_set.reference
    other = client.post(address, values | {"problem_set": foreign})
    assert "has no such problem set" in other.context["form"].errors["problem_set"][0]


def test_a_new_study_begins_with_its_import_or_not_at_all(client_of, tmp_path):
    client = client_of(factories.person("dora"))
    values = {"title": "Sorts", "use_as": "held-out", "compare": "study"}

    refused = client.post("/studies/new/", values | {"path": "/nowhere"})
    assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["path"])
    assert not Study.objects.exists()

    begun = client.post("/studies/new/", values | {"path": str(tmp_path)})
    assert begun.url == Job.objects.get(kind="import").get_absolute_url()
    bare = client.post("/studies/new/", values | {"title": "Bare", "path": ""})
    assert bare.url == "/studies/bare/"
    for page in ("", "problems/", "audit/", "runs/", "checkpoints/", "launch/train/", "launch/audit/", "launch/sweep/"):
        assert client.get(f"/studies/bare/{page}").status_code == 200, page
    assert "has no held-out problems" in client.get("/studies/bare/").content.decode()
    assert client.get("/studies/bare/explorer.json").json()["conditions"] == []
    taken = client.post("/studies/new/", values | {"title": "Bare"}).context["form"].errors["slug"][0]
    assert taken == "Your study 'bare' has this address: choose another."
    assert client_of(None).get("/studies/new/").status_code == 302


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (times(256.0), "× 256"),
        (times(0.2), "× 0.2"),
        (times(None), "—"),
        (share(0.1749), "17 %"),
        (share(0.0213), "2.1 %"),
        (declared([]), "—"),
        (declared(["AC", "TLE"]), "AC or TLE"),
        (declared(["WA", "RE", "TLE", "MLE", "OLE", "CE"]), "not AC"),
        (times(99.7), "× 100"),
        (isolation("root-namespaces+landlock+rlimits"), "namespaces of root, Landlock, resource limits"),
        (isolation(""), "—"),
        (checker_words("tokens"), "its words are the answer's"),
        (checker_words("exact"), "it equals the answer byte by byte"),
        (checker_words("validator --strict 3"), "the problem's own validator says so, called with --strict 3"),
        (checker_words("json float_tolerance 1e-5"),
         "its JSON value equals the answer's, numbers within 1e-5 (relative or absolute)"),
    ],
)  # fmt: skip
def test_findings_are_written_one_way_everywhere(written, expected):
    assert written == expected


def test_hidden_tests_stay_hidden_in_audits(client_of, study):
    hidden = [test | {"public": False, "input_text": "hidden-bytes"} for test in Problem.objects.first().tests]
    Problem.objects.update(tests=hidden)
    client = client_of(factories.alice())

    for page in (ADDRESS, f"{ADDRESS}figures.json", "/studies/miniature/problems/000-squares/"):
        assert b"hidden-bytes" not in client.get(page).content
