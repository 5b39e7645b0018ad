"""Figures as PDF and as Python: vector with readable text, nothing from outside, and the colours of the page."""

import base64
import re
import struct
import sys
import zlib

import pypdfium2
import pytest
from django.conf import settings
from django.urls import reverse

from compute import figure_colours
from frontier_app.figures import pdf
from frontier_app.figures.colours import ramp, token
from frontier_app.figures.pdf import SVG_BYTES_AT_MOST, NotDrawable, cleaned, pdf_of
from tests import factories

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="400" height="200">'
    '<rect width="100" height="50" fill="rgba(31,128,116,.5)"/>{}'
    '<text x="20" y="100" style="font-family: Helvetica, Arial, sans-serif">0.612 ± 0.021</text></svg>'
)


def drawing(inside: str = "") -> bytes:
    return SVG.format(inside).encode()


def bitmap(width: int, height: int) -> str:
    """An image whose PNG says that it is so large."""
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(header)) + b"IHDR" + header
    whole = start + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + struct.pack(">I4sI", 0, b"IEND", 0xAE426082)
    return f'<image href="data:image/png;base64,{base64.b64encode(whole).decode()}" width="5" height="5"/>'


@pytest.fixture
def study(db):
    return factories.empty_study()


@pytest.fixture
def ask(client_of, study):
    """`ask(user, body, view)` sends a drawing to be turned into a PDF."""

    def send(user, body: bytes, view: str = "study", client=None):
        address = reverse("figure_pdf", args=[study.slug]) + f"?view={view}&name=the+frontier"
        return (client or client_of(user)).post(address, body, content_type="image/svg+xml")

    return send


def test_a_figure_becomes_a_vector_pdf_whose_text_is_text():
    pdf = pdf_of(drawing())
    assert pdf.startswith(b"%PDF-")
    assert b"/Subtype /Image" not in pdf
    page = pypdfium2.PdfDocument(pdf)[0]
    assert page.get_textpage().get_text_range() == "0.612 ± 0.021"
    # On white: the box, half as strong as its colour, and the ink of the words.
    drawn = page.render().to_numpy().astype(int)
    assert drawn[10, 10].tolist() == pytest.approx([186, 192, 143], abs=2)
    assert drawn[-10, -10].tolist() == [255, 255, 255]
    assert (drawn[80:105] < 128).any()


@pytest.mark.django_db
def test_members_get_a_pdf_that_is_named_after_the_figure(ask):
    response = ask(factories.vera(), drawing())
    assert response["Content-Type"] == "application/pdf"
    assert response["Content-Disposition"] == 'attachment; filename="the-frontier.pdf"'
    assert response.content.startswith(b"%PDF-")


@pytest.mark.django_db
def test_strangers_and_people_unknown_get_none(ask, client_of, study):
    assert ask(factories.charlie(), drawing()).status_code == 404
    assert ask(None, drawing()).status_code == 403
    assert client_of(factories.alice()).get(reverse("figure_pdf", args=[study.slug])).status_code == 405


@pytest.mark.django_db
def test_a_link_makes_pdfs_of_its_own_view_alone(ask, client_of, study):
    made = factories.link(study)
    visitor = client_of(None)
    visitor.get(reverse("share", args=[made.token]))
    assert ask(None, drawing(), made.view, visitor).status_code == 200
    assert ask(None, drawing(), "ensembles", visitor).status_code in (403, 404)
    made.revoked = True
    made.save()
    assert ask(None, drawing(), made.view, visitor).status_code in (403, 404)


@pytest.mark.parametrize(
    "inside",
    [
        '<image href="/etc/passwd" width="5" height="5"/>',
        '<image xlink:href="file:///etc/hostname" width="5" height="5"/>',
        '<image href="http://127.0.0.1:1/x.png" width="5" height="5"/>',
        '<image href="data:image/svg+xml;base64,PHN2Zy8+" width="5" height="5"/>',
        '<rect width="5" height="5" fill="url(http://127.0.0.1:1/x#a)"/>',
        '<rect width="5" height="5" style="fill: url( \'/etc/passwd#a\')"/>',
        "<style>@import url(http://127.0.0.1:1/);</style>",
        '<use href="#a"/>',
        "<script>1</script>",
        '<foreignObject width="9" height="9"/>',
        '<rect onload="1"/>',
    ],
)
def test_nothing_outside_the_drawing_is_ever_asked_for(inside):
    with pytest.raises(NotDrawable, match="a figure does not"):
        cleaned(drawing(inside))


