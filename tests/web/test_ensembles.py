"""The ensembles page: its numbers equal plain Python on the samples themselves, at any filter, and it is honest."""

import random
from math import comb, isclose
from statistics import fmean

import factories
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from frontier_app.models import Evaluation, Problem, Rollup, Sample, Study
from frontier_app.numbers.ensembles.choice import candidates, choose

pytestmark = pytest.mark.django_db
ADDRESS = "/studies/miniature/ensembles.json"


@pytest.fixture
def measured() -> factories.Measured:
    return factories.measured_study(problems=12, samples=4, alphas=(-0.5, 0.0, 0.5, 1.0, 1.5))


@pytest.fixture
def ask(client_of):
    def get(status: int = 200, user: object = None, **query: object) -> dict:
        answer = client_of(user or factories.alice()).get(ADDRESS, query)
        assert answer.status_code == status, answer.content[:500]
        return answer.json()

    return get


def line(data: dict, key: str) -> dict:
    return next(one for one in data["lines"] if one["key"] == key)


def references(data: dict) -> list[str]:
    return [data["candidates"][one]["checkpoint"] for one in data["members"]]


def solved_counts(study: Study, slugs: list[str], level: int) -> dict[str, list[tuple[int, int, int]]]:
    """By checkpoint, on each problem: samples, solved ones and tokens, counted from the samples' letters."""
    found = {}
    for evaluation in study.evaluations.select_related("checkpoint"):
        cells = []
        for slug in slugs:
            problem = Problem.objects.get(problem_set=study.held_out_set, slug=slug)
            tests = sum(group <= level for group in problem.test_groups)
            samples = list(Sample.objects.filter(evaluation=evaluation, problem=problem))
            solved = sum(set(sample.letters[:tests]) == {"A"} for sample in samples)
            cells.append((len(samples), solved, sum(sample.tokens for sample in samples)))
        found[evaluation.checkpoint.reference] = cells
    return found


def chance(n: int, solved: int, k: int) -> float | None:
    return None if k > n else 1 - comb(n - solved, k) / comb(n, k)


def mean_chance(cells: list[tuple[int, int, int]], k: int) -> float | None:
    values = [chance(n, solved, k) for n, solved, _ in cells]
    return None if None in values else fmean(values)


