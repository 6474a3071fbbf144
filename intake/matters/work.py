"""What a handler does to a matter. Each act is one commit and one event, guarded by a version.

``version`` is the one the person had on the screen: when somebody changed the matter since, the
act raises Conflict and changes nothing. Free words become a note, since events hold no personal
data. The caller has already seen to it that the handler may see the matter.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import cast

from sqlalchemy import CursorResult, exists, select, update
from sqlalchemy import text as sql

from intake import rows
from intake.errors import Conflict, NotAllowed
from intake.extensions import db, now, settings
from intake.languages import _, force_locale
from intake.matters import asking, deadlines, handovers, reply_drafts, undoing
from intake.matters.alarms import URGENT, raise_alarm
from intake.matters.answering import Way, find_way, has_code, is_child, is_delicate
from intake.matters.arrive import attach
from intake.matters.incoming import IncomingFile
from intake.matters.records import (
    FROM_A_HANDLER,
    hold_seen,
    move_to,
    needs_without,
    note,
    owe_letter,
)
from intake.matters.writing import answer_by, language_of, reply_subject
from intake.models import (
    Handler,
    Matter,
    Membership,
    Message,
    OutgoingLetter,
    PlacementRecord,
    Unit,
    new_id,
)

OUTCOMES = ("answered", "referred", "no_action")
IN_HAND = ("assigned", "in_progress")
ASSIGNABLE = ("handler", "coordinator")
# What may be sent once more, and when: the other letters are made anew by whoever wants them.
SENT_AGAIN = (*FROM_A_HANDLER, "receipt")
NOT_ARRIVED = ("refused", "bounced", "task")
_REVOKE = sql("SELECT revoke_codes(:matter_id, :at)")


@dataclass(frozen=True)
class Act:
    """Who acts on which matter, and the version that the person had on the screen."""

    matter_id: uuid.UUID
    version: int
    handler_id: uuid.UUID


def take(act: Act) -> None:
    """Assign the matter to the person who acts, who receives it if it was handed over; and commit."""
    matter = open_matter(act, is_received=False)
    waiting = handovers.find(act.matter_id)
    change(act, {"handler_id": act.handler_id, "status": _given(matter, "in_progress")})
    if waiting is not None:
        handovers.end(act.matter_id, act.version + 1, "received")
        note(act.matter_id, "handover_received", {"from": waiting.from_unit}, act.handler_id)
    end(act, "taken", {})


def assign(act: Act, to_handler_id: uuid.UUID) -> None:
    """Assign the matter to a colleague, and commit; NotAllowed unless that person works in its unit."""
    matter = open_matter(act)
    if not works_in(to_handler_id, matter.unit_id):
        raise NotAllowed("Den personen arbetar inte i enheten där ärendet står.")
    change(act, {"handler_id": to_handler_id, "status": _given(matter, "assigned")})
    end(act, "assigned", {"to": str(to_handler_id)})


def works_in(handler_id: uuid.UUID, unit: str) -> bool:
    """Say whether somebody can be given a unit's matters."""
    works_there = exists(Membership.handler_id).where(
        Handler.id == handler_id,
        Handler.disabled_at.is_(None),
        Membership.handler_id == Handler.id,
        Membership.unit_id == unit,
        Membership.role.in_(ASSIGNABLE),
    )
    return bool(db.session.scalar(select(works_there)))


def release(act: Act) -> None:
    """Give the matter back to its inbox, and commit."""
    matter = open_matter(act)
    status = "registered" if matter.status in IN_HAND else matter.status
    change(act, {"handler_id": None, "status": status})
    if matter.priority == URGENT:
        raise_alarm(act.matter_id)
    end(act, "released", {})


def move(act: Act, unit: str, words: str) -> None:
    """Move the matter across a wall, to another unit's inbox, with the reason, and commit.

    From then on only the other unit sees it. NotAllowed for an unknown unit or the same one, and where there
    is no wall: there it is handed over.
    """
    matter = open_matter(act)
    target = db.session.get(Unit, unit)
    if target is None or not target.is_open:
        raise NotAllowed("Det finns ingen sådan enhet.")
    if target.id == matter.unit_id:
        raise NotAllowed("Ärendet står redan där. Välj en annan enhet.")
    left = matter.unit_id
    if not (target.is_walled or settings().tables.authority.unit(left).is_walled):
        raise NotAllowed("Dit lämnas ärendet över, så att enheten tar emot det.")
    status = "registered" if matter.status in IN_HAND else matter.status
    change(act, {"handler_id": None, "status": status})
    move_to(act.matter_id, target.id)
    if matter.priority == URGENT:
        raise_alarm(act.matter_id)
    end(act, "moved", {"from": left, "to": target.id}, words)


