"""data/ of a Kattis package: tests, nested groups with their settings, and the levels that follow from them.

Sub-groups of data/secret become levels in the order of their names; samples are public and belong to the first. Bytes
of tests are kept as they are. Nothing is run.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from compute.problems.coverage import size_order, with_size_levels
from compute.problems.formats import MOST_TESTS
from compute.problems.formats.kattis_checker import check_flags
from compute.problems.formats.kattis_settings import Settings
from compute.problems.formats.kattis_yaml import Section, read_yaml
from compute.problems.formats.package_files import PackageFiles, PackageRefused
from compute.problems.problem import BlobStore, TestCase

GROUP_FILES = ("testdata.yaml", "test_group.yaml")
INCLUDES = ("include", "includes", "require_pass")
_FLAGS = ("output_validator_flags", "output_validator_args")
_UNUSED = (
    "on_reject",
    "grading",
    "grader_flags",
    "input_validator_flags",
    "input_validator_args",
    "input_visualizer_args",
    "output_visualizer_args",
    "accept_score",
    "reject_score",
    "range",
    "scoring",
    "max_score",
    "score_aggregation",
    "verdict_aggregation",
    "full_feedback",
    "hint",
    "description",
)


@dataclass(frozen=True)
class Found:
    """A test: where it lies in the package, without its suffix, what it is called, and the flags for its validator."""

    path: str
    identifier: str
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """A folder of tests with all that lie below it. `includes`: paths, from data/, of groups that belong to it too."""

    path: str
    tests: tuple[Found, ...]
    groups: tuple["Group", ...]
    flags: tuple[str, ...]
    includes: tuple[str, ...]

    def every_test(self) -> Iterator[Found]:
        yield from self.tests
        for group in self.groups:
            yield from group.every_test()

    def every_group(self) -> Iterator["Group"]:
        yield self
        for group in self.groups:
            yield from group.every_group()


class Suite(NamedTuple):
    """Tests in size order, the validator's flags for each by its identifier, and the levels' names if they have any."""

    tests: list[TestCase]
    flags: dict[str, tuple[str, ...]]
    level_names: tuple[str, ...]


def read_suite(files: PackageFiles, settings: Settings, custom: bool, blobs: BlobStore, notes: list[str]) -> Suite:
    """`custom`: whether the flags are for the package's own validator. Raises PackageRefused."""
    reader = _Reader(files, settings, custom, notes)
    root, _ = reader.settings("data", _Inherited(settings.flags, ()))
    sample = reader.group("data/sample", root)
    secret = reader.group("data/secret", root)
    if not any(secret.every_test()):
        raise PackageRefused("data/secret has no tests.")
    levels, names = _levels(sample, secret, notes)
    flags_of = {test.identifier: test.flags for level in levels for test in level}
    groups = _stored(files, levels, blobs, notes)
    kept = _without_repeats(groups, flags_of, notes) if names or secret.includes else groups
    if not names:
        return Suite(with_size_levels(kept[0]), flags_of, ())
    numbered = [test.model_copy(update={"group": level}) for level, group in enumerate(kept, 1) for test in group]
    return Suite(size_order(numbered), flags_of, names)


class _Inherited(NamedTuple):
    """`base`: flags of the whole problem, which a group's own follow."""

    base: tuple[str, ...]
    own: tuple[str, ...]


class _Reader:
    def __init__(self, files: PackageFiles, settings: Settings, custom: bool, notes: list[str]) -> None:
        self._files, self._settings, self._custom, self._notes = files, settings, custom, notes

    def settings(self, folder: str, inherited: _Inherited) -> tuple[_Inherited, tuple[str, ...]]:
        """The flags that hold in `folder`, and the groups that it includes."""
        includes: list[str] = []
        for name in GROUP_FILES:
            if f"{folder}/{name}" in self._files:
                values = read_yaml(self._files, f"{folder}/{name}", self._notes, self._settings.constants)
                includes += _included(values, folder)
                inherited = self._flags(values, inherited)
                if static := values.take("static_validation"):
                    raise values.refused("static_validation", "false: static validators are not supported yet", static)
                values.pass_over(_UNUSED)
                values.finish()
        return inherited, tuple(includes)

    def _flags(self, values: Section, inherited: _Inherited) -> _Inherited:
        for key in _FLAGS:
            if (flags := values.flags(key)) is not None:
                check_flags(f"{values.file}: {key}", flags, self._custom)
                inherited = inherited._replace(own=tuple(flags))
        return inherited

    def group(self, folder: str, inherited: _Inherited) -> Group:
        inherited, includes = self.settings(folder, inherited)
        names, folders = self._files.children(folder)
        with_files = [name for name in folders if name.endswith(".files")]
        if with_files:
            raise PackageRefused(f"{folder}/{with_files[0]}: tests with files of their own are not supported yet.")
        tests = tuple(self._tests(folder, names, inherited))
        groups = tuple(self.group(f"{folder}/{name}", inherited) for name in folders)
        return Group(folder, tests, groups, inherited.base + inherited.own, includes)

    def _tests(self, folder: str, names: list[str], inherited: _Inherited) -> Iterator[Found]:
        present = set(names)
        for name in names:
            stem, _, suffix = name.rpartition(".")
            if suffix == "in" and stem:
                if f"{stem}.ans" not in present:
                    raise PackageRefused(f"{folder}/{stem}.ans is missing, the answer to {folder}/{name}.")
                flags = self._case_flags(f"{folder}/{stem}.yaml", inherited)
                path = f"{folder}/{stem}"
                yield Found(path, path.removeprefix("data/"), flags.base + flags.own)
            elif suffix == "ans" and stem and f"{stem}.in" not in present:
                raise PackageRefused(f"{folder}/{stem}.in is missing, the input that {folder}/{name} answers.")

    def _case_flags(self, path: str, inherited: _Inherited) -> _Inherited:
        if self._settings.legacy or path not in self._files:
            return inherited
        values = read_yaml(self._files, path, self._notes)
        if arguments := values.flags("args"):
            raise PackageRefused(f"{path}: args: tests with arguments are not supported yet ({arguments[0]!r}).")
        inherited = self._flags(values, inherited)
        values.pass_over(_UNUSED)
        values.finish()
        return inherited


