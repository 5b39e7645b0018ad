"""Programs of a Kattis package: submissions with the verdicts their authors declare, and the output validator.

A submission that the judge cannot run (another language, several files) is passed over with a note; a validator that
it cannot run is refused, since without it no verdict could be trusted. So are sources of more than 1 MiB. Nothing is
compiled or run.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compute.judge.languages import language_of
from compute.problems.formats.kattis_yaml import Section, read_yaml, with_constants
from compute.problems.formats.package_files import PackageFiles, PackageRefused
from compute.problems.problem import MOST_FILES, RESERVED_NAMES, BlobStore, KnownProgram, SourceFile, Validator

MOST_SUBMISSIONS = 1000
MOST_PATTERNS = 200
"""Patterns of submissions.yaml, those with {a,b} counted once for each of what they may mean."""
MOST_LETTERS = 300
"""Of a pattern, and of a submission's name."""
MOST_SOURCE_BYTES = 1 << 20
HEADERS = (".h", ".hh", ".hpp", ".hxx", ".h++")
_LANGUAGE_CODES = {"python3": "python", "python": "python", "cpp": "cpp"}
_TEXTS = ("README", "LICENSE", "Makefile", ".md", ".txt", ".in", ".ans", ".yaml", ".yml")
_ALL = frozenset({"AC", "WA", "TLE", "RTE"})
# What the format calls a run-time error, or just a rejection, covers more of the judge's verdicts than one.
_WIDER = {"RTE": ("RE", "MLE")}
_REJECTED = ("WA", "RE", "TLE", "MLE", "OLE", "CE")
_BRACES = re.compile(r"\{([^{}]*)\}")
_EXPECTED = re.compile(r"@EXPECTED_RESULTS@\s*:?\s*([^\n]*)")
_WORDS = {
    "CORRECT": ("AC",),
    "ACCEPTED": ("AC",),
    "WRONG_ANSWER": ("WA",),
    "PRESENTATION_ERROR": ("WA",),
    "NO_OUTPUT": ("WA",),
    "TIMELIMIT": ("TLE",),
    "TIME_LIMIT_EXCEEDED": ("TLE",),
    "RUN_ERROR": ("RE",),
    "RUN_TIME_ERROR": ("RE",),
    "RUNTIME_ERROR": ("RE",),
    "COMPILER_ERROR": ("CE",),
    "COMPILE_ERROR": ("CE",),
    "OUTPUT_LIMIT": ("OLE",),
    "OUTPUT_LIMIT_EXCEEDED": ("OLE",),
    "MEMORY_LIMIT": ("MLE",),
    "MEMORY_LIMIT_EXCEEDED": ("MLE",),
    "REJECTED": _REJECTED,
    "CHECK_MANUALLY": (),
}


@dataclass(frozen=True)
class Rule:
    """What all tests may give (`permitted`) and what at least one of them must give (`required`)."""

    permitted: frozenset[str] = _ALL
    required: frozenset[str] = _ALL

    def verdicts(self) -> frozenset[str]:
        """The verdicts on a whole suite that agree: its first failure, or AC when nothing fails."""
        return self.permitted if "AC" in self.required else self.permitted - {"AC"}


DEFAULT_RULES = {
    "accepted": Rule(permitted=frozenset({"AC"})),
    "slow_accepted": Rule(permitted=frozenset({"AC", "TLE"})),
    "rejected": Rule(required=frozenset({"RTE", "TLE", "WA"})),
    "partially_accepted": Rule(required=frozenset({"RTE", "TLE", "WA"})),
    "wrong_answer": Rule(frozenset({"AC", "WA"}), frozenset({"WA"})),
    "time_limit_exceeded": Rule(frozenset({"AC", "TLE"}), frozenset({"TLE"})),
    "run_time_error": Rule(frozenset({"AC", "RTE"}), frozenset({"RTE"})),
    "brute_force": Rule(frozenset({"AC", "RTE", "TLE"}), frozenset({"RTE", "TLE"})),
}


def _language_by_suffix(path: str) -> str | None:
    language = language_of(Path(path))
    return language.name if language else None


