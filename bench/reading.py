"""Reads letters in a process of its own, since the peak of its memory is what is asked.

``python -m bench.reading here|child FOLDER`` prints letters a second, ``peak-here|peak-child FILE`` bytes.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.load import MEBIBYTE, TEXT

WAYS = {"here": "in one process", "child": "each in a child"}
SECONDS = 3


def ordinary_letters() -> list[bytes]:
    """Write letters as they come on a day: short and long, answers, pictures, scans, one sent on."""
    told = _letter("Stulen cykel", TEXT)
    long = _letter("Anmälan om grannen", "\n\n".join([TEXT] * 20))
    answer = _letter(
        "SV: Stulen cykel", f"{TEXT}\n\nDen 22 nov skrev Polisen:\n> {TEXT[:70]}\n> {TEXT[70:140]}\n"
    )
    latin = _letter("Å, ä och ö", TEXT, charset="iso-8859-1")
    page = _with_page("Stulen cykel")
    shown = _with_page("Bilden i texten", MEBIBYTE[: 200 * 1024])
    scan = _letter("Från skrivaren", TEXT)
    scan.add_attachment(b"%PDF-1.4 " + MEBIBYTE, maintype="application", subtype="pdf", filename="inläst.pdf")
    album = _letter("Bilder", TEXT)
    for number in range(4):
        picture = MEBIBYTE[number * 1024 : 300 * 1024]
        album.add_attachment(picture, maintype="image", subtype="jpeg", filename=f"IMG_{number}.jpeg")
    onward = _letter("VB: Bilder", "Se bifogat.")
    onward.add_attachment(page)
    return [one.as_bytes() for one in (told, long, answer, latin, page, shown, scan, album, onward)]


def _letter(subject: str, text: str, charset: str = "utf-8") -> EmailMessage:
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = "Kim Åberg <kim@example.com>", "kontakt@example.se", subject
    made["Date"], made["Message-ID"] = (
        "Sun, 22 Nov 2026 16:05:00 +0100",
        f"<{subject.encode().hex()}@example.com>",
    )
    made.set_content(f"{text}\n\n-- \nKim Åberg\n070-000 00 00\n", charset=charset)
    return made


def _with_page(subject: str, picture: bytes = b"") -> EmailMessage:
    made = _letter(subject, TEXT)
    paragraphs = "".join(f'<p style="margin:0">{TEXT}</p>' for _ in range(5))
    image = '<img src="cid:bild1@example.com">' if picture else ""
    made.add_alternative(f"<html><body>{paragraphs}{image}</body></html>", subtype="html")
    if picture:
        page = made.get_payload()[1]  # type: ignore[index]
        page.add_related(picture, maintype="image", subtype="jpeg", cid="<bild1@example.com>")  # type: ignore[union-attr]
    return made


def peak_bytes(pid: int) -> int:
    """Return the most memory that a process ever held."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def reader(way: str) -> Callable[[Path, Path], object]:
    """Return what reads a letter: the parser itself, or a child of a process as large as a worker's."""
    if way == "here":
        from intake.letters.parse import parse

        return parse
    from intake import letters
    from intake.mailroom.unpacking import PARSE_MEMORY_BYTES, PARSE_SECONDS
    from workers import process, queues, tasks  # noqa: F401

    # A child begins with all that its worker holds.
    process.app()

    def read(raw: Path, folder: Path) -> object:
        return letters.parse_in_child(raw, folder, seconds=PARSE_SECONDS, memory_bytes=PARSE_MEMORY_BYTES)

    return read


def rate(way: str, folder: Path) -> float:
    """Read the letters of a folder over and over for a while; return how many a second."""
    read, raws = reader(way), sorted(folder.iterdir())
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        for raw in raws:
            with TemporaryDirectory() as parts:
                read(raw, Path(parts))
        done += len(raws)
    return done / (time.perf_counter() - began)


def peak(way: str, raw: Path) -> int:
    """Read a letter; return the most memory that whoever read it ever held, in bytes."""
    with TemporaryDirectory() as parts:
        reader(way)(raw, Path(parts))
    if way == "here":
        return peak_bytes(os.getpid())
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def main(what: str, place: str) -> None:
    """Print one figure."""
    way = what.removeprefix("peak-")
    print(peak(way, Path(place)) if way != what else rate(way, Path(place)))


if __name__ == "__main__":
    main(*sys.argv[1:])
