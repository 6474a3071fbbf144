"""Folders for work that may be killed: emptied when it is done, and swept when nobody was left to do it."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

# No job takes nearly as long, however often it waits for others.
KEPT = timedelta(days=1)
_MADE = re.compile(r"(\d{1,12})-.+")


@contextmanager
def folder(var: Path) -> Iterator[Path]:
    """Give an empty folder under ``var`` until the work is done. Raise OSError when there is no space.

    It lies with our own data and not with the machine's temporary files, which may be kept in memory.
    """
    home = var / "scratch"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    # When it was made stands in its name: what runs in it may change its times. What such work made
    # unreadable is left to the sweep.
    name = f"{int(time.time())}-"
    with TemporaryDirectory(dir=home, prefix=name, ignore_cleanup_errors=True) as made:
        yield Path(made)


def sweep(var: Path, at: datetime) -> int:
    """Remove what was left by work that was killed more than a day before; return how many folders."""
    swept = 0
    with suppress(FileNotFoundError):
        for each in sorted((var / "scratch").iterdir()):
            found = _MADE.fullmatch(each.name)
            if found and datetime.fromtimestamp(int(found[1]), UTC) < at - KEPT:
                shutil.rmtree(each, ignore_errors=True)
                swept += 1
    return swept
