"""How times, sizes and digests are written for people: in the page's language, in Swedish time."""

from __future__ import annotations

from datetime import date, datetime, time

from babel.dates import format_date, format_time
from babel.units import format_unit
from flask_babel import get_locale

from config.languages import SWEDISH
from intake.extensions import STOCKHOLM

MONTHS = (
    "januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober",
    "november", "december",
)  # fmt: skip


def in_swedish(at: datetime) -> str:
    """Write a time in Swedish words and Swedish time: ``22 november 2026 kl. 16.05``.

    Exactly midnight stands for a day whose hour nobody knows, and is written as that day.
    """
    local = at.astimezone(STOCKHOLM)
    day = f"{local.day} {MONTHS[local.month - 1]} {local.year}"
    return f"{day} kl. {local:%H.%M}" if local.time() != time.min else day


def in_words(at: datetime) -> str:
    """Write a time in Swedish time and in the language of the page or letter."""
    if _locale() == SWEDISH:
        return in_swedish(at)
    local = at.astimezone(STOCKHOLM)
    if local.time() == time.min:
        return in_day(local.date())
    return f"{in_day(local.date())} {format_time(local, 'short', locale=_locale())}"


def in_day(day: date) -> str:
    """Write a day in the language of the page or letter: ``22 november 2026``."""
    return str(format_date(day, "long", locale=_locale()))


def _locale() -> str:
    """Return whose habits a date is written by; English is that of Europe."""
    code = str(get_locale() or SWEDISH)
    return "en_GB" if code == "en" else code


def in_digits(size_bytes: int) -> str:
    """Write a size as file managers do, in steps of 1024: ``1,2 MB``."""
    if size_bytes < 1024:
        return f"{size_bytes} byte"
    size, unit = size_bytes / 1024, "digital-kilobyte"
    for larger in ("digital-megabyte", "digital-gigabyte"):
        if size < 999.5:
            break
        size, unit = size / 1024, larger
    rounded = round(size, 1) if size < 9.95 else round(size)
    return str(format_unit(rounded, unit, "short", locale=_locale()))


def in_groups(digest: str) -> list[str]:
    """Cut a long digest into groups of eight characters, which a page may wrap between."""
    return [digest[start : start + 8] for start in range(0, len(digest), 8)]
