"""A person at a browser, and what the tests of the study page do there."""

from collections.abc import Callable

from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect

from compute.events import EvaluationFinished, EvaluationStarted, Event, Finished
from frontier_app.models import Evaluation, Study
from tests import factories


class Visitor:
    """A person at a browser. Whatever a page logs as an error fails the test when it ends."""

    def __init__(self, context: BrowserContext, server: str) -> None:
        self.context = context
        self.server = server
        self.troubles: list[str] = []
        self.page = self.tab()

    def tab(self) -> Page:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", lambda line: line.type == "error" and self.troubles.append(line.text))
        return page

    def open(self, path: str, page: Page | None = None) -> Page:
        page = page or self.page
        page.goto(self.server + path)
        return page


Visitors = Callable[..., Visitor]


def study_page(visitor: Visitor, study: Study, query: str = "") -> Page:
    """The study page with its points drawn."""
    page = visitor.open(reverse("study", args=[study.slug]) + query)
    expect(page.locator(".figure.filled")).to_be_visible()
    expect(page.locator("#frontier .plot-container")).to_be_visible()
    expect(page.locator("#alpha")).not_to_have_value("")
    return page


def alpha_of(page: Page) -> float:
    return float(page.locator("#thumb").get_attribute("aria-valuenow") or "nan")


def ruler_pixel(page: Page, alpha: float) -> tuple[float, float]:
    """Where a value stands on the ruler, in page coordinates."""
    box = page.locator("#ticks").bounding_box()
    low, high = (float(page.locator("#thumb").get_attribute(f"aria-value{end}") or 0) for end in ("min", "max"))
    assert box is not None
    return box["x"] + (alpha - low) / (high - low) * box["width"], box["y"] + 18


def boxes(page: Page) -> list[dict[str, float] | None]:
    """Where every card stands."""
    return [card.bounding_box() for card in page.locator("main .card").all()]


def measure_now(evaluation: Evaluation, samples: int, problems: int | None = None) -> None:
    """Do what a worker does: claim the job of a planned evaluation and tell what its child says, to the end or, with
    `problems`, only so far."""
    started = EvaluationStarted(
        evaluation=evaluation.reference,
        checkpoint=evaluation.checkpoint.reference,
        problem_set=evaluation.problem_set.reference,
        alpha=evaluation.alpha,
        setting="reasoning",
        samples_per_problem=samples,
        isolation="rlimits",
        levels=evaluation.problem_set.levels,
    )
    factories.tell(factories.hold(evaluation.job), started)
    judge(evaluation, samples, 0, problems)
    if problems is None:
        finish(evaluation)


def judge(evaluation: Evaluation, samples: int, first: int = 0, last: int | None = None) -> None:
    """Tell the samples of some of the problems, in their order, one event each."""
    chosen = list(evaluation.problem_set.problems.all())[first:last]
    say(evaluation, *(factories.sample_event(evaluation, one.slug, len(one.tests), samples) for one in chosen))


def finish(evaluation: Evaluation) -> None:
    say(evaluation, EvaluationFinished(evaluation=evaluation.reference), Finished())


def say(evaluation: Evaluation, *events: Event) -> None:
    factories.tell(Evaluation.objects.select_related("job").get(pk=evaluation.pk).job, *events)
