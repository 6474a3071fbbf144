"""What signs a letter or a file, and may carry it within; and what locks one."""

from __future__ import annotations

from intake.files.looking import Looking
from intake.files.names import clean_name, extension
from intake.files.within import tails
from intake.letters.decoding import Span
from intake.letters.within.cms import NoContent, signed_content


def look(looking: Looking) -> None:
    """Take out what a signed envelope carries, to be judged by itself; the signature is not checked."""
    tails.judge_whole(looking)
    if end := _end_of(looking.head()[:6]):
        tails.judge_tail(looking, end)
    content = looking.scratch / "signed"
    try:
        with looking.file.open("rb") as raw, content.open("xb") as out:
            for piece in signed_content(Span(raw, 0, looking.size_bytes)):
                out.write(piece)
    except NoContent:
        # What is signed stands beside it, in the letter.
        return
    with content.open("rb") as stream:
        looking.take_out(_name_within(looking.name), stream, is_child=True)


def look_at_locked(looking: Looking) -> None:
    """Find that nobody here can read it."""
    looking.find("file_encrypted")


def _name_within(name: str) -> str:
    """Return what the signed file is called: "a.pdf" in "a.pdf.p7m"; a letter's has no name."""
    stem = clean_name(name).shown.rpartition(".")[0]
    return stem if extension(stem) else "signerat brev.eml"


def _end_of(head: bytes) -> int | None:
    """Return where the envelope ends; None where a mark ends it."""
    if head[1] < 0x80:
        return 2 + head[1]
    more = head[1] & 0x7F
    return 2 + more + int.from_bytes(head[2 : 2 + more], "big") if more else None
