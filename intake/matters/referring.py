"""Referring: the person is told which other authority answers for the matter, and how to reach it.

Nothing is sent to that authority. What the person wrote stays here until a handler says expressly that it
may be given on, and then it is taken out as an export and given on in the authority's own way.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from config.authorities import OtherAuthority
from intake.errors import NotAllowed
from intake.extensions import db, settings
from intake.matters import work
from intake.matters.placing import whole_text
from intake.matters.work import Act, change, end
from intake.matters.writing import language_of
from intake.models import Matter, Message

WITHHELD = "withheld"
# So many messages are read for what they seem to be about.
READ = 20
# Whether what the person wrote may be given to the other authority, and by what.
HANDING_ON = (WITHHELD, "agreed", "lawful")


@dataclass(frozen=True)
class Referral:
    """Where a person is referred, and whether what was written may go there: one of HANDING_ON.

    ``grounds`` are the handler's words on that: which law, or when the person agreed.
    """

    authority: str
    handing_on: str = WITHHELD
    grounds: str = ""


def suggest(matter: Matter) -> tuple[OtherAuthority, ...]:
    """Return the authorities that a matter seems to be for, the likeliest first."""
    messages = select(Message).where(Message.matter_id == matter.id, Message.direction == "incoming")
    said = [
        whole_text(message.text, [answer["answer"] for answer in message.answers])
        for message in db.session.scalars(messages.order_by(Message.created_at).limit(READ))
    ]
    return settings().tables.authorities.suggest(matter.category, "\n".join((matter.subject, *said)))


def draft(matter: Matter, referral: Referral) -> str:
    """Write the message that tells a person of it, in the person's language; NotAllowed as for ``refer``."""
    _require_sound(referral)
    is_handed_on = referral.handing_on != WITHHELD
    authorities = settings().tables.authorities
    return authorities.write(
        referral.authority, language_of(matter), matter.reference, is_handed_on=is_handed_on
    )


def refer(act: Act, referral: Referral, text: str, *, is_closed: bool) -> None:
    """Tell the person of it as an answer is told, close the matter with that outcome if asked, and commit.

    It waits as an answer does, and taking it back opens the matter. NotAllowed for an authority that is not
    in the table, where it would reach nobody, and where what was written is lawfully given on by no law.
    """
    _require_sound(referral)
    if not text.strip():
        raise NotAllowed("Skriv ett meddelande till personen.")
    detail = {"authority": referral.authority, "handing_on": referral.handing_on}
    work.refer(act, text, detail, referral.grounds, is_closed=is_closed)


def decide(act: Act, referral: Referral) -> None:
    """Record whether what the person wrote may be given to the authority, and commit; closed ones too."""
    _require_sound(referral)
    change(act, {})
    detail = {"authority": referral.authority, "handing_on": referral.handing_on}
    end(act, "handing_on_decided", detail, referral.grounds)


def _require_sound(referral: Referral) -> None:
    if settings().tables.authorities.find(referral.authority) is None:
        raise NotAllowed("Välj en myndighet i listan.")
    if referral.handing_on not in HANDING_ON:
        raise NotAllowed("Välj om det som personen skrev får lämnas dit.")
    if referral.handing_on != WITHHELD and not referral.grounds.strip():
        raise NotAllowed(
            "Skriv när personen gick med på det, eller vilken bestämmelse som gör att det får lämnas."
        )
