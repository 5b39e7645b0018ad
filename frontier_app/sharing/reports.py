"""Reports: Markdown with figures of the study's views, each as it is now or frozen as it was.

A fenced block `frontier` names a figure by the address of its view, with the figure after a # where the view has
several, and a caption on the lines below:

    ```frontier
    study?difficulty=hard#composition
    What fails as alpha grows.
    ```

A frozen figure is a snapshot under its address, so it stays when the text around it changes. Figures are what the
bearer of a link to their view would be shown: no programs, no hidden tests. HTML in the text is shown as text.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache, partial
from hashlib import sha256
from typing import Any, NamedTuple, TypedDict
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db import transaction
from django.http import QueryDict
from django.utils.text import slugify
from markdown_it import MarkdownIt
from markdown_it.token import Token

from frontier_app.models import Report, Snapshot, Study
from frontier_app.sharing.audit_trail import note
from frontier_app.sharing.shared_views import VIEWS, NotAView, address_of, read_address
from frontier_app.sharing.view_answers import NotAnswered, answer_to

FENCE = "frontier"
TEXT_AT_MOST = 200_000
FIGURES_AT_MOST = 60
# A row of a table is as wide as its head, however little stands in it: a page of text can ask for millions of cells.
CELLS_AT_MOST = 20_000


Ask = Callable[[str, str, str], object]


class NoFigure(ValueError):
    """An address names no figure that can be drawn; the message is one sentence for the reader."""


class FigureAddress(NamedTuple):
    """A view, its query as a row keeps it, and which of its figures ("" for the first)."""

    view: str
    query: str
    figure: str = ""


class Found(NamedTuple):
    """A figure in an answer: its name, the keys that lead to it, and itself. `asks` is what a script asks the API for
    the answer: a view and its query."""

    name: str
    path: str
    figure: dict[str, Any]
    asks: str = ""

    @property
    def kept(self) -> dict[str, object]:
        return {"figure": self.figure, "path": self.path, "asks": self.asks}


class Prose(NamedTuple):
    html: str


class Placed(NamedTuple):
    """A figure in a report. `problem` says why it cannot be drawn; `page` is where its view is."""

    number: int
    address: str
    caption: str
    page: str | None
    frozen: str | None
    problem: str = ""

    @property
    def plot(self) -> str:
        """The id of its element."""
        return f"plot-{self.number}"


def _markdown() -> MarkdownIt:
    """CommonMark with tables, without HTML and without images, which would be fetched from elsewhere."""
    made = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
    return made.disable(["image", "html_block", "html_inline"])


MARKDOWN = _markdown()
BLOCK = re.compile(rf"^ {{0,3}}(?:`{{3,}}|~{{3,}})[ \t]*{FENCE}[ \t]*$", re.MULTILINE)
LINE_END = re.compile(r"\r\n?|\n")


def parts_of(report: Report) -> list[Prose | Placed]:
    """The report as it is read: runs of HTML, and the figures between them."""
    parts: list[Prose | Placed] = []
    prose: list[Token] = []
    for token in [*_tokens(report.text), None]:
        figure = token is not None and _is_figure(token)
        if token is not None and not figure:
            prose.append(token)
            continue
        if prose:
            parts.append(Prose(MARKDOWN.renderer.render(prose, MARKDOWN.options, {})))
            prose = []
        if token is not None:
            number = sum(isinstance(part, Placed) for part in parts) + 1
            parts.append(_placed(report, number, token.content))
    return parts


def _tokens(text: str) -> list[Token]:
    """The tokens of a text, with its headings one level below the title of the page and its links leading away
    safely."""
    tokens = MARKDOWN.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("rel", "noopener noreferrer nofollow")
    return tokens


def _is_figure(token: Token) -> bool:
    return token.type == "fence" and token.level == 0 and token.info.strip() == FENCE


@lru_cache(maxsize=64)  # every figure of an open report asks
def addresses_of(text: str) -> tuple[str, ...]:
    """The address of every figure of a report, in its order."""
    return tuple(_lines(token.content)[0] for token in MARKDOWN.parse(text) if _is_figure(token))


def number_of_figures(text: str) -> int:
    """How many blocks a text has, for lists, which parse none: one within a list or another block counts too."""
    return len(BLOCK.findall(text))


def cells_of(text: str) -> int:
    """At least as many as the tables of a text have cells: of lines without a blank one between, their number times the
    columns of the widest that may end a table's head."""
    cells = widest = lines = 0
    for line in [*LINE_END.split(text), ""]:
        if not line.strip(" \t>"):
            cells += widest * lines
            widest = lines = 0
            continue
        lines += 1
        if "|" in line and not line.strip(" \t>|:-"):
            widest = max(widest, line.count("|") + 1)
    return cells


