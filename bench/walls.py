"""Measures what the two walls cost a handler: the inbox, a matter's page and searches, beside the owner.

``python -m bench walls [MATTERS]`` makes a database with so many matters and asks the same of it as a
handler of one region, behind both walls, and as the owner, whom row-level security lets through.
"""

from __future__ import annotations

import hashlib
import random
import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from itertools import accumulate, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy import make_url, text

from bench import load
from config.settings import DatabaseRole, Settings
from intake import access, create_app, shown
from intake.extensions import db
from intake.handler import queries, searching, whole
from intake.matters import arrive, incoming
from tests import engines

MATTERS = 10_000
ROUNDS, WARM = 40, 3
BAR = 1.3
# What a call of a function with its questions about session and look may cost, whatever it finds.
CALL_SECONDS = 0.0005
SEED = 7
WORDS, WORDS_IN_A_TEXT = 5_000, 60
# A word in every third text, one in every thirtieth, and one in a handful of all.
COMMON, USUAL, RARE = "cykel", "stationen", "kvarnhjulet"
RARE_TEXTS = 40
REGION = "syd"
OPEN_OF_EACH = 20
_FINDING = import_module("migrations.versions.0033_finding")
_DESK = import_module("migrations.versions.0027_desk")
_UNITS = "SELECT id FROM unit ORDER BY id"
_SET = text("SELECT set_config(:name, :value, false)")


@dataclass(frozen=True)
class Desk:
    """A handler's session, asked for by the handlers' role, and by the owner with the same rights."""

    apps: dict[DatabaseRole, Flask]
    token: str
    references: list[str]
    url: str


def say(*columns: object) -> None:
    """Print one row."""
    print("".join(str(column).ljust(width) for column, width in zip(columns, (40, *[12] * 5), strict=False)))


def main(matters: int = MATTERS) -> int:
    """Make the matters and measure; return 0 when the inbox and the searches are within the bar."""
    with (
        TemporaryDirectory() as folder,
        engines.servers(Path(folder)) as (server, _),
        engines.database(server, Path(folder)) as made,
    ):
        began = time.monotonic()
        references = fill(made, matters)
        print(f"{matters} matters in {time.monotonic() - began:.0f} s")
        desk = sit_down(made, references, Path(folder))
        is_right = measure(desk)
        measure_accepting(desk)
        stop(desk)
    return 0 if is_right else 1