def _with_constants(path: str, data: bytes, constants: Mapping[str, str]) -> bytes:
    return with_constants(path, data.decode("latin-1"), _as_latin(constants)).encode("latin-1") if constants else data


def _as_latin(constants: Mapping[str, str]) -> dict[str, str]:
    """For replacing in sources whose encoding is not known: a character a byte."""
    return {name: value.encode().decode("latin-1") for name, value in constants.items()}


# Submissions ------------------------------------------------------------------------------------------------------


def read_submissions(
    files: PackageFiles, slug: str, constants: Mapping[str, str], blobs: BlobStore, notes: list[str]
) -> tuple[KnownProgram, ...]:
    """Named by their path below submissions/. Raises PackageRefused for a submissions.yaml that is wrong."""
    metadata = _Metadata(files, notes)
    programs = []
    for name in _names(files):
        source = _single_source(files, f"submissions/{name}", notes)
        language = source and _language(files, source, metadata.language(name), notes)
        if not source or not language:
            continue
        data = _as_utf8(source, language, files.read(source), notes)
        if data is None:
            continue
        data = _with_constants(source, data, constants)
        folder = name.partition("/")[0]
        declared = _declared(source, data, folder, metadata.rules(folder, name), notes)
        sha256 = blobs.put(data)
        programs.append(KnownProgram(problem=slug, name=name, language=language, source=sha256, declared=declared))
    return tuple(programs)


def _names(files: PackageFiles) -> list[str]:
    """What lies in the folders of submissions/, from there on."""
    names = []
    for folder in files.children("submissions").folders:
        entries = files.children(f"submissions/{folder}")
        names += [f"{folder}/{name}" for name in sorted((*entries.files, *entries.folders))]
    if len(names) > MOST_SUBMISSIONS:
        raise PackageRefused(f"submissions has {len(names)} programs, more than {MOST_SUBMISSIONS}.")
    if long := next((name for name in names if len(name) > MOST_LETTERS), None):
        raise PackageRefused(f"submissions/{long[:60]}... has a name longer than {MOST_LETTERS} letters.")
    return names


def _single_source(files: PackageFiles, path: str, notes: list[str]) -> str | None:
    """The one source of a submission, which is a file or a folder with one; None, with a note, otherwise."""
    if path in files:
        return None if path.endswith(_TEXTS) else path
    inside = [one for one in files.below(path) if not one.endswith(_TEXTS)]
    if len(inside) == 1:
        return inside[0]
    notes.append(f"{path}: a submission of several files was passed over.")
    return None


def _language(files: PackageFiles, source: str, stated: str | None, notes: list[str]) -> str | None:
    if files.size(source) > MOST_SOURCE_BYTES:
        notes.append(f"{source}: a submission of more than {MOST_SOURCE_BYTES} bytes was passed over.")
        return None
    language = _LANGUAGE_CODES.get(stated) if stated else _language_by_suffix(source)
    first_line = files.read(source).split(b"\n", 1)[0] if language == "python" else b""
    if language is None or re.match(rb"#!.*python2", first_line):
        notes.append(f"{source}: a submission in another language than Python 3 and C++ was passed over.")
        return None
    return language


def _as_utf8(source: str, language: str, data: bytes, notes: list[str]) -> bytes | None:
    """The source as the judge takes programs. Old C++ has comments in Latin-1; Python without UTF-8 is no program."""
    try:
        data.decode()
        return data
    except UnicodeDecodeError:
        if language == "python":
            notes.append(f"{source}: a submission that is not UTF-8 was passed over.")
            return None
        notes.append(f"{source}: a submission that is not UTF-8 was read as Latin-1.")
        return data.decode("latin-1").encode()


