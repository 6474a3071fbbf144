"""The mark that something in a matter may be secret (OSL 5 kap. 5 §): a warning sign, and no decision.

The sign is one of the matter's flags, so that every list shows it. By which provision, when, by whom and
why is told by the event that set it, whose reason is a note in the matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select, text

from config.secrecy import Provision
from intake.errors import NotAllowed
from intake.extensions import db, settings
from intake.matters.records import note
from intake.matters.work import Act, as_seen, change, end
from intake.models import Event, Matter

SIGN = "secrecy_mark"
MARKED, LIFTED = "secrecy_marked", "secrecy_lifted"
_SIGN = text("SELECT sign_secrecy(:matter_id, :is_marked)")


def mark(act: Act, provision: str, words: str) -> None:
    """Mark a matter by a provision of secrecy.toml with the reason, and commit; a closed one too.

    NotAllowed when it is marked already, for an unknown provision, and for what went into another matter.
    """
    matter = _markable(act)
    if SIGN in matter.flags:
        raise NotAllowed(
            "Ärendet är redan sekretessmarkerat. Häv märkningen först om en annan paragraf gäller."
        )
    chosen = find_provision(provision)
    if chosen is None or not chosen.marks:
        raise NotAllowed("Välj en paragraf i listan.")
    _sign(act, is_marked=True)
    end(act, MARKED, {"provision": provision}, words)


def lift(act: Act, words: str) -> None:
    """Take the mark away with the reason, and commit; NotAllowed when there is none."""
    matter = _markable(act)
    if SIGN not in matter.flags:
        raise NotAllowed("Ärendet är inte sekretessmarkerat.")
    _sign(act, is_marked=False)
    end(act, LIFTED, {}, words)


def follow(gone: Any, kept: Any, act: Act) -> None:
    """Tell by which provision the mark of a matter follows into another; joins the caller's transaction.

    ``gone`` and ``kept`` are how their rows stood before. One that is marked itself keeps its own mark.
    """
    if SIGN in gone.flags and SIGN not in kept.flags:
        marked = select(Event.detail).where(Event.matter_id == gone.id, Event.what == MARKED)
        detail = db.session.scalars(marked.order_by(Event.at.desc(), Event.id.desc()).limit(1)).first()
        provision = detail["provision"] if detail else ""
        note(kept.id, MARKED, {"provision": provision, "why": "merged"}, act.handler_id)


def find_provision(code: str) -> Provision | None:
    """Return a provision by its code, None for one that has gone from secrecy.toml."""
    return next((each for each in settings().tables.secrecy if each.code == code), None)


def in_words(flags: Iterable[str], events: Iterable[Mapping[str, Any]]) -> str:
    """Say that a matter is marked and by which provision, after its events, oldest first; or nothing."""
    if SIGN not in flags:
        return ""
    codes = [event["detail"].get("provision", "") for event in events if event["what"] == MARKED]
    provision = find_provision(codes[-1]) if codes else None
    return "Sekretessmarkerat" + (f": {provision.name}" if provision else "")


def _markable(act: Act) -> Matter:
    matter = as_seen(act)
    if matter.merged_into_id is not None:
        raise NotAllowed("Ärendet är sammanfört med ett annat. Gör det i det ärendet i stället.")
    return matter


def _sign(act: Act, *, is_marked: bool) -> None:
    change(act, {})
    db.session.execute(_SIGN, {"matter_id": act.matter_id, "is_marked": is_marked})
