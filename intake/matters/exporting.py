"""Taking a whole matter out of the house: everything that came and was done, in one sealed zip.

It holds what a handler may see of this matter, and nothing of another one or of another side. Originals in
quarantine go along under lock, or are named as withheld with their digests; safe views are left out, since
they can be made again of the originals.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import aliased

from intake import codes, storage
from intake.errors import BytesMissing
from intake.extensions import db, now
from intake.files import clean_name
from intake.matters import export_rows, protected, secrecy
from intake.matters.export_rows import Addresses, Row
from intake.matters.names import handler_names
from intake.matters.records import note
from intake.matters.talks import WAYS
from intake.matters.viewing import LOCKED
from intake.models import (
    Arrival,
    Attachment,
    DiaryEntry,
    Event,
    Letter,
    Matter,
    MatterUnit,
    Message,
    OutgoingLetter,
    PlacementRecord,
)
from intake.sealing import LOCK_WORD, Seal, SealedZip, as_json, lock_away
from intake.words import in_swedish

_DIRECTIONS = {"incoming": "Inkommet", "outgoing": "Från oss", "note": "Anteckning"}
# What most file systems take for a name, in bytes, less the end of the zip around what is locked.
NAME_BYTES = 255 - len(".zip")


@dataclass(frozen=True)
class Exporter:
    """Who takes it out, and what the person may in the unit where the matter stands.

    ``addresses`` finds those of letters that this person is told of.
    """

    handler_id: uuid.UUID
    name: str
    may_open_quarantine: bool
    may_see_protected: bool
    addresses: Addresses


@dataclass(frozen=True)
class Export:
    """What was taken out: its seal, and how many originals were left behind or could not be read."""

    seal: Seal
    withheld: int
    missing: int


@dataclass(frozen=True)
class Made:
    """An export that was made before, as the history tells of it."""

    at: datetime
    handler: str
    digest: str
    key: str
    files: int
    withheld: int


@dataclass(frozen=True)
class _Original:
    """Bytes that belong to the matter, and what they are called in the zip."""

    name: str
    storage_key: str
    size_bytes: int
    sha256: str
    is_locked: bool
    tells_sender: bool


@dataclass(frozen=True)
class _Whole:
    """Everything of a matter that stands in the database, read at one moment."""

    at: datetime
    matter: Row
    diary_number: str | None
    messages: Sequence[Row]
    files: Sequence[Row]
    letters: Sequence[Row]
    others: Mapping[str, Sequence[Row]]
    originals: Mapping[uuid.UUID, _Original]


def measure(matter_id: uuid.UUID) -> int:
    """Return about how many bytes of originals an export holds."""
    files = select(func.sum(Attachment.size_bytes)).where(Attachment.matter_id == matter_id)
    letters = select(func.sum(Letter.size_bytes)).join(Message, Message.letter_id == Letter.id)
    of_letters = db.session.scalar(letters.where(Message.matter_id == matter_id))
    return int(db.session.scalar(files) or 0) + int(of_letters or 0)


def made(matter_id: uuid.UUID) -> tuple[Made, ...]:
    """Return the exports of a matter, the last first."""
    rows = db.session.execute(
        select(Event.at, Event.handler_id, Event.detail)
        .where(Event.matter_id == matter_id, Event.what == "exported")
        .order_by(Event.at.desc(), Event.id.desc())
    ).all()
    names = handler_names(row.handler_id for row in rows)
    return tuple(Made(row.at, names[row.handler_id], **row.detail) for row in rows)


def export(matter_id: uuid.UUID, by: Exporter, target: BinaryIO, key: Ed25519PrivateKey) -> Export:
    """Write a matter to ``target`` as a sealed zip, record the seal in its history, and commit."""
    whole = _read(matter_id, by.addresses)
    hides = protected.is_protected(whole.matter["flags"]) and not by.may_see_protected
    if hides:
        whole = _without_contacts(whole)
    told = {
        "reference": whole.matter["reference"],
        "diary_number": whole.diary_number,
        "exported_at": whole.at,
        "exported_by": by.name,
    }
    with SealedZip(target, whole.at) as zipped:
        originals = [
            _add(zipped, original, whole.at, by, hides=hides) for original in whole.originals.values()
        ]
        for name, text in _texts(whole):
            zipped.add_text(name, text)
        seal = zipped.seal(told | {"originals": originals}, key)
    states = [each["state"] for each in originals]
    done = Export(seal, states.count("withheld"), states.count("missing"))
    detail = {"digest": seal.digest, "key": seal.key, "files": seal.files, "withheld": done.withheld}
    note(matter_id, "exported", detail, by.handler_id)
    db.session.commit()
    return done


def _add(zipped: SealedZip, original: _Original, at: datetime, by: Exporter, *, hides: bool) -> Row:
    """Put an original into the zip as it may leave, and return what the manifest tells of it."""
    told: Row = {"name": original.name, "size_bytes": original.size_bytes, "sha256": original.sha256}
    if (original.is_locked and not by.may_open_quarantine) or (hides and original.tells_sender):
        return told | {"state": "withheld"}
    try:
        stream = storage.current().open(original.storage_key)
    except BytesMissing:
        return told | {"state": "missing"}
    with stream:
        if original.is_locked:
            with tempfile.TemporaryFile() as locked:
                lock_away(stream, original.name.rpartition("/")[2], locked, at)
                locked.seek(0)
                zipped.add(f"{original.name}.zip", locked)
            return told | {"state": "locked"}
        added = zipped.add(original.name, stream)
    is_whole = (added.size_bytes, added.sha256) == (original.size_bytes, original.sha256)
    return told | {"state": "whole" if is_whole else "changed"}


def _texts(whole: _Whole) -> Iterator[tuple[str, str]]:
    names = {each_id: original.name for each_id, original in whole.originals.items()}
    yield "arende.json", as_json(whole.matter | {"diary_number": whole.diary_number})
    yield "meddelanden.json", as_json(whole.messages)
    yield "meddelanden.txt", "\n".join(_conversation(whole, names))
    yield "filer.json", as_json([file | {"in_export": names[file["id"]]} for file in whole.files])
    yield "brev.json", as_json([letter | {"in_export": names[letter["id"]]} for letter in whole.letters])
    for name, rows in whole.others.items():
        yield f"{name}.json", as_json(rows)
    yield "las-mig.txt", _README.format(word=LOCK_WORD)


def _conversation(whole: _Whole, names: Mapping[uuid.UUID, str]) -> Iterator[str]:
    yield f"Ärende {whole.matter['reference']}, dnr {whole.diary_number or 'saknas'}"
    yield f"Ärendemening: {whole.matter['subject']}"
    if mark := secrecy.in_words(whole.matter["flags"], whole.others["handelser"]):
        yield f"{mark}. Märkningen är en varning och inget beslut: pröva sekretessen innan något lämnas ut."
    for number, message in enumerate(whole.messages, 1):
        who = " ".join(filter(None, (message["sender_name"], message["sender_email"])))
        kind = WAYS.get(message["channel"]) or _DIRECTIONS[message["direction"]]
        yield ""
        yield f"{number}. {kind} {in_swedish(message['created_at'])} {who}"
        yield message["text"]
        yield from (f"{each['question']} {each['answer']}" for each in message["answers"])
        files = [file for file in whole.files if file["message_id"] == message["id"]]
        yield from (f"Fil: {names[file['id']]}" for file in files)
    yield ""


def _read(matter_id: uuid.UUID, addresses: Addresses) -> _Whole:
    """Read a matter as it is at one moment, so that what is said and what is done belong together."""
    db.session.rollback()
    db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    try:
        return _gather(matter_id, addresses)
    finally:
        db.session.rollback()


def _gather(matter_id: uuid.UUID, addresses: Addresses) -> _Whole:
    read = export_rows.read
    messages = read(Message, Message.matter_id == matter_id, Message.created_at)
    places = {message["id"]: place for place, message in enumerate(messages)}
    files = read(Attachment, Attachment.matter_id == matter_id, Attachment.position)
    files.sort(key=lambda file: (places[file["message_id"]], file["position"]))
    message_of = _letters(list(places))
    arrivals = read(Arrival, _arrived(list(places)), Arrival.at)
    letters = export_rows.read_letters(list(message_of), arrivals, addresses)
    entry = db.session.get(DiaryEntry, matter_id)
    events = export_rows.read_events(matter_id)
    return _Whole(
        at=now(),
        matter=read(Matter, Matter.id == matter_id, Matter.id)[0],
        diary_number=codes.diary_number(entry.series, entry.year, entry.number) if entry else None,
        messages=messages,
        files=files,
        letters=letters,
        others={
            "handelser": events,
            "placeringar": read(PlacementRecord, PlacementRecord.matter_id == matter_id, PlacementRecord.at),
            "enheter": read(MatterUnit, MatterUnit.matter_id == matter_id, MatterUnit.since),
            "inkommet": arrivals,
            "brev-fran-oss": read(OutgoingLetter, _is_ours(matter_id, messages), OutgoingLetter.created_at),
            "handlaggare": _handlers([*events, *messages]),
        },
        originals=_originals(files, letters, message_of),
    )


def _without_contacts(whole: _Whole) -> _Whole:
    """Return a matter without who wrote in it and how to reach them."""
    sent = [protected.hidden_letter(row) for row in whole.others["brev-fran-oss"]]
    return replace(
        whole,
        matter=protected.hidden(whole.matter),
        messages=[protected.hidden(row) for row in whole.messages],
        letters=[protected.hidden_letter(row) for row in whole.letters],
        others={**whole.others, "brev-fran-oss": sent},
    )


def _handlers(rows: Sequence[Row]) -> list[Row]:
    names = handler_names(row["handler_id"] for row in rows)
    return [{"id": handler_id, "name": name} for handler_id, name in names.items()]


def _is_ours(matter_id: uuid.UUID, messages: Sequence[Row]) -> ColumnElement[bool]:
    """Return the condition on OutgoingLetter: it is this matter's, or one of its messages is about it."""
    about = [message["about_letter_id"] for message in messages if message["about_letter_id"]]
    told = [message["id"] for message in messages]
    is_of_message = or_(OutgoingLetter.id.in_(about), OutgoingLetter.message_id.in_(told))
    return or_(OutgoingLetter.matter_id == matter_id, is_of_message)


