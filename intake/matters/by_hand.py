"""A matter that a handler begins: for what came in without a form or a letter, or to reach somebody first.

It stands in an inbox of the handler's own. Its id follows from the page that it was written on, so that a
page which is sent twice makes one matter.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from sqlalchemy import text

from intake import codes, routing
from intake.errors import Conflict, NotAllowed
from intake.extensions import STOCKHOLM, db, now, settings
from intake.matters import deadlines, placing
from intake.matters.alarms import URGENT, raise_alarm
from intake.matters.arrive import attach, subject_of
from intake.matters.incoming import Submission
from intake.matters.records import note, owe_letter
from intake.matters.talks import require_been
from intake.models import Matter, new_id
from intake.routing.values import UNCLEAR

# How something came that no machine received, and the way of what we begin ourselves.
CAME = ("phone", "visit", "paper")
OUTGOING = "outgoing"
BY_HAND = (*CAME, OUTGOING)
_BEGIN = text(
    "SELECT reference, is_new, is_same FROM begin_by_hand(CAST(:matter AS jsonb), CAST(:said AS jsonb),"
    " CAST(:placement AS jsonb), :token, :digest, :at)"
)
_NUMBER = text("SELECT number_by_hand(:id, :series, :year, :at)")
_HAND_OUT = text("SELECT hand_out_code(:id, :hash, :at)")


@dataclass(frozen=True)
class Begun:
    """A matter that was begun from a page: now, or when it was sent before, perhaps with other words."""

    reference: str
    is_new: bool
    is_same: bool


def id_of(handler_id: uuid.UUID, page: uuid.UUID) -> uuid.UUID:
    """Return the id of the matter that a handler begins from a page; no page gives another's."""
    return uuid.uuid5(handler_id, str(page))


def register(matter_id: uuid.UUID, came: Submission, unit: str | None, offered: Collection[str]) -> Begun:
    """Register what came in one of the ways of CAME, place it, and commit; its files are stored already.

    ``unit`` is None where the rule is to choose among ``offered``, the inboxes of who registers.
    ``came.category`` is None where it is to choose that too. NotAllowed with words for the handler.
    """
    if not came.text and not came.files:
        raise NotAllowed("Skriv vad det gäller, eller lägg till det inskannade brevet.")
    require_been(came.received_at)
    placement = _place(came, unit, offered)
    columns = {
        "category": placement.category,
        "priority": placement.priority,
        "flags": placement.flags,
        **deadlines.first(placement.category, came.received_at),
    }
    begun = _begin(matter_id, came, placement.unit, columns, placement)
    if begun.is_new:
        if placement.priority == URGENT:
            raise_alarm(matter_id)
        if came.sender_email and came.wants_receipt:
            owe_letter("receipt", matter_id, came.sender_email, at=came.received_at)
        _number(matter_id)
    return begun


def begin_contact(matter_id: uuid.UUID, contact: Submission, unit: str) -> Begun:
    """Begin a matter to reach somebody, in the handler's own hands, and commit; nothing is sent.

    ``contact.text`` is a note on why, ``contact.category`` what it is about. No answer of ours is due.
    """
    category = settings().tables.categories.get(contact.category or UNCLEAR)
    columns = {"category": category.code, "priority": category.priority, "flags": []}
    begun = _begin(matter_id, contact, unit, columns, None)
    if begun.is_new:
        _number(matter_id)
    return begun


def hand_out_code(matter_id: uuid.UUID, code: str, handler_id: uuid.UUID) -> None:
    """Let a status code that stands on a paper open a matter of BY_HAND, and commit.

    NotAllowed for any other matter: whoever sent that has a code, or can ask for one; and for one that has
    been merged, or stands somewhere else by now.
    """
    given = {"id": matter_id, "hash": codes.hash_code(code), "at": now()}
    if not db.session.scalar(_HAND_OUT, given):
        raise NotAllowed(_why_no_code(matter_id))
    note(matter_id, "receipt_printed", {}, handler_id)
    db.session.commit()


