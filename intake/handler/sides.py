"""The sides that a letter came to, as far as a person may be told of them.

A row that names who wrote tells of nothing but what the person may see: that somebody wrote to another
side too is already too much. Of a walled side nobody hears who has no seat there, whoever wrote.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    SQLColumnExpression,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased
from sqlalchemy.sql.selectable import TableValuedAlias

from config.tables import NATIONAL, Unit
from intake import codes
from intake.access import Person, visible
from intake.extensions import settings
from intake.models import Arrival, Letter, MailAddress, Matter, MatterUnit, Message


def is_told(person: Person) -> ColumnElement[bool]:
    """Return the condition on Letter that the person may be told of it at all."""
    came = aliased(Arrival)
    is_one = or_(_is_seen(person, came), not_(is_walled(person, came)))
    return exists().where(came.letter_id == Letter.id, is_one).correlate(Letter)


def is_walled(person: Person, arrival: type[Arrival] = Arrival) -> ColumnElement[bool]:
    """Return the condition on an arrival that it is behind a wall where the person has no seat."""
    leads = select(MailAddress.matter_id).where(MailAddress.id == arrival.address_id)
    return _is_behind(person, arrival.destination, leads.correlate(arrival).scalar_subquery())


def is_told_to(person: Person, address: str) -> ColumnElement[bool]:
    """Return the condition that a letter came to an address, or a local part, that the person is told."""
    told, name = _told(person, from_letters=False)
    is_same = name == address
    if "@" not in address:
        local = func.split_part(name, "@", 1)
        is_same = or_(local == address, func.split_part(local, "+", 1) == address)
    return told.where(is_same).correlate(Letter).exists()


def told_addresses(person: Person, letter_ids: Sequence[uuid.UUID]) -> Select[Any]:
    """Return the query for the addresses of these letters that are told: letter, destination, address."""
    told, _ = _told(person, from_letters=True)
    return told.where(Letter.id.in_(letter_ids)).order_by(Letter.id, "place")


def _told(person: Person, *, from_letters: bool) -> tuple[Select[Any], ColumnElement[str]]:
    """Return the query for a letter's told addresses, and the address in lower case to ask it by."""
    to = func.unnest(Letter.envelope_to).table_valued("name", with_ordinality="place").render_derived()
    name: ColumnElement[str] = func.lower(to.c.name)
    leads, came = aliased(MailAddress), aliased(Arrival)
    destination = _destination(name, leads)
    is_seen_by_any = aliased(Arrival)
    names_writer = exists().where(is_seen_by_any.letter_id == Letter.id, _is_seen(person, is_seen_by_any))
    is_open = not_(names_writer.correlate(Letter)) & not_(_is_behind(person, destination, leads.matter_id))
    begun: FromClause | TableValuedAlias = to
    if from_letters:
        begun = Letter.__table__.join(to, true())
    told = (
        select(Letter.id, destination.label("destination"), to.c.name, to.c.place)
        .select_from(begun)
        .outerjoin(leads, _leads(name, leads))
        .outerjoin(came, (came.letter_id == Letter.id) & (came.destination == destination))
        .where(or_(and_(came.id.is_not(None), _is_seen(person, came)), is_open))
    )
    return told, name


def _leads(name: ColumnElement[str], leads: type[MailAddress]) -> ColumnElement[bool]:
    """Return the condition that an address bears a token that led somewhere when the letter came."""
    local = func.split_part(name, "@", 1)
    token = func.split_part(local, "+", 2)
    boxes = (settings().tables.authority.matter_local, codes.BOUNCE_LOCAL)
    is_whole = local.in_([literal(f"{box}+") + token for box in boxes])
    was_open = leads.revoked_at.is_(None) | (leads.revoked_at > Letter.received_at)
    return and_(leads.token == token, is_whole, was_open)


def _destination(name: ColumnElement[str], leads: type[MailAddress]) -> ColumnElement[str]:
    """Return what the mailroom calls the place that an address leads to."""
    box = func.split_part(func.split_part(name, "@", 1), "+", 1)
    sides = {unit.mail_local: unit.side for unit in settings().tables.authority.units if unit.mail_local}
    side = func.coalesce(literal(sides, JSONB)[box].astext, NATIONAL)
    by_token = literal("address:") + cast(leads.id, Text)
    return case((leads.id.is_not(None), by_token), else_=literal("side:") + side)


def _is_seen(person: Person, arrival: type[Arrival]) -> ColumnElement[bool]:
    """Return the condition on an arrival that what it became, or repeats, stands where the person sees it."""
    first = aliased(Arrival)
    repeated = select(first.message_id).where(first.id == arrival.duplicate_of_id).correlate(arrival)
    message_id = func.coalesce(arrival.message_id, repeated.scalar_subquery())
    its_matter = (Message.id == message_id, Matter.id == Message.matter_id)
    return exists().where(*its_matter, visible(person)).correlate(arrival)


def _is_behind(
    person: Person, destination: SQLColumnExpression[str], matter_id: SQLColumnExpression[Any]
) -> ColumnElement[bool]:
    """Return the condition that a destination, or the matter it leads to, is behind a wall to the person."""
    walled = _walled_off(person)
    if not walled:
        return false()
    stands = exists().where(
        MatterUnit.matter_id == func.surviving_matter(matter_id),
        MatterUnit.until.is_(None),
        MatterUnit.unit_id.in_([unit.code for unit in walled]),
    )
    return or_(destination.in_([f"side:{unit.side}" for unit in walled]), stands)


def _walled_off(person: Person) -> tuple[Unit, ...]:
    seats = {seat.unit for seat in person.seats}
    units = settings().tables.authority.units
    return tuple(unit for unit in units if unit.is_walled and unit.code not in seats)
