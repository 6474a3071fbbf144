"""``python -m intake.cli`` is the console script."""

from __future__ import annotations

from intake.cli import main

main()
