"""One walk over a letter's leaves: texts in order, parts as files, and words about what is odd."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from intake.errors import LetterUnreadable
from intake.letters.charsets import clean_label, clean_text, decode
from intake.letters.decoding import Span, decode_body
from intake.letters.html import charset_within, html_to_text
from intake.letters.outline import Node, outline
from intake.letters.roles import (
    ODD_TYPES,
    called,
    file_name,
    is_attached,
    is_inline,
    is_other_form,
    name_of,
    role_of,
)
from intake.letters.shelf import Shelf
from intake.letters.values import Flow, Part
from intake.letters.within.containers import MAX_LEVELS, Body, Opener, kind_of

MAX_TEXT_CHARACTERS = 200_000
# So much of a letter's bodies is read as text; what lies beyond is kept as a file only.
MAX_TEXT_BYTES = 4 * 1024 * 1024
# What programs write before the first part for readers without MIME.
_USUAL = re.compile(r"mime|multi-?part|mehrteil|flerdel|multiparte|plusieurs parties", re.IGNORECASE)
_PGP = "-----BEGIN PGP MESSAGE-----"


@dataclass
class Reader:
    """Collects texts, and lays parts on the shelf; ``walk`` the root, then ``finish``.

    With ``opener`` None no part is opened: what lies in it stays there.
    """

    raw: BinaryIO
    shelf: Shelf
    opener: Opener | None
    has_html: bool = False
    flow: Flow | None = None
    texts: list[str] = field(default_factory=list)
    spare: list[tuple[Node, Part]] = field(default_factory=list)
    margins: list[str] = field(default_factory=list)
    beyond: list[str] = field(default_factory=list)
    budget: int = MAX_TEXT_BYTES

    def walk(self, node: Node, parent: Node | None = None, has_plain: bool = False) -> None:
        """Read a part and all within it; ``has_plain`` says that HTML only repeats a plain text."""
        for line in node.stray:
            self.shelf.problems.append(f"en rad bland huvudena kunde inte läsas: {clean_label(line, 200)}")
        if node.is_leaf:
            self._leaf(node, parent, has_plain)
            return
        self._outside(node, node.body, node.preamble_end, "before")
        if node.content_type == "multipart/alternative":
            has_plain = has_plain or self._holds_plain(node)
        for child in node.children:
            self.walk(child, node, has_plain)
        if node.epilogue is None:
            self.shelf.problems.append(f"{called(node)}: slutet saknas")
        else:
            self._outside(node, node.epilogue, node.end, "after")

    def finish(self) -> tuple[str, str]:
        """Return the letter's text, capped, and the digest of the whole of it."""
        texts = [text for text in self.texts if text.strip()]
        if not texts and self.spare:
            texts = [text for text in (self._text_of(*spare) for spare in self.spare) if text.strip()]
        bodies = self.opener.bodies if self.opener else []
        texts = texts or [words for body in bodies if (words := body.words).strip()]
        if not texts and not self.shelf.parts and self.margins:
            # Where nothing else is, the line before the first part was no mere "this is MIME".
            texts = self.margins
            self.shelf.problems.append("brevets text stod utanför delarna")
        else:
            unusual = (words for words in self.margins if not _USUAL.search(words))
            self.shelf.problems += [f"text före delarna: {clean_label(words, 500)}" for words in unusual]
        text = "\n".join(texts) or "".join(self.texts[:1])
        for body in bodies:
            self._forms(body, text)
        return self._capped(text, is_single=len(texts) == 1)

    def _capped(self, text: str, *, is_single: bool) -> tuple[str, str]:
        data = text.encode()
        digest = hashlib.sha256(data + "".join(self.beyond).encode()).hexdigest()
        if len(text) <= MAX_TEXT_CHARACTERS:
            return text, digest
        self.shelf.problems.append(
            f"texten är längre än {MAX_TEXT_CHARACTERS} tecken, den ligger hel som fil"
        )
        # A single text beyond the budget is kept whole already, and this is only its beginning.
        if not (self.beyond and is_single):
            self._keep("0-text", "texten.txt" if self.beyond else "hela-texten.txt", Span.of(data))
        return text[:MAX_TEXT_CHARACTERS], digest

    def _forms(self, body: Body, text: str) -> None:
        """Keep the forms of a message of Outlook's as files; what the letter's text says already is body."""
        said = " ".join(text.split())
        if body.plain.strip() and " ".join(body.plain.split()) not in said:
            self._keep(f"{body.prefix}0-text", "brev.txt", Span.of(body.plain.encode()))
        if body.html:
            self.has_html = True
            is_said = " ".join(html_to_text(body.html.decode()).split()) in said
            span = Span.of(body.html)
            self._keep(f"{body.prefix}0-html", "brev.html", span, "text/html", is_body=is_said)
        if body.rtf:
            # It may look otherwise than a plain text, but repeats a text that comes with it.
            is_said = bool(body.plain.strip() or body.html)
            span = Span.of(body.rtf)
            self.shelf.lay(f"{body.prefix}0-rtf", "brev.rtf", "text/rtf", span, is_body=is_said)

    def _holds_plain(self, node: Node) -> bool:
        """Say whether a plain text with any words in it stands among the parts."""
        for child in node.children:
            if not child.is_leaf:
                if self._holds_plain(child):
                    return True
            elif role_of(child, node) == "text":
                head = io.BytesIO()
                decode_body(
                    Span(self.raw, child.body, min(child.end, child.body + 4096)), _encoding_of(child), head
                )
                # A space that does not break is no word either.
                if decode(head.getvalue(), _charset_of(child))[0].strip():
                    return True
        return False

    def _leaf(self, node: Node, parent: Node | None, has_plain: bool) -> None:
        if node.content_type.startswith("multipart/"):
            self.shelf.problems.append(
                f"{called(node)}: gränsen mellan delarna saknas, texten står som den kom"
            )
        if words := ODD_TYPES.get(node.content_type):
            self.shelf.problems.append(f"{called(node)} {words}")
        role = role_of(node, parent)
        if role == "text":
            self._text(node)
        elif role == "html":
            self._html(node, has_plain)
        else:
            self._file(node, parent, has_plain)

    def _text(self, node: Node) -> None:
        name = name_of(node)
        if not self.texts:
            self.flow = _flow_of(node)
        if node.end - node.body > self.budget:
            part = self._store(node, name or "hela-texten.txt", shown_inline=True, is_body=False)
            self.shelf.problems.append(
                f"{called(node)}: texten är för lång att visas hel, den ligger som fil"
            )
            self.beyond.append(part.sha256)
            self.texts.append(self._text_of(node, part))
            with part.file.open("rb") as written:
                self._written(node, written)
            return
        out = io.BytesIO()
        decoded = decode_body(self._span(node), _encoding_of(node), out)
        if decoded.problem:
            self.shelf.problems.append(f"{called(node)}: {decoded.problem}")
        self.texts.append(self._read(node, out.getvalue()))
        # A text with a name of its own is also a file, so that its name and bytes are kept.
        if name:
            self._keep(node.path or "1", name, Span(out, 0, decoded.size_bytes), is_body=True)
        self._written(node, out)

    def _written(self, node: Node, text: BinaryIO) -> None:
        if self.opener:
            self.opener.written(text, node.path or "1")

    def _html(self, node: Node, has_plain: bool) -> None:
        self.has_html = True
        # HTML too long to be read whole is no longer what the text shows, so it counts as a file.
        is_whole = has_plain or node.end - node.body <= self.budget
        part = self._store(node, name_of(node) or "brev.html", shown_inline=True, is_body=is_whole)
        if has_plain:
            return
        if not is_whole:
            self.shelf.problems.append(
                f"{called(node)}: texten är för lång att visas hel, den ligger som fil"
            )
            self.beyond.append(part.sha256)
        if text := html_to_text(self._text_of(node, part)):
            self.texts.append(text + "\n")

    def _file(self, node: Node, parent: Node | None, has_plain: bool) -> None:
        is_alternative = parent is not None and parent.content_type == "multipart/alternative"
        # Enriched text beside a plain one only repeats it.
        repeats = has_plain and is_other_form(node, parent)
        if repeats:
            self.shelf.problems.append(f"{called(node)}: samma text i ett annat format ({node.content_type})")
        shown_inline = is_alternative or is_inline(node)
        part = self._store(node, file_name(node, self.raw), shown_inline=shown_inline, is_body=repeats)
        if node.content_type.startswith("text/") and not is_attached(node):
            self.spare.append((node, part))
        if self.opener is None:
            return
        if kind_of(part) == "signed" and part.path.count("~") < MAX_LEVELS:
            if content := self.opener.signed(part):
                self._signed(content, part)
        else:
            self.opener.open(part)

    def _signed(self, content: Path, envelope: Part) -> None:
        """Read what stands in a signed envelope as part of this letter, which it is."""
        try:
            root = outline(content, f"{envelope.path}~")
        except LetterUnreadable as error:
            self.shelf.problems.append(f"del {envelope.path} kunde inte läsas inuti: {error}")
            return
        outer = self.raw
        with content.open("rb") as self.raw:
            self.walk(root)
        self.raw = outer

    def _store(self, node: Node, name: str | None, *, shown_inline: bool, is_body: bool) -> Part:
        return self.shelf.lay(
            node.path or "1", name, node.content_type, self._span(node), _encoding_of(node),
            is_inline=shown_inline, is_body=is_body,
        )  # fmt: skip

    def _keep(
        self, path: str, name: str, source: Span, declared_type: str = "text/plain", *, is_body: bool = False
    ) -> None:
        """Keep text as it is, as a file beside the parts that the sender numbered."""
        self.shelf.lay(path, name, declared_type, source, is_inline=True, is_body=is_body)

    def _span(self, node: Node) -> Span:
        return Span(self.raw, node.body, node.end)

    def _text_of(self, node: Node, part: Part) -> str:
        with part.file.open("rb") as stream:
            data = stream.read(self.budget)
        if len(data) < part.size_bytes:
            # Cut between words, never through a letter of several bytes.
            data = data[: max(data.rfind(b"\n"), data.rfind(b" ")) + 1 or len(data)]
        return self._read(node, data)

    def _read(self, node: Node, data: bytes) -> str:
        self.budget = max(0, self.budget - len(data))
        declared = _charset_of(node)
        if declared is None and node.content_type == "text/html":
            declared = charset_within(data)
        text, used = decode(data, declared)
        if used and declared:
            self.shelf.problems.append(f"{called(node)}: teckenkodningen stämmer inte, läst som {used}")
        if "\0" in text:
            self.shelf.problems.append(f"{called(node)}: NUL-tecken är borttagna ur texten")
        text = clean_text(text)
        if _PGP in text:
            self.shelf.problems.append(f"{called(node)}: texten är krypterad (PGP)")
        return text

    def _outside(self, node: Node, start: int, end: int, where: str) -> None:
        """Keep words outside the parts; the usual short line before the first part is no letter."""
        span = Span(self.raw, start, end)
        words = span.head(4096).strip(b"- \t\r\n")
        if not words:
            return
        if where == "before" and len(words) < 500:
            self.margins.append(clean_text(decode(words, None)[0]) + "\n")
            return
        name = "text-fore-delarna.txt" if where == "before" else "text-efter-delarna.txt"
        self.shelf.problems.append(f"{called(node)}: text utanför delarna, den ligger som {name}")
        self._keep(f"{node.path or '0'}-{where}", name, span)


def _charset_of(node: Node) -> str | None:
    found = node.headers.parameters("content-type").get("charset")
    return found.data.decode("latin-1") if found else None


def _encoding_of(node: Node) -> str:
    encoding = node.headers.token("content-transfer-encoding")
    # A multipart is never encoded as a whole (RFC 2045 6.4), so what has no parts stays as it came;
    # where a program broke that rule with base64, it can be told.
    is_multipart = node.content_type.startswith("multipart/")
    return "" if is_multipart and encoding != "base64" else encoding


def _flow_of(node: Node) -> Flow | None:
    """Say how a text's lines are to be joined again (RFC 3676 4)."""
    parameters = node.headers.parameters("content-type")
    values = {name: parameters[name].label.lower() for name in ("format", "delsp") if name in parameters}
    if values.get("format") != "flowed":
        return None
    return "delsp" if values.get("delsp") == "yes" else "flowed"
