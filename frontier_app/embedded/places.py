"""Where an installation keeps its things: every path and socket, derived from FRONTIER_HOME alone.

Because the paths follow from the folder, a shell, a worker and the supervisor find the same servers without being
told. This module starts nothing, and needs only the standard library and platformdirs.
"""

import hashlib
import os
import pwd
import secrets
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs

SUBFOLDERS = ("blobs", "problem_sets", "checkpoints", "jobs", "judge", "logs", "valkey")
SOCKET_PATH_BYTES = 107
POSTGRES_SOCKET = ".s.PGSQL.5432"


@dataclass(frozen=True)
class Account:
    """The account that PostgreSQL is given because it refuses ours.

    Root becomes this account. A user whom the machine has no name for, as in some containers, only appears as this
    account to the server, in a user namespace; its files stay the user's own.
    """

    name: str
    uid: int
    gid: int

    @property
    def only_appears(self) -> bool:
        return os.geteuid() != 0


def default_home() -> Path:
    """FRONTIER_HOME, else the folder `frontier` among the user's data."""
    given = os.environ.get("FRONTIER_HOME")
    return Path(given).expanduser().absolute() if given else platformdirs.user_data_path("frontier")


def postgres_account() -> Account | None:
    """None when PostgreSQL may run as the user who asks."""
    if os.geteuid() != 0 and has_name(os.geteuid()):
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    return Account("nobody", 65534, 65534)


def has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def open_to_others(path: Path) -> bool:
    """Whether an account that owns nothing may walk down to `path`. A part that does not exist yet counts as open."""
    for folder in (path, *path.parents):
        try:
            mode = folder.stat().st_mode
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(mode) and not mode & stat.S_IXOTH:
            return False
    return True


@dataclass(frozen=True)
class Places:
    home: Path

    @property
    def digest(self) -> str:
        return hashlib.sha256(str(self.home).encode()).hexdigest()[:12]

    @property
    def cluster(self) -> Path:
        """PostgreSQL's folder: in the home, or beside it where PostgreSQL's own account cannot reach the home."""
        if os.geteuid() != 0 or open_to_others(self.home):
            return self.home / "postgres"
        return Path("/var/lib/frontier") / self.digest

    @property
    def postgres_data(self) -> Path:
        return self.cluster / "data"

    @property
    def postgres_sockets(self) -> Path:
        return self._short(self.cluster, POSTGRES_SOCKET, "postgres")

    @property
    def valkey_socket(self) -> Path:
        return self._short(self.home / "valkey", "valkey.sock", "valkey") / "valkey.sock"

    @property
    def redis_url(self) -> str:
        return f"unix://{self.valkey_socket}?db=0"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def lock(self) -> Path:
        return self.home / "supervisor.lock"

    @property
    def secret_key_file(self) -> Path:
        return self.home / "secret_key"

    def _short(self, folder: Path, socket: str, name: str) -> Path:
        """`folder`, or a short folder under /tmp when a socket's path in it would not fit into its address."""
        if len(os.fsencode(folder / socket)) <= SOCKET_PATH_BYTES:
            return folder
        return Path(f"/tmp/frontier-{os.getuid()}-{self.digest}-{name}")

    def prepare(self) -> None:
        """Make the folders that are the user's own. Raises OSError where the home cannot be written."""
        if not self.home.exists():
            self.home.mkdir(parents=True)
            self.home.chmod(0o711 if os.geteuid() == 0 else 0o700)
        for name in SUBFOLDERS:
            (self.home / name).mkdir(mode=0o700, exist_ok=True)
        private_folder(self.valkey_socket.parent, os.getuid(), os.getgid())
        self.secret_key()

    def secret_key(self) -> str:
        """The key that signs sessions: made once, readable by the owner alone."""
        if not self.secret_key_file.exists():
            descriptor, fresh = tempfile.mkstemp(dir=self.home)  # mode 0600
            with os.fdopen(descriptor, "w") as stream:
                stream.write(secrets.token_urlsafe(48))
            with suppress(FileExistsError):  # whoever came first has made the key
                os.link(fresh, self.secret_key_file)
            os.unlink(fresh)
        return self.secret_key_file.read_text().strip()


def private_folder(path: Path, uid: int, gid: int) -> None:
    """Make `path` with mode 0700 for an account, and refuse one that somebody else put there."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (uid, os.geteuid()):
        raise PermissionError(f"{path} belongs to another account; remove it and start again.")
    if os.geteuid() == 0:
        os.chown(path, uid, gid)
    path.chmod(0o700)
