"""Accounts of handlers: made by the owner's role with a first password that must be changed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import exists, select, text

from config.tables import Authority, Region
from intake import rows
from intake.access import factors, passwords, sessions
from intake.access.roles import ROLES
from intake.errors import NO_DEMONSTRATION, Conflict, NotAllowed, NotFound
from intake.extensions import db, now, settings
from intake.matters.alarms import raise_alarm
from intake.models import Handler, Membership, MembershipChange, Unit, new_id
from intake.security_log import security

FIRST_PASSWORD_LASTS = timedelta(days=14)

# One made-up first name a role; the region or the unit stands in the address. Who handles or reads does
# so in each unit of the region, the others in its first one.
DEMO_IN_REGIONS = (
    ("anna", "Anna Lindgren", "handler", "handlägger i"),
    ("karin", "Karin Holm", "coordinator", "samordnar"),
    ("rut", "Rut Palm", "registrar", "registrerar och fördelar i"),
    ("lars", "Lars Öberg", "reader", "läser i"),
)
DEMO_IN_EACH_UNIT = ("handler", "reader")
# One who works there, and two who say who may: to let somebody in takes both.
DEMO_BEHIND_WALLS = (
    ("sara", "Sara Ek", "handler", "handlägger i"),
    ("siv", "Siv Dahl", "coordinator", "samordnar"),
    ("stig", "Stig Lund", "coordinator", "samordnar"),
)

_RELEASE = text("SELECT release_matters(:handler_id, ARRAY(SELECT id FROM unit))")
_TELL = text("SELECT look_by_command(:by, :what, NULL, :words)")


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


def add_handler(
    email: str, name: str, memberships: Sequence[tuple[str, str]], *, by: str = "command"
) -> str | None:
    """Make a handler with (unit, role) memberships, commit, and return the first password.

    A handler who is there already, by address and name, gets those that are missing, keeps the
    password, and None is returned. ``by`` is the machine's user, for the history. Raises Conflict when
    the address is somebody else's, NotFound for an unknown unit and NotAllowed for an address, name or
    role that will not do.
    """
    email, name = email.strip().lower(), " ".join(name.split())
    _check(email, name, memberships)
    handler = db.session.scalar(select(Handler).where(Handler.email == email).with_for_update())
    if handler is not None and handler.name != name:
        raise Conflict(
            f"Det finns redan en handläggare med adressen {email}, som heter {handler.name}. Skriv det"
            " namnet för att ge samma person fler enheter eller roller."
        )
    password = _write(email, name, memberships, by) if handler is None else None
    if handler is not None:
        _seat(handler.id, memberships, by)
    db.session.commit()
    return password


def demo_handlers() -> list[NewHandler]:
    """Make the demonstration's handlers that are missing, commit, and return those just made.

    Raises NotAllowed where people are served in earnest.
    """
    authority = settings().tables.authority
    if authority.is_confirmed:
        raise NotAllowed(NO_DEMONSTRATION.format("people"))
    made = []
    for demo in _demos(authority):
        if not _is_taken(demo.email):
            password = _write(demo.email, demo.name, demo.memberships, "demo-handlers")
            made.append(NewHandler(demo.email, demo.name, password, demo.words))
    db.session.commit()
    return made


def renew_password(email: str, *, by: str) -> str:
    """Give a handler a new first password, end every session, commit, and return it; NotFound.

    The second factor stays, so that whoever reads the password on its way cannot sign in by it alone.
    """
    handler, password = _get(email), passwords.new_password()
    handler.password_hash = passwords.make_hash(password)
    handler.must_change_password, handler.password_expires_at = True, now() + FIRST_PASSWORD_LASTS
    _end_and_tell("renew_password", handler, by)
    return password


def forget_factor(email: str, *, by: str) -> None:
    """Take away a handler's second factor and recovery codes, end every session, and commit; NotFound.

    It gives nothing else: the password is still asked for, and the next sign-in asks for a new factor. Who
    the handler is to the organisation's sign-in is forgotten too, and its next one links the account anew.
    """
    handler = _get(email)
    handler.subject = None
    factors.forget(db.session(), handler.id)
    _end_and_tell("forget_factor", handler, by)


def disable_handler(email: str, *, by: str) -> None:
    """Let a handler in no more, end every session at once, and commit; NotFound.

    What the handler had in hand goes back to its inbox, and what is urgent rings again.
    """
    handler = _get(email)
    handler.disabled_at = handler.disabled_at or now()
    db.session.flush()
    for matter_id in db.session.scalar(_RELEASE, {"handler_id": handler.id}) or ():
        raise_alarm(matter_id)
    _end_and_tell("disable_handler", handler, by)


def enable_handler(email: str, *, by: str) -> None:
    """Let a handler in again, with the password, factor and roles as they were, and commit; NotFound.

    What was in hand does not come back: others may have taken it.
    """
    handler = _get(email)
    handler.disabled_at = None
    _end_and_tell("enable_handler", handler, by)


def _get(email: str) -> Handler:
    found = db.session.scalar(select(Handler).where(Handler.email == email.strip().lower()).with_for_update())
    if found is None:
        raise NotFound(f"Det finns ingen handläggare med adressen {email}.")
    return found


def _end_and_tell(what: str, handler: Handler, by: str) -> None:
    """End a handler's sessions, tell the access log which of the machine's users did what, and commit."""
    sessions.end_all(db.session(), handler.id)
    db.session.execute(_TELL, {"by": by, "what": what, "words": handler.email})
    security.info("%s handler=%s", what, handler.id)
    db.session.commit()


def _write(email: str, name: str, memberships: Sequence[tuple[str, str]], by: str) -> str:
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
    _seat(handler_id, memberships, by)
    return password


def _seat(handler_id: uuid.UUID, memberships: Sequence[tuple[str, str]], by: str) -> None:
    """Give a handler the memberships that are missing, with their history; open sessions end.

    Two persons are not asked for: whoever has the owner's role could do anything. What lets somebody in
    behind a wall stands in the access log too.
    """
    has = select(Membership.unit_id, Membership.role).where(Membership.handler_id == handler_id)
    held = {(row[0], row[1]) for row in db.session.execute(has)}
    walled = set(db.session.scalars(select(Unit.id).where(Unit.is_walled)))
    new = [seat for seat in dict.fromkeys(memberships) if seat not in held]
    for unit, role in new:
        rows.insert(Membership, handler_id=handler_id, unit_id=unit, role=role, created_at=now())
        told = {"what": "given", "handler_id": handler_id, "unit_id": unit, "role": role}
        rows.insert(MembershipChange, at=now(), actor=f"kommando ({by})", **told)
        if unit in walled:
            words = f"{role}:{unit} {handler_id}"
            db.session.execute(_TELL, {"by": by, "what": "membership", "words": words})
    if new:
        sessions.end_all(db.session(), handler_id)
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
    inbox = authority.unit_of_kind("inkorg", None).code
    open_units = tuple((unit.code, "handler") for unit in national if not unit.is_walled)
    words = "handlägger nationellt och sköter Postrummet"
    yield _Demo(f"nils.nationell@{domain}", "Nils Åberg", words, ((inbox, "operator"), *open_units))
    seat = ((inbox, "national_coordinator"),)
    yield _Demo(f"nora.nationell@{domain}", "Nora Wiik", "samordnar hela landet", seat)
    seat = ((inbox, "auditor"),)
    yield _Demo(f"greta.granskare@{domain}", "Greta Moberg", "granskar vem som har sett vad", seat)
    for unit in national:
        if unit.is_walled:
            for local, name, role, words in DEMO_BEHIND_WALLS:
                its = f"{local}.{unit.code}@{domain}"
                yield _Demo(its, name, f"{words} {unit.name}", ((unit.code, role),))
    inboxes = tuple(
        (unit.code, "file_quarantine") for unit in authority.units if unit.region and not unit.is_walled
    )
    yield _Demo(f"filip.karantan@{domain}", "Filip Berg", "får öppna filer i karantän", inboxes)


def _demos_of(region: Region, authority: Authority) -> Iterator[_Demo]:
    units = [unit.code for unit in authority.units if unit.region == region.code and not unit.is_walled]
    for local, name, role, words in DEMO_IN_REGIONS:
        seats = tuple((unit, role) for unit in (units if role in DEMO_IN_EACH_UNIT else units[:1]))
        yield _Demo(f"{local}.{region.code}@{authority.mail_domain}", name, f"{words} {region.name}", seats)
