"""Every view page under its address: another member sees the same, Back and Forward lead through it, and the script of
each of its figures gets that figure from a running server."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import plotly.graph_objects as go
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Error, Page, expect

from compute.figure_colours import painted
from frontier_app.models import Sample
from frontier_app.sharing import reports, saved_views
from tests import factories
from tests.browser.visitor import PATIENCE_MILLISECONDS, Asked, Visitor, Visitors

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# What a page shows: the JSON behind its figures, the text of its tables, what its controls stand at. Columns of
# controls, which are not everybody's, have no head; nor is everybody shown the gaps in which a sweep is launched.
SHOWN = """() => {
  const main = document.querySelector("main");
  const of = (selector) => [...main.querySelectorAll(selector)].filter((one) => one.offsetParent);
  const ofAll = (trace) => !trace.meta?.gaps;
  const figures = [...main.querySelectorAll("*")].filter((one) => one.figure)
    .map((one) => [one.id || one.dataset.name, one.figure.data?.filter(ofAll) ?? null, one.figure.table ?? null]);
  const tables = of("table").map((one) => {
    const heads = [...one.tHead?.rows ?? []].at(-1)?.cells;
    return [...one.rows].map((row) => [...row.cells].filter((_, at) => !heads || heads[at]?.innerText)
      .map((cell) => cell.innerText));
  });
  const controls = of("input:not([type=hidden]), select")
    .map((one) => [one.name || one.id, one.type, one.value, one.checked ?? null]);
  const words = [...main.querySelectorAll("output, h1, #cell-words, #program-count")].map((one) => one.textContent);
  return { figures, tables, controls, words };
}"""
# The script that each figure's menu copies, and the figure.
SCRIPTS = """async () => {
  const copied = [];
  const take = async (text) => { copied.push(text); };
  Object.defineProperty(navigator.clipboard, "writeText", { configurable: true, value: take });
  const figures = [];
  for (const button of document.querySelectorAll("[data-as=python]")) {
    const name = button.dataset.save;
    const plot = document.getElementById(name) ?? document.querySelector(`[data-name="${CSS.escape(name)}"]`);
    if (!plot?.figure) continue;
    button.click();
    await new Promise((resume) => setTimeout(resume));
    figures.push({ data: plot.figure.data, layout: {} });
  }
  return { copied, figures };
}"""
# Runs each script as it stands and tells the figure that it made.
RUNNER = """
import json, sys
for script in json.load(sys.stdin):
    made = {}
    exec(script, made)
    print(made["figure"].to_json())
