"""The console script ``intake``: what an operator does from a shell.

Every command reads its settings from the environment; what is not set there and belongs to the
embedded engines is read from ``var/``. Data goes to standard output, words to standard error.
"""

from __future__ import annotations

# Each module puts its commands into the group as it is imported.
from intake.cli import evidence, exporting, files, keys, mail, matters, people, serving, upkeep  # noqa: F401
from intake.cli.common import main

__all__ = ["main"]