def _lines(content: str) -> tuple[str, str]:
    """The address and the caption of a block."""
    first, _, rest = content.strip().partition("\n")
    return first.strip(), " ".join(rest.split())


def _placed(report: Report, number: int, content: str) -> Placed:
    address, caption = _lines(content)
    frozen = report.frozen.get(address)
    try:
        if number > FIGURES_AT_MOST:
            raise NoFigure(f"A report holds at most {FIGURES_AT_MOST} figures.")
        read = read_figure(report.study, address)
    except NoFigure as error:
        return Placed(number, address, caption, None, frozen, str(error))
    return Placed(number, address, caption, address_of(report.study, read.view, read.query), frozen)


def read_figure(study: Study, address: str) -> FigureAddress:
    """What a block names: `view?query#figure`, or the address of the page as the browser shows it. Raises NoFigure."""
    whole, _, figure = address.strip().partition("#")
    view, _, query = whole.partition("?")
    if not view:
        raise NoFigure("The block names no view: write one like study?difficulty=hard.")
    if view in VIEWS and "/" not in view:
        page = address_of(study, view, query)
        if page is None:
            raise NoFigure(f"The view {view} needs more in its address: copy the address of its page.")
        whole = page
    try:
        read = read_address(study, whole)
    except NotAView:
        known = ", ".join(VIEWS)
        raise NoFigure(
            f"“{address[:80]}” names no view of this study: use {known}, or copy the address of a page."
        ) from None
    return FigureAddress(read.view, read.query, figure.strip())


def live_figure(study: Study, address: str, ask: Ask | None = None) -> Found:
    """The figure as it is now; `ask` gives the answers of views where not each is to be computed anew. Raises
    NoFigure."""
    ask = ask or partial(answer_to, study)
    read = read_figure(study, address)
    found: list[Found] = []
    said = "This view has no figure to show: nothing is measured for it yet."
    for entry in VIEWS[read.view].figures or VIEWS[read.view].data:
        try:
            answer = ask(read.view, read.query, entry)
            found += figures_in(answer, called=entry.partition("=")[2] or "figure")
        except NotAnswered as error:
            said = str(error)
        chosen = next((one for one in found if one.name == read.figure or not read.figure), None)
        if chosen is not None:
            return chosen._replace(asks=_asks(read, entry))
    if not found:
        raise NoFigure(said)
    names = ", ".join(one.name for one in found)
    raise NoFigure(f"This view has no figure called {read.figure}; it has {names}.")


def _asks(read: FigureAddress, entry: str) -> str:
    """The view and the query under which the API gives the answer of one endpoint."""
    query = QueryDict(read.query, mutable=True)
    query.update(QueryDict(entry.partition("?")[2]))
    named = [(name.removeprefix("@"), value) for name, values in query.lists() for value in values]
    return f"{read.view}?{urlencode(named)}" if named else read.view


def figures_in(answer: object, path: tuple[str, ...] = (), called: str = "figure") -> Iterator[Found]:
    """Every figure in an answer, wherever it stands. One under the key `figure` is called as what holds it, or as the
    answer is `called`."""
    if isinstance(answer, list):
        for at, part in enumerate(answer):
            yield from figures_in(part, (*path, str(at)), called)
    if not isinstance(answer, dict):
        return
    if isinstance(answer.get("data"), list) and isinstance(answer.get("layout"), dict):
        kept = {key: answer[key] for key in ("data", "layout", "table") if key in answer}
        names = [key for key in path if key not in ("figure", "figures")]
        yield Found(names[-1] if names else called, ".".join(path), kept)
        return
    for key, part in answer.items():
        yield from figures_in(part, (*path, key), called)


def figure_of(report: Report, address: str) -> dict[str, Any]:
    """What a reader's browser draws: the figure, where it is in its view's answer, what asks for that answer, and
    whether it is frozen. Raises NoFigure."""
    frozen = report.frozen.get(address)
    if frozen is not None:
        snapshot = Snapshot.objects.filter(sha256=frozen).first()
        if snapshot is None:
            raise NoFigure("The frozen data of this figure are gone; make it live again.")
        return {**snapshot.data, "frozen": True}
    found = live_figure(report.study, address)
    return {**found.kept, "frozen": False}


