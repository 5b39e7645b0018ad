"""Reports: text that stays text, figures live or frozen, and nothing lost when two people save."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from frontier_app.models import AuditEntry, Evaluation, Report, ShareLink, Snapshot
from frontier_app.sharing import reports
from tests import factories

TEXT = """# Slow programs

They *fall* with a. <script>alert(1)</script> ![x](https://example.org/x.png) [away](https://example.org)
[bad](javascript:alert(1))

```frontier
study?difficulty=hard#composition
What fails.
```

| a | b |
|---|---|
| 1 | 2 |

```python
print("no figure")
```

```frontier
study
```
"""
COMPOSITION = "study?difficulty=hard#composition"


@pytest.fixture
def measured(db):
    return factories.measured_study(problems=4, samples=2, alphas=(0.0, 1.0))


@pytest.fixture
def study(measured):
    return measured.study


@pytest.fixture
def report(study):
    return reports.create(study, factories.alice(), "What slows down", TEXT)


def page(report: Report, name: str = "report") -> str:
    return reverse(name, args=[report.study.slug, report.slug])


def form(report: Report, text: str, title: str = "What slows down") -> dict[str, str]:
    return {"title": title, "text": text, "began_from": reports.version_of(report)}


def test_text_becomes_prose_and_figures_and_no_markup_of_its_own(client_of, report):
    answer = client_of(factories.vera()).get(page(report))
    shown = answer.content.decode()
    assert [type(part).__name__ for part in answer.context["parts"]] == ["Prose", "Placed", "Prose", "Placed"]
    assert "<h2>Slow programs</h2>" in shown
    assert "<em>fall</em>" in shown
    assert "<td>1</td>" in shown
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)" in shown
    assert 'src="https://example.org' not in shown
    assert 'href="javascript' not in shown
    assert '<a href="https://example.org" rel="noopener noreferrer nofollow">' in shown


def test_a_figure_is_the_one_its_view_shows(client_of, report):
    client = client_of(factories.vera())
    told = client.get(page(report, "report_figure"), {"address": COMPOSITION}).json()
    own = client.get(reverse("study_data", args=[report.study.slug]), {"difficulty": "hard"}).json()
    assert (told["path"], told["asks"]) == ("figures.composition", "study?difficulty=hard")
    assert told["figure"]["data"] == own["figures"]["composition"]["data"]
    first = client.get(page(report, "report_figure"), {"address": "study"}).json()
    assert first["path"] == "figures.frontier"


def test_the_address_of_a_page_names_its_figure_too(report):
    pasted = f"https://frontier.example.org{reverse('study', args=[report.study.slug])}?difficulty=hard"
    assert reports.live_figure(report.study, f"{pasted}#composition").path == "figures.composition"


@pytest.mark.parametrize(
    ("address", "path"),
    [("explore", "panels.0.figure"), ("failures#levels", "figure"), ("failures#growth", "figure")],
)
def test_figures_of_other_views_are_found_too(report, address, path):
    found = reports.live_figure(report.study, address)
    assert (found.path, bool(found.figure["data"])) == (path, True)
    assert found.asks == {"explore": "explore"}.get(address, f"failures?panel={address.partition('#')[2]}")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "names no view"),
        ("nothing?a=1", "“nothing?a=1” names no view of this study"),
        ("study#pie", "no figure called pie; it has frontier, composition"),
        ("study?difficulty=absurd", "absurd"),
        ("study?level=99999999999999999999", ""),
        ("problem", "needs more in its address"),
        ("problems", "no figure"),
        ("evaluation?@reference=none", "no figure"),
        ("problem?@problem=none", "not in this study"),
        ("/studies/other/", "names no view of this study"),
        ("jobs/1/?\x00", "names no view"),
        ("study?" + "a" * 5000, "names no view"),
    ],
)
def test_an_address_that_names_no_figure_is_told_in_one_sentence(client_of, report, address, words):
    client = client_of(factories.bob())
    answer = client.get(reverse("preview_figure", args=[report.study.slug]), {"address": address.replace("\x00", "")})
    assert answer.status_code == 422
    assert words in answer.json()["error"]


def test_a_frozen_figure_stays_as_it_was(client_of, measured, report):
    client = client_of(factories.bob())
    before = client.get(page(report, "report_figure"), {"address": COMPOSITION}).json()
    assert client.post(page(report, "freeze_report")).status_code == 302
    factories.measure(report.study, factories.point_on(measured.path, 0.5), 2, alpha=0.5, path=measured.path, seed=1)
    after = client.get(page(report, "report_figure"), {"address": COMPOSITION}).json()
    assert after == before | {"frozen": True}
    report.refresh_from_db()
    assert set(report.frozen) == {COMPOSITION, "study"}
    assert "all frozen" in client.get(page(report)).content.decode()

    client.post(page(report, "freeze_report"), {"live": "1"})
    live = client.get(page(report, "report_figure"), {"address": COMPOSITION}).json()
    assert live["figure"] != before["figure"]
    assert live["frozen"] is False


def test_figures_of_one_view_are_computed_once(study):
    asked = []
    for text in (block := "```frontier\nstudy#frontier\n```\n", block + "\n```frontier\nstudy#composition\n```\n"):
        made = reports.create(study, factories.alice(), "a", text)
        with CaptureQueriesContext(connection) as queries:
            assert reports.freeze(made, factories.alice()) == []
        asked.append((len(made.frozen), sum(Evaluation._meta.db_table in query["sql"] for query in queries)))
    (one, queries_of_one), (two, queries_of_two) = asked
    assert (one, two) == (1, 2)
    assert queries_of_two == queries_of_one > 0


def test_freezing_and_making_live_at_once_lose_nothing(measured, report):
    """Whoever comes second began with the report as it was before the first."""
    alice, bob, unread = factories.alice(), factories.bob(), Report.objects.get(pk=report.pk)
    reports.freeze(report, alice)
    frozen = dict(report.frozen)
    factories.measure(report.study, factories.point_on(measured.path, 0.5), 2, alpha=0.5, path=measured.path, seed=1)
    late = Report.objects.get(pk=report.pk)
    late.frozen = {}
    reports.freeze(late, bob)
    assert late.frozen == Report.objects.get().frozen == frozen
    reports.thaw(unread, bob, "study")
    assert Report.objects.get().frozen == {COMPOSITION: frozen[COMPOSITION]}


def test_what_is_done_to_a_report_is_written_down_once(client_of, report):
    bob = client_of(factories.bob())
    for _ in range(2):
        bob.post(page(report, "edit_report"), form(report, "other", "Other"))
        bob.post(page(report, "freeze_report"))
    told = AuditEntry.objects.order_by("pk").values_list("who__username", "action", "subject")
    assert list(told) == [("alice", "write", "What slows down"), ("bob", "change", "Other")]


def test_freezing_tells_which_figure_cannot_be_drawn(client_of, study):
    made = reports.create(study, factories.alice(), "a", "```frontier\nstudy#pie\n```\n\n```frontier\nstudy\n```\n")
    shown = client_of(factories.bob()).post(page(made, "freeze_report"), follow=True).content.decode()
    assert "Not frozen: study#pie: This view has no figure called pie" in shown
    made.refresh_from_db()
    assert list(made.frozen) == ["study"]
    assert Snapshot.objects.count() == 1


def test_saving_after_somebody_else_loses_neither_text(client_of, report):
    alice, bob = client_of(factories.alice()), client_of(factories.bob())
    mine, theirs = form(report, "mine"), form(report, "theirs")
    assert bob.post(page(report, "edit_report"), theirs).status_code == 302
    answer = alice.post(page(report, "edit_report"), mine)
    assert answer.status_code == 409
    shown = answer.content.decode()
    assert "Somebody saved this report" in shown
    assert "\nmine</textarea>" in shown
    assert ">theirs</pre>" in shown
    report.refresh_from_db()
    assert report.text == "theirs"

    again = mine | {"began_from": answer.context["began_from"]}
    assert alice.post(page(report, "edit_report"), again).status_code == 302
    report.refresh_from_db()
    assert report.text == "mine"


def test_saving_the_same_text_twice_is_no_conflict(client_of, report):
    alice, sent = client_of(factories.alice()), form(report, "the same")
    assert [alice.post(page(report, "edit_report"), sent).status_code for _ in range(2)] == [302, 302]


def test_freezing_does_not_stand_in_the_way_of_an_open_editor(client_of, report):
    sent = form(report, "later")
    client_of(factories.bob()).post(page(report, "freeze_report"))
    assert client_of(factories.alice()).post(page(report, "edit_report"), sent).status_code == 302


WIDE = "|".join("a" * 255) + "|\n" + "|".join("-" * 255) + "|\n" + "a\n" * 100
QUOTED = "".join(f"> {line}\n" for line in WIDE.split("\n"))


@pytest.mark.parametrize("text", [WIDE, WIDE.replace("\n", "\r"), QUOTED, "- " + WIDE.replace("\n", "\n  ")])
def test_a_small_text_cannot_ask_for_a_large_table(client_of, study, text):
    bob = client_of(factories.bob())
    assert bob.post(reverse("new_report", args=[study.slug]), {"title": "a", "text": text}).status_code == 422
    answer = bob.post(reverse("report_preview", args=[study.slug]), {"text": text})
    assert (answer.status_code, "at most 20000 cells" in answer.content.decode()) == (422, True)
    assert not Report.objects.exists()


def test_the_bound_on_cells_is_above_what_a_table_really_has():
    for text in (TEXT, "|a|b|\n|-|:-:|\n" + "|1|2|\n|-|-|\n" * 900, "\n\n".join(["a|b\n-|-\n1|2\n"] * 300)):
        assert reports.CELLS_AT_MOST > reports.cells_of(text) >= reports.MARKDOWN.render(text).count("<td")


def test_the_list_counts_figures_as_the_page_shows_them(study):
    other = "~~~~ frontier\nruns\n~~~~\n```python\nfrontier\n```\n`frontier`\n"
    for text in (TEXT, other, ""):
        assert reports.number_of_figures(text) == len(reports.addresses_of(text))


def test_no_new_report_takes_the_name_that_a_link_shows(client_of, study, report):
    """The report is gone and its link is not."""
    link = factories.link(study, view="report", query=f"%40report={report.slug}")
    client_of(factories.bob()).post(page(report, "delete_report"))
    made = reports.create(study, factories.bob(), report.title, "For us alone.")
    assert made.slug != report.slug
    visitor = client_of(None)
    visitor.get(reverse("share", args=[link.token]))
    assert visitor.get(page(report)).status_code == 404


@pytest.mark.parametrize(
    ("title", "text", "words"),
    [("  ", "a", "Give the report a title."), ("a" * 121, "a", "at most 120"), ("a", "a" * 200_001, "at most 200000")],
)
def test_what_cannot_be_saved_is_refused_and_kept_in_the_editor(client_of, study, title, text, words):
    answer = client_of(factories.bob()).post(reverse("new_report", args=[study.slug]), {"title": title, "text": text})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Report.objects.exists()


def test_reports_of_one_title_have_names_of_their_own(client_of, study):
    bob = client_of(factories.bob())
    for _ in range(2):
        bob.post(reverse("new_report", args=[study.slug]), {"title": "New", "text": "a"})
    assert set(Report.objects.values_list("slug", flat=True)) == {"new-2", "new-3"}


def test_a_deleted_report_comes_back_whole(client_of, report):
    reports.freeze(report, factories.alice())
    frozen, bob = dict(report.frozen), client_of(factories.bob())
    bob.post(page(report, "delete_report"))
    assert not Report.objects.exists()
    assert client_of(factories.alice()).post(page(report, "restore_report")).status_code == 404
    bob.post(page(report, "restore_report"))
    back = Report.objects.get()
    assert (back.slug, back.text, back.frozen, back.author) == (report.slug, TEXT, frozen, factories.alice())
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["restore", "delete", "freeze", "write"]


def test_viewers_read_and_strangers_find_nothing(client_of, report):
    new = reverse("new_report", args=[report.study.slug])
    for name in ("report", "report_figure"):
        query = {"address": "study"} if name == "report_figure" else {}
        assert client_of(factories.vera()).get(page(report, name), query).status_code == 200
        assert client_of(factories.charlie()).get(page(report, name), query).status_code == 404
    for address in (new, page(report, "edit_report")):
        assert client_of(factories.vera()).get(address).status_code == 403
        assert client_of(factories.charlie()).get(address).status_code == 404
    for name in ("edit_report", "freeze_report", "delete_report", "restore_report"):
        assert client_of(factories.vera()).post(page(report, name)).status_code == 403


def test_a_link_to_one_report_shows_its_figures_and_no_other(client_of, study, report):
    other = reports.create(study, factories.alice(), "Another", "secret")
    link = ShareLink.objects.create(
        study=study, created_by=factories.alice(), view="report", query=f"%40report={report.slug}"
    )
    visitor = client_of(None)
    visitor.get(reverse("share", args=[link.token]))
    assert visitor.get(page(report)).status_code == 200
    told = visitor.get(page(report, "report_figure"), {"address": "study"})
    assert "figure" in told.json()
    assert visitor.get(page(report, "report_figure"), {"address": "runs"}).status_code == 404
    assert visitor.get(page(other)).status_code in (403, 404)
    assert visitor.get(reverse("reports", args=[study.slug])).status_code in (403, 404)
    assert visitor.get(reverse("study", args=[study.slug])).status_code in (403, 404)


def test_the_text_is_a_file_of_markdown(client_of, report):
    answer = client_of(factories.vera()).get(page(report), {"format": "md"})
    assert answer.content.decode() == TEXT
    assert answer["Content-Disposition"] == f'attachment; filename="{report.slug}.md"'


def test_the_list_costs_the_same_at_any_length(client_of, study):
    client, address = client_of(factories.bob()), reverse("reports", args=[study.slug])

    def queries() -> int:
        with CaptureQueriesContext(connection) as counted:
            client.get(address)
        return len(counted)

    reports.create(study, factories.alice(), "One", TEXT)
    queries()
    few = queries()
    for number in range(20):
        reports.create(study, factories.alice(), f"Report {number}", TEXT)
    assert queries() == few
