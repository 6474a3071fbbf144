"""One walk over a letter's leaves: texts in order, parts as files, and words about what is odd."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from intake.letters.charsets import clean_label, clean_text, decode
from intake.letters.decoding import Decoded, decode_body
from intake.letters.html import html_to_text
from intake.letters.outline import Node
from intake.letters.roles import attached_letter_name, called, is_attached, is_inline, name_of, role_of
from intake.letters.values import Part

MAX_TEXT_CHARACTERS = 200_000
# So much of a letter's bodies is read as text; what lies beyond is kept as a file only.
MAX_TEXT_BYTES = 4 * 1024 * 1024
_UUENCODED = re.compile(r"^begin [0-7]{3,4} \S", re.MULTILINE)
_PGP = "-----BEGIN PGP MESSAGE-----"
_ENRICHED = {"text/enriched", "text/richtext", "text/markdown", "text/x-amp-html", "text/watch-html"}
_ODD_TYPES = {
    "application/pkcs7-mime": "är krypterad eller signerad (S/MIME), innehållet kan inte visas här",
    "application/x-pkcs7-mime": "är krypterad eller signerad (S/MIME), innehållet kan inte visas här",
    "application/pgp-encrypted": "hör till ett krypterat brev (PGP)",
    "application/ms-tnef": "är winmail.dat från Outlook, filerna i den är inte uppackade",
    "message/partial": "är en bit av ett delat brev",
    "message/external-body": "hänvisar till en fil som inte följde med",
}


@dataclass
class Reader:
    """Collects ``parts``, ``problems`` and texts; ``walk`` the root, then ``finish``."""

    raw: BinaryIO
    folder: Path
    parts: list[Part] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    has_html: bool = False
    texts: list[str] = field(default_factory=list)
    spare: list[tuple[Node, Part]] = field(default_factory=list)
    beyond: list[str] = field(default_factory=list)
    budget: int = MAX_TEXT_BYTES

    def walk(self, node: Node, parent: Node | None = None, has_plain: bool = False) -> None:
        """Read a part and all within it; ``has_plain`` says that HTML only repeats a plain text."""
        for line in node.stray:
            self.problems.append(f"en rad bland huvudena kunde inte läsas: {clean_label(line, 200)}")
        if node.is_leaf:
            self._leaf(node, parent, has_plain)
            return
        self._outside(node, node.body, node.preamble_end, "before")
        if node.content_type == "multipart/alternative":
            has_plain = has_plain or self._holds_plain(node)
        for child in node.children:
            self.walk(child, node, has_plain)
        if node.epilogue is None:
            self.problems.append(f"{called(node)}: slutet saknas")
        else:
            self._outside(node, node.epilogue, node.end, "after")

    def finish(self) -> tuple[str, str]:
        """Return the letter's text, capped, and the digest of the whole of it."""
        texts = [text for text in self.texts if text.strip()]
        if not texts and self.spare:
            texts = [text for text in (self._text_of(*spare) for spare in self.spare) if text.strip()]
        text = "\n".join(texts) or "".join(self.texts[:1])
        data = text.encode()
        digest = hashlib.sha256(data + "".join(self.beyond).encode()).hexdigest()
        if len(text) <= MAX_TEXT_CHARACTERS:
            return text, digest
        self.problems.append(f"texten är längre än {MAX_TEXT_CHARACTERS} tecken, den ligger hel som fil")
        # A single text beyond the budget is kept whole already, and this is only its beginning.
        if not (self.beyond and len(texts) == 1):
            name = "texten.txt" if self.beyond else "hela-texten.txt"
            self._keep("0-text", name, io.BytesIO(data), len(data))
        return text[:MAX_TEXT_CHARACTERS], digest

    def _holds_plain(self, node: Node) -> bool:
        """Say whether a plain text with any words in it stands among the parts."""
        for child in node.children:
            if not child.is_leaf:
                if self._holds_plain(child):
                    return True
            elif role_of(child, node) == "text":
                self.raw.seek(child.body)
                if self.raw.read(min(child.end - child.body, 4096)).strip():
                    return True
        return False

    def _leaf(self, node: Node, parent: Node | None, has_plain: bool) -> None:
        if node.content_type.startswith("multipart/"):
            self.problems.append(f"{called(node)}: gränsen mellan delarna saknas, texten står som den kom")
        if words := _ODD_TYPES.get(node.content_type):
            self.problems.append(f"{called(node)} {words}")
        role = role_of(node, parent)
        if role == "text":
            self._text(node)
        elif role == "html":
            self._html(node, has_plain)
        else:
            self._file(node, parent, has_plain)

    def _text(self, node: Node) -> None:
        name = name_of(node)
        if node.end - node.body > self.budget:
            part = self._store(node, name or "hela-texten.txt", shown_inline=True, is_body=False)
            self.problems.append(f"{called(node)}: texten är för lång att visas hel, den ligger som fil")
            self.beyond.append(part.sha256)
            self.texts.append(self._text_of(node, part))
            return
        out = io.BytesIO()
        decoded = self._decode(node, out)
        self.texts.append(self._read(node, out.getvalue()))
        # A text with a name of its own is also a file, so that its name and bytes are kept.
        if name:
            out.seek(0)
            self._keep(node.path or "1", name, out, decoded.size_bytes, is_body=True)

    def _html(self, node: Node, has_plain: bool) -> None:
        self.has_html = True
        # HTML too long to be read whole is no longer what the text shows, so it counts as a file.
        is_whole = has_plain or node.end - node.body <= self.budget
        part = self._store(node, name_of(node) or "brev.html", shown_inline=True, is_body=is_whole)
        if has_plain:
            return
        if not is_whole:
            self.problems.append(f"{called(node)}: texten är för lång att visas hel, den ligger som fil")
            self.beyond.append(part.sha256)
        if text := html_to_text(self._text_of(node, part)):
            self.texts.append(text + "\n")

    def _file(self, node: Node, parent: Node | None, has_plain: bool) -> None:
        name = name_of(node)
        if name is None and node.content_type in ("message/rfc822", "message/global"):
            self.raw.seek(node.body)
            name = attached_letter_name(self.raw.read(min(node.end - node.body, 65536)))
        is_alternative = parent is not None and parent.content_type == "multipart/alternative"
        # Enriched text beside a plain one only repeats it; an invitation is more than its text.
        repeats = is_alternative and has_plain and name is None and node.content_type in _ENRICHED
        part = self._store(node, name, shown_inline=is_alternative or is_inline(node), is_body=repeats)
        if node.content_type.startswith("text/") and not is_attached(node):
            self.spare.append((node, part))

    def _store(self, node: Node, name: str | None, *, shown_inline: bool, is_body: bool) -> Part:
        path = node.path or "1"
        file = self.folder / f"part-{path}"
        with file.open("wb") as out:
            decoded = self._decode(node, out)
        part = Part(
            path, name, node.content_type, decoded.size_bytes, decoded.sha256, shown_inline, file, is_body
        )
        self.parts.append(part)
        return part

    def _keep(
        self, path: str, name: str, source: BinaryIO, end: int, *, start: int = 0, is_body: bool = False
    ) -> None:
        """Keep text as it is, as a file beside the parts that the sender numbered."""
        file = self.folder / f"part-{path}"
        with file.open("wb") as out:
            kept = decode_body(source, start, end, "", out)
        self.parts.append(Part(path, name, "text/plain", kept.size_bytes, kept.sha256, True, file, is_body))

    def _decode(self, node: Node, out: BinaryIO) -> Decoded:
        encoding = node.headers.token("content-transfer-encoding")
        # A multipart is never encoded as a whole (RFC 2045 6.4), so what has no parts stays as it came.
        encoding = "" if node.content_type.startswith("multipart/") else encoding
        decoded = decode_body(self.raw, node.body, node.end, encoding, out)
        if decoded.problem:
            self.problems.append(f"{called(node)}: {decoded.problem}")
        return decoded

    def _text_of(self, node: Node, part: Part) -> str:
        with part.file.open("rb") as stream:
            data = stream.read(self.budget)
        if len(data) < part.size_bytes:
            # Cut between words, never through a letter of several bytes.
            data = data[: max(data.rfind(b"\n"), data.rfind(b" ")) + 1 or len(data)]
        return self._read(node, data)

    def _read(self, node: Node, data: bytes) -> str:
        self.budget = max(0, self.budget - len(data))
        found = node.headers.parameters("content-type").get("charset")
        declared = found.data.decode("latin-1") if found else None
        text, used = decode(data, declared)
        if used and declared:
            self.problems.append(f"{called(node)}: teckenkodningen stämmer inte, läst som {used}")
        if "\0" in text:
            self.problems.append(f"{called(node)}: NUL-tecken är borttagna ur texten")
        text = clean_text(text)
        if _UUENCODED.search(text):
            self.problems.append(f"{called(node)}: en uuencode-fil står kvar som text")
        if _PGP in text:
            self.problems.append(f"{called(node)}: texten är krypterad (PGP)")
        return text

    def _outside(self, node: Node, start: int, end: int, where: str) -> None:
        """Keep words outside the parts; the usual short line before the first part is no letter."""
        self.raw.seek(start)
        words = self.raw.read(min(end - start, 4096)).strip(b"- \t\r\n") if end > start else b""
        if not words or (where == "before" and len(words) < 500):
            return
        name = "text-fore-delarna.txt" if where == "before" else "text-efter-delarna.txt"
        self.problems.append(f"{called(node)}: text utanför delarna, den ligger som {name}")
        self._keep(f"{node.path or '0'}-{where}", name, self.raw, end, start=start)
