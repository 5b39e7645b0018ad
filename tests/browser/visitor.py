"""A person at a browser, and what the tests of the study page do there."""

from collections.abc import Callable
from typing import Literal

from django.urls import reverse
from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Page, Request, ViewportSize, expect

from compute.events import EvaluationFinished, EvaluationStarted, Event, Finished
from frontier_app.models import Evaluation, Study
from tests import factories

Theme = Literal["light", "dark"]
WINDOW = ViewportSize(width=1280, height=1100)
PATIENCE_MILLISECONDS = 20_000


class Asked:
    """What a page has asked for and not been given yet. Listens until `stop`, or until the page is closed, as a tab is
    at the end."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.requests: set[Request] = set()
        page.on("request", self._sent)
        page.on("requestfinished", self._ended)
        page.on("requestfailed", self._ended)

    def stop(self) -> None:
        self._page.remove_listener("request", self._sent)
        self._page.remove_listener("requestfinished", self._ended)
        self._page.remove_listener("requestfailed", self._ended)

    def _sent(self, request: Request) -> None:
        self.requests.add(request)

    def _ended(self, request: Request) -> None:
        self.requests.discard(request)

    def settle(self) -> None:
        """Wait until figures are drawn and nothing has been asked for in a tenth of a second."""
        expect(self._page.locator(".plot[aria-busy=true]:visible")).to_have_count(0)
        quiet = 0
        for _ in range(PATIENCE_MILLISECONDS // 20):
            quiet = 0 if self.requests else quiet + 1
            if quiet == 5:
                return
            self._page.wait_for_timeout(20)
        raise AssertionError(f"still asking for {[one.url for one in self.requests]}")


class Visitor:
    """A person at a browser profile. Whatever a page logs as an error fails the test when it ends."""

    def __init__(self, context: BrowserContext, server: str, theme: Theme) -> None:
        self.context = context
        self.server = server
        self.theme = theme
        self.troubles: list[str] = []
        self.page = self._watched(context.pages[0] if context.pages else context.new_page())

    def tab(self) -> Page:
        return self._watched(self.context.new_page())

    def open(self, path: str, page: Page | None = None) -> Page:
        page = page or self.page
        page.goto(self.server + path)
        return page

    def leave(self) -> None:
        """Leave nothing to the profile's next visitor but its cache and one empty page, with Plotly compiled."""
        for page in self.context.pages[1:]:
            page.close()
        self.page.remove_listener("pageerror", self._thrown)
        self.page.remove_listener("console", self._logged)
        self.page.unroute_all()
        self.page.set_viewport_size(WINDOW)
        self.page.emulate_media(media="null", reduced_motion="null", color_scheme=self.theme)
        if self.page.url.startswith(self.server):
            self.page.evaluate("localStorage.clear(), sessionStorage.clear()")
        self.open("/static/css/print.css")
        self.context.clear_cookies()
        self.context.clear_permissions()

    def _watched(self, page: Page) -> Page:
        page.on("pageerror", self._thrown)
        page.on("console", self._logged)
        return page

    def _thrown(self, error: Error) -> None:
        self.troubles.append(str(error))

    def _logged(self, line: ConsoleMessage) -> None:
        if line.type == "error":
            self.troubles.append(line.text)


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