def reply(act: Act, text: str, files: Sequence[IncomingFile] = (), *, is_told: bool = True) -> None:
    """Answer the person with this text and these stored files, the way that is safe, and commit.

    ``is_told`` lets the status page show it. NotAllowed when it would reach nobody: it must be
    shown there unless the whole answer goes by mail.
    """
    matter, way = open_matter(act), require_way(act.matter_id, is_told=is_told)
    change(act, _spoken_in(matter, act, "answered"))
    message_id = _write(act, "outgoing", text, reply_subject(matter), is_told=is_told)
    attach(act.matter_id, message_id, files, at=now())
    _speak(act, matter, message_id, way, "replied", {"files": len(files), "is_told": is_told})


def refer(act: Act, text: str, detail: Mapping[str, object], grounds: str, *, is_closed: bool) -> None:
    """Answer the person that another authority is the right one, close the matter if asked, and commit.

    ``detail`` says which; ``grounds`` become a note. NotAllowed as for ``reply``.
    """
    matter, way = open_matter(act), require_way(act.matter_id)
    ended = {"status": "closed", "closed_at": now()} if is_closed else {}
    detail = {**detail, "outcome": "referred"} if is_closed else detail
    change(act, _spoken_in(matter, act, "answered") | ended)
    message_id = _write(act, "outgoing", text, reply_subject(matter), is_told=True)
    if grounds.strip():
        detail = {**detail, "note": str(_write(act, "note", grounds))}
    _speak(act, matter, message_id, way, "referred", detail)


def ask_supplement(act: Act, text: str, *, deadline: date | None) -> None:
    """Ask the person for something more, perhaps by a day, the way that is safe, and commit.

    The status page shows it, and takes the answer; until the day the matter rests. NotAllowed when it
    would reach nobody, and for a day that has been.
    """
    matter, way = open_matter(act), require_way(act.matter_id)
    until_at = asking.end_of(deadline)
    with force_locale(language_of(matter)):
        subject = str(_("Fråga om ditt ärende %(reference)s", reference=matter.reference))
    change(act, {**_spoken_in(matter, act, "awaiting_citizen"), "paused_until": until_at})
    asked = f"{text.rstrip()}\n\n{answer_by(matter, deadline) if deadline else ''}".rstrip()
    message_id = _write(act, "outgoing", asked, subject, is_told=True, is_answer=False)
    asking.expect(act.matter_id, message_id, until_at)
    until = deadline.isoformat() if deadline else None
    _speak(act, matter, message_id, way, "supplement_asked", {"deadline": until})


def tell_delay(act: Act, text: str) -> None:
    """Tell the person that it will take longer, the way that is safe, and commit (FL 11 §).

    NotAllowed when it would reach nobody.
    """
    matter, way = open_matter(act), require_way(act.matter_id)
    with force_locale(language_of(matter)):
        subject = str(_("Besked om ditt ärende %(reference)s", reference=matter.reference))
    change(act, {})
    message_id = _write(act, "outgoing", text, subject, is_told=True, is_answer=False)
    _speak(act, matter, message_id, way, "delay_told", {})


def send_again(act: Act, letter_id: uuid.UUID) -> None:
    """Send a letter that did not arrive once more, to where the person is mailed now, and commit.

    What asked for a person because of it asks no more, unless another letter waits for the same.
    NotAllowed for any other letter, for one that was sent again already, and where no mail may go.
    """
    matter = as_seen(act)
    one = select(OutgoingLetter).where(OutgoingLetter.id == letter_id)
    letter = db.session.scalar(one.where(OutgoingLetter.matter_id == act.matter_id))
    if letter is None or letter.kind not in SENT_AGAIN or letter.state not in NOT_ARRIVED or letter.again_id:
        raise NotAllowed("Det brevet går inte att skicka igen.")
    if not matter.sender_email or not matter.may_email:
        raise NotAllowed("Det finns ingen e-postadress som vi får skicka till. Hör av dig på ett annat sätt.")
    if letter.kind == "receipt" and is_delicate(matter.category, matter.flags):
        raise NotAllowed("Ärendet är för känsligt för en kvittens per e-post. Hör av dig på ett annat sätt.")
    change(act, {"needs_person": needs_without(matter, letter)})
    is_same_address = matter.sender_email.lower() == letter.recipient.lower()
    again_id = owe_letter(
        letter.kind,
        act.matter_id,
        matter.sender_email,
        # A receipt bears the time of what it acknowledges.
        at=letter.created_at if letter.kind == "receipt" else now(),
        message_id=letter.message_id,
        in_reply_to=letter.in_reply_to if is_same_address else None,
    )
    replaced = update(OutgoingLetter).where(OutgoingLetter.id == letter_id).values(again_id=again_id)
    db.session.execute(replaced.execution_options(synchronize_session=False))
    end(act, "sent_again", {"letter": str(letter_id), "again": str(again_id)})


