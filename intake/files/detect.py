"""What a file's content is: libmagic over the whole file, and what it is known to miss."""

from __future__ import annotations

from pathlib import Path

from intake.files.names import extension
from intake.files.refining import Content, media, ole, others, pdf, signatures, texts, zips

# The system's libmagic is used where there is one. The wheel brings its own, and must be imported
# first for python-magic to find it.
try:
    import magic
except ImportError:
    import pylibmagic  # noqa: F401

    # isort: split
    import magic

UNKNOWN_TYPE = "application/octet-stream"
HEAD_BYTES = 1 << 20
# Pictures that are read and drawn; no bitmaps of Unix, since text that begins with "P4 " is taken for one.
PICTURE_TYPES = tuple(
    f"image/{name}"
    for name in (
        "jpeg", "png", "gif", "webp", "heic", "heif", "heic-sequence", "heif-sequence", "avif",
        "avif-sequence", "tiff", "bmp", "x-ms-bmp",
    )
)  # fmt: skip
# The first that knows the content names it; text comes last, since it is known by what it is not.
_REFINERS = (
    zips.refine, ole.refine, signatures.refine, others.refine, pdf.refine, media.refine, texts.refine,
)  # fmt: skip


def detect(file: Path, name: str) -> str:
    """Return the MIME type of a file's content; ``name`` only decides between types that look alike."""
    with file.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    content = Content(file, extension(name), head, by_libmagic(file))
    return next((kind for refine in _REFINERS if (kind := refine(content))), content.called)


def by_libmagic(file: Path) -> str:
    """Return libmagic's MIME type of the whole file; its first bytes alone mislead it.

    A detector of its own for each call (0.1 ms) needs no lock between threads or after a fork.
    """
    try:
        return str(magic.Magic(mime=True).from_file(str(file)))
    except magic.MagicException:
        # What libmagic gives up on is unknown, and so agrees with hardly any name.
        return UNKNOWN_TYPE
