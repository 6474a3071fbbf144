"""Who works where, as far as the person may say: roles are given and taken by functions of the database.

They ask the session who acts, write the history and end sessions in the same transaction. Here their
answers become words; nothing that a page says decides what is allowed.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, func, select, text

from intake.access import passwords
from intake.access.person import Person
from intake.access.roles import ROLES
from intake.errors import NotAllowed, NotFound
from intake.extensions import db, now
from intake.matters.alarms import raise_alarm
from intake.matters.names import handler_names
from intake.models import ExportRequest, Handler, Membership, MembershipChange, Unit
from intake.security_log import security

PROPOSAL_LASTS = timedelta(days=7)
HISTORY_ROWS = 100

_UNITS = text("SELECT administered_units()")
_GIVEN = text("SELECT role FROM unnest(cast(:roles AS text[])) role WHERE may_give(:unit, role)")
_TAKEN = text("SELECT role FROM unnest(cast(:roles AS text[])) role WHERE may_take(:unit, role)")
_PROPOSALS = text("SELECT * FROM open_proposals()")
_IN_HAND = text("SELECT sum(open) FROM workload(:units, :at) WHERE handler_id = :handler_id")
_BEGIN = text("SELECT begin_people(:email, :reason)")
_GIVE = text("SELECT give_role(:look, :unit, :role)")
_MAKE = text("SELECT make_account(:look, :name, :hash, :unit, :role)")
_TAKE = text("SELECT * FROM take_role(:handler_id, :unit, :role, :reason)")
_CLOSE = text("SELECT * FROM close_account(:handler_id, :reason)")
_DECIDE = text("SELECT decide_proposal(:proposal_id, :is_approved, :reason)")

WORDS = {
    "own": "Du kan inte ändra dina egna roller. Be en annan samordnare.",
    "held": "Personen har redan den rollen i enheten. Inget är ändrat.",
    "waiting": "Det finns redan ett förslag om den rollen som väntar på beslut.",
    "there": "Adressen har redan ett konto. Gå tillbaka och ge rollen till den adressen.",
    "other": "Adressen hör till ett konto som inte kan öppnas här. Be den som sköter driften.",
    "closer": "Kontot stängdes av dig, eller av någon som du nyss fick konto eller roll av. Be en annan"
    " samordnare att öppna det.",
    "owed": "Du har fått din roll av den som frågar, eller så har en av er lagt upp den andres konto. Därför"
    " behöver någon annan godkänna.",
    "decided": "Någon annan hann besluta om det här. Inget mer är ändrat.",
    "late": "Tiden för beslut är ute. Inget är ändrat. Det går att föreslå en gång till.",
    "gone": "Personen, eller den som föreslog, arbetar inte kvar. Förslaget går inte att godkänna.",
}
_Seat = Row[uuid.UUID, str, str, datetime | None, str, str]
OWN_DECISION = "Två personer behövs. En annan person än den som föreslog måste godkänna."


@dataclass(frozen=True)
class Colleague:
    """Somebody who works in a unit, with the roles there; ``is_out`` when the account lets nobody in."""

    handler_id: uuid.UUID
    name: str
    email: str
    is_out: bool
    roles: tuple[str, ...]


@dataclass(frozen=True)
class UnitCard:
    """A unit that the person administers, in a list: how many work there, and who coordinates it."""

    code: str
    name: str
    is_walled: bool
    people: int
    coordinators: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """Something that was changed; ``is_lapsed`` of a proposal that nobody decided in time."""

    at: datetime
    actor: str
    what: str
    handler_id: uuid.UUID
    name: str
    role: str | None
    unit: str
    reason: str | None
    is_lapsed: bool


@dataclass(frozen=True)
class Proposal:
    """A role that waits for another person's decision.

    ``handler_id``, ``reason`` and ``proposer`` are None for who decides from outside the wall.
    """

    id: uuid.UUID
    unit_id: str
    role: str
    name: str
    at: datetime
    expires_at: datetime
    handler_id: uuid.UUID | None
    reason: str | None
    proposer: str | None
    is_own: bool


@dataclass(frozen=True)
class MadeAccount:
    """A new account's first password, told only now; ``is_proposed`` when its role waits for a decision."""

    password: str
    is_proposed: bool