def _letters(message_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Return the raw letters of the messages, and those that came again, each with its message."""
    first = aliased(Arrival)
    came = db.session.execute(
        select(Arrival.letter_id, Arrival.message_id, first.message_id)
        .outerjoin(first, first.id == Arrival.duplicate_of_id)
        .where(Arrival.letter_id.is_not(None), _arrived(message_ids))
    )
    found: dict[uuid.UUID, uuid.UUID] = {}
    for letter, own, of in came:
        if letter and (message := own or of):
            found[letter] = message
    told = select(Message.letter_id, Message.id).where(Message.id.in_(message_ids))
    found |= {row[0]: row[1] for row in db.session.execute(told) if row[0]}
    return found


def _arrived(message_ids: Sequence[uuid.UUID]) -> ColumnElement[bool]:
    """Return the condition on Arrival: it brought one of the messages, once more or for the first time."""
    first = aliased(Arrival)
    again = select(first.id).where(first.message_id.in_(message_ids))
    return or_(Arrival.message_id.in_(message_ids), Arrival.duplicate_of_id.in_(again))


def _originals(
    files: Sequence[Row], letters: Sequence[Row], message_of: Mapping[uuid.UUID, uuid.UUID]
) -> dict[uuid.UUID, _Original]:
    """Name the files of a matter and the letters they came in; a letter is locked with its files."""
    keys = _keys(Attachment, files) | _keys(Letter, letters)
    locked = {file["message_id"] for file in files if file["verdict"] in LOCKED}
    found = {}
    for number, file in enumerate(files, 1):
        name = _cut(clean_name(f"{number:03}-{clean_name(file['name']).shown}").shown)
        is_locked = file["verdict"] in LOCKED
        found[file["id"]] = _original(f"filer/{name}", file, keys, is_locked=is_locked)
    for number, letter in enumerate(letters, 1):
        is_locked = message_of[letter["id"]] in locked
        found[letter["id"]] = _original(f"brev/{number:03}.eml", letter, keys, is_locked=is_locked)
    return found


def _cut(name: str) -> str:
    """Cut a name within, so that its end stays, to what fits before ``.zip``."""
    stem, dot, end = name.rpartition(".")
    room = NAME_BYTES - len(f"{dot}{end}".encode())
    if not dot or room < 1:
        return name.encode()[:NAME_BYTES].decode(errors="ignore")
    return stem.encode()[:room].decode(errors="ignore") + dot + end


def _original(name: str, row: Row, keys: Mapping[uuid.UUID, str], *, is_locked: bool) -> _Original:
    is_letter = name.startswith("brev/")
    return _Original(name, keys[row["id"]], row["size_bytes"], row["sha256"], is_locked, is_letter)


def _keys(model: type[Attachment] | type[Letter], rows: Sequence[Row]) -> dict[uuid.UUID, str]:
    """Return where the bytes of these rows lie in this installation, which says nothing outside of it."""
    found = select(model.id, model.storage_key).where(model.id.in_([row["id"] for row in rows]))
    return {row[0]: row[1] for row in db.session.execute(found)}


_README = """\
Det här är ett helt ärende, som det såg ut när det exporterades.

filer/   originalen, precis som de kom in
brev/    breven, precis som de kom in
*.json   allt som står i registret om ärendet
meddelanden.txt   samma meddelanden, att läsa

manifest.json räknar upp varje fil i paketet med storlek och SHA-256, och varje original med hur det är med
det: "whole" (helt), "locked" (i karantän, ligger som låst zip), "withheld" (i karantän eller med skyddade
kontaktuppgifter, lämnades inte ut), "missing" (bytes saknas i lagret) eller "changed" (bytes är inte de
som kom in).
Låsta zip-filer öppnas med ordet {word}. Innehållet kan vara skadligt.

Andra ärenden nämns inte, inte heller sådana som har sammanförts med det här: de exporteras för sig. Av de
adresser som ett brev gick till står de som ledde hit.

Sigillet är SHA-256 av manifest.json. Det står i ärendets historik. seal.json bär det och en underskrift
(Ed25519). Kontrollera hela paketet med: intake verify-export FIL --digest SIGILLET
"""
