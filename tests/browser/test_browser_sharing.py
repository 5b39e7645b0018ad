"""Sharing as people do it: a link that a second browser opens and a revocation closes, a frame of another site, a saved
view, and comments that come in while one looks."""

import re
from collections.abc import Iterator
from html import escape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import quote, unquote

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, expect

from frontier_app.models import Comment, ShareLink
from frontier_app.sharing import saved_views
from tests import factories
from tests.browser.visitor import Visitors, measure_now, study_page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def read_outs(page: Page) -> dict[str, str | None]:
    expect(page.locator("[data-rate=solved] b")).to_contain_text("n =")
    return {name: page.locator(f"[data-rate={name}] b").text_content() for name in ("solved", "optimisation")}


def share(page: Page) -> str:
    """Press Share on a page; the address of the link."""
    page.get_by_role("button", name="Share").click()
    page.get_by_label("For whom").fill("a reviewer")
    page.get_by_role("button", name="Make a link").click()
    expect(page.get_by_label("Address", exact=True)).to_have_value(re.compile("/share/"))
    return page.get_by_label("Address", exact=True).input_value()


def test_a_link_shows_the_same_figures_in_a_second_browser_until_it_is_revoked(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    owner = visitor(alice)
    page = study_page(owner, measured.study, "?difficulty=hard&level=3&a=0.5")
    told = read_outs(page)
    address = share(page)

    reader = visitor(None)
    shown = reader.page
    shown.goto(address)
    expect(shown.locator("#alpha")).to_have_value("0.5")
    assert read_outs(shown) == told
    expect(shown.locator("#alpha-kind a")).to_have_count(0)
    expect(shown.get_by_text("a shared view, read only")).to_be_visible()
    expect(shown.locator("nav.tabs")).to_have_count(0)
    expect(shown.locator("#filters [name=level]").first).to_be_disabled()
    shown.locator("#thumb").focus()
    shown.keyboard.press("End")
    expect(shown.locator("#alpha")).to_have_value("1.5")
    shown.go_back()
    expect(shown.locator("#alpha")).to_have_value("0.5")
    shown.locator("#against tbody tr", has_text="base").last.click()
    shown.locator("#against tbody button").last.press("Enter")
    expect(shown.locator("#alpha")).to_have_value("1.5")
    shown.locator("#find").fill("00")
    shown.locator("#find").press("Enter")
    expect(shown).to_have_url(re.compile("find=00"))
    shown.reload()
    expect(shown.locator("#alpha")).to_have_value("1.5")
    expect(shown.locator("[data-live-state]")).to_have_text("live")
    shown.locator("#strip-body").press("j")
    shown.locator("#strip-body").press("Enter")
    shown.keyboard.press("Control+k")
    expect(shown.locator("dialog.palette .kind").first).to_be_visible()
    assert set(shown.locator("dialog.palette .kind").all_text_contents()) == {"action"}
    shown.keyboard.press("Escape")

    page.goto(owner.server + reverse("study_sharing", args=[measured.study.slug]))
    expect(page.get_by_text("the explorer: difficulty hard, level 3")).to_be_visible()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("button", name="Open again")).to_be_visible()
    expect(shown.locator("#frontier")).to_have_count(0)
    expect(shown.get_by_role("heading", name="Log in")).to_be_visible()

    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Revoke")).to_be_visible()
    shown.goto(address)
    assert read_outs(shown) == told

    link = factories.link(measured.study, view="problems", query="difficulty=hard")
    listed = reader.open(reverse("share", args=[link.token]), reader.tab())
    expect(listed.locator("#problems tbody tr")).to_have_count(4)
    expect(listed.locator("#problems [data-href], #problems tbody a[href]")).to_have_count(0)
    listed.locator("details.table-export summary").click()
    with listed.expect_download() as saved:
        listed.locator("[data-file=csv]").click()
    assert len(saved.value.path().read_text().splitlines()) == 1 + 4
    reader.troubles.clear()  # the browser reports what was refused


class OtherSite(SimpleHTTPRequestHandler):
    """One page that frames the address in its query."""

    def do_GET(self) -> None:
        source = escape(unquote(self.path.partition("?")[2]))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f'<link rel="icon" href="data:,"><iframe src="{source}" width="1200" height="900">'.encode())

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def other_site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), OtherSite)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_a_view_is_drawn_in_a_frame_of_another_site_without_cookies(
    visitor: Visitors, measured: factories.Measured, other_site: str
) -> None:
    link = factories.link(measured.study, query="difficulty=hard&a=0.5")
    reader = visitor(None)
    reader.page.goto(f"{other_site}?{quote(reader.server + reverse('embed', args=[link.token]))}")
    frame = reader.page.frame_locator("iframe")
    expect(frame.locator("#alpha")).to_have_value("0.5")
    expect(frame.locator("[data-rate=solved] b")).to_contain_text("n =")
    expect(frame.locator("header.top")).to_have_count(0)
    expect(frame.locator("#filters [name=level]").first).to_be_disabled()
    expect(frame.locator("main a[href*='/studies/']")).to_have_count(0)
    frame.locator("details.export summary").first.click()
    with reader.page.expect_response(re.compile(r"figure\.pdf")) as answered:
        frame.locator("[data-save=frontier][data-as=pdf]").click()
    assert answered.value.status == 200
    assert reader.context.cookies() == []
    ShareLink.objects.update(revoked=True)
    reader.page.reload()
    expect(frame.get_by_role("heading", name="Not shared any more")).to_be_visible()
    reader.troubles.clear()  # the browser reports the status of the closed link


