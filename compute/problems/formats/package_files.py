"""Read-only access to the files of a package, which is a folder or a zip, without trusting either.

Nothing is unpacked to disk: names are checked, counts and sizes bounded, and bytes are read one file at a time.
Symbolic links inside a folder are followed as long as they stay inside it; a zip may have none. Of formats it knows one
thing: the hidden file that a Kattis package keeps its time limit in.
"""

import lzma
import os
import re
import stat
import struct
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from compute.problems.formats import as_text

MOST_FILES = 100_000
MOST_NESTED = 30
MOST_FILE_BYTES = 512 << 20
MOST_BYTES = 4 << 30
# Deflate packs at most 1032 to 1. Tests of one repeated number come near it, but not by hundreds of megabytes.
SUSPICIOUS_BYTES = 64 << 20
SUSPICIOUS_RATIO = 200
_IGNORED = ("__MACOSX",)
_KEPT = ".timelimit"
_ENCRYPTED = 0x1
# Control characters, which end sentences and lines, and bytes that are no UTF-8 as Python shows them in a name.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    UnicodeDecodeError,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
)


class PackageRefused(ValueError):
    """A package that cannot be read; one sentence that names the file and, where there is one, the key."""


class PackageFiles(ABC):
    """The regular files of a package by their path inside it, "/" between folders. Hidden ones are left out, but for
    `_KEPT`."""

    def __init__(self, name: str, sizes: dict[str, int]) -> None:
        self.name = name
        self._sizes = sizes
        self._inside: dict[str, tuple[set[str], set[str]]] = {}
        for path in sizes:
            folder, _, file = path.rpartition("/")
            self._folder(folder)[0].add(file)

    def _folder(self, path: str) -> tuple[set[str], set[str]]:
        """The names directly in a folder, which is entered into the folder above when it is new."""
        if path not in self._inside:
            self._inside[path] = (set(), set())
            if path:
                above, _, name = path.rpartition("/")
                self._folder(above)[1].add(name)
        return self._inside[path]

    def __contains__(self, path: str) -> bool:
        return path in self._sizes

    def below(self, folder: str) -> list[str]:
        """All files at any depth of `folder`, in the order of their paths' parts."""
        files, folders = self.children(folder)
        here = f"{folder}/" if folder else ""
        inside = [path for name in folders for path in self.below(f"{here}{name}")]
        return sorted([*(f"{here}{name}" for name in files), *inside], key=lambda path: path.split("/"))

    def children(self, folder: str) -> "Children":
        """Names of the files and of the folders directly in `folder`, each sorted."""
        files, folders = self._inside.get(folder, (set(), set()))
        return Children(sorted(files), sorted(folders))

    def size(self, path: str) -> int:
        return self._sizes[path]

    @abstractmethod
    def read(self, path: str) -> bytes:
        """Raises PackageRefused when the file cannot be read."""


class Children(NamedTuple):
    files: list[str]
    folders: list[str]


class _Entry(NamedTuple):
    """An entry of a folder and what it leads to."""

    name: str
    real: Path
    status: os.stat_result


class FolderFiles(PackageFiles):
    """A package in a folder. Raises PackageRefused for links that leave it, devices, names that are not UTF-8, and
    numbers and sizes beyond reason."""

    def __init__(self, folder: Path) -> None:
        self._root = folder.resolve()
        self._seen = 0
        self._listed: dict[Path, list[_Entry]] = {}
        sizes = dict(self._walk(self._root, "", (self._root,)))
        _check_sizes(sizes)
        super().__init__(self._root.name, sizes)

    def _walk(self, folder: Path, prefix: str, above: tuple[Path, ...]) -> Iterator[tuple[str, int]]:
        entries = self._entries(folder, prefix)
        # Counted on the way: a few links to folders of links can stand for more files than any walk would end with.
        self._seen += len(entries)
        if self._seen > MOST_FILES:
            raise PackageRefused(f"The package has more than {MOST_FILES} files and folders.")
        for name, real, status in entries:
            path = f"{prefix}{name}"
            if stat.S_ISDIR(status.st_mode):
                if len(above) > MOST_NESTED:
                    raise PackageRefused(f"{path[:60]}... lies more than {MOST_NESTED} folders deep.")
                if real in above:
                    raise PackageRefused(f"{path} is a link to a folder that holds it.")
                yield from self._walk(real, f"{path}/", (*above, real))
            elif stat.S_ISREG(status.st_mode):
                yield path, status.st_size
            else:
                raise PackageRefused(f"{path} is neither a file nor a folder.")

    def _entries(self, folder: Path, prefix: str) -> list[_Entry]:
        """What lies in a folder, by name, where links lead; looked up once, however many links lead to the folder."""
        if folder not in self._listed:
            try:
                names = sorted(os.listdir(folder))
            except OSError as error:
                raise PackageRefused(f"{prefix or 'The folder'} cannot be read: {error.strerror}.") from None
            kept = (name for name in names if not _ignored(f"{prefix}{name}"))
            self._listed[folder] = [self._entry(folder, prefix, name) for name in kept]
        return self._listed[folder]

    def _entry(self, folder: Path, prefix: str, name: str) -> _Entry:
        path = f"{prefix}{name}"
        _check_name(path)
        try:
            real = (folder / name).resolve(strict=True)
            status = real.stat()
        except (OSError, RuntimeError):  # RuntimeError: a loop of links, in Python 3.12 and before
            raise PackageRefused(f"{path} is a link that leads nowhere.") from None
        if not real.is_relative_to(self._root):
            raise PackageRefused(f"{path} is a link that leaves the package.")
        return _Entry(name, real, status)

    def read(self, path: str) -> bytes:
        try:
            with open(self._root / path, "rb", opener=_open_at_once) as file:
                return _bounded(path, file.read(self._sizes[path] + 1), self._sizes[path])
        except OSError as error:
            raise PackageRefused(f"{path} cannot be read: {error.strerror}.") from None


