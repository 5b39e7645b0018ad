"""problem.yaml of a Kattis package, in its legacy and its 2023-07 version, and the older files that state a limit.

Says what kind of problem it is and refuses, with the key, the kinds that the judge cannot run.
"""

from dataclasses import dataclass

from compute.problems.formats import LimitRule
from compute.problems.formats.kattis_yaml import Section, read_text, read_yaml
from compute.problems.formats.package_files import PackageFiles, PackageRefused

PROBLEM_YAML = "problem.yaml"
LEGACY_VERSIONS = ("legacy", "legacy-icpc")
NEW_VERSIONS = ("2023-07", "2023-07-draft", "draft", "2025-09", "2025-09-draft")
DEFAULT_MEMORY_MIB = 2048
MOST_CONSTANT = 1000
LEGACY_MULTIPLIER, NEW_MULTIPLIER, RESOLUTION = 5.0, 2.0, 1.0
MOST_SECONDS = 600.0
MOST_FACTOR = 1000
_UNUSED = (
    "uuid",
    "version",
    "credits",
    "author",
    "authors",
    "source",
    "source_url",
    "license",
    "rights_owner",
    "embargo_until",
    "languages",
    "allow_file_writing",
    "libraries",
    "grading",
)
_UNUSED_LIMITS = (
    "time_safety_margin",
    "output",
    "code",
    "compilation_time",
    "compilation_memory",
    "validation_time",
    "validation_memory",
    "validation_output",
)
_KINDS = ("pass-fail", "scoring", "interactive", "multi-pass", "submit-answer")
_UNSUPPORTED = {
    "interactive": "Interactive problems",
    "multi-pass": "Multi-pass problems",
    "multipass": "Multi-pass problems",
    "submit-answer": "Submit-answer problems",
    "score": "Scores given by a validator",
}


@dataclass(frozen=True)
class Settings:
    """`names`: titles by language, "" where none is said. `cpu_seconds` and `memory_bytes` are None where not stated;
    `custom` is None where the version leaves it to the presence of a validator."""

    legacy: bool
    names: dict[str, str]
    keywords: tuple[str, ...]
    custom: bool | None
    flags: tuple[str, ...]
    constants: dict[str, str]
    cpu_seconds: float | None
    memory_bytes: int | None
    limit_rule: LimitRule


def read_settings(files: PackageFiles, notes: list[str]) -> Settings:
    """Raises PackageRefused."""
    if PROBLEM_YAML not in files:
        raise PackageRefused(f"{PROBLEM_YAML} is missing.")
    values = read_yaml(files, PROBLEM_YAML, notes)
    legacy = _version(values)
    _check_kinds(values, notes)
    custom = _validation(values) if legacy or "validation" in values else None
    limits = values.section("limits")
    settings = Settings(
        legacy=legacy,
        names=_names(values),
        keywords=tuple(values.flags("keywords") or ()),
        custom=custom,
        flags=tuple(values.flags("validator_flags") or ()),
        constants=_constants(values),
        cpu_seconds=_stated_limit(files, limits, notes),
        memory_bytes=_memory(limits),
        limit_rule=_limit_rule(limits, legacy),
    )
    limits.pass_over(_UNUSED_LIMITS)
    limits.finish()
    values.pass_over(_UNUSED)
    values.finish()
    return settings


def _version(values: Section) -> bool:
    """Whether this is the legacy version."""
    version = values.text("problem_format_version")
    if version is None or version in LEGACY_VERSIONS:
        return True
    if version in NEW_VERSIONS:
        return False
    known = ", ".join((*LEGACY_VERSIONS, *NEW_VERSIONS[:2]))
    raise PackageRefused(f"{values.file}: problem_format_version {version!r} is not supported; there is {known}.")


def _check_kinds(values: Section, notes: list[str]) -> None:
    for kind in values.flags("type") or ["pass-fail"]:
        if kind not in _KINDS:
            raise PackageRefused(f"{values.file}: type must be one of {', '.join(_KINDS)}, not {kind!r}.")
        _refuse_unsupported(values.file, "type", kind)
        if kind == "scoring":
            notes.append(f"{values.file}: scores are not kept; a program passes a level or it does not.")