def connect(url: str) -> psycopg.Connection[Any]:
    """Connect to a database without SQLAlchemy."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, options="-c statement_timeout=0")


def fill(made: engines.Database, matters: int, messages_of_each: int = 1) -> list[str]:
    """Fill the tables with matters of all units; return the references of some open ones of the region."""
    with connect(made.urls["owner"]) as connection:
        units = [row[0] for row in connection.execute(_UNITS).fetchall()]
        # Made anew for each table, the same each time, so that never all of it lies in memory.
        written = partial(_matters, matters, units)
        _keep_found(connection, is_kept=False)
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
        _keep_found(connection, is_kept=True)
    with connect(made.urls["owner"]) as connection:
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")
    theirs = (row.matter[1] for row in written() if row.is_open and row.matter[4].startswith(REGION))
    return list(islice(theirs, ROUNDS))


def _keep_found(connection: psycopg.Connection[Any], *, is_kept: bool) -> None:
    """Let the rows that a search finds by be kept with each matter, and indexed, or not."""
    for name, how in _FINDING.INDEXES.items():
        connection.execute(
            f"CREATE INDEX {name} ON findable {how.format(_FINDING.TRIGRAMS)}"
            if is_kept
            else f"DROP INDEX {name}"
        )
    for table in (*_FINDING.TELLING, "matter_unit"):
        connection.execute(f"ALTER TABLE {table} {'ENABLE' if is_kept else 'DISABLE'} TRIGGER keep_found")


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
        # Most of what ever came in is closed; what is open is what people work with.
        is_open = chance.random() < max(0.02, OPEN_OF_EACH * len(units) / number)
        priority = chance.choices((1, 2, 3, 4, 5), (0.2, 5, 60, 25, 10))[0]
        name, email = f"Kim Berg{count}", f"kim{count}@example.com"
        yield Rows(
            (own, f"{count:08d}"[:4] + "-" + f"{count:08d}"[4:], "form", "anmalan", unit,
             unit.partition("-")[0], priority, [], "registered" if is_open else "closed", f"Ärende {count}",
             name, email, "", [], at, None if is_open else at + timedelta(days=9), 1),
            (uuid.UUID(int=count + 1), own, unit, "placed", at),
            (own, "B", 2026, count + 1, at),
            (uuid.UUID(int=count + 1), own, at, "system", "accepted", "{}"),
            is_open,
        )  # fmt: skip


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
            said += [RARE] * (count in rare and place == 0)
            its = uuid.UUID(int=of_each * count + place + 1)
            yield (its, own, "incoming", "form", subject, " ".join(said), name, email, False, [],
                   at + timedelta(days=place))  # fmt: skip


def _copy(connection: psycopg.Connection[Any], table: str, columns: str, rows: Any) -> None:
    with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def sit_down(made: engines.Database, references: list[str], var: Path) -> Desk:
    """Hire somebody in each unit of the region, who is signed in, and make an app for each role."""
    token, at = secrets.token_urlsafe(32), datetime.now(UTC)
    mark = hashlib.sha256(token.encode()).hexdigest()
    with connect(made.urls["owner"]) as connection:
        connection.execute("CREATE TABLE bare (at timestamptz)")
        handler = connection.execute(
            "INSERT INTO handler (id, email, name, password_hash, must_change_password, created_at,"
            " totp_secret) VALUES (gen_random_uuid(), 'a@example.se', 'Anna', '', false, %s, 'x')"
            " RETURNING id",
            [at],
        ).fetchone()
        connection.execute(
            "INSERT INTO membership (id, handler_id, unit_id, role, created_at)"
            " SELECT gen_random_uuid(), %s, id, 'handler', %s FROM unit WHERE region = %s",
            [handler[0], at, REGION],  # type: ignore[index]
        )
        connection.execute(
            "INSERT INTO handler_session (id, token_hash, handler_id, created_at, seen_at, expires_at, stage,"
            " agent) VALUES (gen_random_uuid(), %s, %s, %s, %s, %s, 'open', '')",
            [mark, handler[0], at, at + timedelta(minutes=20), at + timedelta(hours=10)],  # type: ignore[index]
        )
    keys = {"SECRET_KEY_CITIZEN": "c" * 32, "SECRET_KEY_HANDLER": "h" * 32, "ADDRESS_KEY": "a" * 32}
    settings = replace(Settings.from_mapping(keys), var=var / "var", database_urls=made.urls)
    roles: tuple[DatabaseRole, ...] = ("handler", "owner", "worker")
    apps = {role: create_app(replace(settings, surface="handler"), role=role) for role in roles}
    return Desk(apps, token, references, made.urls["owner"])


def stop(desk: Desk) -> None:
    """Let go of the database."""
    for app in desk.apps.values():
        with app.app_context():
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()


# What is measured, made ready for a person and a round.
Act = Callable[[access.Person, int], Callable[[], object]]


def _find(words: str) -> Act:
    """Search as the page does, or as the owner the same without a wall, by the same statement."""

    def ready(person: access.Person, _number: int) -> Callable[[], object]:
        if _is_owner():
            values = {"words": words, "units": list(person.units)}
            # Planned alike, or it would be plans that are compared.
            for name, value in {**_FINDING.PLANS, "enable_seqscan": "off"}.items():
                db.session.execute(_SET, {"name": name, "value": value})
            return lambda: [searching.Hit(*row) for row in db.session.execute(_SAME, values)]
        begun = searching.begin(words, only_mine=False, reason="")
        return lambda: searching.find(begun)

    return ready


def _list(person: access.Person, _number: int) -> Callable[[], object]:
    """Read the first page of the inbox by its look, or as the owner by the same statement."""
    if _is_owner():
        values = {"units": list(person.units), "most": queries.PAGE_ROWS + 1}
        return lambda: [queries.InboxRow(**row._mapping) for row in db.session.execute(_INBOX, values)]
    return partial(queries.read_inbox, person, access.look_at_list("inbox"))


def _wait(person: access.Person, _number: int) -> Callable[[], object]:
    values = {"units": list(person.units), "most": queries.MOST_COUNTED}
    return (
        (lambda: db.session.execute(_WAITING, values).all())
        if _is_owner()
        else partial(queries.waiting, person)
    )


def _page(person: access.Person, reference: str) -> Callable[[], object]:
    if not _is_owner():
        access.open_matter(reference)
    return partial(whole.matter_view, person, reference)


def _begin(_person: access.Person, _number: int) -> Callable[[], object]:
    """Record a look that is a search, or as the owner write one row and commit."""
    return _write_bare if _is_owner() else partial(searching.begin, "cykel", only_mine=False, reason="")


def _write_bare() -> None:
    db.session.execute(text("INSERT INTO bare VALUES (now())"))
    db.session.commit()


def _is_owner() -> bool:
    return str(db.session.scalar(text("SELECT current_user"))).endswith("owner")


_BARE = """
    SELECT hit.reference, hit.subject, hit.category, hit.unit_id, hit.received_at, hit.priority, hit.status,
           'secrecy_mark' = ANY (hit.flags) AS is_marked, '{{}}'::text[] AS places
    FROM (WITH few AS MATERIALIZED ({}) {}) AS first
    JOIN matter AS hit ON hit.id = first.matter_id ORDER BY hit.received_at DESC, hit.id DESC
