"""What a person is told when a file in parts is not taken: what happened, what is saved, what to do now."""

from __future__ import annotations

from dataclasses import dataclass

from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from intake import uploads
from intake.errors import (
    Conflict,
    FileEmpty,
    FileRefused,
    FileTooLarge,
    FileTypeRefused,
    IntakeError,
    NotFound,
    StorageError,
    StorageFull,
    TooManyFiles,
)
from intake.languages import later, said


class Misspoken(IntakeError):
    """The client does not keep to the protocol; ``status`` says in what way."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.status = status


class Unsigned(IntakeError):
    """The request carries no token of this browser's."""


class TooOften(IntakeError):
    """Far too many files were begun from the same network."""


@dataclass(frozen=True)
class Told:
    """A status of HTTP or tus, the words, and whether mail may be another way for the file."""

    status: int
    message: str
    may_mail: bool


SAVED = later("Det du har skrivit är sparat.")
STANDS = later("Det som redan har kommit fram av filen finns kvar.")
RELOAD = later("Ladda om sidan och välj filen igen.")
WAIT = later("Vänta en stund och försök igen.")
ADD_LATER = later("Du kan lägga till filen från sidan där du följer ditt ärende.")
MAIL = later("Du kan också skicka texten nu och mejla filen till adressen här, så hamnar den i samma ärende.")
SEND_NOW = later("Du kan också skicka texten nu, och lägga till filen från sidan där du följer ditt ärende.")

AGAIN = (later("Filen kom inte fram som den skulle."), SAVED, STANDS, RELOAD)
AWAY = (later("Tjänsten svarar inte just nu."), SAVED, STANDS, WAIT)
GONE = (later("Formuläret eller filen finns inte kvar i den här webbläsaren."), later("Ladda om sidan."))
STALE = (later("Sidan har varit öppen länge och behöver laddas om."), SAVED, STANDS, RELOAD)
CROSSED = (later("En annan del av filen kom fram först."), STANDS, later("Försök igen."))
BUSY = (later("Filen skickas redan, kanske i en annan flik."), STANDS, WAIT)
OVER = (later("Tiden för att skicka filen är slut. Ditt ärende är registrerat."), ADD_LATER)
SENT = (later("Formuläret är redan skickat, och det som är skickat har kommit fram."), ADD_LATER)
DAMAGED = (later("En del av filen skadades på vägen och är inte sparad."), STANDS, later("Försök igen."))
OFTEN = (later("Det har kommit många filer från samma nät den senaste timmen."), SAVED, WAIT)
FULL = (later("Just nu har vi inte plats för filen."), SAVED, WAIT)
NO_STORE = (later("Just nu kan vi inte ta emot filer."), SAVED, WAIT)

# The first that fits is told; a refused file has words of its own.
_WORDS: tuple[tuple[type[Exception], int, tuple[object, ...]], ...] = (
    (NotFound, 404, GONE),
    (Unsigned, 403, STALE),
    (uploads.WrongOffset, 409, CROSSED),
    (uploads.UploadBusy, 423, BUSY),
    (uploads.UploadOver, 410, OVER),
    (Conflict, 409, SENT),
    (uploads.WrongChecksum, 460, DAMAGED),
    (uploads.PartTooLarge, 413, AGAIN),
    (TooOften, 429, OFTEN),
    (StorageFull, 507, FULL),
    (StorageError, 503, NO_STORE),
    (ClientDisconnected, 400, AGAIN),
    (RequestEntityTooLarge, 413, AGAIN),
    (IntakeError, 400, AGAIN),
)
_REFUSED = ((FileTypeRefused, 415), (FileEmpty, 400), (FileTooLarge, 413), (TooManyFiles, 413))
# What is wrong with these would be no better by mail, or is soon over.
_MAY_MAIL = (FileTypeRefused, FileTooLarge, TooManyFiles, StorageError, TooOften)


def tell(error: Exception, *, is_mailable: bool | None) -> Told:
    """Say why a file or a part of it is not taken, in the language of the page.

    ``is_mailable`` tells that mail could carry the file; None when it is a part of one already begun.
    """
    may_mail = bool(is_mailable) and (isinstance(error, _MAY_MAIL) or type(error) is Conflict)
    if isinstance(error, FileRefused):
        status = next(status for kind, status in _REFUSED if isinstance(error, kind))
        # The last sentence is another way out, and the address that goes with this answer is one.
        told = FileRefused(*error.sentences[:-1], **error.values) if may_mail else error
        return Told(status, said(told), may_mail)
    status, words = next(
        ((status, words) for kind, status, words in _WORDS if isinstance(error, kind)), (503, AWAY)
    )
    if isinstance(error, Misspoken):
        status = error.status
    if is_mailable is not None and isinstance(error, StorageError | TooOften):
        words = (*words, MAIL if may_mail else SEND_NOW)
    return Told(status, " ".join(str(sentence) for sentence in words), may_mail)
