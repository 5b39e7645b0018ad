"""Every route of the application, walked by a stranger, by a viewer and by the bearer of a link to each view.

The walk knows no pages by name but those that everybody may open. It fills the parts of an address from rows of the
study, and where it does not know how, or where the study's owner finds nothing behind the address, it fails: a new
route has to be reachable by the walk before it can pass.
"""

import csv
import json
import re
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from html import unescape
from typing import NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

import factories
import pytest
from django.apps import apps
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse

from frontier_app.api import api
from frontier_app.models import Comment, Invitation, Report, Sample, ShareLink
from frontier_app.sharing import comments, saved_views
from frontier_app.sharing.shared_views import VIEWS
from frontier_app.viewer import MOST_LINKS

pytestmark = pytest.mark.django_db

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
HIDDEN = {401, 404, 405}
# What stands outside every study: it shows nothing of one, or has tests of its own (tokens and short names).
OUTSIDE = {
    "home", "login", "login_once", "logout", "create_miniature", "new_study", "share", "embed", "jobs", "saved_view",
    "palette", "invitation", "api:queues", "api:openapi-json", "api:api-root", "api:studies", "api:create_miniature",
}  # fmt: skip
# Viewers may write these: their comments, and their own leave. The tests of comments and members say whose.
OF_VIEWERS = {"comments", "change_comment", "delete_comment", "restore_comment", "remove_member"}
# A drawing that the reader sends comes back as PDF: nothing of the study is read or changed.
WITHOUT_ROWS = {"figure_pdf"}
# Everybody makes studies of their own; a name that is taken is refused (422).
CREATES = {("PUT", "api:study"), ("PUT", "api:create_study")}
FIGURE = "```frontier\nstudy#frontier\n```\n"
UNTOLD = {"Session", "LogEntry", "Permission", "ContentType"}


class Route(NamedTuple):
    name: str
    address: str


@pytest.fixture
def study():
    made = factories.measured_study(problems=2, samples=2, alphas=(0.0, 1.0)).study
    problem = made.held_out_set.problems.first()
    factories.give_transcript(
        Sample.objects.filter(evaluation=made.evaluations.first(), problem=problem).earliest("index")
    )
    return made


def patterns(resolver: URLResolver, prefix: str = "", namespace: str = "") -> Iterator[tuple[str, URLPattern, str]]:
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            inner = f"{namespace}{one.namespace}:" if one.namespace else namespace
            yield from patterns(one, prefix + str(one.pattern), inner)
        else:
            yield f"{namespace}{one.name}", one, prefix + str(one.pattern)


def routes(study) -> list[Route]:
    """Every route outside the admin, its parts filled from the study."""
    problem = study.held_out_set.problems.first()
    evaluation = study.evaluations.first()
    comment = study.comments.first() or Comment.objects.create(study=study, author=factories.alice(), text="Look.")
    view = study.saved_views.first() or saved_views.save(
        study, factories.alice(), "a view", "", f"/studies/{study.slug}/"
    )
    link = study.share_links.first() or factories.link(study)
    invitation = study.invitations.first() or Invitation.objects.create(
        study=study, created_by=factories.alice(), token_sha256=sha256(study.slug.encode()).hexdigest()
    )
    report = study.reports.first() or Report.objects.create(
        study=study, author=factories.bob(), slug="a-report", title="A report", text=FIGURE
    )
    job = study.jobs.first()
    known = {
        "slug": study.slug,
        "problem": problem.slug,
        "comment": comment.pk,
        "short": view.short,
        "link": link.pk,
        "invitation": invitation.pk,
        "member": study.membership_set.get(user=factories.vera()).pk,
        "kind": "sweep",
        "template": "soup",
        "token": "no-such-token",
        "report": report.slug,
        "panel": "levels",
        "view": "study",
        "rows": "runs",
        "run": study.runs.first().reference,
        "sample": 1,
        "index": 0,
    }
    written = Sample.objects.filter(problem=problem, evaluation__alpha=1).exclude(program=None).first()
    one = {"problem": problem.slug, "evaluation": written.evaluation.reference, "program": written.program_id[:16]}
    # What an address must also ask for before anything is found behind it.
    queries = {
        "study_programs": urlencode({"problem": problem.slug}),
        "study_program": urlencode(one),
        "report_figure": urlencode({"address": "study#frontier"}),
    }
    found = []
    for name, pattern, text in patterns(get_resolver()):
        if name.startswith("admin:"):
            continue
        parts = {}
        for part in pattern.pattern.converters or pattern.pattern.regex.groupindex:
            if part == "reference":
                rows = {"evaluations/": evaluation, "runs/": study.runs.first(), "jobs/": job}
                parts[part] = next(row.reference for kind, row in rows.items() if kind in text)
            elif part in known:
                parts[part] = known[part]
            else:
                pytest.fail(f"Teach the walk to fill {part!r} of {name} ({text}).")
        try:
            asked = f"?{queries[name]}" if name in queries else ""
            found.append(Route(name, reverse(name, kwargs=parts) + asked))
        except Exception as error:
            pytest.fail(f"Teach the walk to write {name} ({text}): {error}")
    return found