def write_note(act: Act, text: str) -> None:
    """Write a note that only handlers see, and commit; a note collides with nobody's work.

    One on a merged matter is written in the one that it went into, where it is seen.
    """
    act = replace(act, matter_id=hold_seen(act.matter_id))
    message_id = _write(act, "note", text)
    end(act, "noted", {"message": str(message_id)})


def close(act: Act, outcome: str, words: str) -> None:
    """Close the matter with an outcome of OUTCOMES, and commit."""
    matter = open_matter(act)
    if outcome not in OUTCOMES:
        raise NotAllowed("Välj hur ärendet avslutas.")
    change(act, {"status": "closed", "closed_at": now(), **deadlines.stop(matter.needs_person)})
    end(act, "closed", {"outcome": outcome}, words)


def reopen(act: Act) -> None:
    """Open a closed matter again, and commit."""
    matter = as_seen(act)
    if matter.closed_at is None:
        raise NotAllowed("Ärendet är redan öppet.")
    if matter.merged_into_id is not None:
        raise NotAllowed("Ärendet är sammanfört med ett annat. Dela upp dem igen först.")
    anew = {"paused_until": None, **deadlines.begin(matter.category, now())}
    change(act, {"status": "reopened", "closed_at": None, **anew})
    if matter.priority == URGENT and matter.handler_id is None:
        raise_alarm(act.matter_id)
    end(act, "reopened", {"why": "by_hand"})


def sort(act: Act, category: str, priority: int, words: str) -> None:
    """Set category and priority by hand, and commit; the event keeps what the rule had said."""
    matter = open_matter(act)
    if category not in settings().tables.categories.codes or priority not in range(1, 6):
        raise NotAllowed("Välj en ärendetyp och en prioritet i listan.")
    if (category, priority) == (matter.category, matter.priority):
        raise NotAllowed("Ärendet har redan den ärendetypen och prioriteten.")
    was = {"category": matter.category, "priority": matter.priority}
    change(act, {"category": category, "priority": priority, **deadlines.follow(matter, category)})
    if priority == URGENT != matter.priority and matter.handler_id is None:
        raise_alarm(act.matter_id)
    detail = {"was": was, "now": {"category": category, "priority": priority}, "rule": _rule_said(act)}
    end(act, "sorted", detail, words)


def settle_needs(act: Act) -> None:
    """Record that what needed a person has been seen to, and commit."""
    matter = as_seen(act)
    needs = list(matter.needs_person)
    change(act, {"needs_person": []})
    end(act, "needs_settled", {"needs": needs})


def revoke_codes(act: Act) -> None:
    """Let none of the status codes that are out open the matter any more, and commit.

    What was begun with one leads there no more either: a form that is not sent, a new address that
    is not confirmed. NotAllowed when there is no such code.
    """
    as_seen(act)
    if not has_code(act.matter_id):
        raise NotAllowed("Det finns ingen statuskod att spärra.")
    # The matter's row comes last, as it does for a form that is being sent: neither waits for the other.
    count = db.session.scalar(_REVOKE, {"matter_id": act.matter_id, "at": now()})
    change(act, {})
    end(act, "codes_revoked", {"codes": count})


def _given(matter: Matter, status: str) -> str:
    """Return the status of a matter that somebody is given: what waits for its person goes on waiting."""
    return matter.status if matter.status == "awaiting_citizen" else status


def as_seen(act: Act) -> Matter:
    """Return the matter as the person saw it; Conflict when it has changed since."""
    matter = db.session.scalar(
        select(Matter).where(Matter.id == act.matter_id, Matter.version == act.version)
    )
    if matter is None:
        db.session.rollback()
        raise Conflict("En kollega hann före.")
    return matter


