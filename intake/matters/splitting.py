"""Splitting: a question that a matter holds beside another becomes a matter of its own.

The new one is a part, the child: what a handler chose is copied into it as a note, and it has a number,
a place and a deadline of its own. The parent alone speaks with the citizen, so a child has no sender, no
code and no address, and what comes out of it is told to the parent.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, select, text

from intake import codes, outbox, routing, rows, storage
from intake.errors import BytesMissing, NotAllowed, StorageFull
from intake.extensions import db, now, settings
from intake.matters import deadlines, placing
from intake.matters.alarms import URGENT, raise_alarm
from intake.matters.answering import DELICATE_FLAGS
from intake.matters.arrive import attach
from intake.matters.incoming import IncomingFile
from intake.matters.records import ask_person, hold_surviving, move_to, note, update_matter
from intake.matters.viewing import LOCKED
from intake.matters.work import Act, change, open_matter
from intake.models import Attachment, Event, Matter, MatterChild, Message, Unit, new_id
from intake.words import in_digits, in_swedish

UNDO_FOR = timedelta(days=1)
# What a child's outcome asks of a person in the parent.
TOLD = "child_told"
UNTOLD = "outcome_not_told"
_BEGIN = text("SELECT begin_child(:parent, :child, CAST(:said AS jsonb), CAST(:placement AS jsonb), :at)")
_NUMBER = text("SELECT number_child(:child, :at)")
_SPLIT_OF = text("SELECT split_at, is_walled_off FROM split_of(:matter)")
_UNDO = text("SELECT undo_split(:child, :at)")


@dataclass(frozen=True)
class Part:
    """What goes into a child: what it is about, a handler's own words, and what is copied from the parent.

    ``category`` and ``unit`` are None where the routing rule chooses.
    """

    subject: str
    words: str
    message_ids: tuple[uuid.UUID, ...] = ()
    file_ids: tuple[uuid.UUID, ...] = ()
    category: str | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Made:
    """The new matter: its number, and the unit that it stands in."""

    reference: str
    unit: str


def find_split(matter_id: uuid.UUID) -> Row[tuple[datetime, bool]] | None:
    """Return since when a matter is a child, and whether a wall stands before its parent; else None."""
    return db.session.execute(_SPLIT_OF, {"matter": matter_id}).one_or_none()


def split(act: Act, part: Part) -> Made:
    """Make a child of a matter, and commit.

    NotAllowed where there is nothing to put into it, of what is a child itself, and into or out of what
    stands behind a wall unless the handler chose that unit.
    """
    matter = open_matter(act)
    if find_split(matter.id):
        raise NotAllowed("Ärendet är självt en del av ett annat. Dela upp huvudärendet i stället.")
    if part.category and part.category not in settings().tables.categories.codes:
        raise NotAllowed("Välj en ärendetyp i listan.")
    said, files = _chosen(matter.id, part)
    copied = "\n\n".join((part.words, *(message.text for message in said))).strip()
    if not (copied or files):
        raise NotAllowed("Välj ett meddelande eller en fil, eller skriv vad det nya ärendet gäller.")
    facts = _facts(matter, part, copied, has_files=bool(files))
    placement = placing.place(facts)
    category = part.category or placement.category
    unit = _unit_for(matter, part, category, placement)
    came_at = min((message.created_at for message in said), default=matter.due_from or matter.received_at)
    flags = sorted({*placement.flags, *DELICATE_FLAGS.intersection(matter.flags)})
    made = Made(codes.new_reference(), unit)
    its = {
        "reference": made.reference,
        "category": category,
        "priority": placement.priority,
        "flags": flags,
        "subject": part.subject,
        "received_at": came_at,
        **deadlines.first(category, came_at),
    }
    stored, child_id, home = _copies(files), new_id(), matter.unit_id
    change(act, {})
    _begin(act, child_id, its, placement)
    message_id = _write(act, child_id, _told(part, said))
    attach(child_id, message_id, stored, at=now())
    counted: dict[str, object] = {"messages": len(said), "files": len(files)}
    note(child_id, "split_from", {**counted, "unit": unit}, act.handler_id)
    note(act.matter_id, "split", counted, act.handler_id)
    if placement.priority == URGENT:
        raise_alarm(child_id)
    if unit != home:
        move_to(child_id, unit)
    db.session.execute(_NUMBER, {"child": child_id, "at": now()})
    db.session.commit()
    return made


def undo(act: Act) -> None:
    """Close a child that was made by mistake, with that for its outcome, and commit.

    Its number stays its own. NotAllowed of what is no child, and when it was made more than a day ago.
    """
    matter, child = open_matter(act), find_split(act.matter_id)
    if child is None or child.split_at < now() - UNDO_FOR:
        raise NotAllowed("Det går inte att ångra längre. Avsluta ärendet på vanligt sätt i stället.")
    change(act, {"status": "closed", "closed_at": now(), **deadlines.stop(matter.needs_person)})
    if not db.session.scalar(_UNDO, {"child": act.matter_id, "at": now()}):
        db.session.rollback()
        raise NotAllowed("Ärendet är redan noterat som skapat av misstag.")
    note(act.matter_id, "split_undone", {"outcome": "mistake"}, act.handler_id)
    db.session.commit()


def tell_outcome(act: Act, words: str) -> None:
    """Leave word of what a child came to, for its parent to tell the citizen, and commit.

    A worker carries it there, wherever the parent stands: the handler may see nothing of that.
    """
    open_matter(act)
    child = find_split(act.matter_id)
    if child is None:
        raise NotAllowed("Ärendet är inte en del av något annat. Svara personen här.")
    if child.is_walled_off:
        raise NotAllowed(
            "Inget besked kan lämnas till huvudärendet härifrån. Ta kontakt på ett annat sätt, om det får"
            " göras."
        )
    change(act, {})
    message_id = _write(act, act.matter_id, words)
    event_id = note(act.matter_id, "outcome_told", {"message": str(message_id)}, act.handler_id)
    outbox.add("tell_parent", event_id)
    db.session.commit()


def carry(event_id: uuid.UUID, claim: outbox.Claim) -> None:
    """Carry a child's word to its parent, which is opened if it is closed, and commit.

    Where a wall stands between them by now, nothing is told there, and somebody looks at the child.
    """
    event = db.session.get_one(Event, event_id)
    child, split_off = db.session.get(MatterChild, event.matter_id), find_split(event.matter_id)
    # Nothing else that was said in a child is ever carried, whoever added the job.
    if child and split_off and event.what == "outcome_told":
        parent = hold_surviving(child.parent_id)
        if split_off.is_walled_off:
            ask_person(event.matter_id, UNTOLD)
        elif not _is_carried(parent.id, event_id):
            _carry(event, parent)
    claim.finish()
    db.session.commit()


def _carry(event: Event, parent: Row[tuple[object, ...]]) -> None:
    told = db.session.get_one(Message, uuid.UUID(event.detail["message"]))
    reference = db.session.scalars(select(Matter.reference).where(Matter.id == event.matter_id)).one()
    message_id = new_id()
    words = f"Besked från {reference}:\n\n{told.text}"
    _note(parent.id, message_id, words, event.handler_id)
    values: dict[str, object] = {"paused_until": None}
    if parent.closed_at is not None:
        values |= {"status": "reopened", "closed_at": None, **deadlines.begin(parent.category, now())}
        note(parent.id, "reopened", {"why": TOLD})
    update_matter(parent.id, values)
    ask_person(parent.id, TOLD)
    note(parent.id, TOLD, {"told": str(event.id), "message": str(message_id)}, event.handler_id)


def _is_carried(parent_id: uuid.UUID, event_id: uuid.UUID) -> bool:
    told = (Event.matter_id == parent_id, Event.what == TOLD, Event.detail["told"].astext == str(event_id))
    return db.session.scalar(select(Event.id).where(*told).limit(1)) is not None


def _chosen(matter_id: uuid.UUID, part: Part) -> tuple[Sequence[Message], Sequence[Attachment]]:
    """Return what was chosen of what came in, the oldest first; NotAllowed for what cannot go along."""
    messages = select(Message).where(Message.id.in_(part.message_ids), Message.matter_id == matter_id)
    said = db.session.scalars(
        messages.where(Message.direction == "incoming").order_by(Message.created_at, Message.id)
    ).all()
    chosen = select(Attachment).where(Attachment.id.in_(part.file_ids), Attachment.matter_id == matter_id)
    files = db.session.scalars(chosen.order_by(Attachment.created_at, Attachment.position)).all()
    if any(file.verdict in LOCKED for file in files):
        raise NotAllowed("En fil i karantän kan inte följa med. Den finns kvar i det här ärendet.")
    most = settings().tables.files.mail_way_out_bytes
    if sum(file.size_bytes for file in files) > most:
        raise NotAllowed(
            f"Filerna är för stora. Högst {in_digits(most)} tillsammans får plats; resten finns kvar här."
        )
    return said, files


def _facts(matter: Matter, part: Part, copied: str, *, has_files: bool) -> routing.Facts:
    return routing.Facts(
        channel=matter.channel,  # type: ignore[arg-type]
        subject=part.subject,
        text=copied,
        category=part.category,
        municipality=matter.municipality,
        place_words=matter.place_words,
        has_files=has_files,
    )


def _unit_for(matter: Matter, part: Part, category: str, placement: routing.Placement) -> str:
    """Return where a child is to stand; what stands behind a wall stays there unless a person says else."""
    tables = settings().tables
    if tables.authority.unit(matter.unit_id).is_walled:
        if part.unit not in (None, matter.unit_id):
            raise NotAllowed("Det nya ärendet stannar hos er. Flytta det sedan, om det får göras.")
        return matter.unit_id
    if part.unit:
        chosen = db.session.get(Unit, part.unit)
        if chosen is None or not chosen.is_open:
            raise NotAllowed("Det finns ingen sådan enhet.")
        return part.unit
    kind = tables.categories.get(category).unit_kind
    unit = tables.authority.unit_of_kind(kind, placement.region).code if part.category else placement.unit
    if tables.authority.unit(unit).is_walled:
        raise NotAllowed(
            "Det nya ärendet hör till en enhet bakom en sekretessgräns. Välj enheten i listan om det ska dit."
        )
    return unit


def _begin(act: Act, child_id: uuid.UUID, its: dict[str, object], placement: routing.Placement) -> None:
    values = {"parent": act.matter_id, "child": child_id, "at": now()}
    said, kept = json.dumps(its, default=_plain), json.dumps(asdict(placement))
    db.session.execute(_BEGIN, {**values, "said": said, "placement": kept})


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _told(part: Part, said: Sequence[Message]) -> str:
    """Return the note that a child begins with: the handler's words, and each message as it came."""
    copies = (
        "\n".join(
            (
                f"Ur det som kom in {in_swedish(message.created_at)}:",
                "",
                message.text,
                *(f"{answer['question']} {answer['answer']}" for answer in message.answers),
            )
        )
        for message in said
    )
    return "\n\n".join(words for words in (part.words, *copies) if words.strip())


def _copies(files: Sequence[Attachment]) -> tuple[IncomingFile, ...]:
    """Store the bytes of files once more: each file's row names bytes of its own."""
    return tuple(_copy(file) for file in files)


def _copy(file: Attachment) -> IncomingFile:
    store = storage.current()
    try:
        with store.open(file.storage_key) as held:
            stored = store.put(storage.new_key("out"), held)
    except (BytesMissing, StorageFull):
        raise NotAllowed(
            f"Filen ”{file.name}” gick inte att kopiera just nu. Försök igen om en stund."
        ) from None
    return IncomingFile(file.name, stored.key, stored.size_bytes, stored.sha256, file.declared_type)


def _write(act: Act, matter_id: uuid.UUID, words: str) -> uuid.UUID:
    message_id = new_id()
    _note(matter_id, message_id, words, act.handler_id)
    return message_id


def _note(matter_id: uuid.UUID, message_id: uuid.UUID, words: str, handler_id: uuid.UUID | None) -> None:
    rows.insert(
        Message,
        id=message_id,
        matter_id=matter_id,
        direction="note",
        channel="note",
        subject="",
        text=words,
        handler_id=handler_id,
        problems=[],
        created_at=now(),
    )
