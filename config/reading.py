"""How the authority's own files are read: TOML, CSV or lines, with the file and a cure in every complaint."""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path
from typing import Any


class TableError(ValueError):
    """A table is wrong; the message names the file, the place and the cure."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read a table; raises TableError when it is missing or is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TableError(f"{path.name} is missing in {path.parent}: put it back.") from None
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"{path.name} cannot be read as TOML ({error}): mend that line.") from error


def read_lines(path: Path) -> tuple[str, ...]:
    """Read the lines of a text; raises TableError when it is missing."""
    try:
        return tuple(path.read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        raise TableError(f"{path.name} is missing in {path.parent}: put it back.") from None


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV file with a heading; raises TableError when it is missing."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError:
        raise TableError(f"geo/{path.name} is missing: put it back.") from None