def test_a_saved_view_keeps_its_data_until_it_is_refreshed(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    planned = factories.planned_evaluation(
        measured.study, factories.point_on(measured.path, 0.25), 4, alpha=0.25, path=measured.path
    )
    owner = visitor(alice)
    page = study_page(owner, measured.study, "?difficulty=hard&a=0.5")
    page.locator("details.views-menu summary").click()
    page.get_by_role("button", name="Save this view").click()
    page.get_by_role("textbox", name="Name").fill("Before the quarter")
    page.get_by_role("dialog").get_by_role("button", name="Save", exact=True).click()
    line = page.locator(".view-line.saved")
    expect(line).to_contain_text("Before the quarter")
    expect(line).not_to_contain_text("newer data")
    points = "document.getElementById('frontier').data.find((one) => one.meta?.marks).x.length"
    expect(page.locator(".figure.filled")).to_be_visible()
    then = page.evaluate(points)

    measure_now(planned, 4)
    page.reload()
    expect(line).to_contain_text("newer data")
    expect(page.locator(".figure.filled")).to_be_visible()
    assert page.evaluate(points) == then
    line.get_by_role("button", name="refresh").click()
    expect(page.get_by_text("The view shows the data of now")).to_be_visible()
    expect(page.locator(".figure.filled")).to_be_visible()
    page.wait_for_function(f"{points} > {then}")

    failing = reverse("failures", args=[measured.study.slug])
    view = saved_views.save(measured.study, alice, "Failing", "", failing)
    page.goto(page.url.partition("/studies/")[0] + f"{failing}?view={view.short}")
    note = page.locator("[data-panel=growth] [data-note]")
    expect(note).to_contain_text("the first 32 samples of each")
    page.locator("#growth-threshold").select_option("2")
    expect(note).to_contain_text("The saved view does not keep these figures.")
    expect(page.locator("#growth")).to_be_hidden()
    expect(page.locator("#levels")).to_be_visible()
    note.get_by_role("link", name="Show this page as of now").click()
    expect(page).to_have_url(re.compile(r"/failures/\?growth=2$"))
    expect(page.locator("#growth .plot-container")).to_be_visible()
    owner.troubles.clear()  # the browser reports what was refused


def test_a_comment_stands_at_its_point_and_reaches_who_is_looking(
    visitor: Visitors, alice: User, measured: factories.Measured
) -> None:
    viewer = visitor(factories.vera())
    page = study_page(viewer, measured.study, "?a=0.5")
    other = study_page(visitor(alice), measured.study, "?a=1")
    expect(other.locator("[data-live-state]")).to_have_text("live")
    page.locator("[data-comments]").click()
    expect(page.locator("#comments select")).to_contain_text("the point at a = 0.5")
    page.get_by_label("Comment", exact=True).fill("It <b>turns</b> here.")
    page.locator("#comments").get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator("#comments .comment-text")).to_have_text("It <b>turns</b> here.")
    mark = other.get_by_role("button", name="Comment 1 about the point at a = 0.5")
    expect(mark).to_be_visible()
    mark.click()
    other.locator(".comment-about").click()
    expect(other.locator("#alpha")).to_have_value("0.5")

    page.locator("#comments").get_by_role("button", name="Delete").click()
    expect(page.locator("#comments .comment")).to_have_count(0)
    expect(other.locator("#comments .comment")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(other.locator("#comments .comment-text")).to_have_text("It <b>turns</b> here.")
    assert Comment.objects.get().evaluation == measured.evaluations[2]

    # The Frontiers page has keys of its own for the same points.
    about = {"study": measured.study, "author": alice}
    Comment.objects.create(**about, problem=measured.study.held_out_set.problems.get(slug="001-squares"), text="Odd.")
    frontiers = viewer.open(reverse("explore", args=[measured.study.slug]), viewer.tab())
    frontiers.get_by_role("button", name="Comment 1 about the point at a = 0.5").click()
    frontiers.locator(".comment-about").first.click()
    expect(frontiers.locator("#pinned thead th")).to_have_count(2)
    frontiers.get_by_role("button", name="001-squares").click()
    expect(frontiers).to_have_url(re.compile(r"/miniature/\?problem=001-squares$"))

    # It is of another difficulty than the page shows.
    expect(frontiers.locator("[data-comments-count]").first).to_have_text("2")
    frontiers.locator("[data-comments]").click()
    frontiers.get_by_role("button", name="001-squares", exact=True).click()
    mark = frontiers.locator("#strip").get_by_role("button", name="Comment 2 about 001-squares")
    expect(frontiers.locator(".strip-row.current.commented .name")).to_contain_text("001-squares")
    frontiers.get_by_role("button", name="Close the comments").click()
    mark.press("Enter")
    expect(frontiers.locator(".comment.current .comment-text")).to_have_text("Odd.")
