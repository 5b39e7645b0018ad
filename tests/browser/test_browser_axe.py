"""Every page, looked at by axe in both themes and squeezed to the width of a telephone."""

import json
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page

from compute.events import DeltaSums
from frontier_app.models import Run, Sample
from frontier_app.sharing import reports
from tests import factories
from tests.browser.visitor import Asked, Visitor, Visitors

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}
# A theme changes colours alone, so the second asks for nothing else.
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"]}
# Nine tenths of the time of axe go to contrast. It is what it is for every text of the same kind: of the same tags,
# classes, colours and layers on the way up, and as large. Of each kind the first is looked at, the others are marked.
ONE_OF_A_KIND = "axe.configure({ rules: [{ id: 'color-contrast', selector: ':not([data-again])' }] })"
MARK = """() => {
  const seen = new Set(), chains = new Map();
  const chain = (element) => {
    if (!element) return "";
    if (!chains.has(element)) {
      const style = getComputedStyle(element);
      const layer = ["absolute", "fixed", "sticky"].includes(style.position) && chains.size;
      chains.set(element, [chain(element.parentElement), element.localName, element.getAttribute("class"), layer,
        style.color, style.backgroundColor, style.backgroundImage, style.opacity, style.filter, style.mixBlendMode,
        style.textShadow, element.matches(":disabled, [aria-disabled=true]") || element.control?.disabled].join());
    }
    return chains.get(element);
  };
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].map((node) => (node.nodeType === 3 ? node.data : "")).join("").trim();
    if (!text || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const { fontSize, fontWeight } = getComputedStyle(element);
    const kind = [chain(element), fontSize, fontWeight, text.length > 1, /\\w/.test(text)].join();
    element.toggleAttribute("data-again", seen.has(kind));
    seen.add(kind);
  }
}"""
GRAVE = ("serious", "critical")
TELEPHONE = {"width": 390, "height": 800}
DESK = {"width": 1280, "height": 1100}
# What sticks out of the page to the right, and is in nothing that scrolls by itself.
STICKING_OUT = """() => [...document.querySelectorAll("body *")].filter((element) => {
  const box = element.getBoundingClientRect();
  if (!box.width || box.right <= innerWidth + 1 || getComputedStyle(element).position === "fixed") return false;
  for (let around = element.parentElement; around && around !== document.body; around = around.parentElement)
    if (getComputedStyle(around).overflowX !== "visible") return false;
  return true;
}).slice(0, 5).map((element) => `${element.tagName} ${element.id} ${element.getAttribute("class")}`)"""


def pages(measured: factories.Measured) -> dict[str, str]:
    """A page of every kind, by name."""
    study, evaluation = measured.study, measured.evaluations[1]
    problem = study.held_out_set.problems.first()
    report = reports.create(study, factories.alice(), "What slows down", "Words.\n\n```frontier\nstudy\n```\n")
    of_study = (
        "study",
        "explore",
        "failures",
        "ensembles",
        "problems",
        "audit",
        "runs",
        "checkpoints",
        "lineage",
        "geometry",
    )
    of_study += ("evaluations", "study_jobs", "study_sharing", "saved_views", "members", "audit_trail", "reports")
    found = {name: reverse(name, args=[study.slug]) for name in (*of_study, "new_report")}
    found |= {name: reverse(name) for name in ("home", "jobs", "new_study")}
    found |= {name: reverse(name, args=[study.slug, report.slug]) for name in ("report", "edit_report")}
    found["problem"] = reverse("problem", args=[study.slug, problem.slug])
    found["evaluation"] = reverse("evaluation", args=[study.slug, evaluation.reference])
    found["samples"] = reverse("samples", args=[study.slug]) + f"?evaluation={evaluation.reference}"
    sample = evaluation.samples.filter(problem=problem).earliest("index")
    factories.give_transcript(sample)
    found["transcript"] = found["samples"] + f"&sample={problem.slug}:{sample.index}"
    first, last = measured.evaluations[0], measured.evaluations[-1]
    found["compare"] = (
        reverse("compare", args=[study.slug]) + f"?a={first.reference}&b={last.reference}&problem={problem.slug}"
    )
    runs = ",".join(Run.objects.filter(study=study).values_list("reference", flat=True))
    found["run_diff"] = reverse("run_diff", args=[study.slug]) + f"?runs={runs}"
    found["job"] = reverse("job", args=[study.jobs.first().reference])
    for kind in ("sweep", "train", "import"):
        found[f"launch {kind}"] = reverse("launch", args=[study.slug, kind])
    return found


def tab_with_axe(visitor: Visitor) -> tuple[Page, Asked]:
    page = visitor.tab()
    page.add_init_script(f"{AXE}; {ONE_OF_A_KIND}")
    return page, Asked(page)


def grave_faults(page: Page, options: dict[str, Any]) -> list[str]:
    """What axe calls serious or worse, a line each."""
    page.evaluate(MARK)
    found = page.evaluate(f"axe.run(document, {json.dumps(options)})")["violations"]
    return [
        f"{one['id']}: {node['target'][0]} {node['failureSummary'].splitlines()[1].strip()[:140]}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"][:4]
    ]


def sticking_out(page: Page) -> list[str]:
    """What is too wide, once plots had the time to take their new size."""
    found: list[str] = []
    for _ in range(20):
        found = page.evaluate(STICKING_OUT)
        if not found:
            break
        page.wait_for_timeout(100)
    return found


@pytest.fixture
def shown(transactional_db: None) -> factories.Measured:
    """Few rows of every kind: both ends, a merge and an extrapolation, answers of every failure class."""
    made = factories.measured_study.__wrapped__(problems=4, samples=4, alphas=(0.0, 0.5, 1.0, 1.5))
    assert set(Sample.objects.values_list("failure_class", flat=True)) == {*"SOCN"}
    return made


def test_axe_finds_nothing_serious_and_nothing_is_too_wide(
    visitor: Visitors, alice: User, shown: factories.Measured, subtests: Any
) -> None:
    factories.audit(shown.study)
    layer = DeltaSums(layer="model.layers.0", low_square=4.0, high_square=9.0, product=1.0, count=1000)
    factories.geometry(shown.study, [layer])
    somebody = visitor(alice)
    page, asked = tab_with_axe(somebody)
    for name, address in pages(shown).items():
        with subtests.test(name):
            somebody.open(address, page)
            asked.settle()
            faults = grave_faults(page, RULES)
            page.evaluate("document.dispatchEvent(new CustomEvent('theme:choose', { detail: 'dark' }))")
            faults += [f"dark {fault}" for fault in grave_faults(page, CONTRAST)]
            page.set_viewport_size(TELEPHONE)
            faults += [f"too wide: {found}" for found in sticking_out(page)]
            page.set_viewport_size(DESK)
            page.evaluate("localStorage.clear()")  # the next is light again
            assert faults == []


def test_a_stranger_s_pages_are_clean_too(visitor: Visitors, shown: factories.Measured) -> None:
    somebody = visitor(None)
    page, asked = tab_with_axe(somebody)
    link = factories.link(shown.study)
    for address in (reverse("login"), reverse("share", args=[link.token])):
        somebody.open(address, page)
        asked.settle()
        assert grave_faults(page, RULES) == []