class ZipFiles(PackageFiles):
    """A package in a zip, in its root or in the folder `inside`. Raises PackageRefused for names that leave the zip,
    links, locked entries, and sizes beyond reason, all before anything is unpacked."""

    def __init__(self, file: Path, inside: str = "") -> None:
        self._zip = _opened(file)
        self._prefix = f"{inside}/" if inside else ""
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in self._zip.infolist():
            _check_entry(entry)
            path = entry.filename.removeprefix(self._prefix)
            if entry.is_dir() or not entry.filename.startswith(self._prefix) or _ignored(path):
                continue
            if path in self._entries:
                raise PackageRefused(f"{path} stands twice in the zip.")
            _check_name(path)
            self._entries[path] = entry
        _check_sizes({entry.filename: entry.file_size for entry in self._zip.infolist()})
        _check_ratio(file, sum(entry.file_size for entry in self._zip.infolist()))
        sizes = {path: entry.file_size for path, entry in self._entries.items()}
        super().__init__(inside.rpartition("/")[2] or file.stem, sizes)

    def read(self, path: str) -> bytes:
        try:
            with self._zip.open(self._entries[path]) as file:
                return _bounded(path, file.read(self._sizes[path] + 1), self._sizes[path])
        except _DAMAGED as error:
            raise PackageRefused(f"{path} cannot be unpacked: {as_text(str(error))}.") from None


def zip_folders(file: Path, marker: str) -> list[str]:
    """The folders of a zip that hold a file called `marker`, "" for its root; the outermost ones only.

    Raises PackageRefused when the file is not a zip.
    """
    with _opened(file) as opened:
        names = [name for name in opened.namelist() if not _ignored(name)]
    found = {name.rpartition("/")[0] for name in names if name.rpartition("/")[2] == marker}
    if "" in found:
        return [""]
    outermost: list[str] = []
    for folder in sorted(found, key=lambda folder: f"{folder}/"):  # what lies in a folder follows it
        if not outermost or not folder.startswith(f"{outermost[-1]}/"):
            outermost.append(folder)
    return outermost


def _opened(file: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise PackageRefused(f"{file.name} is not a zip that can be read: {as_text(str(error))}.") from None


def _check_name(path: str) -> None:
    if _UNPRINTABLE.search(path):
        shown = path[:80].encode("unicode_escape").decode()
        raise PackageRefused(f"The file {shown} has a name that is not UTF-8 or holds a control character.")


def _check_entry(entry: zipfile.ZipInfo) -> None:
    """Raises PackageRefused for what no package needs and attacks do."""
    name = entry.orig_filename  # zipfile cuts a name at a zero byte and turns separators; this one is as written
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or ".." in parts or name.startswith(("/", "\\")) or ":" in parts[0] or "\\" in name or "\0" in name:
        raise PackageRefused(f"The zip has an entry with the unsafe name {name[:80]!r}.")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise PackageRefused(f"{name} is a symbolic link, which a zip may not have.")
    if entry.flag_bits & _ENCRYPTED:
        raise PackageRefused(f"{name} is locked with a password.")


def _check_sizes(sizes: dict[str, int]) -> None:
    if len(sizes) > MOST_FILES:
        raise PackageRefused(f"The package has {len(sizes)} files, more than {MOST_FILES}.")
    for path, size in sizes.items():
        if path.count("/") > MOST_NESTED:
            raise PackageRefused(f"{path[:60]}... lies more than {MOST_NESTED} folders deep.")
        if size > MOST_FILE_BYTES:
            raise PackageRefused(f"{path} has {_mib(size)} MiB, more than {_mib(MOST_FILE_BYTES)}.")
    if (total := sum(sizes.values())) > MOST_BYTES:
        raise PackageRefused(f"The package's files have {_mib(total)} MiB, more than {_mib(MOST_BYTES)}.")


def _check_ratio(file: Path, total: int) -> None:
    packed = file.stat().st_size
    if total > SUSPICIOUS_BYTES and total > SUSPICIOUS_RATIO * packed:
        raise PackageRefused(f"The zip of {packed} bytes claims to unpack to {_mib(total)} MiB, which is not believed.")


def _bounded(path: str, data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise PackageRefused(f"{path} does not have the {size} bytes that it claims.")
    return data


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # should the file have become a pipe since it was listed


def _mib(size: int) -> int:
    return -(-size // (1 << 20))


def _ignored(path: str) -> bool:
    return path != _KEPT and any(part.startswith(".") or part in _IGNORED for part in path.split("/"))
