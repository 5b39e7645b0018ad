"""YAML of problem packages: decoded, parsed and checked key by key, with sentences that name the file and the key.

A wrong type is refused; a key that nobody asked for becomes a note. Only plain data is built, never an object, and
documents whose aliases could multiply, or whose tags make a value what it does not look like, are refused before
anything is built. A constant's value is put in as it is; what it holds is not replaced again.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import yaml

from compute.problems.formats import as_text
from compute.problems.formats.package_files import PackageFiles, PackageRefused

MOST_YAML_BYTES = 64 << 10
MOST_NESTED = 30
MOST_ALIASES = 20
MOST_GROWTH = 1 << 20
"""Letters by which constants may lengthen a text."""
_PLAIN_TAGS = (None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")
_CONSTANT = re.compile(r"\{\{([^{}]*)\}\}")
_EXPONENT_ALONE = re.compile(r"\d{1,9}[eE][+-]?\d{1,3}")  # a number to everybody but YAML 1.1, which wants a point


class Section:
    """A map of a YAML file whose keys are taken out one by one. `place` is empty or "limits." and the like."""

    def __init__(self, file: str, values: object, notes: list[str], place: str = "") -> None:
        """Raises PackageRefused unless `values` is a map with texts as keys; nothing counts as an empty map."""
        if values is not None and not isinstance(values, dict):
            raise PackageRefused(f"{file}: {place.rstrip('.') or 'the document'} must be a map, not {_shown(values)}.")
        self.file, self.notes, self.place = file, notes, place
        self._values = dict(values or {})
        for key in self._values:
            if not isinstance(key, str):
                raise PackageRefused(f"{file}: the key {place}{_shown(key)} must be a text.")

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def remaining(self) -> list[str]:
        """The keys not taken yet."""
        return list(self._values)

    def take(self, key: str) -> object:
        """The value, or None; counts as known from here on."""
        return self._values.pop(key, None)

    def section(self, key: str) -> "Section":
        return Section(self.file, self.take(key), self.notes, f"{self.place}{key}.")

    def text(self, key: str) -> str | None:
        value = self.take(key)
        if value is None or isinstance(value, str):
            return value
        raise self.refused(key, "a text", value)

    def number(self, key: str) -> float | None:
        """A finite number above 0."""
        value = self.take(key)
        if value is None:
            return None
        if isinstance(value, str) and _EXPONENT_ALONE.fullmatch(value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
            raise self.refused(key, "a number above 0", value)
        return float(value)

    def flags(self, key: str) -> list[str] | None:
        """Words: a text split at spaces, a list of texts, or a map with the key "flags"."""
        value = self.take(key)
        if isinstance(value, dict) and set(value) <= {"name", "flags"}:
            value = value.get("flags", "")
        if value is None:
            return None
        if isinstance(value, str):
            return value.split()
        if isinstance(value, list) and all(isinstance(word, str | int | float) for word in value):
            words = [str(word) for word in value if word is not True and word is not False]
            if len(words) == len(value):
                return words
        raise self.refused(key, "a text or a list of texts", value)

    def pass_over(self, keys: Iterable[str]) -> None:
        """These keys are known and change nothing here."""
        for key in keys:
            self._values.pop(key, None)

    def finish(self) -> None:
        """Note the keys that nobody took."""
        for key in self._values:
            self.notes.append(f"{self.file}: the key {self.place}{key} is not known and was passed over.")

    def refused(self, key: str, wanted: str, value: object) -> PackageRefused:
        return PackageRefused(f"{self.file}: {self.place}{key} must be {wanted}, not {_shown(value)}.")


def read_text(files: PackageFiles, path: str, notes: list[str]) -> str:
    """A UTF-8 file with plain line ends; others are mended and noted. Raises PackageRefused when it is no UTF-8 or
    longer than anybody writes by hand."""
    if files.size(path) > MOST_YAML_BYTES:
        raise PackageRefused(f"{path} has {files.size(path)} bytes, more than {MOST_YAML_BYTES}.")
    data = files.read(path)
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
        notes.append(f"{path}: a byte-order mark was passed over.")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise PackageRefused(f"{path} is not UTF-8 (byte {error.start}).") from None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        notes.append(f"{path}: Windows line ends were read as plain ones.")
    return text


def with_constants(path: str, text: str, constants: Mapping[str, str], pattern: re.Pattern[str] = _CONSTANT) -> str:
    """`text` of the file `path` with each {{name}} of a constant, or what `pattern` takes for one, replaced by its
    value. Raises PackageRefused where that makes it much longer."""
    growth = sum(len(constants.get(match[1], "")) for match in pattern.finditer(text)) if constants else 0
    if growth > MOST_GROWTH:
        raise PackageRefused(f"{path}: constants make it more than {MOST_GROWTH} letters longer.")
    return pattern.sub(lambda match: constants.get(match[1], match[0]), text) if constants else text


def read_yaml(
    files: PackageFiles, path: str, notes: list[str], constants: Mapping[str, str] = MappingProxyType({})
) -> Section:
    """The map in a YAML file. Raises PackageRefused."""
    text = with_constants(path, read_text(files, path, notes), constants)
    try:
        _check_shape(path, text)
        value = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise PackageRefused(f"{path} is not YAML{line}: {error.problem or error.context}.") from None
    except (yaml.YAMLError, ValueError, TypeError, ArithmeticError, LookupError, RecursionError) as error:
        if isinstance(error, PackageRefused):
            raise
        raise PackageRefused(f"{path} is not YAML that can be read: {_first_line(error)}.") from None
    return Section(path, value, notes)


def _check_shape(path: str, text: str) -> None:
    """Refuse what takes the parser quadratic time or the builder exponential space, at the first sign of it, and what
    the builder stumbles over."""
    depth = aliases = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        aliases += isinstance(event, yaml.AliasEvent)
        if depth > MOST_NESTED:
            raise PackageRefused(f"{path} is nested more than {MOST_NESTED} deep.")
        if aliases > MOST_ALIASES:
            raise PackageRefused(f"{path} has more than {MOST_ALIASES} aliases.")
        if complaint := _complaint(event):
            line = f" (line {event.start_mark.line + 1})" if event.start_mark else ""
            raise PackageRefused(f"{path}: {complaint}{line}.")


def _complaint(event: yaml.Event) -> str:
    """Why what begins here is refused; empty where nothing is wrong."""
    tag = getattr(event, "tag", None)
    if tag not in _PLAIN_TAGS:
        shown = as_text(tag.replace("tag:yaml.org,2002:", "!!"))[:60]
        return f"the tag {shown} is not supported; write the value without it"
    if not isinstance(event, yaml.ScalarEvent):
        return ""
    if event.value == "<<" and event.implicit[0]:
        return "the key << would merge maps, which is not supported"
    return "" if as_text(event.value) == event.value else f"{_shown(event.value)} holds what is no Unicode character"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")[:200]


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python writes no integer of thousands of digits
        text = "a number of thousands of digits"
    return text if len(text) <= 60 else f"{text[:57]}..."
