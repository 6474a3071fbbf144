"""What a mail server or a mail program tells of a letter that we sent: undelivered, late, read.

Delivery reports (RFC 3464) and read receipts (RFC 8098) have fields of their own. Older servers write
plain text only; there the words decide, and what they do not make plain is ``unclear``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from intake.letters.addresses import split_address
from intake.letters.charsets import clean_label
from intake.letters.headers import Headers, decode_words
from intake.letters.roles import header_block
from intake.letters.values import Part, Report, ReportKind

MAX_ABOUT = 20
_WORDS_CHARACTERS = 300
_READ_BYTES = 64 * 1024
_READ_CHARACTERS = 20_000

_DELIVERY = ("message/delivery-status", "message/global-delivery-status")
_RECEIPT = ("message/disposition-notification", "message/global-disposition-notification")
_ORIGINAL = ("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers")
_REPORT_TYPES = ("delivery-status", "disposition-notification")

_RECIPIENTS = ("original-recipient", "final-recipient")
_OUTCOME = ("action", "status")
_ACTIONS: dict[str, ReportKind] = {
    "failed": "failed", "delayed": "delayed",
    "delivered": "delivered", "relayed": "delivered", "expanded": "delivered",
}  # fmt: skip
_CLASSES: dict[str, ReportKind] = {"5": "failed", "4": "delayed", "2": "delivered"}
_WORST_FIRST: tuple[ReportKind, ...] = ("failed", "delayed", "unclear", "delivered")
_DISPOSITIONS: dict[str, ReportKind] = {"displayed": "displayed", "deleted": "deleted"}

_BLANK_LINE = re.compile(rb"\r\n[ \t]*\r\n|\n[ \t]*\n|\r\r")
# An enhanced code (RFC 3463), not the beginning or the end of a network address.
_STATUS = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?!\.?\d)")
_MESSAGE_ID = re.compile(r"<[^<>\s@]{1,500}@[^<>\s@]{1,250}>")
_NAMED_ID = re.compile(r"message-id:[ \t]{0,20}(<[^<>\s]{1,500}>)", re.IGNORECASE)
_EMAIL = re.compile(r"(?<![^\s<\"(:;,])[^\s<>\"(),;:@]{1,64}@[^\s<>\"(),;:@]{1,250}\w")

_SERVERS = re.compile(r"mailer-?daemon|mail-?daemon|microsoftexchange[0-9a-f]{10,}", re.IGNORECASE)
_QMAIL = "Hi. This is the qmail-send program"
_SUBJECT = re.compile(
    r"undeliver|delivery (status|fail|delay|has failed|incomplete)|mail delivery|mail system error"
    r"|returned mail|failure notice|message delivery|delayed mail|non-?delivery|could not send message"
    r"|warning: (could not|message)|kan inte leverera|det går inte att leverera|olever|unzustellbar"
    r"|kunne ikke leveres|kan ikke leveres|ei voitu toimittaa",
    re.IGNORECASE,
)
_DELAYED = re.compile(
    r"warning (message )?only|still being retried|will be retried|will (keep|continue) (to )?try"
    r"|not yet been delivered|still undelivered|(delivery|message) (is|has been) delayed"
    r"|(leveransen|meddelandet) (är|har blivit) försena|har ännu inte levererats",
    re.IGNORECASE,
)
_FAILED = re.compile(
    r"failed permanently|permanent (fatal )?(error|failure)|given up|(could|can|was) ?n['’o]t be deliver"
    r"|was ?n['’o]t (delivered|able to deliver)|were not delivered|unable to deliver|undeliverable"
    r"|delivery (has )?failed|delivery failure|recipient rejected|user unknown|unknown user|no such user"
    r"|does not exist|unrouteable address|(kunde|kan) inte levereras|(gick|går) inte att leverera",
    re.IGNORECASE,
)
_TELLING = re.compile(r"(?<![\d.])[45]\d\d[ -]|quota|full\b|" + _STATUS.pattern, re.IGNORECASE)
_ORNAMENT = re.compile(r"[*#=_-]{2,}")
_COPY_BEGINS = re.compile(
    r"^[-_ >]*(original message( follows)?|below this line is a copy|this is a copy of the message"
    r"|ursprungligt meddelande|returned message|unsent message|the header of the original message)\b",
    re.IGNORECASE | re.MULTILINE,
)


def report_of(headers: Headers, parts: Sequence[Part], text: str, reason: str | None) -> Report | None:
    """Return what a letter tells of a letter of ours; None when a person or a vacation wrote it.

    ``parts`` are the letter's parts with their decoded files, ``reason`` why the letter is automatic.
    Where it speaks of several recipients, the worst outcome counts.
    """
    if reason is None:
        return None
    # What lies in an attached letter tells of that letter.
    own = [part for part in parts if "~" not in part.path]
    groups = [group for part in own if part.declared_type in _DELIVERY for group in _groups(part)]
    receipts = [group for part in own if part.declared_type in _RECEIPT for group in _groups(part)]
    about = _about(headers, own, groups + receipts, text)
    words = _telling(text) or headers.label("subject")
    outcomes = [group for group in groups if any(group.first(name) for name in _RECIPIENTS + _OUTCOME)]
    if outcomes:
        return _of_delivery(outcomes, words, about)
    if receipt := next((group for group in receipts if group.first("disposition")), None):
        return _of_receipt(receipt, words, about)
    return _of_words(headers, text, words, about) if _speaks_of_delivery(headers, text) else None


def _of_delivery(outcomes: list[Headers], words: str, about: tuple[str, ...]) -> Report:
    worst = min(outcomes, key=lambda group: _WORST_FIRST.index(_kind(group)))
    words = _value(worst, "diagnostic-code") or words
    return Report(_kind(worst), _recipient(worst), _status(worst), _cut(words), about)


def _of_receipt(receipt: Headers, words: str, about: tuple[str, ...]) -> Report:
    disposition = receipt.first("disposition").decode("latin-1").rpartition(";")[2]
    # Whatever else a mail program says of a letter, it has it.
    kind = _DISPOSITIONS.get(re.split(r"[/\s,(]", disposition.strip().lower())[0], "delivered")
    faults = (_value(receipt, name) for name in ("failure", "error", "warning"))
    return Report(kind, _recipient(receipt), None, _cut(next(filter(None, faults), words)), about)


def _of_words(headers: Headers, text: str, words: str, about: tuple[str, ...]) -> Report:
    """Read a report without fields: what is said before the copy of our own letter begins."""
    said = _before_copy(text)
    subject = headers.label("subject")
    found = _STATUS.search(said)
    kind: ReportKind = "unclear"
    if _DELAYED.search(said) or _DELAYED.search(subject):
        kind = "delayed"
    elif _FAILED.search(said) or (found and found[0].startswith("5")):
        kind = "failed"
    failed = split_address(headers.first("x-failed-recipients"))
    sender = split_address(headers.first("from"))
    named = (address for address in _EMAIL.findall(said) if sender is None or address != sender[1])
    recipient = failed[1] if failed else clean_label(next(named, ""))
    return Report(kind, recipient or None, found[0] if found else None, _cut(words), about)


def _speaks_of_delivery(headers: Headers, text: str) -> bool:
    """Say whether a letter without a report's fields is a mail server's word about a letter."""
    declared = headers.parameters("content-type").get("report-type")
    if declared and declared.label.lower() in _REPORT_TYPES and headers.content_type() == "multipart/report":
        return True
    if headers.first("x-failed-recipients") or text.lstrip()[:200].startswith(_QMAIL):
        return True
    sender = split_address(headers.first("from"))
    local = (sender[1].partition("@")[0] if sender else headers.label("from")).lower()
    if _SERVERS.match(local):
        return True
    # A vacation has a null return path too, and a postmaster may write of other things.
    has_subject = bool(_SUBJECT.match(headers.label("subject")))
    if local == "postmaster":
        return has_subject or bool(_FAILED.search(_before_copy(text)) or _DELAYED.search(_before_copy(text)))
    return has_subject and any(value.replace(b" ", b"") == b"<>" for value in headers.all("return-path"))


def _groups(part: Part) -> Iterator[Headers]:
    """Yield a report's groups of fields: first about the letter, then about each recipient.

    Some servers forget the blank line between them: a recipient after an outcome begins a new one.
    """
    with part.file.open("rb") as stream:
        data = stream.read(_READ_BYTES)
    for block in _BLANK_LINE.split(data):
        group: dict[str, bytes] = {}
        for name, value in Headers.from_block(block).fields:
            is_next = name in _RECIPIENTS and any(known in group for known in _OUTCOME)
            if is_next or (name in group and name in _RECIPIENTS + _OUTCOME):
                yield Headers(tuple(group.items()))
                group = {}
            group.setdefault(name, value)
        yield Headers(tuple(group.items()))


def _kind(group: Headers) -> ReportKind:
    by_status = _CLASSES.get((_status(group) or " ")[0], "unclear")
    return _ACTIONS.get(group.token("action"), by_status)


def _status(group: Headers) -> str | None:
    """Return the most telling of the codes: "5.0.0" says less than what the other server answered."""
    values = (group.first(name).decode("latin-1") for name in ("status", "diagnostic-code"))
    found = [match[0] for value in values if (match := _STATUS.search(value))]
    return next((code for code in found if not code.endswith(".0.0")), found[0] if found else None)


def _recipient(group: Headers) -> str | None:
    for name in _RECIPIENTS:
        value = group.first(name)
        if found := split_address(value.partition(b";")[2] or value):
            return found[1]
    return None


def _value(group: Headers, name: str) -> str:
    """Return a field's words on one line, without the kind of words that it says they are."""
    words = decode_words(group.first(name))
    kind, _, rest = words.partition(";")
    return " ".join((rest if re.fullmatch(r"\s*[\w.-]{1,40}\s*", kind) else words).split())


