"""What lies within the parts that are kept whole: letters, winmail.dat, .msg, signed envelopes, uuencode.

The whole always stays. What is in it is laid beside it under its path and a tilde, three levels deep, and
whatever is wrong inside is a word about that part alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Literal

from intake.errors import LetterUnreadable
from intake.letters.decoding import Span, decode_body
from intake.letters.html import html_to_text
from intake.letters.outline import MAX_PARTS, Node, every, outline
from intake.letters.roles import (
    LETTER_TYPES,
    ODD_TYPES,
    file_name,
    is_inline,
    is_other_form,
    letter_name,
    role_of,
)
from intake.letters.shelf import Shelf, ShelfFull
from intake.letters.values import Part
from intake.letters.within import mapi
from intake.letters.within.cms import NoContent, signed_content
from intake.letters.within.mapi import MapiFile, MapiMessage
from intake.letters.within.outlook import SIGNATURE as OLE_SIGNATURE
from intake.letters.within.outlook import opened, sender_of, sent_at
from intake.letters.within.rtf import rtf_to_text
from intake.letters.within.tnef import SIGNATURE as TNEF_SIGNATURE
from intake.letters.within.tnef import read_tnef
from intake.letters.within.uuencoded import written_files

MAX_LEVELS = 3
Kind = Literal["letter", "tnef", "msg", "signed"]

_TNEF_TYPES = {"application/ms-tnef", "application/vnd.ms-tnef"}
_MSG_TYPES = {"application/vnd.ms-outlook", "application/msoutlook"}
_SIGNED_TYPES = {"application/pkcs7-mime", "application/x-pkcs7-mime"}
_OCTETS = "application/octet-stream"
_DAMAGED = "är skadad, det som ligger i den kunde inte läsas"
_TOO_DEEP = f"ligger mer än {MAX_LEVELS} nivåer in i brevet, det som finns i den är inte uppackat"

# What a handler is told of a winmail.dat, by whether it is whole and whether it holds files.
_FOUND = {
    (True, True): "filerna är uppackade här under",
    (True, False): "inga filer låg i den",
    (False, True): "den är skadad, de filer som gick att läsa är uppackade här under",
    (False, False): "den är skadad och kunde inte packas upp",
}


@dataclass(frozen=True)
class Body:
    """What a message of Outlook's says, and the forms it says it in; ``prefix`` goes before their paths."""

    prefix: str
    plain: str
    html: bytes
    rtf: bytes

    @property
    def words(self) -> str:
        """Return what a person would read: the plain text, else the HTML's, else the RTF's."""
        if self.plain.strip():
            return self.plain
        if text := html_to_text(self.html.decode()):
            return text + "\n"
        return rtf_to_text(self.rtf)


