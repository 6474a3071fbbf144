"""Measures what the two walls cost a handler: the inbox, a matter's page and searches, beside the owner.

``python -m bench walls [MATTERS]`` makes a database with so many matters and asks the same of it as a
handler of one region, behind both walls, and as the owner, whom row-level security lets through.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, LiteralString, cast

import psycopg
from flask import Flask
from sqlalchemy import text

from bench import load
from bench.filling import COMMON, RARE, RARE_TEXTS, REGION, USUAL, connect, fill, keep_found
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
_DESK = import_module("migrations.versions.0027_desk")
# The function by which handlers search, as it stands but for the look that says who asks, and for what.
_SEARCH = "search_matters(uuid, integer)"
_ASKED = re.compile(r"SELECT look\.handler_id,.*?contact_seen := [^;]*;", re.DOTALL)
_GIVEN = "sought := p_words; seen := p_units; contact_seen := '{}';"
_SAME = text("SELECT * FROM bare_search(:words, :units, :most)")


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


def sit_down(made: engines.Database, references: list[str], var: Path) -> Desk:
    """Hire somebody in each unit of the region, who is signed in, and make an app for each role."""
    token, at = secrets.token_urlsafe(32), datetime.now(UTC)
    mark = hashlib.sha256(token.encode()).hexdigest()
    with connect(made.urls["owner"]) as connection:
        connection.execute("CREATE TABLE bare (at timestamptz)")
        connection.execute(_bare_search(connection))
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
    surface = replace(settings, surface="handler")
    # The handlers' own app serves its pages too.
    apps: dict[DatabaseRole, Flask] = {"handler": create_app(surface)}
    apps |= {role: create_app(surface, role=role) for role in ("owner", "worker")}
    return Desk(apps, token, references, made.urls["owner"])


def _bare_search(connection: psycopg.Connection[Any]) -> LiteralString:
    """Return the statement that makes the function of the search for the owner, who shows no session."""
    asked = "SELECT pg_get_functiondef(CAST(%s AS regprocedure))"
    (body,) = connection.execute(asked, [_SEARCH]).fetchone()  # type: ignore[misc]
    named = body.replace("search_matters(p_search uuid,", "bare_search(p_words text, p_units text[],")
    made, times = _ASKED.subn(_GIVEN, named.replace("SECURITY DEFINER", ""))
    if times != 1 or made.count("bare_search") != 1:
        raise ValueError(f"{_SEARCH} is written otherwise now.")
    return cast(LiteralString, made)


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
            values = {"words": words, "units": list(person.units), "most": searching.MOST + 1}
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
                keep_found(connection, is_kept=False)
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
