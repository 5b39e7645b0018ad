"""The statement of a Kattis package as text to read: LaTeX and HTML lose their mark-up, formulas and Markdown stay.

English is preferred. Pictures are left out. A statement that is only a PDF cannot be read and is said to be one.
"""

import re
from html.parser import HTMLParser
from typing import NamedTuple

from compute.problems.formats.kattis_yaml import with_constants
from compute.problems.formats.package_files import PackageFiles
from compute.problems.problem import BlobStore, TestCase

FOLDERS = ("statement", "problem_statement")
MOST_BYTES = 1 << 20
MOST_SAMPLE_BYTES = 4096
_TYPES = ("md", "tex", "html", "htm", "txt", "pdf")
_NAME = re.compile(r"problem(?:\.([A-Za-z-]+))?\.(" + "|".join(_TYPES) + ")")
# Bounded, so that a file of opening marks alone takes no quadratic time.
_PROTECTED = re.compile(
    r"\\[%&#_{}$]|\$\$.{1,4000}?\$\$|(?<!\\)\$.{1,4000}?(?<!\\)\$|\\\[.{1,4000}?\\\]|\\\(.{1,4000}?\\\)"
    r"|\\begin\{(?:verbatim|lstlisting)\}.{0,8000}?\\end\{(?:verbatim|lstlisting)\}",
    re.DOTALL,
)
_LISTING_MARK = re.compile(r"\\(?:begin|end)\{(?:verbatim|lstlisting)\}(?:\[[^\]\n]*\])?")
_LATEX = (
    (r"\\problemname\s*(?:\{[^{}]*\})?", ""),
    (r"\\illustration\s*\{[^{}]*\}\s*\{[^{}]*\}\s*\{[^{}]*\}", ""),
    (r"\\includegraphics\s*(?:\[[^\]]*\])?\s*\{[^{}]*\}", ""),
    (r"\\(?:nextsample|remainingsamples)\b", ""),
    (r"\\(?:sub)*section\*?\s*\{([^{}]*)\}", r"\n\n\1\n\n"),
    (r"\\begin\{(Input|Output|Interaction)\}", r"\n\n\1\n\n"),
    (r"\\begin\{tabular\}\s*\{[^{}]*\}", ""),
    (r"\\(?:begin|end)\s*\{[^{}]*\}(?:\[[^\]]*\])?", ""),
    (r"\\item\b\s*", "- "),
    (r"\\href\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r"\2 (\1)"),
    (r"\\(?:ldots|dots|textellipsis)\b(?:\{\})?", "..."),
    (r"\\\\", "\n"),
    (r"\\(?:textbackslash)\b(?:\{\})?", "\\\\"),
    (r"``|''", '"'),
    (r"(?<!\\)~", " "),
)
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
        text = with_constants(text, constants)
    elif path.endswith(".tex"):
        return Statement(text_of_latex(text, constants), _latex_name(text), language or "en")
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
    plain = re.search(r"^%%\s*plainproblemname:\s*(.+)$", text, re.MULTILINE)
    name = plain or re.search(r"\\problemname\s*\{([^{}]*)\}", text)
    return name[1].strip() if name else ""


def text_of_latex(text: str, constants: dict[str, str]) -> str:
    """Readable text of a LaTeX body. Formulas and listings stay as they are written."""
    text = re.sub(r"(?<!\\)%[^\n]*\n?", "", text)
    for name, value in constants.items():
        text = text.replace(f"\\constant{{{name}}}", value)
    protected: list[str] = []

    def protect(match: re.Match[str]) -> str:
        escaped = len(match[0]) == 2
        protected.append(match[0][1] if escaped else _LISTING_MARK.sub("", match[0]))
        return f"\0{len(protected) - 1}\0"

    text = _PROTECTED.sub(protect, text.replace("\0", ""))
    for pattern, replacement in _LATEX:
        text = re.sub(pattern, replacement, text)
    for _ in range(8):  # nested commands, from the inside out
        text, changed = _WRAPPED.subn(r"\1", text)
        if not changed:
            break
    text = re.sub(r"\\[A-Za-z]+\*?\s?|[{}]", "", text)
    text = re.sub(r"\0(\d+)\0", lambda match: protected[int(match[1])], text)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text)).strip()


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style", "head")
        self.parts.append({"li": "\n- ", "br": "\n"}.get(tag, "\n\n" if tag in _BLOCKS else ""))

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style", "head") and self._hidden > 0
        self.parts.append("\n" if tag in _BLOCKS else "")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


_BLOCKS = ("p", "div", "h1", "h2", "h3", "h4", "pre", "ul", "ol", "table", "tr", "section")


def text_of_html(text: str) -> str:
    """The text of an HTML page, its blocks apart."""
    parser = _Text()
    parser.feed(text)
    parser.close()
    return re.sub(r"\n{3,}", "\n\n", "".join(parser.parts)).strip()
