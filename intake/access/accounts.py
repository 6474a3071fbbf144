"""Accounts of handlers: made by the owner's role with a first password that must be changed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import exists, select, update

from config.tables import Authority, Region
from intake import rows
from intake.access import passwords
from intake.access.looks import security
from intake.errors import Conflict, NotAllowed, NotFound
from intake.extensions import db, now, settings
from intake.models import Handler, HandlerSession, Membership, Unit, new_id
from intake.models.people import ROLES

FIRST_PASSWORD_LASTS = timedelta(days=14)

# One made-up first name a role; the region stands in the address.
DEMO_HANDLER = ("anna", "Anna Lindgren")
DEMO_COORDINATOR = ("karin", "Karin Holm")


@dataclass(frozen=True)
class NewHandler:
    """A handler that was just made, with the first password in plain and what the role is for."""

    email: str
    name: str
    password: str
    words: str


@dataclass(frozen=True)
class _Demo:
    email: str
    name: str
    words: str
    memberships: tuple[tuple[str, str], ...]


def add_handler(email: str, name: str, memberships: Sequence[tuple[str, str]]) -> str | None:
    """Make a handler with (unit, role) memberships, commit, and return the first password.

    A handler who is there already, by address and name, gets those that are missing, keeps the
    password, and None is returned. Raises Conflict when the address is somebody else's, NotFound for an
    unknown unit and NotAllowed for an address, name or role that will not do.
    """
    email, name = email.strip().lower(), " ".join(name.split())
    _check(email, name, memberships)
    handler = db.session.scalar(select(Handler).where(Handler.email == email).with_for_update())
    if handler is not None and handler.name != name:
        raise Conflict(
            f"Det finns redan en handläggare med adressen {email}, som heter {handler.name}. Skriv det"
            " namnet för att ge samma person fler enheter eller roller."
        )
    password = _write(email, name, memberships) if handler is None else None
    if handler is not None:
        _seat(handler.id, memberships)
    db.session.commit()
    return password


def demo_handlers() -> list[NewHandler]:
    """Make the demonstration's handlers that are missing, commit, and return those just made."""
    made = []
    for demo in _demos(settings().tables.authority):
        if not _is_taken(demo.email):
            password = _write(demo.email, demo.name, demo.memberships)
            made.append(NewHandler(demo.email, demo.name, password, demo.words))
    db.session.commit()
    return made


def renew_password(email: str) -> str:
    """Give a handler a new first password, end every session, commit, and return it; NotFound."""
    handler = db.session.scalar(select(Handler).where(Handler.email == email.strip().lower()))
    if handler is None:
        raise NotFound(f"Det finns ingen handläggare med adressen {email}.")
    at, password = now(), passwords.new_password()
    handler.password_hash = passwords.make_hash(password)
    handler.must_change_password, handler.password_expires_at = True, at + FIRST_PASSWORD_LASTS
    is_open = (HandlerSession.handler_id == handler.id, HandlerSession.ended_at.is_(None))
    db.session.execute(update(HandlerSession).where(*is_open).values(ended_at=at))
    security.info("password_renewed handler=%s", handler.id)
    db.session.commit()
    return password


def _write(email: str, name: str, memberships: Sequence[tuple[str, str]]) -> str:
    at, password = now(), passwords.new_password()
    handler_id = new_id()
    rows.insert(
        Handler,
        id=handler_id,
        email=email,
        name=name,
        password_hash=passwords.make_hash(password),
        password_expires_at=at + FIRST_PASSWORD_LASTS,
        created_at=at,
    )
    security.info("handler_added handler=%s", handler_id)
    _seat(handler_id, memberships)
    return password


def _seat(handler_id: uuid.UUID, memberships: Sequence[tuple[str, str]]) -> None:
    """Give a handler the memberships that are missing; the person's next page shows them."""
    has = select(Membership.unit_id, Membership.role).where(Membership.handler_id == handler_id)
    held = {(row[0], row[1]) for row in db.session.execute(has)}
    new = [seat for seat in dict.fromkeys(memberships) if seat not in held]
    for unit, role in new:
        rows.insert(Membership, handler_id=handler_id, unit_id=unit, role=role, created_at=now())
    security.info("memberships_added handler=%s memberships=%d", handler_id, len(new))


def _check(email: str, name: str, memberships: Sequence[tuple[str, str]]) -> None:
    local, at, domain = email.partition("@")
    if not (local and at and domain) or "@" in domain or any(char.isspace() for char in email):
        raise NotAllowed(f"{email!r} är ingen e-postadress.")
    if not name:
        raise NotAllowed("Ett namn behövs.")
    known = set(db.session.scalars(select(Unit.id).where(Unit.is_open)))
    for unit, role in memberships:
        if unit not in known:
            near = {code for code in known if code.startswith(unit.partition("-")[0])}
            raise NotFound(f"Enheten {unit!r} finns inte; välj bland {', '.join(sorted(near or known))}.")
        if role not in ROLES:
            raise NotAllowed(f"Rollen {role!r} finns inte; välj bland {', '.join(ROLES)}.")


def _is_taken(email: str) -> bool:
    return bool(db.session.scalar(select(exists().where(Handler.email == email))))


def _demos(authority: Authority) -> Iterator[_Demo]:
    domain = authority.mail_domain
    for region in authority.regions:
        yield from _demos_of(region, authority)
    national = [unit for unit in authority.units if unit.region is None]
    open_units = tuple((unit.code, "handler") for unit in national if not unit.is_walled)
    seats = ((authority.unit_of_kind("inkorg", None).code, "operator"), *open_units)
    words = "handlägger nationellt och sköter Postrummet"
    yield _Demo(f"nils.nationell@{domain}", "Nils Åberg", words, seats)
    for unit in national:
        if unit.is_walled:
            seat = ((unit.code, "handler"),)
            yield _Demo(f"sara.{unit.code}@{domain}", "Sara Ek", f"handlägger i {unit.name}", seat)
    inboxes = tuple(
        (unit.code, "file_quarantine") for unit in authority.units if unit.region and not unit.is_walled
    )
    yield _Demo(f"filip.karantan@{domain}", "Filip Berg", "får öppna filer i karantän", inboxes)


def _demos_of(region: Region, authority: Authority) -> Iterator[_Demo]:
    units = [unit for unit in authority.units if unit.region == region.code and not unit.is_walled]
    seats = tuple((unit.code, "handler") for unit in units)
    local, name = DEMO_HANDLER
    yield _Demo(f"{local}.{region.code}@{authority.mail_domain}", name, f"handlägger i {region.name}", seats)
    local, name = DEMO_COORDINATOR
    first = tuple((unit.code, "coordinator") for unit in units[:1])
    yield _Demo(f"{local}.{region.code}@{authority.mail_domain}", name, f"samordnar {region.name}", first)