def _about(headers: Headers, parts: list[Part], groups: list[Headers], text: str) -> tuple[str, ...]:
    """Return the Message-IDs of which the report may speak, the likeliest first."""
    names = ("original-message-id", "x-original-message-id")
    named = (group.first(name) for group in groups for name in names)
    originals = (_message_id(part) for part in parts if part.declared_type in _ORIGINAL)
    answered = (headers.first(name) for name in ("in-reply-to", "references"))
    values = (value.decode("latin-1") for value in chain(named, originals, answered))
    own = headers.first("message-id").decode("latin-1")
    found = _each_once((id_ for value in values for id_ in _MESSAGE_ID.findall(value)), own)
    return found or _each_once(chain(_NAMED_ID.findall(text), _MESSAGE_ID.findall(text)), own)


def _each_once(ids: Iterable[str], own: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(clean_label(id_) for id_ in ids if id_ != own))[:MAX_ABOUT]


def _message_id(part: Part) -> bytes:
    with part.file.open("rb") as stream:
        return Headers.from_block(header_block(stream.read(_READ_BYTES))).first("message-id")


def _telling(text: str) -> str:
    """Return the text on one line, from the paragraph with the server's own answer when there is one."""
    said = _before_copy(text)
    for pattern in (_TELLING, _FAILED, _DELAYED):
        if found := pattern.search(said):
            said = said[said.rfind("\n\n", 0, found.start()) + 1 :]
            break
    return " ".join(_ORNAMENT.sub(" ", said).split())


def _before_copy(text: str) -> str:
    text = text[:_READ_CHARACTERS]
    found = _COPY_BEGINS.search(text)
    return text[: found.start()] if found else text


def _cut(words: str) -> str:
    return clean_label(words, _WORDS_CHARACTERS)
