"""A drawing as PDF: vector, with text that stays text, in the fonts that the converter brings.

The SVG comes from a browser and is not trusted. Only elements and attributes that a figure is made of pass; nothing is
fetched or read from a disk, because a reference may only point into the drawing itself or be a small bitmap within it.
"""

import re
from xml.etree import ElementTree

import vl_convert

SVG_BYTES_AT_MOST = 6 << 20
ELEMENTS_AT_MOST = 60_000
DEPTH_AT_MOST = 60
SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
SHAPES = {"path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "image"}
PAINTS = {"defs", "clipPath", "mask", "linearGradient", "radialGradient", "stop", "pattern", "marker"}
DRAWN = SHAPES | PAINTS | {"svg", "g", "title", "desc"}
# A link around a label is drawn as the label alone.
UNWRAPPED = "a"
BITMAP = re.compile(r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/=\s]*")
ELSEWHERE = re.compile(r"url\((?!\s*['\"]?\s*#)|@import|\\", re.IGNORECASE)


class NotDrawable(ValueError):
    """The drawing holds something that no figure holds; the message is for the reader."""


def pdf_of(svg: bytes) -> bytes:
    """The PDF of a figure. Raises NotDrawable."""
    try:
        return bytes(vl_convert.svg_to_pdf(cleaned(svg)))
    except RuntimeError as error:
        raise NotDrawable("This drawing cannot be turned into a PDF; save it as SVG instead.") from error


def cleaned(svg: bytes) -> str:
    """The drawing with nothing in it that refers to anything outside. Raises NotDrawable."""
    if len(svg) > SVG_BYTES_AT_MOST:
        raise NotDrawable(
            f"The drawing is larger than {SVG_BYTES_AT_MOST >> 20} MB; show fewer points or save it as PNG."
        )
    if b"<!" in svg.replace(b"<!--", b""):
        raise NotDrawable("The drawing declares a document type or entities; a figure has none.")
    try:
        root = ElementTree.fromstring(svg)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise NotDrawable("This is not an SVG drawing.") from error
    if root.tag != f"{SVG}svg":
        raise NotDrawable("This is not an SVG drawing.")
    _check(root)
    ElementTree.register_namespace("", SVG[1:-1])
    ElementTree.register_namespace("xlink", LINK[1 : LINK.index("}")])
    return ElementTree.tostring(root, encoding="unicode")


def _check(root: ElementTree.Element) -> None:
    """Let only what is drawn stay, level by level."""
    level, seen, depth = [root], 0, 0
    while level:
        seen, depth = seen + len(level), depth + 1
        if seen > ELEMENTS_AT_MOST or depth > DEPTH_AT_MOST:
            raise NotDrawable("The drawing has too many parts for a PDF; show fewer points or save it as PNG.")
        for element in level:
            _check_element(element)
        level = [child for element in level for child in element]


def _check_element(element: ElementTree.Element) -> None:
    name = str(element.tag).removeprefix(SVG)
    if name == UNWRAPPED:
        element.tag, element.attrib = f"{SVG}tspan", {}
    elif name not in DRAWN:
        raise NotDrawable(f"The drawing holds <{name[:40]}>, which a figure does not.")
    for attribute, value in list(element.attrib.items()):
        if attribute.startswith("data-"):
            del element.attrib[attribute]
            continue
        if attribute.rpartition("}")[2] == "href":
            refused = not value.startswith("#") and not (name == "image" and BITMAP.fullmatch(value))
        else:
            refused = attribute.startswith("on") or ELSEWHERE.search(value) is not None
        if refused:
            raise NotDrawable("The drawing refers to something outside itself; a figure does not.")