def _why_no_code(matter_id: uuid.UUID) -> str:
    matter = db.session.get(Matter, matter_id)
    if matter is not None and matter.channel not in BY_HAND:
        return "Kvittens på papper finns bara för ärenden som är registrerade för hand."
    if matter is not None and matter.merged_into_id is not None:
        return (
            "Ingen kvittens är utskriven: ärendet är sammanfört med ett annat, och svar ges där. Personens"
            " koder hit leder dit."
        )
    return "Ingen kvittens är utskriven: ärendet är överlämnat eller flyttat, och ni ändrar inget i det nu."


def _place(came: Submission, unit: str | None, offered: Collection[str]) -> routing.Placement:
    """Place what came, with what was chosen by hand in the place of what the rule says."""
    facts = routing.Facts(
        channel=came.channel,  # type: ignore[arg-type]
        subject=came.subject,
        text=came.text,
        category=came.category,
        addressed_unit=unit,
        has_files=bool(came.files),
    )
    placement = placing.place(facts)
    if unit is None and placement.unit not in offered:
        raise NotAllowed(
            "Reglerna placerar inte ärendet i någon av dina inkorgar. Välj inkorg själv. Därifrån kan du"
            " flytta det."
        )
    if unit is not None:
        reason = routing.Reason("inkorg.for_hand", "Inkorgen valdes när ärendet registrerades för hand.")
        placement = replace(placement, unit=unit, reasons=(*placement.reasons, reason))
    return _sorted(placement, came.category) if came.category else placement


def _sorted(placement: routing.Placement, category: str) -> routing.Placement:
    """Return a placement with a category that was chosen by hand; danger that the rule saw stands."""
    its = settings().tables.categories.get(category)
    reason = routing.Reason("kategori.for_hand", "Ärendetypen valdes när ärendet registrerades för hand.")
    # It was no citizen's choice, as the rule has taken it for.
    others = [each for each in placement.reasons if each.code != routing.CHOSEN]
    return replace(
        placement,
        category=its.code,
        is_undecided=False,
        priority=min(placement.priority, its.priority),
        reasons=(*others, reason),
    )


def _begin(
    matter_id: uuid.UUID,
    came: Submission,
    unit: str,
    columns: Mapping[str, object],
    placement: routing.Placement | None,
) -> Begun:
    """Write a matter with its first words and files into the transaction, unless its page was sent before."""
    message_id, sender = new_id(), ("sender_name", "sender_email", "sender_phone")
    matter = {
        "id": matter_id,
        "reference": codes.new_reference(),
        "channel": came.channel,
        "unit_id": unit,
        "subject": subject_of(came),
        "received_at": came.received_at,
        **columns,
        **{name: getattr(came, name) for name in sender},
    }
    said: dict[str, object] = {"id": message_id, "subject": came.subject, "text": came.text}
    if came.channel != OUTGOING:
        said |= {name: getattr(came, name) for name in sender}
    values = {
        "matter": _json(matter),
        "said": _json(said),
        "placement": _json(asdict(placement)) if placement else None,
        "token": codes.new_token(),
        "digest": _digest(came, unit),
        "at": now(),
    }
    row = db.session.execute(_BEGIN, values).one_or_none()
    if row is None:
        raise Conflict("the matter of this page is not the person's")
    if row.is_new:
        attach(matter_id, message_id, came.files, at=now())
    else:
        db.session.rollback()
    return Begun(row.reference, row.is_new, row.is_same)


def _number(matter_id: uuid.UUID) -> None:
    """Give a matter its diary number, of the year in which it is registered, and commit."""
    at = now()
    series, year = settings().tables.authority.diary_series, at.astimezone(STOCKHOLM).year
    db.session.execute(_NUMBER, {"id": matter_id, "series": series, "year": year, "at": at})
    db.session.commit()


def _digest(came: Submission, unit: str) -> str:
    """Return the SHA-256 of all that was said, and of the digests of its files."""
    said = [came.channel, came.subject, came.text, came.sender_name, came.sender_email, came.sender_phone]
    # What we begin ourselves began when the page was sent, each time.
    at = None if came.channel == OUTGOING else came.received_at
    its = [*said, at, came.category, unit, [file.sha256 for file in came.files]]
    return hashlib.sha256(_json(its).encode()).hexdigest()


def _json(values: object) -> str:
    return json.dumps(values, ensure_ascii=False, default=_plain)


def _plain(value: object) -> str:
    """Write an id or a time as PostgreSQL reads it."""
    return value.isoformat() if isinstance(value, datetime) else str(value)