def _declared(source: str, data: bytes, folder: str, rules: Sequence[Rule], notes: list[str]) -> tuple[str, ...]:
    if found := _EXPECTED.search(data.decode("utf-8", "replace")):
        words = [word for word in re.findall(r"[A-Z_]+", found[1].upper().replace("-", "_")) if word.strip("_")]
        if unknown := [word for word in words if word not in _WORDS]:
            notes.append(f"{source}: @EXPECTED_RESULTS@ has the unknown word {unknown[0][:40]}.")
        return tuple(dict.fromkeys(verdict for word in words for verdict in _WORDS.get(word, ())))
    if not rules:
        if folder.upper() in _WORDS:
            return _WORDS[folder.upper()]
        notes.append(f"{source}: the folder {folder} declares no verdict.")
        return ()
    verdicts = frozenset.intersection(*(rule.verdicts() for rule in rules))
    if verdicts == frozenset({"WA", "TLE", "RTE"}):
        return _REJECTED
    if verdicts == _ALL:
        return ()
    ordered = [verdict for verdict in ("AC", "WA", "TLE", "RTE") if verdict in verdicts]
    return tuple(word for verdict in ordered for word in _WIDER.get(verdict, (verdict,)))


class _Metadata:
    """submissions/submissions.yaml: glob patterns with what holds for the submissions they match."""

    def __init__(self, files: PackageFiles, notes: list[str]) -> None:
        self._rules: dict[str, Rule] = {}
        self._languages: dict[str, str] = {}
        self._globs = {folder: [folder] for folder in DEFAULT_RULES}
        path = "submissions/submissions.yaml"
        if path not in files:
            return
        top = read_yaml(files, path, notes)
        for pattern in top.remaining():
            self._globs[pattern] = _alternatives(path, pattern.strip("/"))
            if sum(map(len, self._globs.values())) > MOST_PATTERNS:
                raise PackageRefused(f"{path} has more than {MOST_PATTERNS} patterns.")
            values = top.section(pattern)
            if language := values.text("language"):
                self._languages[pattern] = language
            default = DEFAULT_RULES.get(pattern, Rule())
            self._rules[pattern] = Rule(
                self._verdicts(values, "permitted", default.permitted),
                self._verdicts(values, "required", default.required),
            )
            values.pass_over(("entrypoint", "authors", "model_solution", "score", "message", "use_for_time_limit"))
            for group in values.remaining():
                values.take(group)
                notes.append(f"{path}: {values.place}{group}: what is declared for single groups was passed over.")

    def _verdicts(self, values: Section, key: str, default: frozenset[str]) -> frozenset[str]:
        words = values.flags(key)
        if words is None:
            return default
        words = ["RTE" if word == "RE" else word for word in words]
        if not words or not _ALL.issuperset(words):
            raise values.refused(key, "a list of AC, WA, TLE and RTE", words)
        return frozenset(words)

    def rules(self, folder: str, path: str) -> list[Rule]:
        """The folder's own rule, unless it is replaced, and those of all patterns that match."""
        default = {} if folder not in DEFAULT_RULES else {folder: DEFAULT_RULES[folder]}
        return [rule for pattern, rule in (default | self._rules).items() if self._matches(pattern, path)]

    def language(self, path: str) -> str | None:
        return next((language for pattern, language in self._languages.items() if self._matches(pattern, path)), None)

    def _matches(self, pattern: str, path: str) -> bool:
        """Whether `pattern` matches `path` or a folder above it; "*" stays within a name and {a,b} means either."""
        names = path.split("/")
        return any(
            len(parts) <= len(names) and all(map(_fits, parts, names))
            for parts in (one.split("/") for one in self._globs[pattern])
        )


def _alternatives(path: str, pattern: str) -> list[str]:
    """What {a,b} in a pattern of the file `path` may mean, from the inside out. Raises PackageRefused for too much."""
    found: list[str] = []
    waiting = [pattern]
    while waiting:
        if len(pattern) > MOST_LETTERS or len(found) + len(waiting) > MOST_PATTERNS:
            raise PackageRefused(f"{path}: the pattern {pattern[:60]!r} is too long or means too many names.")
        one = waiting.pop()
        if braces := _BRACES.search(one):
            waiting += [f"{one[: braces.start()]}{word}{one[braces.end() :]}" for word in braces[1].split(",")]
        else:
            found.append(one)
    return list(dict.fromkeys(found))


def _fits(pattern: str, name: str) -> bool:
    """Whether `pattern`, in which "*" means anything, is `name`: each part is looked for once, from left to right."""
    first, *rest = pattern.split("*")
    if not rest:
        return name == first
    *middle, last = rest
    place, end = len(first), len(name) - len(last)
    if place > end or not name.startswith(first) or not name.endswith(last):
        return False
    for part in middle:
        if (found := name.find(part, place, end)) < 0:
            return False
        place = found + len(part)
    return True