"""
NUMBERS = ("type", "name", "x", "y", "z", "a", "b", "c", "text", "customdata")
Script = tuple[str, dict[str, Any]]


class Visit(NamedTuple):
    """An address, and one more choice that a hand makes there."""

    address: str
    choose: Callable[[Page], object]


def visits(measured: factories.Measured) -> Iterator[tuple[str, Visit]]:
    study, (_, low, middle, high, beyond) = measured.study, measured.evaluations
    problem = study.held_out_set.problems.get(slug="002-squares")
    program = Sample.objects.filter(evaluation=high, problem=problem).exclude(program=None).first().program_id

    def page(name: str, query: str, *parts: str) -> str:
        return f"{reverse(name, args=[study.slug, *parts])}?{query}"

    def press(words: str) -> Callable[[Page], object]:
        return lambda page: page.locator("main label", has_text=words).first.click()

    def select(name: str, value: str) -> Callable[[Page], object]:
        return lambda page: page.locator(f"main select[name={name}]").select_option(value)

    def follow(words: str) -> Callable[[Page], object]:
        return lambda page: page.locator("main").get_by_role("link", name=words, exact=True).first.click()

    asked = f"level=3&rule=first_failure&baseline=1&a=0.5&problem={problem.slug}&beside=1&sort=name"
    yield "study", Visit(page("study", asked), press("easy"))
    pins = f"{high.checkpoint.pk}.{low.checkpoint.pk}"
    yield "explore", Visit(page("explore", f"x=solved&sort=-solved&pins={pins}"), select("by", "difficulty"))
    cell = f"problem={problem.slug}&at={high.reference}"
    asked = f"difficulty=hard&colour=failure&sort=solved&cols=solved&of={problem.slug}&{cell}"
    yield "failures", Visit(page("failures", asked), select("growth", "2"))
    members = f"{low.checkpoint.reference},{beyond.checkpoint.reference}"
    yield "ensembles", Visit(page("ensembles", f"difficulty=all&members={members}&k=3"), press("tokens"))
    yield "runs", Visit(page("runs", "columns=run,coverage,steps,solve_rate&q=steps = 3"), follow("solved"))
    asked = "columns=name,alpha,solve_rate,samples&sort=-solve_rate"
    yield "checkpoints", Visit(page("checkpoints", asked), follow("a"))
    asked = f"columns=checkpoint,alpha,solve_rate,n&difficulty=easy&baseline={middle.reference}"
    yield "evaluations", Visit(page("evaluations", asked), follow("solved"))
    yield "problems", Visit(page("problems", "sort=-tests&q=tests > 2"), press("hard"))
    asked = f"at={high.reference}&program={program}"
    yield "problem", Visit(page("problem", asked, problem.slug), follow(low.checkpoint.name))
    asked = f"evaluation={high.reference}&problem={problem.slug}"
    yield "samples", Visit(page("samples", asked), lambda page: page.keyboard.press("2"))
    asked = f"a={low.reference}&b={high.reference}&sort=name"
    yield "compare", Visit(page("compare", asked), compare_the_hard)


def compare_the_hard(page: Page) -> None:
    page.locator("main select[name=difficulty]").select_option("hard")
    page.get_by_role("button", name="Compare").click()


class Looking:
    """A person's tab, and what it shows."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.page = visitor, visitor.tab()
        self.asked = Asked(self.page)

    def open(self, address: str) -> None:
        self.visitor.open(address.removeprefix(self.visitor.server), self.page)
        expect(self.page.locator("main .plot[aria-busy=true]")).to_have_count(0)

    def shown(self) -> dict[str, Any] | None:
        """None while something is on its way."""
        try:
            found = self.page.evaluate(SHOWN)
        except Error:  # the page went while it was looked at
            return None
        return None if self.asked.requests else found

    def comes_to_show(self, wanted: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
        """What the page shows once it is what is wanted; where that never comes, what differs fails the test."""
        mine, other = self.shown(), wanted()
        for _ in range(PATIENCE_MILLISECONDS // 100):
            if mine is not None and mine == other:
                return mine
            self.page.wait_for_timeout(100)
            mine, other = self.shown(), wanted()
        assert mine is not None
        assert mine == other
        return mine


@pytest.fixture
def lasting(measured: factories.Measured) -> dict[str, str]:
    """Pages whose address holds no choices: a saved view that is older than the data, an audit, a report."""
    study = measured.study
    view = saved_views.save(study, factories.alice(), "Then", "", f"{study.get_absolute_url()}?difficulty=all")
    factories.measure(study, factories.point_on(measured.path, 0.25), 4, alpha=0.25, path=measured.path)
    factories.audit(study)
    text = "".join(f"```frontier\n{one}\n```\n" for one in ("study?difficulty=hard#composition", "failures#growth"))
    report = reports.create(study, factories.alice(), "What slows down", text)
    return {
        "saved view": f"{study.get_absolute_url()}?difficulty=all&view={view.short}",
        "audit": reverse("audit", args=[study.slug]),
        "report": reverse("report", args=[study.slug, report.slug]),
    }


def test_an_address_shows_the_same_to_another_member_and_to_a_script(
    visitor: Visitors,
    alice: User,
    measured: factories.Measured,
    lasting: dict[str, str],
    tmp_path: Path,
    subtests: Any,
) -> None:
    owner, other = Looking(visitor(alice)), Looking(visitor(factories.vera()))
    page = owner.page
    scripts: dict[str, list[Script]] = {}
    for name, visit in visits(measured):
        with subtests.test(name):
            owner.open(visit.address)
            start = page.url
            visit.choose(page)
            page.wait_for_url(lambda address, start=start: address != start, wait_until="commit")
            other.open(page.url)
            after = owner.comes_to_show(other.shown)
            scripts[name] = scripts_of(page)
            page.evaluate("setTimeout(() => history.back())")
            other.open(start)
            assert owner.comes_to_show(other.shown) != after
            page.evaluate("setTimeout(() => history.forward())")
            owner.comes_to_show(lambda after=after: after)
    for name, address in lasting.items():
        owner.open(address)
        scripts[name] = scripts_of(page)
    with subtests.test("scripts"):
        assert {name: len(found) for name, found in scripts.items() if found} == {
            "study": 2, "explore": 3, "failures": 3, "ensembles": 3, "runs": 1, "problem": 1, "saved view": 2,
            "audit": 3, "report": 2,
        }  # fmt: skip
        drawn = [(name, figure) for name, found in scripts.items() for _, figure in found]
        figures = run([script for found in scripts.values() for script, _ in found], owner.visitor.server, tmp_path)
        for (name, figure), made in zip(drawn, figures, strict=True):
            expected = json.loads(go.Figure(painted(figure)).to_json())
            assert numbers(made) == numbers(expected), name


def scripts_of(page: Page) -> list[Script]:
    found = page.evaluate(SCRIPTS)
    return list(zip(found["copied"], found["figures"], strict=True))


def run(scripts: list[str], server: str, folder: Path) -> list[dict[str, Any]]:
    """The figures that the scripts make, asking the server with a token of alice's."""
    assert all(f'Client("{server}"' in script for script in scripts)
    environment = os.environ | {
        "FRONTIER_TOKEN": factories.api_token(factories.alice()),
        "PYTHONPATH": str(settings.PROJECT),
    }
    done = subprocess.run(
        [sys.executable, "-c", RUNNER], input=json.dumps(scripts), capture_output=True, text=True, cwd=folder,
        env=environment, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list(folder.glob("*.html"))
    return [json.loads(line) for line in done.stdout.splitlines()]


def numbers(figure: dict[str, Any]) -> list[dict[str, Any]]:
    """Without the invisible marks on which a click launches: no figure that is read elsewhere has a use for them."""
    traces = [trace for trace in figure["data"] if not trace.get("meta", {}).get("gaps")]
    return [{key: trace[key] for key in NUMBERS if key in trace} for trace in traces]
