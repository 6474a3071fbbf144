"""The access log proven: each person's looks are one chain of hashes, and seals hold all chains together.

A chain shows that a row in it was changed, taken away or put in. Its own end, or all of it, could be
taken away without a trace but for the seals; and these too, by the owner of the database, but for the
hash of a seal that somebody has kept elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from intake.extensions import db, now
from intake.security_log import security

MONTHS_AHEAD = 12
# Of a log that is broken everywhere no more is told; it is all of it.
MOST_FAULTS = 200

_ROWS = text("""
    SELECT chain, seq, at, before FROM (
        SELECT chain, seq, at, hash, lag(seq, 1, 0::bigint) OVER own AS before,
               look_hash(lag(hash, 1, ''::bytea) OVER own, access_log) AS told
        FROM access_log WINDOW own AS (PARTITION BY chain ORDER BY seq, at)
    ) AS row WHERE seq <> before + 1 OR hash <> told
    ORDER BY chain, seq, at LIMIT :most""")
_HEADS = text("""
    SELECT chain, last.seq, last.at, head.seq FROM access_chain AS head FULL JOIN (
        SELECT DISTINCT ON (chain) chain, seq, at, hash FROM access_log ORDER BY chain, seq DESC
    ) AS last USING (chain)
    WHERE (last.seq, last.hash) IS DISTINCT FROM (head.seq, head.hash) ORDER BY chain LIMIT :most""")
# What a seal says is read with care: whoever changes it must not be able to stop the proof.
_NAMED = """
    named AS MATERIALIZED (
        SELECT access_log.seq AS seal, access_log.at, split_part(entry, ':', 1) AS chain,
               split_part(entry, ':', 2)::bigint AS seq, decode(split_part(entry, ':', 3), 'hex') AS hash
        FROM access_log CROSS JOIN LATERAL string_to_table(access_log.words, ' ') AS entry
        WHERE access_log.chain = 'seal' AND entry ~ '^[^: ]+:[0-9]{1,18}:[0-9a-f]{64}$')"""
_SEALED = text(f"""
    WITH {_NAMED} SELECT named.chain, named.seq, named.at, named.seal
    FROM named LEFT JOIN access_log USING (chain, seq)
    WHERE access_log.hash IS DISTINCT FROM named.hash
    ORDER BY named.chain, named.seq, named.seal LIMIT :most""")  # noqa: S608 (of constants)
_UNSEALED = text(f"""
    WITH {_NAMED} SELECT chain, sealed, NULL, coalesce(last, 0) FROM access_chain LEFT JOIN (
        SELECT chain, max(seq) AS last FROM named GROUP BY chain) AS named USING (chain)
    WHERE chain <> 'seal' AND sealed <> coalesce(last, 0) ORDER BY chain LIMIT :most""")  # noqa: S608
_COUNTS = text("""
    SELECT (SELECT count(*) FROM access_log) AS rows, (SELECT count(*) FROM access_chain) AS chains,
           (SELECT coalesce(sum(seq - sealed), 0)::bigint FROM access_chain
            WHERE chain <> 'seal') AS unsealed,
           coalesce(seal.seq, 0) AS seals, encode(seal.hash, 'hex') AS seal, seal.at AS sealed_at
    FROM (SELECT) AS one LEFT JOIN LATERAL (
        SELECT seq, hash, at FROM access_log WHERE chain = 'seal' ORDER BY seq DESC LIMIT 1
    ) AS seal ON true""")
_KEPT = text("SELECT seq FROM access_log WHERE chain = 'seal' AND hash = decode(:seal, 'hex')")
_ROOM = text("""
    SELECT (SELECT count(*) FROM access_log_rest) AS astray,
           to_regclass('access_log_' || to_char(:next AT TIME ZONE 'UTC', 'YYYY_MM')) IS NOT NULL AS has_next,
           (SELECT max(at) FROM access_log WHERE chain = 'seal') AS sealed_at,
           EXISTS (SELECT FROM access_chain WHERE chain <> 'seal' AND sealed < seq) AS is_owed,
           :at AS at""")


@dataclass(frozen=True)
class Proof:
    """What was read, what is wrong in words, and the newest seal, whose hash is to be kept elsewhere.

    ``unsealed`` counts the rows that no seal holds yet.
    """

    rows: int
    chains: int
    unsealed: int
    seals: int
    seal: str | None
    sealed_at: datetime | None
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Room:
    """Whether the log has room for what comes: rows outside of all months, the month that is next."""

    astray: int
    has_next: bool
    sealed_at: datetime | None
    is_owed: bool
    at: datetime


def seal() -> str | None:
    """Seal what was looked at since the last time, commit, and tell the seal's hash to the security log.

    Returns None when there is nothing new.
    """
    made: str | None = db.session.scalar(text("SELECT seal_log()"))
    db.session.commit()
    if made is not None:
        security.info("log_sealed hash=%s", made)
    return made


def make_months() -> None:
    """Make the months of the log that are to come, and the present one, each with its own commit."""
    for months in range(MONTHS_AHEAD + 1):
        made = text("SELECT make_log_month(now() + :months * interval '1 month')")
        db.session.execute(made, {"months": months})
        db.session.commit()


def room() -> Room:
    """Tell whether the log has room for what comes, and was sealed lately."""
    at = now()
    next_month = (at.replace(day=1) + timedelta(days=32)).replace(day=1)
    return Room(*db.session.execute(_ROOM, {"next": next_month, "at": at}).one())


def prove(kept: str | None = None) -> Proof:
    """Read the whole log from one snapshot and say what is not as it was written.

    ``kept`` is the hash of a seal, in hexadecimal digits, that was kept elsewhere.
    """
    with db.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        connection.execute(text("SET TRANSACTION READ ONLY"))
        connection.execute(text("SET LOCAL statement_timeout = '24h'"))
        faults = tuple(_faults(connection, kept))
        return Proof(**connection.execute(_COUNTS).one()._mapping, faults=faults)


def _faults(connection: Connection, kept: str | None) -> Iterator[str]:
    tellers = ((_ROWS, _of_row), (_HEADS, _of_head), (_SEALED, _of_seal), (_UNSEALED, _of_mark))
    for query, tell in tellers:
        found = connection.execute(query, {"most": MOST_FAULTS}).all()
        yield from (tell(*row) for row in found)
        if len(found) == MOST_FAULTS:
            yield f"and perhaps more of this kind: {MOST_FAULTS} are told"
    if kept is not None and connection.scalar(_KEPT, {"seal": kept}) is None:
        yield f"no seal has the hash {kept}: it was changed, or taken away with all after it"


def _of_row(chain: str, seq: int, at: datetime, before: int) -> str:
    if seq > before + 1:
        gone = f"row {seq - 1} is" if seq == before + 2 else f"rows {before + 1} to {seq - 1} are"
        return f"chain {chain}: {gone} missing before row {seq} of {_time(at)}"
    if seq <= before:
        return f"chain {chain}: row {seq} of {_time(at)} is one too many"
    its = f"row {seq} of {_time(at)}"
    return f"chain {chain}: {its} is not as it was written, or does not follow on row {before}"


def _of_head(chain: str, seq: int | None, at: datetime | None, head: int | None) -> str:
    if seq is None or at is None:
        return f"chain {chain}: all of its {head} rows are missing"
    if head is None:
        return f"chain {chain}: ends at row {seq} of {_time(at)}, but where it ends is not noted"
    if head > seq:
        return f"chain {chain}: the last rows are missing, {seq + 1} to {head}, after {_time(at)}"
    its = f"row {seq} of {_time(at)}"
    return f"chain {chain}: ends at {its}, which is not the row {head} that is noted as its end"


def _of_seal(chain: str, seq: int, at: datetime, seal: int) -> str:
    return f"chain {chain}: row {seq} is missing, or not as seal {seal} of {_time(at)} has it"


def _of_mark(chain: str, sealed: int, _at: None, last: int) -> str:
    return f"chain {chain}: noted as sealed to row {sealed}, but the seals hold it to row {last}"


def _time(at: datetime) -> str:
    return f"{at:%F %T}Z"