def ask(client: Client, method: str, address: str) -> int:
    """The status of an empty form, or in the API of the smallest body that its description allows."""
    if not address.startswith("/api/"):
        return client.generic(method, address, "", content_type="application/x-www-form-urlencoded").status_code
    operation = operation_at(address, method)
    described = operation.get("requestBody", {"content": {"application/json": {"schema": {"type": "object"}}}})
    body = smallest(described["content"]["application/json"]["schema"])
    asked = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query" and one["required"]]
    address += "?" + "&".join(f"{name}=1" for name in asked)
    return client.generic(method, address, json.dumps(body), content_type="application/json").status_code


@cache
def description() -> dict:
    return api.get_openapi_schema()


def operation_at(address: str, method: str) -> dict:
    for path, operations in description()["paths"].items():
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)), address):
            return operations.get(method.lower(), {})
    return {}


def smallest(schema: dict) -> object:
    """A value that a JSON schema allows."""
    if "$ref" in schema:
        schema = description()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "object":
        return {name: smallest(schema["properties"][name]) for name in schema.get("required", ())}
    return {"array": [0.5], "number": 0.5, "integer": 1, "string": "x"}[schema["type"]]


def rows_of_all_tables() -> dict[str, str]:
    """Every row, so that a walk that changed one is caught."""
    found = {}
    for model in apps.get_models():
        if model.__name__ not in UNTOLD:
            rows = sorted(repr(row) for row in model.objects.values_list())
            found[model.__name__] = sha256("".join(rows).encode()).hexdigest()
    return found


def of_a_study(route: Route) -> bool:
    return route.name not in OUTSIDE


def test_the_walk_finds_something_behind_every_address_that_can_be_read(study, client_of):
    owner = client_of(factories.alice())
    lost = {}
    for route in routes(study):
        status = ask(owner, "GET", route.address)
        if of_a_study(route) and status in (301, 302, 403, 404, 500):
            lost[route.name] = status
    assert lost == {}


def test_for_a_stranger_no_address_of_a_study_exists(study, client_of):
    stranger = client_of(factories.charlie())
    walked = [route for route in routes(study) if of_a_study(route)]
    before = rows_of_all_tables()
    found = {
        (method, route.name): status
        for route in walked
        for method in METHODS
        if (status := ask(stranger, method, route.address)) not in HIDDEN and (method, route.name) not in CREATES
    }
    assert found == {}
    assert rows_of_all_tables() == before


def test_a_viewer_reads_and_never_writes(study, client_of):
    walked = [route for route in routes(study) if of_a_study(route) and route.name not in OF_VIEWERS]
    viewer = client_of(factories.vera())
    before = rows_of_all_tables()
    written, unread = {}, []
    for route in walked:
        for method in METHODS[2:6]:
            status = ask(viewer, method, route.address)
            if status not in {403, *HIDDEN} and route.name not in WITHOUT_ROWS and (method, route.name) not in CREATES:
                written[method, route.name] = status
        if ask(viewer, "GET", route.address) == 404:
            unread.append(route.name)
    assert written == {}
    assert unread == []
    assert rows_of_all_tables() == before