# Validators -------------------------------------------------------------------------------------------------------


def read_validator(
    files: PackageFiles, custom: bool | None, constants: Mapping[str, str], blobs: BlobStore, notes: list[str]
) -> Validator | None:
    """The package's own output validator; None where the default one is meant. Raises PackageRefused."""
    folder = next((one for one in ("output_validator", "output_validators") if files.below(one)), None)
    if custom is False:
        if folder:
            notes.append(f"{folder} was passed over, since problem.yaml asks for the default validator.")
        return None
    if folder is None:
        if custom:
            raise PackageRefused("problem.yaml: validation is custom, but output_validators has no program.")
        return None
    sources = _validator_sources(files, folder)
    _check_validator_files(files, folder, sources)
    language = _validator_language(sources)
    contents = {path: _with_constants(path, files.read(path), constants) for path in sources}
    main = _main_file(contents, language)
    ordered = [main, *(path for path in sources if path != main)]
    return Validator(language=language, files=tuple(_source_file(path, contents[path], blobs) for path in ordered))


def _validator_sources(files: PackageFiles, folder: str) -> list[str]:
    """The files of the one program in `folder`. Raises PackageRefused when there are several, or scripts."""
    names, folders = files.children(folder)
    programs = [name for name in names if not name.endswith((*_TEXTS, *HEADERS))]
    if len(folders) == 1 and not programs:
        return _validator_sources(files, f"{folder}/{folders[0]}")
    if folders and folders != ["__pycache__"]:
        raise PackageRefused(f"{folder} has several validators or folders of files, which is not supported yet.")
    for name in ("build", "run"):
        if name in programs:
            raise PackageRefused(f"{folder}/{name}: validators with a script of their own are not supported yet.")
    if folder == "output_validators" and len(programs) > 1:
        raise PackageRefused(f"{folder} has several validators ({', '.join(programs)}), which is not supported yet.")
    if not programs:
        raise PackageRefused(f"{folder} has no program.")
    return [f"{folder}/{name}" for name in names if not name.endswith(_TEXTS)]


def _check_validator_files(files: PackageFiles, folder: str, sources: Sequence[str]) -> None:
    """Raises PackageRefused for what does not fit into the folder that a validator runs in."""
    if len(sources) > MOST_FILES:
        raise PackageRefused(f"{folder} has a validator of {len(sources)} files, more than {MOST_FILES}.")
    for path in sources:
        if path.rpartition("/")[2] in RESERVED_NAMES:
            raise PackageRefused(f"{path} has a name that the judge gives to a file of its own.")
        if files.size(path) > MOST_SOURCE_BYTES:
            raise PackageRefused(f"{path} has {files.size(path)} bytes, more than {MOST_SOURCE_BYTES}.")


def _validator_language(sources: Sequence[str]) -> str:
    languages = set()
    for path in sources:
        if not path.endswith(HEADERS):
            language = _language_by_suffix(path)
            if language is None:
                raise PackageRefused(f"{path} is a validator in another language than Python 3 and C++.")
            languages.add(language)
    if len(languages) != 1:
        raise PackageRefused(f"{sources[0].rpartition('/')[0]} mixes languages in one validator.")
    return languages.pop()


def _main_file(contents: Mapping[str, bytes], language: str) -> str:
    """The file to start or to compile first."""
    paths = [path for path in contents if not path.endswith(HEADERS)]
    folder = paths[0].split("/")[-2]
    if language == "cpp":
        marked = [path for path in paths if re.search(rb"\bmain\s*\(", contents[path])]
        return (marked or paths)[0]
    likely = ("__main__", "main", "validate", "validator", "output_validator", folder)
    stems = {path.rpartition("/")[2].rpartition(".")[0]: path for path in paths}
    return next((stems[stem] for stem in likely if stem in stems), paths[0])


def _source_file(path: str, data: bytes, blobs: BlobStore) -> SourceFile:
    name = path.rpartition("/")[2]
    try:
        return SourceFile(name=name, sha256=blobs.put(data))
    except ValueError:
        raise PackageRefused(f"{path} has a name that is not supported.") from None