def same(found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return isclose(found, expected, abs_tol=2e-5)


@pytest.mark.parametrize("seed", range(4))
def test_curves_equal_plain_python_on_the_samples_at_any_filter(measured: factories.Measured, ask, seed: int) -> None:
    rng = random.Random(seed)
    names = [one.checkpoint.reference for one in measured.evaluations]
    members = sorted(rng.sample(names, rng.choice([2, 3])), key=names.index)
    difficulty, level = rng.choice(["hard", "easy", "all"]), rng.choice([1, 3, 5])
    data = ask(members=",".join(members), difficulty=difficulty, level=level)
    slugs = data["problems"]["slug"]
    held_out = measured.study.held_out_set.problems.all()
    assert slugs == [one.slug for one in held_out if difficulty in (one.difficulty, "all")]
    counts = solved_counts(measured.study, slugs, level)
    assert references(data) == members
    for place, k in enumerate(data["ks"]):
        shares = [k // len(members) + (one < k % len(members)) for one in range(len(members))]
        rates = []
        for problem in range(len(slugs)):
            each = [chance(*counts[name][problem][:2], share) for name, share in zip(members, shares, strict=True)]
            missed = 1.0
            for one in each:
                missed = None if one is None or missed is None else missed * (1 - one)
            rates.append(None if missed is None else 1 - missed)
        expected = fmean(rates) if k >= len(members) and None not in rates else None
        assert same(line(data, "ensemble")["rate"][place], expected)
        singles = [mean_chance(cells, k) for cells in counts.values()]
        for name, one in zip(members, [one for one in data["lines"] if one["key"] == "alone"], strict=True):
            assert same(one["rate"][place], mean_chance(counts[name], k))
        everything = None not in singles
        assert same(line(data, "mean")["rate"][place], fmean(singles) if everything else None)
        assert same(line(data, "oracle")["rate"][place], max(singles) if everything else None)
        gain = expected - fmean(singles) if everything and expected is not None else None
        assert same(line(data, "mean")["gain"][place], gain)


def test_matched_tokens_buy_what_the_ensembles_tokens_pay_for(measured: factories.Measured, ask) -> None:
    names = [one.checkpoint.reference for one in measured.evaluations[:2]]
    data = ask(members=",".join(names), match="tokens", k=4)
    counts = solved_counts(measured.study, data["problems"]["slug"], 5)
    length = {name: sum(t for *_, t in cells) / sum(n for n, *_ in cells) for name, cells in counts.items()}
    place = data["ks"].index(4)
    spent = 2 * length[names[0]] + 2 * length[names[1]]
    assert data["tokens"][place] == pytest.approx(spent, abs=0.06)
    for name, one in zip(names, [one for one in data["lines"] if one["key"] == "alone"], strict=True):
        affordable = max(1, int(spent / length[name] + 1e-9))
        assert same(one["rate"][place], mean_chance(counts[name], affordable))
        if affordable <= 4:
            assert one["samples"][place] == affordable
    figure = data["figures"]["curves"]
    assert "tokens" in figure["layout"]["xaxis"]["title"]["text"]
    assert len(figure["table"]) == 1 + len(data["ks"]) * len([one for one in data["lines"] if one["members"]])


def test_the_best_single_is_chosen_on_one_half_and_scored_on_the_other(measured: factories.Measured, ask) -> None:
    data = ask(search=2, at=2, difficulty="all", split=3)
    scored = data["problems"]["slug"]
    everything = [one.slug for one in measured.study.held_out_set.problems.all()]
    chosen_on = [slug for slug in everything if slug not in scored]
    assert len(chosen_on) == data["split"]["chosen_on"] == 6
    assert data["split"]["halved"]
    there, here = (solved_counts(measured.study, slugs, 5) for slugs in (chosen_on, scored))
    for place, k in enumerate(data["ks"][:4]):
        singles = {name: mean_chance(cells, k) for name, cells in there.items()}
        best = max(singles.values())
        allowed = [mean_chance(here[name], k) for name, value in singles.items() if isclose(value, best)]
        assert any(same(line(data, "chosen")["rate"][place], one) for one in allowed)


def test_a_search_takes_the_members_that_help_most_on_the_selection_half(measured: factories.Measured, ask) -> None:
    data = ask(search=2, at=4, difficulty="all")
    scored = set(data["problems"]["slug"])
    chosen_on = [one.slug for one in measured.study.held_out_set.problems.all() if one.slug not in scored]
    counts = solved_counts(measured.study, chosen_on, 5)

    def rate(names: list[str]) -> float:
        return fmean(1 - product_of(1 - chance(*counts[n][p][:2], 2) for n in names) for p in range(len(chosen_on)))

    first = max(rate([name]) for name in counts)
    members = references(data)
    assert any(isclose(rate([name]), first) for name in members)
    assert any(
        isclose(rate(members), max(rate([name, other]) for other in counts if other != name)) for name in members
    )
    again = ask(search=2, at=4, difficulty="all", split=1)
    assert set(again["problems"]["slug"]) != scored


def product_of(values: object) -> float:
    result = 1.0
    for value in values:
        result *= value
    return result


def test_members_by_hand_are_reported_on_every_problem(measured: factories.Measured, ask) -> None:
    data = ask(members="miniature.low,miniature.high")
    assert references(data) == ["miniature.low", "miniature.high"]
    assert not data["split"]["halved"]
    assert data["split"]["reported_on"] == 6
    assert data["split"]["chosen_on"] == 3


def test_a_budget_beyond_n_is_undefined_and_says_why(measured: factories.Measured, ask) -> None:
    data = ask(members="miniature.low,miniature.high", k=8)
    place = data["ks"].index(8)
    assert data["most"] == 8
    assert line(data, "ensemble")["rate"][place] is not None
    for key in ("alone", "chosen", "oracle", "mean"):
        assert line(data, key)["rate"][place] is None
        assert "n = 4" in line(data, key)["why"][place]
        assert line(data, key)["gain"][place] is None
    assert line(data, "ensemble")["why"][0] == "2 members need 2 samples"
    assert {(one["union"], one["why"]) for one in data["pairs"]} == {(None, "more samples than they have")}
    assert data["sets"] == []
    drawn = [trace for trace in data["figures"]["curves"]["data"] if trace.get("meta", {}).get("line") == "oracle"]
    assert max(drawn[0]["x"]) == 4
    beyond = ask(members="miniature.low,miniature.high", k=9)
    assert line(beyond, "ensemble")["why"][-1] == "more samples than its members have"


def test_what_a_member_adds_is_told_with_the_problems(measured: factories.Measured, ask) -> None:
    names = ["miniature.low", "miniature.high"]
    data = ask(members=",".join(names), k=4)
    counts = solved_counts(measured.study, data["problems"]["slug"], 5)
    for name, other, row in zip(names, names[::-1], data["contributions"], strict=True):
        alone = [
            chance(*mine[:2], 2) * (1 - chance(*theirs[:2], 2))
            for mine, theirs in zip(counts[name], counts[other], strict=True)
        ]
        assert row["samples"] == 2
        assert row["added"] == pytest.approx(sum(alone), abs=0.006)
        assert {problem for problem, _ in row["problems"]} == {p for p, value in enumerate(alone) if value >= 0.05}
        loss = line(data, "ensemble")["rate"][data["ks"].index(4)] - mean_chance(counts[other], 4)
        assert row["loss"] == pytest.approx(loss, abs=2e-5)


def test_pairs_and_sets_equal_the_samples(measured: factories.Measured, ask) -> None:
    names = ["miniature.low", "miniature.high"]
    data = ask(members=",".join(names), k=2, difficulty="all")
    counts = solved_counts(measured.study, data["problems"]["slug"], 5)
    low, high = ([chance(n, solved, 2) for n, solved, _ in counts[name]] for name in names)
    common = sum(a * b for a, b in zip(low, high, strict=True))
    either = sum(a + b - a * b for a, b in zip(low, high, strict=True))
    assert data["pairs"][0]["jaccard"] == pytest.approx(common / either, abs=2e-5)
    solving = [tuple(place for place, one in enumerate((a, b)) if one >= 0.5) for a, b in zip(low, high, strict=True)]
    assert {tuple(one["members"]): one["problems"] for one in data["sets"]} == {
        members: [place for place, found in enumerate(solving) if found == members] for members in set(solving)
    }
    by_majority = ask(members=",".join(names), k=2, difficulty="all", sets="majority")
    mostly = [
        tuple(p for p, name in enumerate(names) if 2 * counts[name][q][1] > counts[name][q][0]) for q in range(12)
    ]
    assert {tuple(one["members"]) for one in by_majority["sets"]} == set(mostly)


def test_an_optimised_split_spends_k_and_reports_on_the_other_half(measured: factories.Measured, ask) -> None:
    data = ask(members="miniature.low,miniature.high", allocation="optimised")
    assert data["split"]["halved"]
    assert data["split"]["reported_on"] == 3
    assert [sum(row) for row in data["budgets"]] == data["ks"]


def test_a_baseline_that_the_study_has_too_few_checkpoints_for_says_so(measured: factories.Measured, ask) -> None:
    three = ",".join(one.checkpoint.reference for one in measured.evaluations[:3])
    data = ask(members=three)
    assert set(line(data, "trained")["why"]) == {"needs 3 trained checkpoints; 2 evaluated"}
    assert "seeds of one level" in line(data, "seeds")["why"][0]
    assert set(line(data, "seeds")["rate"]) == {None}
    two = ask(members="miniature.low,miniature.high")
    assert same(line(two, "trained")["rate"][1], line(two, "ensemble")["rate"][1])


def test_seeds_of_one_level_are_a_baseline_once_as_many_are_evaluated(measured: factories.Measured, ask) -> None:
    study = measured.study
    for seed in (1, 2):
        run = factories.trained_run(study, f"low-{seed}", 0.4)
        run.seed = seed
        run.save()
        factories.measure(study, study.checkpoints.get(name=f"low-{seed}"), 4, seed=seed)
    data = ask(members=",".join(one.checkpoint.reference for one in measured.evaluations[:3]), k=3)
    found = line(data, "seeds")
    seeds = {data["candidates"][one]["checkpoint"] for one in found["members"]}
    assert seeds == {"miniature.low", "miniature.low-1", "miniature.low-2"}
    counts = solved_counts(study, data["problems"]["slug"], 5)
    rates = [1 - product_of(1 - chance(*counts[name][p][:2], 1) for name in seeds) for p in range(6)]
    assert same(found["rate"][data["ks"].index(3)], fmean(rates))


REFUSED: list[tuple[dict[str, str], str]] = [
    ({"k": "0"}, "k must be a whole number from 1"),
    ({"k": "²"}, "k must be a whole number"),
    ({"k": "9" * 400}, "k must be a whole number"),
    ({"members": "nobody"}, "No checkpoint 'nobody' is evaluated"),
    ({"members": ",".join("abcdefghi")}, "at most 8 members, not 9"),
    ({"match": "money"}, "match must be one of samples, tokens"),
    ({"allocation": "x"}, "allocation must be one of even, optimised"),
    ({"sets": "x"}, "sets must be one of budget, majority"),
    ({"search": "1"}, "search must be a whole number from 2 to 8"),
    ({"search": "3", "at": "2"}, "needs a budget of at least 3 samples"),
    ({"search": "2", "at": "99"}, "50 each, which fewer than 2 checkpoints have"),
    ({"split": "-1"}, "split must be a whole number"),
    ({"difficulty": "odd"}, "difficulty must be"),
    ({"rule": "x"}, "rule must be"),
    ({"path": "77"}, "no path"),
]


def test_an_address_that_means_nothing_gets_one_sentence(measured: factories.Measured, ask) -> None:
    for query, sentence in REFUSED:
        assert sentence in ask(400, **query)["error"]


def test_members_see_the_page_and_a_stranger_finds_nothing(measured: factories.Measured, client_of) -> None:
    page = reverse("ensembles", args=["miniature"])
    for user in (factories.alice(), factories.bob(), factories.vera()):
        assert client_of(user).get(page).status_code == 200
        assert client_of(user).get(ADDRESS).status_code == 200
    for address in (page, ADDRESS):
        assert client_of(factories.charlie()).get(address).status_code == 404
        assert client_of(None).get(address).status_code in (302, 403)
        assert client_of(factories.alice()).post(address).status_code == 405


def test_a_reader_s_page_knows_that_it_is_fixed_and_no_address_beyond_it(measured: factories.Measured) -> None:
    page = factories.reader(measured.study, "ensembles").get(reverse("ensembles", args=["miniature"])).content.decode()
    assert '"fixed": true' in page
    assert "SLUG" not in page


def test_as_many_queries_for_many_checkpoints_as_for_few(measured: factories.Measured, client_of) -> None:
    def queries() -> int:
        client = client_of(factories.alice())
        client.get(ADDRESS)
        with CaptureQueriesContext(connection) as caught:
            assert client.get(ADDRESS).status_code == 200
        return len(caught)

    few = queries()
    for alpha in (0.25, 0.75, 1.25):
        path = measured.path
        factories.measure(measured.study, factories.point_on(path, alpha), 4, alpha=alpha, path=path)
    assert queries() == few


def test_without_enough_to_combine_the_page_says_what_is_missing(client_of, ask) -> None:
    study = factories.study()
    assert "at least two evaluated checkpoints in this setting; there are none" in ask()["lacking"]
    factories.measure(study, study.base, 4)
    assert "there is one" in ask()["lacking"]
    assert "two problems" in ask(difficulty="easy")["lacking"]
    assert ask()["candidates"][0]["mark"] == "initialisation"


def test_of_more_checkpoints_than_can_be_offered_the_chosen_and_the_path_come_first(
    measured: factories.Measured, ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontier_app.numbers.ensembles.choice.MOST_CANDIDATES", 4)
    data = ask(members="miniature.base,miniature.high")
    assert references(data) == ["miniature.high", "miniature.base"]
    assert len(data["candidates"]) == 4
    assert data["evaluated"] == 6


def test_a_checkpoint_evaluated_often_takes_no_other_ones_place(
    measured: factories.Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontier_app.numbers.ensembles.choice.MOST_CANDIDATES", 4)
    more = {"study": measured.study, "checkpoint": measured.path.low, "problem_set": measured.study.held_out_set}
    Evaluation.objects.bulk_create(Evaluation(reference=f"again-{at}", samples_done=999, **more) for at in range(9))
    found = candidates(measured.study, choose(measured.study, {}))
    assert len({one.checkpoint for one in found.placed}) == 4


def test_a_filter_decides_who_is_offered_and_members_stay(
    measured: factories.Measured, ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontier_app.numbers.ensembles.choice.MOST_CANDIDATES", 4)
    beyond = measured.evaluations[-1].checkpoint.reference
    assert beyond not in {one["checkpoint"] for one in ask(members="miniature.base,miniature.high")["candidates"]}
    data = ask(q="alpha > 0.9 and origin = merged", members="miniature.base,miniature.high")
    assert [one["checkpoint"] for one in data["candidates"]] == ["miniature.high", beyond, "miniature.base"]
    assert (data["matching"], data["evaluated"]) == (1, 6)
    assert set(line(data, "oracle")["members"]) <= {0, 1, 2}
    assert ask(q="alpha > 1.4")["lacking"].endswith("checkpoints that the filter leaves; there is one.")
    assert ask()["matching"] == 6


def test_of_two_evaluations_of_a_member_the_one_that_the_filter_leaves_stands_for_it(
    measured: factories.Measured, ask
) -> None:
    high = measured.path.high
    again = factories.measure(measured.study, high, 2, alpha=1.0, path=measured.path)
    members = f"miniature.low,{high.reference}"
    evaluations = [ask(q=q, members=members)["candidates"] for q in ("", "samples < 30")]
    shown = [next(one["evaluation"] for one in found if one["checkpoint"] == high.reference) for found in evaluations]
    assert shown[0] != again.reference == shown[1]


def test_a_mistaken_filter_is_refused_with_a_caret_under_the_mistake(measured: factories.Measured, ask) -> None:
    refused = ask(400, q="alhpa > 1")
    assert "alhpa" in refused["error"]
    assert refused["caret"].splitlines() == ["alhpa > 1", "^^^^^"]


def test_what_the_browser_has_is_not_sent_again_until_something_is_measured(
    measured: factories.Measured, client_of
) -> None:
    client = client_of(factories.alice())
    tag = client.get(ADDRESS)["ETag"]
    assert client.get(ADDRESS, headers={"If-None-Match": tag}).status_code == 304
    for query in ("?k=2", "?q=origin+%3D+merged", "?sets=majority"):
        assert client.get(ADDRESS + query, headers={"If-None-Match": tag}).status_code == 200
    path = measured.path
    factories.measure(measured.study, factories.point_on(path, 0.75), 4, alpha=0.75, path=path)
    fresh = client.get(ADDRESS, headers={"If-None-Match": tag})
    assert fresh.status_code == 200
    assert fresh["ETag"] != tag


def test_an_evaluation_still_running_joins_only_when_chosen(measured: factories.Measured, ask) -> None:
    last = measured.evaluations[-1]
    Evaluation.objects.filter(pk=last.pk).update(state=Evaluation.RUNNING)
    gone = Rollup.objects.filter(evaluation=last, problem__position__gte=8)
    gone.update(n=0, solved=0, optimisation=0, correctness=0, no_answer=0, first_optimisation=0, first_correctness=0)
    data = ask(members="miniature.low,miniature.high", difficulty="all")
    assert len(line(data, "mean")["members"]) == 5
    assert set(data["compared"][:2]) == {12}
    chosen = ask(members=f"miniature.low,{last.checkpoint.reference}", difficulty="all")
    assert chosen["compared"][1] == 8