"""


def _same() -> Any:
    """Return what the function asks first, as anybody would write it who needs no function and no wall."""
    few = _FINDING.ARMS.format(
        said="said_query(:words)", named="contact_query(:words)", longest="(piece_patterns(:words))[1]",
        likes="piece_patterns(:words)", own="NULL::uuid", many=_FINDING.MANY + 1,
        stands="one.units && CAST(:units AS text[])",
    )  # fmt: skip
    newest = _FINDING.NEWEST.format(
        open=_FINDING.CONTACT_OPEN.format(contact_units="'{}'::text[]"), most="201"
    )
    return text(_BARE.format(few, newest).replace("::", "\\:\\:"))


_SAME = _same()
_UNITS_OF = "CAST(:units AS text[])"
_INBOX = text(_DESK.BY_NEED.format(
    units=_UNITS_OF, own="CAST(NULL AS uuid)", me="CAST(NULL AS uuid)", free="false", paused="false",
    overdue="false", at="now()", category="CAST(NULL AS text)", flag="CAST(NULL AS text)",
    place="CAST(NULL AS text)", most=":most",
    after="-1, CAST('-infinity' AS timestamptz), CAST('-infinity' AS timestamptz),"
    " CAST('00000000-0000-0000-0000-000000000000' AS uuid)",
).replace("::", "\\:\\:"))  # fmt: skip
_WAITING = text(_DESK.WAITING.format(units=_UNITS_OF, most=":most"))


def measure(desk: Desk) -> bool:
    """Ask everything in turn as both, round by round, so that both meet the same machine."""
    pages = len(desk.references)
    asked: dict[str, tuple[Act, bool]] = {
        "inbox": (_list, True),
        "waiting bar": (_wait, False),
        "a matter's page": (
            lambda person, number: _page(person, desk.references[number % pages]),
            False,
        ),
        "a search's look (owner: a bare row)": (_begin, False),
        f"search, a rare word ({RARE_TEXTS} texts)": (_find(RARE), True),
        "search, a usual word (3 %)": (_find(USUAL), True),
        "search, a common word (33 %)": (_find(COMMON), True),
        "search, two words": (_find(f"{COMMON} {USUAL}"), True),
        "search, somebody's e-mail address": (_find("kim77@example.com"), True),
    }
    look_at_all(desk)
    say("what", "walls p50", "p95", "owner p50", "p95", "ratio")
    is_right = True
    for name, (act, is_held) in asked.items():
        walled, bare = _in_turn(desk, act)
        ratio = median(walled) / median(bare)
        shown_times = [f"{each * 1000:.1f} ms" for each in (*of(walled), *of(bare))]
        say(name, *shown_times, f"{ratio:.2f}")
        is_small = median(walled) - median(bare) <= CALL_SECONDS
        is_right = is_right and (ratio <= BAR or is_small or not is_held)
    return is_right


def of(times: list[float]) -> tuple[float, float]:
    """Return the median, and the 95th of a hundred."""
    return median(times), sorted(times)[int(len(times) * 0.95)]


def look_at_all(desk: Desk) -> None:
    """Look at each matter that is asked for; that is not what is measured here."""
    with desk.apps["handler"].app_context():
        shown.show("session", desk.token)
        for reference in desk.references:
            access.open_matter(reference)


def _in_turn(desk: Desk, act: Act) -> tuple[list[float], list[float]]:
    times: dict[DatabaseRole, list[float]] = {"handler": [], "owner": []}
    for number in range(WARM + ROUNDS):
        for role, taken in times.items():
            taken.append(time_of(desk.apps[role], desk.token, partial(_ready, act, number)))
    return times["handler"][WARM:], times["owner"][WARM:]


def _ready(act: Act, number: int, person: access.Person) -> Callable[[], object]:
    return act(person, number)


def time_of(app: Flask, token: str, ready: Callable[[access.Person], Callable[[], object]]) -> float:
    """Return how many seconds an act takes, once all is ready for it."""
    with app.app_context():
        person = access.find_person(token)
        assert person is not None
        do = ready(person)
        db.session.commit()
        db.session.scalar(text("SELECT 1"))
        began = time.perf_counter()
        do()
        taken = time.perf_counter() - began
        db.session.commit()
        return taken


def measure_accepting(desk: Desk) -> None:
    """Accept matters with and without what they are found by, which every message pays for."""
    say("accepted, by the service itself", "p50", "p95", "worst")
    for words, is_found in (("with what they are found by", True), ("without", False)):
        if not is_found:
            with connect(desk.url) as connection:
                _keep_found(connection, is_kept=False)
        with desk.apps["worker"].app_context():
            times = [_accept() for _ in range(10 * ROUNDS)]
        say(words, *(f"{each * 1000:.1f} ms" for each in (*of(times), max(times))))


def _accept() -> float:
    at = datetime.now(UTC)
    said = incoming.Submission(
        channel="form", subject="Cykel borta", text=load.TEXT, received_at=at, sender_name="Kim Berg",
        sender_email="kim@example.com", category="anmalan", place="municipality", municipality="1280",
    )  # fmt: skip
    began = time.perf_counter()
    written = arrive.begin_matter(said, None)
    arrive.commit_numbered((written.matter_id,), at)
    return time.perf_counter() - began