def test_what_a_figure_holds_passes():
    clip = "<defs><clipPath id='c'><rect width='5' height='5'/></clipPath></defs><g clip-path=\"url('#c')\"/>"
    link = '<text><a href="https://example.org">words</a></text>'
    kept = cleaned(drawing(bitmap(900, 900) + clip + link))
    assert "example.org" not in kept
    assert "words" in kept
    assert pdf_of(drawing(clip + link)).startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ('<rect width="9" height="9" filter="blur(900)"/>', "a filter"),
        ('<rect width="9" height="9" style="FILTER : blur(900px)"/>', "a filter"),
        ('<mask id="m"><g><rect mask="url(#n)"/></g></mask>', "made of others"),
        ('<pattern id="p" href="#q"/>', "made of others"),
        ('<marker id="p"><path style="marker-end: URL(#q)"/></marker>', "made of others"),
        ('<clipPath id="c" clip-path="url(#d)"/>', "made of others"),
        (bitmap(50_000, 50_000), "too large"),
        (bitmap(3_000, 3_000) * 2, "too large"),
        (bitmap(9, 9).replace("iVBO", "AAAA"), "no PNG"),
        ('<image href="data:image/png;base64,iVBORw0KGgo=" width="5" height="5"/>', "no PNG"),
        (f'<rect width="5" height="5" fill="url({" " * 300_000}"/>', "outside itself"),
    ],
)
def test_nothing_in_a_drawing_multiplies(inside, words):
    with pytest.raises(NotDrawable, match=words):
        cleaned(drawing(inside))


def test_no_other_encoding_hides_entities():
    hidden = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE svg [<!ENTITY a "b">]>' + drawing("&a;").decode()
    for body in (hidden.encode("utf-16"), hidden.encode()):
        with pytest.raises(NotDrawable, match=r"not an SVG|entities"):
            cleaned(body)


def test_a_drawing_that_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(pdf, "COMMAND", (sys.executable, "-c", "while True: pass"))
    monkeypatch.setattr(pdf, "SECONDS_AT_MOST", 0.3)
    with pytest.raises(NotDrawable, match="takes too long"):
        pdf_of(drawing())


def test_a_drawing_that_takes_too_much_memory_is_given_up(monkeypatch):
    greedy = "from frontier_app.figures.pdf_process import limit; limit(); bytearray(2 << 30)"
    monkeypatch.setattr(pdf, "COMMAND", (sys.executable, "-c", greedy))
    with pytest.raises(NotDrawable, match="cannot be turned into a PDF"):
        pdf_of(drawing())


@pytest.mark.django_db
def test_no_more_than_a_few_are_drawn_at_once(ask, monkeypatch):
    monkeypatch.setattr(pdf, "WAIT_SECONDS", 0)
    for _ in range(pdf.AT_ONCE):
        pdf._places.acquire()
    try:
        response = ask(factories.alice(), drawing())
    finally:
        pdf._places.release(pdf.AT_ONCE)
    assert (response.status_code, "in a moment" in response.content.decode()) == (503, True)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not an SVG"),
        (b"<svg", "not an SVG"),
        (b"<html xmlns='http://www.w3.org/1999/xhtml'/>", "not an SVG"),
        (b'<!DOCTYPE svg [<!ENTITY a "b">]>' + drawing(), "entities"),
        (b" " * (SVG_BYTES_AT_MOST + 1), "larger than 6 MB"),
        (drawing("<g>" * 80 + "</g>" * 80), "too many parts"),
    ],
)
@pytest.mark.django_db
def test_what_is_no_figure_is_refused_in_one_sentence(ask, body, words):
    response = ask(factories.alice(), body)
    assert response.status_code == 422
    assert words in response.content.decode()


def test_a_script_has_the_colours_of_the_light_theme():
    sheet = (settings.PROJECT / "static/css/tokens.css").read_text()
    light = sheet[: sheet.index('[data-theme="dark"]')]
    told = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    assert {name: told[name] for name in figure_colours.LIGHT} == figure_colours.LIGHT


def test_a_script_paints_every_named_colour():
    figure = {
        "data": [{"marker": {"color": [ramp(-0.5), ramp(1.5, 0.5), "red"]}, "x": [1, 2]}],
        "layout": {"font": {"color": token("ink-3", 0.5)}},
        "table": [["x"]],
    }
    painted = figure_colours.painted(figure)
    assert painted["data"] == [{"marker": {"color": ["rgba(127,195,234,1)", "rgba(13,47,92,0.5)", "red"]}, "x": [1, 2]}]
    assert painted["layout"]["font"] == {"color": "rgba(99,106,115,0.5)"}
    assert set(painted) == {"data", "layout"}
