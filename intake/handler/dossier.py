"""A whole matter in words, part by part: what is printed, and what a copy to give out is masked from."""

from __future__ import annotations

from collections.abc import Iterator

from intake.extensions import settings
from intake.files import clean_name
from intake.handler import letter_words, words
from intake.handler.messages import FileView, MessageView
from intake.handler.whole import MatterView
from intake.matters.following import Opinion
from intake.matters.masking import Part, Piece
from intake.paper import printable
from intake.words import in_digits, in_swedish

_DIRECTIONS = {"incoming": "inkommet", "outgoing": "från oss", "note": "anteckning"}
# What is about copies themselves: without it the same copy can be made again.
_OF_COPIES = ("exported", "release_prepared")


def to_print(view: MatterView, opinion: Opinion | None) -> tuple[Part, ...]:
    """Return everything that the matter's page shows of it, as it is shown there."""
    own = (Piece("Kvittensnummer", view.reference), *_facts(view))
    parts = [Part("Om ärendet", own), *_messages(view), *_around(view), _placement(view, weighs=True)]
    if opinion:
        said = f"{words.OPINIONS[opinion.answer]}. {in_swedish(opinion.at)}. {opinion.words}"
        parts.append(Part("Vad personen tyckte", (Piece("", said, is_line=False),)))
    return tuple(part for part in (*parts, _history(view)) if part.pieces)


def to_release(view: MatterView) -> tuple[Part, ...]:
    """Return what can be given out, as it would be printed.

    The reference is left out, which is known to the citizen alone, and so is what of a text weighed in
    the placement, since it repeats words that may be masked there.
    """
    parts = (Part("Om ärendet", tuple(_facts(view))), *_messages(view), *_around(view))
    parts += (_placement(view, weighs=False), _history(view, without=_OF_COPIES))
    return tuple(_as_printed(part) for part in parts if part.pieces)


def _as_printed(part: Part) -> Part:
    pieces = tuple(
        Piece(printable(piece.label), printable(piece.text), piece.is_line) for piece in part.pieces
    )
    return Part(printable(part.heading), tuple(each for each in pieces if each.text.strip()), part.is_inner)


def _facts(view: MatterView) -> Iterator[Piece]:
    tables = settings().tables
    yield Piece("Diarienummer", view.diary_number or "saknas")
    yield Piece("Ärendemening", view.subject or "saknas")
    yield Piece("Inkom", f"{in_swedish(view.received_at)}, via {words.CHANNELS[view.channel]}")
    if view.closed_at:
        yield Piece("Avslutades", in_swedish(view.closed_at))
    yield Piece("Ärendetyp", words.category_name(tables, view.category))
    yield Piece("Prioritet", words.PRIORITIES[view.priority])
    yield Piece("Status", words.STATUSES[view.status])
    yield Piece("Enhet", words.unit_name(tables, view.unit_id))
    if view.handler_id:
        yield Piece("Handläggare", view.names.get(view.handler_id, "En kollega"))
    yield from (Piece("Märkt", words.FLAGS.get(flag, flag)) for flag in view.flags)
    said = {
        "Avsändare": view.sender_name,
        "E-postadress": view.sender_email,
        "Telefonnummer": view.sender_phone,
        "Plats": words.say_place(tables, view.municipality, view.place),
        "Plats, med egna ord": view.place_words,
        "När det hände": view.happened_words,
        "Gäller": words.CONCERNS.get(view.concerns, view.concerns) if view.concerns else "",
        "När och hur vi kan ringa": view.call_words,
        "Tolk": words.INTERPRETERS.get(view.interpreter, view.interpreter) if view.interpreter else "",
    }
    yield from (Piece(label, text) for label, text in said.items() if text)


def _messages(view: MatterView) -> Iterator[Part]:
    for number, message in enumerate(view.conversation.messages, 1):
        is_undone = message.held == "undone"
        direction = "ångrat, har inte skickats" if is_undone else _DIRECTIONS[message.direction]
        heading = f"Meddelande {number}, {direction} {in_swedish(message.created_at)}"
        is_inner = is_undone or message.direction == "note"
        yield Part(heading, tuple(_of_message(message, view)), is_inner)


def _of_message(message: MessageView, view: MatterView) -> Iterator[Piece]:
    said = {"Från": message.sender_name, "E-postadress": message.sender_email,
            "Telefonnummer": message.sender_phone, "Skrivet av": message.handler}  # fmt: skip
    yield from (Piece(label, text) for label, text in said.items() if text)
    if message.subject and message.subject != view.subject:
        yield Piece("Ämne", message.subject)
    yield Piece("", letter_words.shown(message.text) or "Ingen text.", is_line=False)
    for each in message.answers:
        yield Piece(each["question"], each["answer"], is_line=False)
    yield from (_file(file) for file in message.files)
    for letter in message.letters_out:
        yield Piece("Brev", letter_words.say_letter(letter, message.telling))


def _file(file: FileView) -> Piece:
    told = f"{clean_name(file.name).shown}, {in_digits(file.size_bytes)}, {words.VERDICTS[file.verdict]}"
    return Piece("Fil", f"{told}. SHA-256: {file.sha256}")


def _around(view: MatterView) -> Iterator[Part]:
    stray = tuple(Piece("", letter_words.say_letter(letter)) for letter in view.conversation.stray)
    yield Part("Brev från oss som inte kom fram", stray)


def _placement(view: MatterView, *, weighs: bool) -> Part:
    found = view.placement
    if found is None:
        return Part("Varför ärendet står här", ())
    sure = f"Bedömningen är {words.say_confidence(found.confidence)} ({round(found.confidence * 100)} %)."
    pieces = [Piece("", sure)]
    for reason in found.reasons:
        weighed = f" Det som vägde: {', '.join(reason['weighed'])}" if weighs and reason["weighed"] else ""
        pieces.append(Piece("", f"{reason['words']}{weighed}"))
    return Part("Varför ärendet står här", tuple(pieces))


def _history(view: MatterView, without: tuple[str, ...] = ()) -> Part:
    tables = settings().tables
    pieces = []
    for event in view.events:
        if event.what not in without:
            said = words.say_event(event.what, event.detail, view.names, tables)
            of_file = f": {clean_name(event.file).shown}" if event.file else ""
            by = f" {event.handler}." if event.handler else ""
            pieces.append(Piece(in_swedish(event.at), f"{said}{of_file}.{by}"))
    return Part("Historik", tuple(pieces))