class Opener:
    """Takes out what lies within parts; ``bodies`` are what a winmail.dat says, maybe the letter's text."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.bodies: list[Body] = []

    def open(self, part: Part) -> None:
        """Lay whatever lies within a part beside it; what cannot be taken out is told, never raised."""
        kind = kind_of(part)
        if kind is None:
            return
        if part.path.count("~") >= MAX_LEVELS:
            self._tell(part.path, _TOO_DEEP)
            return
        try:
            with self._guarded(part.path):
                self._open(part, kind)
        except ShelfFull as full:
            self._tell_full(part.path, full)

    @contextmanager
    def _guarded(self, path: str) -> Iterator[None]:
        """Let whatever a stranger's file does to its reader be a word about it: the rest is read."""
        try:
            yield
        except ShelfFull:
            raise
        except LetterUnreadable as error:
            self._tell(path, f"kunde inte läsas inuti: {error}")
        except OSError as error:
            # The disk's errors have a number; olefile's own, about the file, have none.
            if error.errno is not None:
                raise
            self._tell(path, _DAMAGED)
        except Exception:
            self._tell(path, _DAMAGED)

    def files(self, message: MapiMessage, prefix: str) -> None:
        """Lay a message's files, and open them in turn."""
        for number, file in enumerate(message.files, 1):
            path = f"{prefix}{number}"
            with self._guarded(path):
                self._file(file, path)

    def body(self, message: MapiMessage, prefix: str) -> Body:
        try:
            rtf = message.rtf()
        except ValueError:
            rtf = b""
            self._tell(prefix.rstrip("~"), "har en text (RTF) som inte kunde packas upp")
        if message.is_cut:
            self._tell(prefix.rstrip("~"), "har en text som är för lång att läsas hel")
        return Body(prefix, message.plain(), message.html(), rtf)

    def written(self, text: BinaryIO, path: str) -> None:
        """Lay the files that are written within a text (uuencode)."""
        found = list(islice(written_files(text), MAX_PARTS + 1))
        if not found:
            return
        if path.count("~") >= MAX_LEVELS:
            self._tell(path, _TOO_DEEP)
            return
        self._tell(path, "har filer skrivna i texten (uuencode), de är uppackade här under")
        try:
            for number, file in enumerate(found, 1):
                span = Span(text, file.start, file.end)
                self.open(self._lay(f"{path}~{number}", file.name, _OCTETS, span, encoding="x-uuencode"))
        except ShelfFull as full:
            self._tell_full(path, full)

    def signed(self, part: Part) -> Path | None:
        """Write the content of a signed envelope as a file; None when it is sealed, or no envelope."""
        inner = part.file.with_name(f"{part.file.name}-inner")
        try:
            with part.file.open("rb") as raw, inner.open("wb") as out:
                for piece in signed_content(Span(raw, 0, part.size_bytes)):
                    out.write(piece)
        except NoContent:
            inner.unlink()
            self._tell(part.path, "är krypterad eller signerad (S/MIME), innehållet kan inte visas här")
            return None
        self._tell(part.path, "är signerad (S/MIME); signaturen är inte kontrollerad, innehållet visas")
        return inner

    def _open(self, part: Part, kind: Kind) -> None:
        prefix = f"{part.path}~"
        if kind == "letter":
            self._letter(part.file, prefix)
        elif kind == "signed":
            if inner := self.signed(part):
                self._letter(inner, prefix)
        elif kind == "msg":
            with opened(part.file) as message:
                self._text(message, f"{prefix}0-text")
                self.files(message, prefix)
        else:
            self._tnef(part, prefix)

    def _tnef(self, part: Part, prefix: str) -> None:
        with part.file.open("rb") as raw:
            message, is_whole = read_tnef(raw, part.size_bytes)
            self._tell(part.path, f"är winmail.dat från Outlook; {_FOUND[is_whole, bool(message.files)]}")
            if "~" in part.path:
                self._text(message, f"{prefix}0-text")
            else:
                self.bodies.append(self.body(message, prefix))
            self.files(message, prefix)

    def _letter(self, file: Path, prefix: str) -> None:
        """Lay an attached letter's own files; its texts are read in the letter itself."""
        root = outline(file, prefix)
        with file.open("rb") as raw:
            for node, parent in every(root):
                if not node.is_leaf:
                    continue
                span, encoding = (
                    Span(raw, node.body, node.end),
                    node.headers.token("content-transfer-encoding"),
                )
                if role_of(node, parent) == "file" and not is_other_form(node, parent):
                    self._node(node, raw, encoding)
                elif node.content_type == "text/plain":
                    self._text_of_letter(span, encoding, node.path)

    def _node(self, node: Node, raw: BinaryIO, encoding: str) -> None:
        name = file_name(node, raw)
        span = Span(raw, node.body, node.end)
        part = self._lay(node.path, name, node.content_type, span, is_inline(node), encoding)
        if words := ODD_TYPES.get(node.content_type):
            self._tell(node.path, words)
        self.open(part)

    def _text_of_letter(self, span: Span, encoding: str, path: str) -> None:
        """Look for files within an attached letter's text."""
        file = self.shelf.folder / f"text-{path}"
        with file.open("w+b") as text:
            decode_body(span, encoding, text)
            self.written(text, path)
        file.unlink()

    def _file(self, file: MapiFile, path: str) -> None:
        if file.message is not None:
            self._embedded(file.message(), path)
        elif file.content is not None:
            self.open(self._lay(path, file.name, file.declared_type, file.content(), file.is_inline))
        else:
            self._tell(path, "hör till ett annat program och finns bara i det hela brevet")

    def _embedded(self, message: MapiMessage, path: str) -> None:
        """Lay a message that has no bytes of its own, being part of its whole: as a text, with its files."""
        self._text(message, path)
        if path.count("~") < MAX_LEVELS:
            self.files(message, f"{path}~")
        elif message.files:
            self._tell(path, _TOO_DEEP)

    def _text(self, message: MapiMessage, path: str) -> None:
        """Lay a message that only Outlook could open as a text that anybody can read."""
        at = sent_at(message)
        subject = message.properties.label(mapi.SUBJECT)
        lines = {
            "Från": sender_of(message),
            "Till": message.properties.label(mapi.DISPLAY_TO),
            "Datum": at.strftime("%Y-%m-%d %H:%M UTC") if at else "",
            "Ämne": subject,
        }
        head = "".join(f"{name}: {value}\n" for name, value in lines.items() if value)
        words = self.body(message, path).words
        if head or words:
            span = Span.of(f"{head}\n{words}".encode())
            self._lay(path, letter_name(subject, ".txt"), "text/plain", span)

    def _lay(
        self, path: str, name: str | None, declared_type: str, span: Span, is_inline: bool = False,
        encoding: str = "",
    ) -> Part:  # fmt: skip
        self.shelf.make_room(span)
        return self.shelf.lay(path, name, declared_type, span, encoding, is_inline=is_inline)

    def _tell_full(self, path: str, full: ShelfFull) -> None:
        self.shelf.problems.append(f"del {path}: {full}")

    def _tell(self, path: str, words: str) -> None:
        self.shelf.problems.append(f"del {path} {words}" if path else f"brevet {words}")


def kind_of(part: Part) -> Kind | None:
    """Say what can be taken out of a part, by its type, its name and its first bytes."""
    name = (part.name or "").lower()
    with part.file.open("rb") as stream:
        head = stream.read(len(OLE_SIGNATURE))
    if head.startswith(TNEF_SIGNATURE) or part.declared_type in _TNEF_TYPES or name == "winmail.dat":
        return "tnef"
    if head == OLE_SIGNATURE and (part.declared_type in _MSG_TYPES or name.endswith(".msg")):
        return "msg"
    if part.declared_type in _SIGNED_TYPES or name.endswith(".p7m"):
        return "signed"
    return "letter" if part.declared_type in LETTER_TYPES or name.endswith(".eml") else None
