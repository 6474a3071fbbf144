"""Fills a database with matters, by COPY: as many as are asked for, the same ones each time.

Most of what ever came in is closed; the words of their texts are as unequal in number as those of a language.
"""

from __future__ import annotations

import json
import random
import uuid
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from itertools import accumulate
from typing import Any

import psycopg
from sqlalchemy import make_url

from intake import signs
from tests import engines

SEED = 7
WORDS, WORDS_IN_A_TEXT = 5_000, 60
# Beside those, each text has some of the words that a language makes anew all the time.
SELDOM, SELDOM_IN_A_TEXT = 300_000, 3
# A word in every third text, one in every thirtieth, and one in a handful of all.
COMMON, USUAL, RARE = "cykel", "stationen", "kvarnhjulet"
RARE_TEXTS = 40
# An address on the web that every fifth text of the newest hundredth warns of.
WAVE = "https://bluff-paket.example/betala"
REGION = "syd"
# How many are open in each unit, and how many of the region's are told by reference.
OPEN_OF_EACH, TOLD = 100, 40
_FINDING = import_module("migrations.versions.0033_finding")
_MEASURED = import_module("migrations.versions.0037_measured")
_UNITS = "SELECT id FROM unit ORDER BY id"


def connect(url: str) -> psycopg.Connection[Any]:
    """Connect to a database without SQLAlchemy."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, options="-c statement_timeout=0")


def fill(made: engines.Database, matters: int, messages_of_each: int = 1) -> list[str]:
    """Fill the tables with matters of all units; return references of the newest open ones of the region."""
    with connect(made.urls["owner"]) as connection:
        units = [row[0] for row in connection.execute(_UNITS).fetchall()]
        # Made anew for each table, the same each time, so that never all of it lies in memory.
        written = partial(_matters, matters, units)
        keep_found(connection, is_kept=False)
        _copy(connection, "matter", _MATTER, (row.matter for row in written()))
        _copy(connection, "matter_unit", _UNIT, (row.unit for row in written()))
        _copy(connection, "diary_entry", _DIARY, (row.diary for row in written()))
        _copy(connection, "event", _EVENT, (row.event for row in written()))
        _copy(connection, "message", _MESSAGE, _messages(matters, written(), messages_of_each))
        # The references are checked now; a table cannot be changed before.
        connection.commit()
        connection.execute("SET maintenance_work_mem = '512MB'")
        for table in _FINDING.ROWS:
            connection.execute(f"INSERT INTO findable ({_FINDING.COLUMNS}) {_FINDING.rows_of(table, table)}")
        _keep_signs(connection, _messages(matters, written(), messages_of_each))
        keep_found(connection, is_kept=True)
    with connect(made.urls["owner"]) as connection:
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")
    theirs = (row.matter[1] for row in written() if row.is_open and row.matter[4].startswith(REGION))
    return list(deque(theirs, maxlen=TOLD))


def keep_found(connection: psycopg.Connection[Any], *, is_kept: bool) -> None:
    """Let the rows that a search finds by be kept with each matter, and indexed, or not."""
    for name, how in (_FINDING.INDEXES | {_MEASURED.NEWEST_INDEX: _MEASURED.NEWEST_COLUMNS}).items():
        connection.execute(
            f"CREATE INDEX {name} ON findable {how.format(_FINDING.TRIGRAMS)}"
            if is_kept
            else f"DROP INDEX {name}"
        )
    for table in (*_FINDING.TELLING, "matter_unit"):
        connection.execute(f"ALTER TABLE {table} {'ENABLE' if is_kept else 'DISABLE'} TRIGGER keep_found")


def _keep_signs(connection: psycopg.Connection[Any], messages: Iterator[tuple[Any, ...]]) -> None:
    """Keep what texts and contacts have in common, as the workers do message by message."""
    connection.execute("CREATE UNLOGGED TABLE read_of (id uuid, said text[], contact text[])")
    many: Counter[str] = Counter()

    def kept(found: frozenset[str]) -> list[str]:
        """Return those signs that are kept: of a common word nothing follows."""
        many.update(found)
        return [each for each in found if not each.startswith("word:") or many[each] <= _MEASURED.COMMON]

    read = (
        (its[0], kept(signs.of_text(its[5], its[5].split(), ())), list(signs.of_contact(its[7], None)))
        for its in messages
    )
    _copy(connection, "read_of", "id, said, contact", read)
    connection.execute(
        "INSERT INTO findable (id, kind, matter_id, received_at, units, signs)"
        " SELECT read_of.id, its.kind, found.matter_id, found.received_at, found.units, its.signs"
        " FROM read_of JOIN findable AS found ON found.id = read_of.id AND found.kind = 'message'"
        " CROSS JOIN LATERAL (VALUES ('signs', read_of.said), ('contact_signs', read_of.contact))"
        " AS its (kind, signs)"
    )
    connection.execute("DROP TABLE read_of")


_MATTER = (
    "id, reference, channel, category, unit_id, region, priority, flags, status, subject, sender_name,"
    " sender_email, place_words, needs_person, received_at, closed_at, version"
)
_UNIT = "id, matter_id, unit_id, why, since"
_DIARY = "matter_id, series, year, number, registered_at"
_EVENT = "id, matter_id, at, actor, what, detail"
_MESSAGE = (
    "id, matter_id, direction, channel, subject, text, sender_name, sender_email, is_automatic, problems,"
    " created_at"
)


@dataclass(frozen=True)
class Rows:
    """What one matter is in the tables, but for its message."""

    matter: tuple[Any, ...]
    unit: tuple[Any, ...]
    diary: tuple[Any, ...]
    event: tuple[Any, ...]
    is_open: bool


def _matters(number: int, units: list[str]) -> Iterator[Rows]:
    chance = random.Random(SEED)
    first = datetime(2026, 1, 1, tzinfo=UTC)
    for count in range(number):
        own, unit = uuid.UUID(int=count + 1), chance.choice(units)
        at = first + timedelta(seconds=40 * count)
        # What is open is what people work with: as much of it, however much there has been.
        is_open = chance.random() < OPEN_OF_EACH * len(units) / number
        priority = chance.choices((1, 2, 3, 4, 5), (0.2, 5, 60, 25, 10))[0]
        name, email = f"Kim Berg{count}", f"kim{count}@example.com"
        yield Rows(
            (own, f"{count:08d}"[:4] + "-" + f"{count:08d}"[4:], "form", "anmalan", unit,
             unit.partition("-")[0], priority, [], "registered" if is_open else "closed", f"Ärende {count}",
             name, email, "", [], at, None if is_open else at + timedelta(days=9), 1),
            (uuid.UUID(int=count + 1), own, unit, "placed", at),
            (own, "B", 2026, count + 1, at),
            (uuid.UUID(int=count + 1), own, at, "system", "accepted", _accepted(unit)),
            is_open,
        )  # fmt: skip


def _accepted(unit: str) -> str:
    return json.dumps({"channel": "form", "unit": unit})


def words() -> list[str]:
    """Return the words that texts are made of, the most common first."""
    chance = random.Random(SEED)
    parts = ("ben", "dal", "gru", "hem", "kast", "lin", "mor", "ning", "ol", "rad", "sten", "tur", "va", "ås")
    return ["".join(chance.choices(parts, k=chance.randint(1, 4))) for _ in range(WORDS)]


def _messages(number: int, rows: Iterator[Rows], of_each: int) -> Iterator[tuple[Any, ...]]:
    """Write the texts of each matter, their words as unequal in number as those of a language."""
    chance, known = random.Random(SEED), words()
    weights = list(accumulate(1 / (place + 1) for place in range(WORDS)))
    rare = set(chance.sample(range(number), min(RARE_TEXTS, number)))
    for count, row in enumerate(rows):
        own, at = row.matter[0], row.matter[14]
        subject, name, email = row.matter[9:12]
        for place in range(of_each):
            said = chance.choices(known, cum_weights=weights, k=WORDS_IN_A_TEXT)
            said += [COMMON] * (chance.random() < 1 / 3) + [USUAL] * (chance.random() < 1 / 30)
            said += [f"sällsynt{_letters(chance.randrange(SELDOM))}" for _ in range(SELDOM_IN_A_TEXT)]
            said += [RARE] * (count in rare and place == 0)
            said += [WAVE] * (count >= 0.99 * number and chance.random() < 1 / 5)
            its = uuid.UUID(int=of_each * count + place + 1)
            yield (its, own, "incoming", "form", subject, " ".join(said), name, email, False, [],
                   at + timedelta(days=place))  # fmt: skip


def _letters(number: int) -> str:
    """Write a number as six letters, so that it is a word."""
    return "".join("abcdefghij"[int(digit)] for digit in f"{number:06d}")


def _copy(connection: psycopg.Connection[Any], table: str, columns: str, rows: Any) -> None:
    with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
