"""Counts how often one key did one thing within a window; what follows from it, the caller decides."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from intake.extensions import db, now, settings
from intake.security_log import security, veiled

# The count is not worth waiting for the disk: a crash may forget the last few, never the matter.
_HIT = text(
    "INSERT INTO limit_count (what, key_hash, window_start, count) VALUES (:what, :key, :start, :by)"
    " ON CONFLICT (what, key_hash, window_start) DO UPDATE SET count = limit_count.count + :by"
    " RETURNING count, set_config('synchronous_commit', 'off', true)"
)


def hit(what: str, key: str, *, window: timedelta, by: int = 1) -> int:
    """Count ``by`` more and return how many there are in this window.

    Commits on a connection of its own. Only a keyed digest of ``key`` is stored, and its key changes
    with the day, so that a row tells nobody which address or person it was.
    """
    start = window_start(now(), window)
    values = {"what": what, "key": _digest(key, start), "start": start, "by": by}
    with _engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return int(connection.execute(_HIT, values).scalar_one())


def is_over(what: str, key: str, most: int, *, window: timedelta, by: int = 1) -> bool:
    """Count ``by`` more, and say whether that is too many; each time it is, the log of security is told."""
    if hit(what, key, window=window, by=by) <= most:
        return False
    security.warning("over_limit what=%s who=%s", what, veiled(key))
    return True


def count(what: str, key: str, *, window: timedelta) -> int:
    """Return how many there are in this window, without counting."""
    start = window_start(now(), window)
    query = text("SELECT count FROM limit_count WHERE (what, key_hash, window_start) = (:what, :key, :start)")
    with _engine().connect() as connection:
        found = connection.execute(query, {"what": what, "key": _digest(key, start), "start": start})
        return int(found.scalar_one_or_none() or 0)


def forget(before: datetime) -> None:
    """Delete the counts of windows that began before a time, and commit."""
    with db.engine.begin() as connection:
        connection.execute(text("DELETE FROM limit_count WHERE window_start < :before"), {"before": before})


def _engine() -> Engine:
    # On the handlers' side only sign-ins are counted, and its pages may not touch the counts.
    return db.engines.get("door", db.engine)


def window_start(at: datetime, window: timedelta) -> datetime:
    """Return when the window that holds a time began; windows are counted from the epoch, in UTC."""
    seconds = int(window.total_seconds())
    return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, UTC)


def network_of(address: str | None) -> str:
    """Return what counts as one sender on the net: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address((address or "").split("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _digest(key: str, start: datetime) -> str:
    daily = hmac.digest(settings().address_key, f"limits {start:%Y-%m-%d}".encode(), hashlib.sha256)
    return hmac.new(daily, key.encode(), hashlib.sha256).hexdigest()
