"""The statement of a Kattis package as text to read: LaTeX and HTML lose their mark-up, formulas and Markdown stay.

English is preferred. Pictures are left out. A statement that is only a PDF cannot be read and is said to be one.
"""

import html
import re
from typing import NamedTuple

from compute.problems.formats.kattis_yaml import with_constants
from compute.problems.formats.package_files import PackageFiles
from compute.problems.problem import BlobStore, TestCase

FOLDERS = ("statement", "problem_statement")
MOST_BYTES = 1 << 20
MOST_SAMPLE_BYTES = 4096
_TYPES = ("md", "tex", "html", "htm", "txt", "pdf")
_NAME = re.compile(r"problem(?:\.([A-Za-z-]+))?\.(" + "|".join(_TYPES) + ")")
# Quantifiers are possessive or bounded, so that no file takes quadratic time.
_OPENING = re.compile(r"\\[%&#_{}$]|\$\$|\$|\\\[|\\\(|\\begin\{(?:verbatim|lstlisting)\}")
_LISTING_END = re.compile(r"\\end\{(?:verbatim|lstlisting)\}")
_CLOSING = {
    "$$": re.compile(r"\$\$"),
    "$": re.compile(r"(?<!\\)\$"),
    r"\[": re.compile(r"\\\]"),
    r"\(": re.compile(r"\\\)"),
    r"\begin{verbatim}": _LISTING_END,
    r"\begin{lstlisting}": _LISTING_END,
}
MOST_PROTECTED = 8000
"""Letters of a formula or listing; a longer one is taken for marks that do not belong together."""
_LISTING_MARK = re.compile(r"\\(?:begin|end)\{(?:verbatim|lstlisting)\}(?:\[[^\]\n]{0,200}\])?")
_LATEX = (
    (r"\\problemname\s*(?:\{[^{}]*\})?", ""),
    (r"\\illustration\s*\{[^{}]*\}\s*\{[^{}]*\}\s*\{[^{}]*\}", ""),
    (r"\\includegraphics\s*+(?:\[[^\]]{0,200}\]\s*+)?\{[^{}]*\}", ""),
    (r"\\(?:nextsample|remainingsamples)\b", ""),
    (r"\\(?:sub)*section\*?\s*\{([^{}]*)\}", r"\n\n\1\n\n"),
    (r"\\begin\{(Input|Output|Interaction)\}", r"\n\n\1\n\n"),
    (r"\\begin\{tabular\}\s*\{[^{}]*\}", ""),
    (r"\\(?:begin|end)\s*+\{[^{}]*\}(?:\[[^\]]{0,200}\])?", ""),
    (r"\\item\b\s*", "- "),
    (r"\\href\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r"\2 (\1)"),
    (r"\\(?:ldots|dots|textellipsis)\b(?:\{\})?", "..."),
    (r"\\\\", "\n"),
    (r"\\(?:textbackslash)\b(?:\{\})?", "\\\\"),
    (r"``|''", '"'),
    (r"(?<!\\)~", " "),
)
_CONSTANT = re.compile(r"\\constant\{([^{}]*)\}")
_WRAPPED = re.compile(r"\\[A-Za-z]+\*?\s*\{([^{}]*)\}")


class Statement(NamedTuple):
    """`name`: the title that a LaTeX statement gives itself; empty otherwise."""

    text: str
    name: str
    language: str


def read_statement(files: PackageFiles, constants: dict[str, str], notes: list[str]) -> Statement:
    """The statement, or a sentence in its place when there is none that can be read."""
    found = sorted(
        (language != "en", language != "", _TYPES.index(suffix), path, language)
        for folder in FOLDERS
        for path in files.below(folder)
        for language, suffix in _named(path.removeprefix(f"{folder}/"))
    )
    if not found:
        notes.append("There is no statement.")
        return Statement("This problem has no statement.", "", "en")
    *_, path, language = next((one for one in found if not one[3].endswith(".pdf")), found[0])
    if path.endswith(".pdf"):
        notes.append(f"{path}: a statement in PDF cannot be read.")
        return Statement(f"The statement of this problem is the file {path} of its package.", "", language)
    text = _decoded(files, path, notes)
    if path.endswith(".md"):
        text = with_constants(path, text, constants)
    elif path.endswith(".tex"):
        return Statement(text_of_latex(text, constants, path), _latex_name(text), language or "en")
    elif path.endswith((".html", ".htm")):
        text = text_of_html(text)
    return Statement(text.strip(), "", language or "en")


def samples(tests: list[TestCase], blobs: BlobStore) -> str:
    """What judges append to a statement: the public tests, short ones that are text."""
    parts = []
    for number, test in enumerate((test for test in tests if test.public), start=1):
        given, answer = blobs.get(test.input), blobs.get(test.output)
        if max(len(given), len(answer)) > MOST_SAMPLE_BYTES or b"\0" in given + answer:
            continue
        for title, data in ((f"Sample Input {number}", given), (f"Sample Output {number}", answer)):
            parts.append(f"{title}\n\n```\n{data.decode('utf-8', 'replace').rstrip()}\n```")
    return "\n\n".join(parts)


def _named(name: str) -> list[tuple[str, str]]:
    match = _NAME.fullmatch(name)
    return [(match[1] or "", match[2])] if match else []


def _decoded(files: PackageFiles, path: str, notes: list[str]) -> str:
    data = files.read(path)
    if len(data) > MOST_BYTES:
        notes.append(f"{path}: only the first {MOST_BYTES} bytes of the statement were kept.")
    try:
        text = data[:MOST_BYTES].decode("utf-8-sig")
    except UnicodeDecodeError:
        notes.append(f"{path} is not UTF-8; what cannot be read was replaced.")
        text = data[:MOST_BYTES].decode("utf-8-sig", "replace")
    return text.replace("\r\n", "\n").replace("\0", "\ufffd")


def _latex_name(text: str) -> str:
    plain = re.search(r"^%%[ \t]*plainproblemname:[ \t]*+(.+)$", text, re.MULTILINE)
    name = plain or re.search(r"\\problemname\s*\{([^{}]*)\}", text)
    return name[1].strip() if name else ""


def text_of_latex(text: str, constants: dict[str, str], path: str = "The statement") -> str:
    """Readable text of the LaTeX body that the file `path` holds. Formulas and listings stay as they are written."""
    text = re.sub(r"(?<!\\)%[^\n]*\n?", "", text)
    text, protected = _protect(with_constants(path, text, constants, _CONSTANT).replace("\0", ""))
    for pattern, replacement in _LATEX:
        text = re.sub(pattern, replacement, text)
    for _ in range(8):  # nested commands, from the inside out
        text, changed = _WRAPPED.subn(r"\1", text)
        if not changed:
            break
    text = re.sub(r"\\[A-Za-z]+\*?\s?|[{}]", "", text)
    text = re.sub(r"\0(\d+)\0", lambda match: protected[int(match[1])], text)
    text = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _protect(text: str) -> tuple[str, list[str]]:
    """`text` with a number between zeros for each escaped character, formula and listing, and what these were."""
    parts: list[str] = []
    protected: list[str] = []
    ends: dict[str, re.Match[str] | None] = {}  # each closing mark is looked for once, however many open before it
    place = start = 0
    while opening := _OPENING.search(text, place):
        kept, place = _kept(text, opening, ends)
        if kept:
            parts += (text[start : opening.start()], f"\0{len(protected)}\0")
            protected.append(kept)
            start = place
    return "".join((*parts, text[start:])), protected


def _kept(text: str, opening: re.Match[str], ends: dict[str, re.Match[str] | None]) -> tuple[str, int]:
    """What `opening` begins and where it ends; an empty text where it begins nothing."""
    mark = opening[0]
    if mark not in _CLOSING:
        return mark[1], opening.end()
    least = opening.end() + (not mark.startswith("\\begin"))
    if mark not in ends or ((known := ends[mark]) and known.start() < least):
        ends[mark] = _CLOSING[mark].search(text, least)
    closing = ends[mark]
    if closing is None or closing.end() - opening.start() > MOST_PROTECTED:
        return "", opening.start() + 1
    return _LISTING_MARK.sub("", text[opening.start() : closing.end()]), closing.end()


_BLOCKS = ("p", "div", "h1", "h2", "h3", "h4", "pre", "ul", "ol", "table", "tr", "section")
_HIDDEN = ("script", "style", "head")
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*+)[^<>]*+>|<[!?][^<>]*+>")
_LONG_NUMBER = re.compile(r"&#(?:[0-9]{8,}+|[xX][0-9A-Fa-f]{8,}+);?")


def text_of_html(text: str) -> str:
    """The text of an HTML page, its blocks apart. Whatever is not a whole tag is text."""
    text = _LONG_NUMBER.sub("\ufffd", _without_comments(text))
    parts: list[str] = []
    hidden = place = 0
    for tag in _TAG.finditer(text):
        parts.append("" if hidden else html.unescape(text[place : tag.start()]))
        place, name = tag.end(), (tag[2] or "").lower()
        if tag[1]:
            hidden -= name in _HIDDEN and hidden > 0
            parts.append("\n" if name in _BLOCKS else "")
        else:
            hidden += name in _HIDDEN
            parts.append({"li": "\n- ", "br": "\n"}.get(name, "\n\n" if name in _BLOCKS else ""))
    parts.append("" if hidden else html.unescape(text[place:]))
    return re.sub(r"\n{3,}", "\n\n", "".join(parts)).strip()


def _without_comments(text: str) -> str:
    parts, place = [], 0
    while (start := text.find("<!--", place)) >= 0:
        parts.append(text[place:start])
        end = text.find("-->", start + 4)
        place = end + 3 if end >= 0 else len(text)
    return "".join((*parts, text[place:]))
