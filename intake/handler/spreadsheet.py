"""Tables as files for a spreadsheet, as Swedish ones read them, where no cell is ever run as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

# A cell that begins so is run as a formula by spreadsheets.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def table(head: Sequence[str], rows: Iterable[Sequence[str | None]]) -> bytes:
    """Write a table: semicolons, and a mark that it is UTF-8."""
    made = io.StringIO()
    writer = csv.writer(made, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows([_cell(words or "") for words in row] for row in rows)
    return made.getvalue().encode("utf-8-sig")


def _cell(words: str) -> str:
    return f"'{words}" if words.lstrip(" ").startswith(_FORMULA) else words