def administered_units() -> tuple[UnitCard, ...]:
    """Return the open units whose people the person says, with how many and who coordinates them."""
    codes = db.session.scalar(_UNITS) or []
    units = db.session.execute(
        select(Unit.id, Unit.name, Unit.is_walled).where(Unit.id.in_(codes), Unit.is_open).order_by(Unit.id)
    ).all()
    people = _people(codes)
    return tuple(_card(unit, [seat for seat in people if seat.unit_id == unit.id]) for unit in units)


def get_unit(code: str) -> UnitCard:
    """Return a unit whose people the person says; NotFound for any other."""
    for unit in administered_units():
        if unit.code == code:
            return unit
    raise NotFound("no such unit here")


def colleagues(unit: str) -> tuple[Colleague, ...]:
    """Return who works in a unit that the person sees, by name."""
    by_id: dict[uuid.UUID, list[_Seat]] = {}
    for row in _people([unit]):
        by_id.setdefault(row.id, []).append(row)
    return tuple(
        Colleague(
            handler_id, one.name, one.email, one.disabled_at is not None, tuple(seat.role for seat in seats)
        )
        for handler_id, seats in by_id.items()
        for one in seats[:1]
    )


def offered_roles(unit: str) -> tuple[str, ...]:
    """Return the roles that the person may give in a unit."""
    return tuple(db.session.scalars(_GIVEN, {"roles": list(ROLES), "unit": unit}))


def takable_roles(unit: str) -> tuple[str, ...]:
    """Return the roles that the person may take from others in a unit."""
    return tuple(db.session.scalars(_TAKEN, {"roles": list(ROLES), "unit": unit}))


def history(*, unit: str | None = None, handler_id: uuid.UUID | None = None) -> tuple[Change, ...]:
    """Return the last changes in a unit, or of somebody in all units that the person administers."""
    asked = select(MembershipChange, Unit.name.label("unit"), func.now().label("here"))
    asked = asked.join(Unit, Unit.id == MembershipChange.unit_id)
    if unit is not None:
        asked = asked.where(MembershipChange.unit_id == unit)
    if handler_id is not None:
        asked = asked.where(MembershipChange.handler_id == handler_id)
    newest_first = asked.order_by(MembershipChange.at.desc(), MembershipChange.id.desc())
    found = db.session.execute(newest_first.limit(HISTORY_ROWS)).all()
    names = handler_names(row.MembershipChange.handler_id for row in found)
    decided = {row.MembershipChange.proposal_id for row in found if row.MembershipChange.what != "proposed"}
    return tuple(
        Change(
            at=change.at,
            actor=change.actor,
            what=change.what,
            handler_id=change.handler_id,
            name=names[change.handler_id],
            role=change.role,
            unit=unit_name,
            reason=change.reason,
            is_lapsed=change.what == "proposed"
            and change.proposal_id not in decided
            and change.at + PROPOSAL_LASTS <= here,
        )
        for change, unit_name, here in found
    )


def open_matters(person: Person, handler_id: uuid.UUID) -> int:
    """Return how many open matters somebody has in hand, in the units that the person coordinates."""
    asked = {"units": list(person.units), "at": now(), "handler_id": handler_id}
    return db.session.scalar(_IN_HAND, asked) or 0


def proposals() -> tuple[Proposal, ...]:
    """Return what waits for a decision that the person may make, or made the proposal for."""
    return tuple(Proposal(**row._mapping) for row in db.session.execute(_PROPOSALS))


def get_proposal(proposal_id: uuid.UUID) -> Proposal:
    """Return a proposal that waits; NotFound when it was decided, lapsed or is none of the person's."""
    for proposal in proposals():
        if proposal.id == proposal_id:
            return proposal
    raise NotFound("no such proposal here")


def count_exports_to_decide(handler_id: uuid.UUID) -> int:
    """Return how many exports of several matters wait for a decision of the person's."""
    asked = select(func.count()).select_from(ExportRequest).where(ExportRequest.handler_id != handler_id)
    waits = (ExportRequest.decided_at.is_(None), ExportRequest.expires_at > func.now())
    return db.session.scalar(asked.where(*waits)) or 0


