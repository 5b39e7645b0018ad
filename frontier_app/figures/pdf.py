"""A drawing as PDF: vector, with text that stays text, in the fonts that the converter brings.

The SVG comes from a browser and is not trusted. Only elements and attributes that a figure is made of pass; nothing is
fetched or read from a disk, because a reference may only point into the drawing itself or be a small bitmap within it.
Nothing may multiply: no filter, no paint made of other paints. Another process does the work (`pdf_process`), so that
a drawing that takes long keeps nobody waiting but who sent it.
"""

import base64
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from xml.etree import ElementTree

SVG_BYTES_AT_MOST = 6 << 20
PDF_BYTES_AT_MOST = 64 << 20
# All bitmaps of a drawing together: more than any screen has.
PIXELS_AT_MOST = 1 << 24
CPU_SECONDS = 30
SECONDS_AT_MOST = 60
AT_ONCE = 2
WAIT_SECONDS = 15
REFUSED = 3
ELEMENTS_AT_MOST = 60_000
DEPTH_AT_MOST = 60
SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
SHAPES = {"path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "image"}
PAINTS = {"defs", "clipPath", "mask", "linearGradient", "radialGradient", "stop", "pattern", "marker"}
DRAWN = SHAPES | PAINTS | {"svg", "g", "title", "desc"}
# Drawn anew wherever they are used: one in another one, thirty times over, is more than any machine can draw.
REPEATED = {"clipPath", "mask", "pattern", "marker"}
# A link around a label is drawn as the label alone.
UNWRAPPED = "a"
BITMAP = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]*)")
ELSEWHERE = re.compile(r"url\((?!\s*+['\"]?\s*+#)|@import|\\", re.IGNORECASE)
REFERENCE = re.compile(r"url\(", re.IGNORECASE)
FILTER = re.compile(r"filter", re.IGNORECASE)
PNG_HEADER = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
COMMAND = (sys.executable, "-m", "frontier_app.figures.pdf_process")
SECRETS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")
_places = threading.BoundedSemaphore(AT_ONCE)


class NotDrawable(ValueError):
    """The drawing holds something that no figure holds; the message is for the reader."""


class Busy(NotDrawable):
    """Others are having theirs drawn."""


def pdf_of(svg: bytes) -> bytes:
    """The PDF of a figure. Raises NotDrawable."""
    _refuse_large(svg)
    if not _places.acquire(timeout=WAIT_SECONDS):
        raise Busy("The server is drawing other PDFs; try again in a moment.")
    try:
        ended = subprocess.run(
            COMMAND,
            input=svg,
            capture_output=True,
            timeout=SECONDS_AT_MOST,
            check=False,
            cwd=Path(__file__).resolve().parents[2],
            env={name: value for name, value in os.environ.items() if name not in SECRETS},
        )
    except subprocess.TimeoutExpired:
        raise NotDrawable("This drawing takes too long as a PDF; show fewer points or save it as PNG.") from None
    finally:
        _places.release()
    if ended.returncode == REFUSED:
        raise NotDrawable(ended.stdout.decode())
    if ended.returncode != 0:
        raise NotDrawable("This drawing cannot be turned into a PDF; save it as SVG instead.")
    return ended.stdout


def _refuse_large(svg: bytes) -> None:
    if len(svg) > SVG_BYTES_AT_MOST:
        raise NotDrawable(
            f"The drawing is larger than {SVG_BYTES_AT_MOST >> 20} MB; show fewer points or save it as PNG."
        )


def cleaned(svg: bytes) -> str:
    """The drawing with nothing in it that refers to anything outside. Raises NotDrawable."""
    _refuse_large(svg)
    try:
        # Of a text the parser heeds no declared encoding, so what is looked for here is what it reads.
        text = svg.decode()
        if "<!" in text.replace("<!--", ""):
            raise NotDrawable("The drawing declares a document type or entities; a figure has none.")
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, UnicodeDecodeError) as error:
        raise NotDrawable("This is not an SVG drawing.") from error
    if root.tag != f"{SVG}svg":
        raise NotDrawable("This is not an SVG drawing.")
    _check(root)
    ElementTree.register_namespace("", SVG[1:-1])
    ElementTree.register_namespace("xlink", LINK[1 : LINK.index("}")])
    return ElementTree.tostring(root, encoding="unicode")


def _check(root: ElementTree.Element) -> None:
    """Let only what is drawn stay, level by level."""
    level, seen, depth, pixels = [(root, False)], 0, 0, 0
    while level:
        seen, depth = seen + len(level), depth + 1
        if seen > ELEMENTS_AT_MOST or depth > DEPTH_AT_MOST:
            raise NotDrawable("The drawing has too many parts for a PDF; show fewer points or save it as PNG.")
        below = []
        for element, repeated in level:
            repeated = repeated or str(element.tag).removeprefix(SVG) in REPEATED
            pixels += _check_element(element, repeated)
            below += [(child, repeated) for child in element]
        if pixels > PIXELS_AT_MOST:
            raise NotDrawable("The drawing holds a bitmap that is too large for a PDF; save it as PNG.")
        level = below


def _check_element(element: ElementTree.Element, repeated: bool) -> int:
    """How many pixels the element's bitmap has. `repeated`: it belongs to a paint that is drawn wherever it is used."""
    name = str(element.tag).removeprefix(SVG)
    if name == UNWRAPPED:
        element.tag, element.attrib = f"{SVG}tspan", {}
    elif name not in DRAWN:
        raise NotDrawable(f"The drawing holds <{name[:40]}>, which a figure does not.")
    pixels = 0
    for attribute, value in list(element.attrib.items()):
        if attribute.startswith("data-"):
            del element.attrib[attribute]
            continue
        bitmap = BITMAP.fullmatch(value) if name == "image" else None
        if attribute.rpartition("}")[2] == "href":
            refused = bitmap is None and not value.startswith("#")
            pixels += _pixels(bitmap[1]) if bitmap else 0
        else:
            refused = attribute.startswith("on") or ELSEWHERE.search(value) is not None
        if refused:
            raise NotDrawable("The drawing refers to something outside itself; a figure does not.")
        if FILTER.search(attribute) or (attribute == "style" and FILTER.search(value)):
            raise NotDrawable("The drawing has a filter, which a figure does not.")
        if repeated and (REFERENCE.search(value) or (attribute.rpartition("}")[2] == "href" and bitmap is None)):
            raise NotDrawable("The drawing paints with a paint that is made of others; a figure does not.")
    return pixels


def _pixels(encoded: str) -> int:
    """Width times height of a PNG, as its header says. Raises NotDrawable where it is none."""
    first = "".join(encoded[:100].split())[:32]
    header = base64.b64decode(first) if len(first) == 32 and "=" not in first else b""
    if not header.startswith(PNG_HEADER):
        raise NotDrawable("The drawing holds a bitmap that is no PNG; a figure does not.")
    return int.from_bytes(header[16:20]) * int.from_bytes(header[20:24])
