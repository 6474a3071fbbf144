"""What it costs to look a file through, beside a digest, libmagic and one parser's opening of it.

``python -m bench files [TIMES]`` runs `intake check-file` as anybody would, so many times each file.
"""

from __future__ import annotations

import hashlib
import io
import os
import random
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
TIMES = 20
MOST_BYTES = 1200 << 20
MEBIBYTE = 1 << 20
TEXT = "Min cykel stals utanför stationen i går kväll. Den är röd, och låset låg kvar på marken. " * 4


def make_photo(path: Path) -> None:
    """Make a photo of 12 million pixels and some 8 MB."""
    from PIL import Image

    small = Image.frombytes("RGB", (500, 375), random.Random(1).randbytes(500 * 375 * 3))
    photo = Image.blend(small.resize((4000, 3000)), Image.effect_noise((4000, 3000), 60).convert("RGB"), 0.35)
    photo.save(path, quality=92)


def make_film(path: Path) -> None:
    """Make a film of 25 MB: its boxes are right, what is in them is noise."""
    head = struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"isom", 0, b"isom", b"mp42")
    header = struct.pack(">I4sIIIII", 108, b"mvhd", 0, 0, 0, 1000, 60_000) + b"\0" * 80
    moov = struct.pack(">I4s", len(header) + 8, b"moov") + header
    data = random.Random(2).randbytes(25_000_000)
    path.write_bytes(head + moov + struct.pack(">I4s", len(data) + 8, b"mdat") + data)


def make_pdf(path: Path) -> None:
    """Make a document of some 50 pages."""
    import typst

    text = f"#set page(margin: 2cm)\n#set text(size: 12pt)\n{(TEXT + chr(10) * 2) * 900}"
    path.write_bytes(typst.compile(text.encode(), format="pdf"))


def make_docx(path: Path) -> None:
    """Make a document of words and a picture, some 1 MB."""
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    words = "".join(f"<w:p><w:r><w:t>{TEXT}</w:t></w:r></w:p>" for _ in range(2000))
    main = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    picture = io.BytesIO()
    from PIL import Image

    Image.frombytes("RGB", (900, 700), random.Random(3).randbytes(900 * 700 * 3)).save(
        picture, "JPEG", quality=95
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="jpg" ContentType="image/jpeg"/>'
            f'<Override PartName="/word/document.xml" ContentType="{kind}"/></Types>',
        )
        made.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
            f'Type="{office}/officeDocument" Target="word/document.xml"/></Relationships>',
        )
        made.writestr(
            "word/document.xml", f'<w:document xmlns:w="{main}"><w:body>{words}</w:body></w:document>'
        )
        made.writestr("word/media/image1.jpg", picture.getvalue())


FILES: Mapping[str, Callable[[Path], None]] = {
    "foto.jpg": make_photo, "film.mp4": make_film, "beslut.pdf": make_pdf, "brev.docx": make_docx,
}  # fmt: skip


def _open_photo(path: Path) -> None:
    from PIL import Image

    with Image.open(path) as image:
        image.load()


def _open_film(path: Path) -> None:
    with path.open("rb") as file:
        file.read(64)


def _open_pdf(path: Path) -> None:
    import pikepdf

    pikepdf.open(path).close()


def _open_docx(path: Path) -> None:
    from defusedxml import ElementTree

    with zipfile.ZipFile(path) as package:
        ElementTree.fromstring(package.read("word/document.xml"))


OPENERS: Mapping[str, Callable[[Path], None]] = {
    ".jpg": _open_photo, ".mp4": _open_film, ".pdf": _open_pdf, ".docx": _open_docx,
}  # fmt: skip


def look_barely(paths: Sequence[Path]) -> None:
    """Do for each file what is asked at the least: digest, libmagic and one parser."""
    import magic

    for path in paths:
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")
        magic.from_file(str(path), mime=True)
        OPENERS[path.suffix](path)


def measure(command: Sequence[str], path: Path, times: int) -> tuple[float, int]:
    """Return the seconds that a file takes, and the largest process's memory in bytes.

    What starting costs is taken away by running once with one file and once with more.
    """
    took, peak = [], 0
    for count in (1, times + 1):
        began = time.monotonic()
        with subprocess.Popen(
            [*command, *[str(path)] * count], stdout=subprocess.DEVNULL, cwd=ROOT
        ) as running:
            _, status, used = os.wait4(running.pid, 0)
            running.returncode = os.waitstatus_to_exitcode(status)
        if running.returncode:
            raise SystemExit(f"{command} ended with {running.returncode} on {path.name}")
        took.append(time.monotonic() - began)
        # It counts the children that were waited for, too.
        peak = max(peak, used.ru_maxrss * 1024)
    return (took[1] - took[0]) / times, peak


def main(times: int = TIMES) -> int:
    """Run all of it; 0 when no process took more than it may."""
    check = [str(Path(sys.executable).with_name("intake")), "check-file"]
    barely = [sys.executable, "-m", "bench.files", "barely"]
    say("file", "size", "barely", "check-file", "ratio", "memory", "check-file", "ratio")
    most = 0
    with TemporaryDirectory() as folder:
        # A process's peak begins with that of the one it was forked from, so this one stays small.
        subprocess.run([sys.executable, "-m", "bench.files", "make", folder], cwd=ROOT, check=True)
        for path in sorted(Path(folder).iterdir()):
            bare, bare_peak = measure(barely, path, times)
            took, peak = measure(check, path, times)
            most = max(most, peak)
            times_said = (f"{bare * 1000:.1f} ms", f"{took * 1000:.1f} ms", f"{took / bare:.1f}")
            memory_said = (_megabytes(bare_peak), _megabytes(peak), f"{peak / bare_peak:.1f}")
            say(path.name, _megabytes(path.stat().st_size), *times_said, *memory_said)
    print(f"the largest process took {_megabytes(most)} (bar {_megabytes(MOST_BYTES)})")
    return 0 if most <= MOST_BYTES else 1


def say(*columns: str) -> None:
    """Print one row."""
    print("".join(column.ljust(14) for column in columns))


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / MEBIBYTE:.1f} MB"


if __name__ == "__main__":
    if sys.argv[1] == "barely":
        look_barely([Path(name) for name in sys.argv[2:]])
    elif sys.argv[1] == "make":
        for name, make in FILES.items():
            make(Path(sys.argv[2]) / name)
    else:
        sys.exit(main(*map(int, sys.argv[1:2])))