def give_role(person: Person, email: str, unit: str, role: str, reason: str) -> bool | None:
    """Give somebody a role in a unit, and commit; False when it waits for another person's approval.

    None when nobody has an account with the address. NotFound when it is not the person's to give, and
    NotAllowed with what to do.
    """
    given = {"look": _begin(email, reason), "unit": unit, "role": role}
    outcome = str(db.session.scalar(_GIVE, given))
    db.session.commit()
    if outcome == "unknown":
        return None
    _tell(person, "give_role", outcome, ("given", "proposed"))
    return outcome == "given"


def make_account(person: Person, email: str, name: str, unit: str, role: str, reason: str) -> MadeAccount:
    """Make an account with its first role, commit, and return the first password; raises as ``give_role``."""
    password = passwords.new_password()
    given = {"look": _begin(email, reason), "name": name, "unit": unit, "role": role}
    outcome = str(db.session.scalar(_MAKE, given | {"hash": passwords.make_hash(password)}))
    db.session.commit()
    _tell(person, "make_account", outcome, ("given", "proposed"))
    return MadeAccount(password, is_proposed=outcome == "proposed")


def take_role(person: Person, handler_id: uuid.UUID, unit: str, role: str, reason: str) -> None:
    """Take a role from somebody, and commit; what that person had in hand there goes back to the inbox."""
    given = {"handler_id": handler_id, "unit": unit, "role": role, "reason": reason}
    _take(person, "take_role", db.session.execute(_TAKE, given).one(), "taken")


def close_account(person: Person, handler_id: uuid.UUID, reason: str) -> None:
    """Take every role that the person may from somebody, and commit; who has none left cannot sign in."""
    given = {"handler_id": handler_id, "reason": reason}
    _take(person, "close_account", db.session.execute(_CLOSE, given).one(), "closed")


def decide(person: Person, proposal_id: uuid.UUID, *, is_approved: bool, reason: str) -> str:
    """Approve or refuse a proposal, commit, and return what was decided; one's own can only be withdrawn."""
    given = {"proposal_id": proposal_id, "is_approved": is_approved, "reason": reason or None}
    outcome = str(db.session.scalar(_DECIDE, given))
    db.session.commit()
    if outcome == "own":
        raise NotAllowed(OWN_DECISION)
    _tell(person, "decide_proposal", outcome, ("approved", "refused", "withdrawn"))
    return outcome


def _begin(email: str, reason: str) -> uuid.UUID | None:
    """Record the look for an address, and commit: only then does the database answer by it."""
    look: uuid.UUID | None = db.session.scalar(_BEGIN, {"email": email, "reason": reason})
    db.session.commit()
    return look


def _take(person: Person, what: str, answer: Row[str, Sequence[uuid.UUID] | None], done: str) -> None:
    """Let what is urgent and nobody's ring again, in the same commit."""
    for matter_id in answer.urgent or ():
        raise_alarm(matter_id)
    db.session.commit()
    _tell(person, what, answer.outcome, (done,))


def _tell(person: Person, what: str, outcome: str, done: Collection[str]) -> None:
    """Tell the security log, and raise what the person is to know of an act that was not done."""
    security.info("%s outcome=%s handler=%s", what, outcome, person.handler_id)
    if outcome in done:
        return
    if outcome not in WORDS:
        raise NotFound("not the person's to do")
    raise NotAllowed(WORDS[outcome])


def _people(units: Collection[str]) -> Sequence[_Seat]:
    return db.session.execute(
        select(Handler.id, Handler.name, Handler.email, Handler.disabled_at)
        .add_columns(Membership.unit_id, Membership.role)
        .join(Membership, Membership.handler_id == Handler.id)
        .where(Membership.unit_id.in_(units))
        .order_by(Handler.name, Handler.id, Membership.role)
    ).all()


def _card(unit: Row[str, str, bool], seats: Collection[_Seat]) -> UnitCard:
    return UnitCard(
        code=unit.id,
        name=unit.name,
        is_walled=unit.is_walled,
        people=len({seat.id for seat in seats}),
        coordinators=tuple(seat.name for seat in seats if seat.role == "coordinator"),
    )
