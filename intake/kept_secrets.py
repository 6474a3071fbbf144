"""The secrets that ``intake run`` makes and keeps under ``var``; a new one is put before the older."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from pathlib import Path

from config.settings import SettingsError
from intake.processes import write_private

NAMES = ("SECRET_KEY_CITIZEN", "SECRET_KEY_HANDLER", "ADDRESS_KEY")


def path_of(home: Path) -> Path:
    """Return the file under ``var`` that holds them."""
    return home / "secrets.json"


def read(home: Path) -> dict[str, str]:
    """Read the secrets that were generated under ``var``; none when there are none yet."""
    path = path_of(home)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except PermissionError:
        raise SettingsError("INTAKE_VAR", f"{path} belongs to another user; run as that user.") from None
    except ValueError:
        raise SettingsError("INTAKE_VAR", f"{path} cannot be read; put it back from a backup.") from None
    return {name: found[name] for name in NAMES if name in found}


def make(home: Path) -> dict[str, str]:
    """Read the secrets under ``var``, and generate and keep (0600) those that are missing."""
    found = read(home)
    missing = {name: new_key() for name in NAMES if name not in found}
    return _keep(home, {**found, **missing}) if missing else found


def rotate(home: Path, names: Iterable[str]) -> None:
    """Put a new key before those of each name, which go on opening what they made."""
    found = read(home)
    _keep(home, {**found, **{name: f"{new_key()} {found[name]}" for name in names}})


def retire(home: Path, names: Iterable[str]) -> None:
    """Keep of each name the newest key alone; what older ones made opens nothing any more."""
    found = read(home)
    _keep(home, {**found, **{name: found[name].split()[0] for name in names}})


def new_key() -> str:
    """Make a key of 256 random bits, as ``openssl rand -hex 32`` does."""
    return secrets.token_hex(32)


def _keep(home: Path, values: dict[str, str]) -> dict[str, str]:
    write_private(path_of(home), json.dumps(values, indent=1))
    return values