def freeze(report: Report, by: User) -> list[str]:
    """Keep every figure as it is now; those frozen before stay as they were. Gives a sentence for each that cannot be
    drawn."""
    taken, refused, ask = {}, [], cache(partial(answer_to, report.study))
    for address in addresses_of(report.text)[:FIGURES_AT_MOST]:
        if address in report.frozen:
            continue
        try:
            found = live_figure(report.study, address, ask)
        except NoFigure as error:
            refused.append(f"{address}: {error}")
        else:
            taken[address] = found.kept
    with _locked(report) as current:
        fresh = {address: Snapshot.of(taken[address]).sha256 for address in taken if address not in current.frozen}
        known = current.frozen | fresh
        kept = {address: known[address] for address in addresses_of(current.text) if address in known}
        if kept != current.frozen:
            _write(current, frozen=kept)
            note(report.study, by, "freeze", report.title)
    report.frozen = kept
    return refused


def thaw(report: Report, by: User, address: str = "") -> None:
    """Make one figure live again, or all."""
    with _locked(report) as current:
        kept = {key: value for key, value in current.frozen.items() if address and key != address}
        if kept != current.frozen:
            _write(current, frozen=kept)
            note(report.study, by, "thaw", report.title)
    report.frozen = kept


@contextmanager
def _locked(report: Report) -> Iterator[Report]:
    """The report as it is in the database, which nobody else changes meanwhile."""
    with transaction.atomic():
        yield Report.objects.select_for_update().get(pk=report.pk)


def _write(report: Report, **values: object) -> None:
    for name, value in values.items():
        setattr(report, name, value)
    report.save(update_fields=[*values, "updated"])


def version_of(report: Report) -> str:
    """Changes with the title and the text: what an editor began from."""
    return sha256(json.dumps([report.title, report.text]).encode()).hexdigest()[:16]


def create(study: Study, author: User, title: str, text: str) -> Report:
    """A new report under a name of its own."""
    base = slugify(title)[:56] or "report"
    with transaction.atomic():
        Study.objects.select_for_update().get(pk=study.pk)
        taken = set(study.reports.filter(slug__startswith=base).values_list("slug", flat=True))
        taken |= RESERVED | _linked(study)
        slug = next(name for name in _names(base) if name not in taken)
        note(study, author, "write", title)
        return Report.objects.create(study=study, author=author, slug=slug, title=title, text=text)


RESERVED = {"new", "preview", "restore"}


def _linked(study: Study) -> set[str]:
    """The names that links to reports go by, also where the report is gone: no link may come to show another one."""
    queries = study.share_links.filter(view="report").values_list("query", flat=True)
    return {QueryDict(query).get("@report", "") for query in queries}


def _names(base: str) -> Iterator[str]:
    yield base
    number = 2
    while True:
        yield f"{base}-{number}"
        number += 1


def save(report: Report, by: User, title: str, text: str, began_from: str) -> bool:
    """Take new content unless somebody else saved other content since `began_from`; `report` is then as they left
    it."""
    with _locked(report) as current:
        if version_of(current) not in (began_from, sha256(json.dumps([title, text]).encode()).hexdigest()[:16]):
            report.title, report.text, report.updated = current.title, current.text, current.updated
            return False
        if (current.title, current.text) != (title, text):
            _write(current, title=title, text=text)
            note(report.study, by, "change", title)
    report.title, report.text, report.updated = title, text, current.updated
    return True


class Deleted(TypedDict):
    """What a deletion leaves, to bring the report back: JSON values, as a session keeps them."""

    title: str
    text: str
    frozen: dict[str, str]
    author_id: int


def delete(report: Report, by: User) -> Deleted:
    kept = Deleted(title=report.title, text=report.text, frozen=report.frozen, author_id=report.author_id)
    with transaction.atomic():
        note(report.study, by, "delete", f"the report “{report.title}”")
        report.delete()
    return kept


def restore(study: Study, by: User, slug: str, kept: Deleted) -> None:
    """Bring a deleted report back under its name, unless that is taken."""
    with transaction.atomic():
        _, made = Report.objects.get_or_create(study=study, slug=slug, defaults=dict(kept))
        if made:
            note(study, by, "restore", f"the report “{kept['title']}”")