def _included(values: Section, folder: str) -> Iterator[str]:
    """Paths of groups from the package's root. A name without a folder means a sister of `folder`."""
    for key in INCLUDES:
        for name in values.flags(key) or ():
            name = name.strip("/").removeprefix("data/")
            rooted = name.split("/")[0] in ("sample", "secret")
            yield f"data/{name}" if rooted else f"{folder.rpartition('/')[0]}/{name}"


def _levels(sample: Group, secret: Group, notes: list[str]) -> tuple[list[list[Found]], tuple[str, ...]]:
    """The tests of each level, and the levels' names; a single level without name when there are no sub-groups."""
    groups = [group for group in secret.groups if any(group.every_test()) or group.includes]
    with_tests = {group.path for group in groups}
    notes += [f"{one.path} has no tests and was passed over." for one in secret.groups if one.path not in with_tests]
    known = {group.path: group for root in (sample, secret) for group in root.every_group()}
    if not groups:
        return _counted([[*sample.every_test(), *_with_includes(secret, known)]]), ()
    levels = _counted(_with_includes(group, known) for group in groups)
    levels[0] = [*sample.every_test(), *levels[0]]
    if secret.tests:
        notes.append(f"data/secret has tests beside its groups; they belong to the last level, {groups[-1].path}.")
        levels[-1] += secret.tests
    return _counted(levels), tuple(group.path.rpartition("/")[2] for group in groups)


def _counted(levels: Iterable[list[Found]]) -> list[list[Found]]:
    """The levels, counted one by one: a few groups that include one another can ask for any number of tests."""
    counted: list[list[Found]] = []
    count = 0
    for level in levels:
        count += len(level)
        if count > MOST_TESTS:
            raise PackageRefused(f"data has {count} tests or more, and {MOST_TESTS} are the most.")
        counted.append(level)
    return counted


def _with_includes(group: Group, known: dict[str, Group]) -> list[Found]:
    """The tests of `group` and of all groups it includes, whose tests are judged by the flags of the one that asks."""
    tests = list(group.every_test())
    taken = {test.path for test in tests}
    waiting = [(inner, path) for inner in group.every_group() for path in inner.includes]
    seen = {group.path}
    while waiting:
        asking, path = waiting.pop()
        if path not in known:
            raise PackageRefused(f"{asking.path} includes the group {path}, which is not there.")
        if path in seen:
            continue
        seen.add(path)
        new = [test for test in known[path].every_test() if test.path not in taken]
        taken |= {test.path for test in new}
        tests += [Found(test.path, _name_within(asking, test), asking.flags) for test in new]
        waiting += [(asking, deeper) for inner in known[path].every_group() for deeper in inner.includes]
    return tests


def _name_within(group: Group, test: Found) -> str:
    return f"{group.path}/{test.identifier.removeprefix('secret/')}".removeprefix("data/")


def _stored(files: PackageFiles, levels: list[list[Found]], blobs: BlobStore, notes: list[str]) -> list[list[TestCase]]:
    """The tests with their bytes put into `blobs`, as they are."""
    windows: list[str] = []
    kept: dict[str, tuple[str, str, int]] = {}  # a test that stands in several groups is read once
    stored: list[list[TestCase]] = []
    for level in levels:
        stored.append([])
        for test in level:
            if len(test.identifier) > 200:
                raise PackageRefused(f"{test.path}.in has a name longer than 200 letters.")
            if test.path not in kept:
                given, answer = files.read(f"{test.path}.in"), files.read(f"{test.path}.ans")
                windows += [test.path for data in (given, answer) if b"\r\n" in data]
                kept[test.path] = (blobs.put(given), blobs.put(answer), len(given))
            given_sha256, answer_sha256, size = kept[test.path]
            stored[-1].append(
                TestCase(
                    identifier=test.identifier,
                    group=1,
                    input=given_sha256,
                    output=answer_sha256,
                    size_bytes=size,
                    reference_seconds=0.0,
                    public=test.identifier.startswith("sample/"),
                )
            )
    if windows:
        notes.append(f"{windows[0]}: Windows line ends are kept, here and in {len(windows) - 1} other files of tests.")
    return stored


def _without_repeats(
    levels: list[list[TestCase]], flags: dict[str, tuple[str, ...]], notes: list[str]
) -> list[list[TestCase]]:
    """Each test once: what stands in an earlier level or earlier in its own is left out, unless a level would lose
    all it has."""
    seen: set[object] = set()
    kept = []
    for level in levels:
        own: dict[object, TestCase] = {}
        for test in level:
            own.setdefault((test.input, test.output, flags[test.identifier]), test)
        kept.append([test for key, test in own.items() if key not in seen] or list(own.values()))
        seen |= own.keys()
    if left_out := sum(map(len, levels)) - sum(map(len, kept)):
        notes.append(f"data: {left_out} tests that stand in several groups were kept once.")
    return kept