def links_to_every_view(study) -> Iterator[tuple[str, ShareLink]]:
    evaluation, problem = study.evaluations.first(), study.held_out_set.problems.first()
    parts = {
        "problem": f"@problem={problem.slug}",
        "evaluation": f"@reference={evaluation.reference}",
        "report": "@report=a-report",
    }
    for view in VIEWS:
        yield view, factories.link(study, view=view, query=parts.get(view, ""))


def test_a_link_reaches_its_own_view_alone_and_is_told_of_no_member_and_no_job(study):
    walked = [route for route in routes(study) if of_a_study(route)]
    comments.write(study, factories.alice(), "A secret remark.", "", "", None)
    references = map(re.escape, study.jobs.values_list("reference", flat=True))
    hidden = re.compile(
        "|".join(["\\balice\\b", "\\bbob\\b", "\\bvera\\b", "@example.org", "A secret remark", *references])
    )
    reached: dict[str, set[str]] = {}
    links = list(links_to_every_view(study))
    # What no link of many opened in one browser shows, none of them shows alone.
    browsers = [Client() for _ in range(0, len(links), MOST_LINKS)]
    for place, (_, link) in enumerate(links):
        browsers[place // MOST_LINKS].get(f"/share/{link.token}/")
    shown = [route for route in walked if any(ask(one, "GET", route.address) not in HIDDEN for one in browsers)]
    for view, link in links:
        reader = Client()
        opened = reader.get(f"/share/{link.token}/")
        assert opened.status_code == 302, view
        assert reader.get(opened.url).status_code == 200, view
        for route in shown:
            answer = reader.get(route.address)
            if answer.status_code not in HIDDEN:
                reached.setdefault(route.name, set()).add(view)
                assert hidden.search(answer.content.decode(errors="replace")) is None, (view, route.name)
    assert {name: views for name, views in reached.items() if len(views) > 1} == {}
    pages = {one.page: {view} for view, one in VIEWS.items()}
    assert {name: views for name, views in reached.items() if name in pages} == pages


# The lists that a link shows, and how each is narrowed.
LISTS = {
    "problems": "difficulty=easy",
    "runs": "q=low&columns=run,coverage,solve_rate",
    "checkpoints": "q=low",
    "evaluations": "columns=checkpoint,alpha",
}


def lines_of(answer) -> list[list[str]]:
    assert answer.status_code == 200
    return list(csv.reader(answer.content.decode().splitlines()))


def test_a_link_to_a_list_gives_the_file_of_exactly_that_list(study, client_of):
    member = client_of(factories.vera())
    first, second = study.evaluations.values_list("reference", flat=True)[:2]
    for view, query in (LISTS | {"compare": f"a={first}&b={second}"}).items():
        page = reverse(view, args=[study.slug])
        reader = factories.reader(study, view, query)
        got, full = (lines_of(who.get(f"{page}?{query}&format=csv")) for who in (reader, member))
        kept = [place for place, name in enumerate(full[0]) if name != "memory_bytes"]
        assert got == [[row[place] for place in kept] for row in full], view
        assert len(got) > 1
        assert reader.get(f"{page}?{query}&format=exe").status_code == 400
        for other in ("", f"{query}&columns=reference", f"{query}&q=high", f"{query}&difficulty=medium"):
            assert reader.get(f"{page}?{other}&format=csv").status_code == 404, (view, other)
        assert 'data-file="csv"' in reader.get(f"{page}?{query}").content.decode()
        for elsewhere in {*LISTS, "compare"} - {view}:
            assert reader.get(reverse(elsewhere, args=[study.slug]) + "?format=csv").status_code == 404


def test_the_text_of_a_report_and_samples_stay_with_members(study):
    routes(study)
    reader = factories.reader(study, "report", "@report=a-report")
    page = reverse("report", args=[study.slug, "a-report"])
    assert "?format=md" not in reader.get(page).content.decode()
    assert reader.get(f"{page}?format=md").status_code == 404
    assert reader.get(reverse("samples", args=[study.slug]) + "?format=csv").status_code == 404


ADDRESSES = re.compile(r'\b(?:href|hx-get|data-href|data-figures?|data-address|data-go|data-report-figure)="([^"]*)"')


def offered(page: str, text: str, seen: set) -> Iterator[str]:
    """The addresses of this site that a page holds, one of each kind that was not seen yet."""
    for found in ADDRESSES.findall(text):
        address = urljoin(page, unescape(found))
        parts = urlsplit(address)
        if address.startswith("/") and not address.startswith("/static"):
            kind = resolve(parts.path).url_name, re.sub(r"=[^&]*", "", parts.query)
            if kind not in seen:
                seen.add(kind)
                yield address


def test_nothing_that_a_viewer_is_offered_is_out_of_reach(study, client_of):
    factories.audit(study)
    viewer, lost, seen = client_of(factories.vera()), {}, set()
    samples = reverse("samples", args=[study.slug]) + f"?evaluation={study.evaluations.first().reference}"
    walked = [route.address for route in routes(study) if not route.address.startswith("/api/")]
    for page in ["/", "/jobs/", samples, *walked]:
        answer = viewer.get(page)
        if answer.status_code != 200 or not answer.headers["Content-Type"].startswith("text/html"):
            continue
        for address in offered(page, answer.content.decode(), seen):
            status = viewer.get(address).status_code
            if status not in (200, 302):
                lost[page, address] = status
    assert lost == {}
    assert len(seen) > 30


def test_around_a_shared_view_nothing_is_offered_that_the_link_does_not_show(study):
    """Within it, sharing.js makes text of what leads elsewhere; the figures of the view are asked for as they are."""
    factories.audit(study)
    routes(study)
    lost = {}
    for view, link in links_to_every_view(study):
        reader = Client()
        page = reader.get(f"/share/{link.token}/").url
        text = reader.get(page).content.decode()
        around = re.sub(r"<main.*</main>", "", text, flags=re.DOTALL)
        figures = " ".join(re.findall(r'data-(?:figures?|report-figure)="[^"]*"', text))
        for address in offered(page, f"{around} {figures}", set()):
            status = reader.get(address).status_code
            if status != 200:
                lost[view, address] = status
    assert lost == {}


def test_a_link_writes_nowhere(study):
    walked = [route for route in routes(study) if of_a_study(route) and route.name not in WITHOUT_ROWS]
    reader = factories.reader(study)
    before = rows_of_all_tables()
    written = {
        (method, route.name): status
        for route in walked
        for method in METHODS[2:6]
        if (status := ask(reader, method, route.address)) not in HIDDEN
    }
    assert written == {}
    assert rows_of_all_tables() == before


def test_a_link_with_a_query_shows_none_of_the_bare_addresses(study):
    reader = factories.reader(study, "study", "difficulty=hard")
    shown = [
        route.name for route in routes(study) if of_a_study(route) and ask(reader, "GET", route.address) not in HIDDEN
    ]
    assert shown == []


def test_the_admin_is_for_staff_alone(study, client_of):
    parts = {"app_label": "auth", "url": "x", "object_id": "1", "content_type_id": 1, "model_name": "user", "id": 1}
    walked = []
    for name, pattern, _ in patterns(get_resolver()):
        if name.startswith("admin:") and name not in ("admin:login", "admin:logout", "admin:jsi18n"):
            names = pattern.pattern.converters or pattern.pattern.regex.groupindex
            if pattern.name:
                walked.append(reverse(name, kwargs={part: parts[part] for part in names}))
    assert len(walked) > 10
    for client in (client_of(factories.vera()), factories.reader(study)):
        for address in walked:
            answer = client.get(address)
            assert answer.status_code == 302, address
            assert answer.url.startswith("/admin/login/"), address