def _validation(values: Section) -> bool:
    """Whether the validator is the package's own. Raises PackageRefused for modes that cannot be judged."""
    first, *modes = values.flags("validation") or ["default"]
    if first not in ("default", "custom"):
        raise PackageRefused(f"{values.file}: validation must begin with default or custom, not {first!r}.")
    for mode in modes:
        _refuse_unsupported(values.file, "validation", mode)
        raise PackageRefused(f"{values.file}: validation has the unknown mode {mode!r}.")
    return first == "custom"


def _refuse_unsupported(file: str, key: str, kind: str) -> None:
    if kind in _UNSUPPORTED:
        raise PackageRefused(f"{_UNSUPPORTED[kind]} are not supported yet ({file}: {key}).")


def _names(values: Section) -> dict[str, str]:
    name = values.take("name")
    if name is None:
        return {}
    if isinstance(name, str):
        return {"en": name} if name.strip() else {}
    if isinstance(name, dict) and all(isinstance(text, str) for pair in name.items() for text in pair):
        return {language: text for language, text in name.items() if text.strip()}
    raise values.refused("name", "a text or a map of languages to texts", name)


def _constants(values: Section) -> dict[str, str]:
    constants = values.take("constants") or {}
    simple = isinstance(constants, dict) and all(
        isinstance(name, str) and isinstance(value, str | int | float) and not isinstance(value, bool)
        for name, value in constants.items()
    )
    if not isinstance(constants, dict) or not simple:
        raise values.refused("constants", "a map of names to texts and numbers", constants)
    try:
        texts = {name: str(value) for name, value in constants.items()}
    except ValueError:  # an integer of more digits than Python writes
        raise values.refused("constants", "a map of names to texts and numbers", constants) from None
    if long := next((name for name, text in texts.items() if len(text) > MOST_CONSTANT), None):
        raise PackageRefused(f"{values.file}: constants.{long[:60]} has more than {MOST_CONSTANT} letters.")
    return texts


def _memory(limits: Section) -> int | None:
    mib = limits.number("memory")
    if mib is None:
        return None
    if not 16 <= mib <= 1 << 20:
        raise PackageRefused(f"{limits.file}: limits.memory must lie between 16 and {1 << 20} MiB, not {mib:g}.")
    return int(mib * (1 << 20))


def _limit_rule(limits: Section, legacy: bool) -> LimitRule:
    multiplier = LEGACY_MULTIPLIER if legacy else NEW_MULTIPLIER
    for key in ("time_multiplier", "time_multipliers"):
        if key == "time_multiplier" and legacy:
            multiplier = _factor(limits, key) or multiplier
        elif key in limits:
            multipliers = limits.section(key)
            multiplier = _factor(multipliers, "ac_to_time_limit") or multiplier
            multipliers.number("time_limit_to_tle")
            multipliers.finish()
    return LimitRule(multiplier, _factor(limits, "time_resolution") or RESOLUTION)


def _factor(values: Section, key: str) -> float | None:
    number = values.number(key)
    if number is not None and not 0.001 <= number <= MOST_FACTOR:
        raise values.refused(key, f"between 0.001 and {MOST_FACTOR}", number)
    return number


def _stated_limit(files: PackageFiles, limits: Section, notes: list[str]) -> float | None:
    """Seconds by problem.yaml, by `.timelimit` or by domjudge-problem.ini, the first of them that says any."""
    stated = limits.number("time_limit")
    if stated is not None:
        return _believable(f"{limits.file}: limits.time_limit", stated)
    if ".timelimit" in files:
        return _believable(".timelimit", _seconds(".timelimit", read_text(files, ".timelimit", notes).strip()))
    if (ini := "domjudge-problem.ini") in files:
        for line in read_text(files, ini, notes).splitlines():
            key, _, value = line.partition("=")
            if key.strip() == "timelimit":
                return _believable(f"{ini}: timelimit", _seconds(f"{ini}: timelimit", value.strip().strip("'\"")))
    return None


def _seconds(place: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise PackageRefused(f"{place} must be a number of seconds, not {text[:60]!r}.") from None


def _believable(place: str, seconds: float) -> float:
    if not 0 < seconds <= MOST_SECONDS:
        raise PackageRefused(f"{place} must lie between 0 and {MOST_SECONDS:g} seconds, not {seconds:g}.")
    return seconds
