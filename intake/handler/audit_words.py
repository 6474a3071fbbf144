"""What auditors read: the Swedish words for looks, seats and questions, and lists for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from config.tables import Tables
from intake.access.auditing import AuditedLook, Kind, Listed, Unusual
from intake.access.roles import ROLES
from intake.extensions import STOCKHOLM
from intake.handler import spreadsheet
from intake.handler.words import unit_name

KINDS: dict[Kind, str] = {
    "matter": "Vem har sett ett ärende?",
    "person": "Vad har en medarbetare sett?",
    "unusual": "Vad sticker ut?",
    "extract": "Registerutdrag till den som uppgifterna gäller",
}
# Exactly these, or what stands before a colon.
LOOKS = {
    "matter": "öppnade ärendet",
    "view": "läste en fil",
    "picture": "såg en bild av en fil",
    "file": "hämtade en fil i original",
    "letter": "hämtade ett brev i original",
    "export": "exporterade ärendet",
    "print": "tog fram ärendet för utskrift",
    "paper": "hämtade ärendet som PDF",
    "release": "förberedde ett utlämnande",
    "protected": "öppnade skyddade kontaktuppgifter",
    "moved": "flyttade ärendet",
    "journal": "såg ärendet i postrummets lista, och kunde läsa det",
    "beside": "såg ärendet bredvid ett annat, och kunde läsa det",
    "refused": "försökte öppna ett ärende men nekades",
    "sign_in": "loggade in",
    "inbox": "såg inkorgens lista",
    "closed": "såg vilka ärenden som hade avslutats",
    "overview": "såg lägesbilden",
    "incidents": "såg listan över personuppgiftsincidenter",
    "search": "sökte",
    "people": "slog upp en medarbetare",
    "audit": "ställde en granskningsfråga",
    "audit_csv": "hämtade en granskningslista",
    "list": "skrev ut en lista med ett kommando",
    "show": "skrev ut ärendet med ett kommando",
    # What was done with somebody's account.
    "membership": "fick en roll",
    "renew_password": "fick ett nytt första lösenord",
    "forget_factor": "blev av med appen för koder och sina reservkoder",
    "disable_handler": "stängdes av",
    "enable_handler": "släpptes in igen",
}
# So many units with one role are told as their number; each stands in the list that can be fetched.
MANY_SEATS = 4
RULES = {
    "many": "Öppnade många ärenden",
    "late": "Läste på udda tider",
    "others": "Öppnade ärenden som är fördelade till andra",
    "protected": "Öppnade skyddade kontaktuppgifter",
    "refused": "Nekades ärenden",
    "searches": "Sökte mycket",
}
COMMAND = "Driften, med ett kommando på servern"


@dataclass(frozen=True)
class Reading:
    """One line of what a person is told of who has read: a day, who by role and unit, how, and how often."""

    day: date
    by: str
    how: str
    first_at: datetime
    last_at: datetime
    times: int


def say_look(what: str) -> str:
    """Say what somebody did; a code that is not known here is told as it is."""
    return LOOKS.get(what) or LOOKS.get(what.partition(":")[0], what)


def say_seats(seats: Sequence[str], tables: Tables, *, is_whole: bool = False) -> str:
    """Say by which roles and units somebody saw something; of many units with one role, how many."""
    by_role: dict[str, list[str]] = {}
    for seat in seats:
        by_role.setdefault(seat.partition(":")[0], []).append(seat)
    return "; ".join(
        "; ".join(_say_seat(seat, tables) for seat in its)
        if is_whole or len(its) < MANY_SEATS
        else f"{ROLES[role].name if role in ROLES else role} i {len(its)} enheter"
        for role, its in by_role.items()
    )


def _say_seat(seat: str, tables: Tables) -> str:
    role, _, unit = seat.partition(":")
    if role == "command":
        return COMMAND
    return f"{ROLES[role].name if role in ROLES else role}, {unit_name(tables, unit)}"


def readings(looks: Iterable[AuditedLook], tables: Tables, *, names: bool) -> list[Reading]:
    """Fold looks at a matter, the last first, into days by role and unit, or by who it was."""
    found: dict[tuple[date, str, str], list[datetime]] = {}
    for look in looks:
        if look.what == "refused":
            continue
        by = say_seats(look.seats, tables) or (COMMAND if look.email is None else "roll okänd")
        key = (_local(look.at).date(), f"{look.actor} ({by})" if names else by, say_look(look.what))
        found.setdefault(key, []).append(look.at)
    return [Reading(*key, min(times), max(times), len(times)) for key, times in found.items()]


def looks_table(looks: Iterable[AuditedLook], tables: Tables) -> bytes:
    """Return looks as a file for a spreadsheet."""
    head = ("Tid", "Namn", "E-post", "Vad", "Ärende", "Fil", "Skäl", "Ord", "Roll och enhet")
    return spreadsheet.table(head, (
        (_time(each.at), each.actor, each.email, say_look(each.what), each.reference, each.file, each.reason,
         each.words, say_seats(each.seats, tables, is_whole=True))
        for each in looks
    ))  # fmt: skip


def lists_table(found: Iterable[Listed], tables: Tables) -> bytes:
    """Return who may have had a matter in a list, as a file for a spreadsheet."""
    head = ("Dag", "Namn", "E-post", "Roll och enhet", "Listor")
    return spreadsheet.table(head, (
        (each.day.isoformat(), each.actor, each.email, say_seats(each.seats, tables, is_whole=True),
         str(each.lists))
        for each in found
    ))  # fmt: skip


def unusual_table(found: Iterable[Unusual]) -> bytes:
    """Return what stands out, as a file for a spreadsheet."""
    head = ("Dag", "Namn", "E-post", "Regel", "Antal", "Personens vanliga", "Allas vanliga", "Med skäl")
    return spreadsheet.table(head, (
        (each.day.isoformat(), each.actor, each.email, RULES[each.rule], str(each.counted),
         number(each.usual), number(each.colleagues), "" if each.reasons is None else str(each.reasons))
        for each in found
    ))  # fmt: skip


def number(count: float | None) -> str:
    """Write a count, or what lies between two, in Swedish; a dash when there is none."""
    return "–" if count is None else f"{count:g}".replace(".", ",")


def _local(at: datetime) -> datetime:
    return at.astimezone(STOCKHOLM)


def _time(at: datetime) -> str:
    return f"{_local(at):%F %T}"