def open_matter(act: Act, *, is_received: bool = True) -> Matter:
    """Return the matter as the person saw it; Conflict when it changed, NotAllowed when it is closed.

    Nor is one worked on that waits to be received, unless ``is_received`` is False.
    """
    matter = as_seen(act)
    if matter.closed_at is not None:
        raise NotAllowed("Ärendet är avslutat. Återuppta det först.")
    if is_received and handovers.find(act.matter_id) is not None:
        raise NotAllowed("Ärendet är överlämnat och väntar på att tas emot. Ta emot det först.")
    return matter


def change(act: Act, values: Mapping[str, object]) -> None:
    """Change the matter's columns if its version still stands; of two who act at once one wins."""
    statement = (
        update(Matter)
        .where(Matter.id == act.matter_id, Matter.version == act.version)
        .values(**values, version=Matter.version + 1)
        .execution_options(synchronize_session=False)
    )
    done = cast("CursorResult[object]", db.session.execute(statement))
    if done.rowcount != 1:
        db.session.rollback()
        raise Conflict("En kollega hann före.")


def end(act: Act, what: str, detail: Mapping[str, object], words: str = "") -> None:
    """Write the event, with a note for any free words, and commit."""
    if words.strip():
        detail = {**detail, "note": str(_write(act, "note", words))}
    note(act.matter_id, what, dict(detail), act.handler_id)
    db.session.commit()


def _write(
    act: Act,
    direction: str,
    text: str,
    subject: str = "",
    *,
    is_told: bool = False,
    is_answer: bool = True,
) -> uuid.UUID:
    message_id = new_id()
    rows.insert(
        Message,
        id=message_id,
        matter_id=act.matter_id,
        direction=direction,
        channel="email" if direction == "outgoing" else "note",
        subject=subject,
        text=text,
        handler_id=act.handler_id,
        problems=[],
        created_at=now(),
        is_told=is_told,
        is_answer=is_answer,
        held=undoing.waits() if direction == "outgoing" else None,
    )
    return message_id


def _spoken_in(matter: Matter, act: Act, status: str) -> dict[str, object]:
    """Return the columns of a matter in which the person has been spoken to: no first answer is owed now."""
    its: dict[str, object] = {"status": status, "handler_id": matter.handler_id or act.handler_id}
    if matter.status == "awaiting_citizen":
        # It rested until an answer came; now nobody waits for one.
        its["paused_until"] = None
    return {**its, **deadlines.stop(matter.needs_person)}


def require_way(matter_id: uuid.UUID, *, is_told: bool = True) -> Way:
    """Return which way what is written goes; NotAllowed when it would reach nobody.

    Unless the whole of it goes by mail it must be told on the status page.
    """
    way = find_way(matter_id)
    if way == "nowhere" and is_child(matter_id):
        raise NotAllowed("Personen får svar från huvudärendet. Lämna ett besked dit i stället.")
    if way == "nowhere":
        raise NotAllowed(
            "Svaret når ingen: den som skrev har varken en e-postadress som vi får använda eller en"
            " statuskod. Hör av dig på ett annat sätt."
        )
    if way != "mail" and not is_told:
        raise NotAllowed("Svaret mejlas inte, så det måste visas på statussidan för att nå fram.")
    return way


def _speak(
    act: Act, matter: Matter, message_id: uuid.UUID, way: Way, what: str, detail: Mapping[str, object]
) -> None:
    """Write the event of what is said to the person, let it leave when it has waited, and commit.

    The event tells how the matter stood before: taking it back leads there.
    """
    its = {"status": matter.status, "handler": str(matter.handler_id) if matter.handler_id else None}
    was = {**its, **deadlines.remember(matter)}
    told = {"message": str(message_id), "way": way, **detail, "was": was}
    event_id = note(act.matter_id, what, told, act.handler_id)
    undoing.send_soon(matter, event_id, message_id, way, what)
    reply_drafts.keep(act.matter_id, undoing.FORMS[what], "")
    db.session.commit()


def _rule_said(act: Act) -> dict[str, object] | None:
    """Return the rule's own last choice, kept beside the person's so that it can be learned from."""
    columns = (
        PlacementRecord.category,
        PlacementRecord.guess,
        PlacementRecord.priority,
        PlacementRecord.rules_version,
    )
    row = db.session.execute(
        select(*columns)
        .where(PlacementRecord.matter_id == act.matter_id)
        .order_by(PlacementRecord.at.desc())
        .limit(1)
    ).one_or_none()
    return dict(row._mapping) if row else None
