"""A picture: that it can be read whole, how large it is, and where it was taken."""

from __future__ import annotations

import mmap
import struct
import warnings
import zlib

import pillow_heif
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from intake.files.looking import Looking
from intake.files.within import tails
from intake.files.within.images import ends, facts

# Only these readers of Pillow's are ever loaded; to name them here is what makes them known to it.
_FORMATS = tuple(
    plugin.format
    for plugin in (
        AvifImagePlugin.AvifImageFile,
        BmpImagePlugin.BmpImageFile,
        GifImagePlugin.GifImageFile,
        JpegImagePlugin.JpegImageFile,
        PngImagePlugin.PngImageFile,
        TiffImagePlugin.TiffImageFile,
        WebPImagePlugin.WebPImageFile,
        pillow_heif.HeifImageFile,
    )
)
# A scale at which a JPEG's coded pixels are still read to the last one, but take little memory.
_SMALL = 8
# Larger pictures of other formats take more memory and time than a look is worth.
_DECODED_PIXELS = 64_000_000
# What Pillow's readers raise for bytes that are not what they should be.
_DAMAGE = (
    OSError, SyntaxError, ValueError, TypeError, RuntimeError, EOFError, IndexError, OverflowError,
    struct.error, zlib.error,
)  # fmt: skip

# Depth maps, gain maps and thumbnails are not the picture.
pillow_heif.register_heif_opener(thumbnails=False)
# Adobe's programs write colours and history of several MB; a bomb dies in its child.
PngImagePlugin.MAX_TEXT_CHUNK = 16 * 1024 * 1024


def look(looking: Looking) -> None:
    """Tell whether a picture opens whole, what it tells of itself, and what hides in it."""
    with looking.file.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        ends_at = ends.end_of(content)
        is_jpeg = content[:2] == b"\xff\xd8"
    # Whether a JPEG is whole its decoder knows better than the marks, of which some are often missing.
    _open(looking, is_cut=ends_at is None and not is_jpeg)
    tails.judge_whole(looking)
    tails.judge_script(looking)
    if ends_at is not None:
        tails.judge_tail(looking, ends_at)


def _open(looking: Looking, *, is_cut: bool) -> None:
    limits = looking.limits.inside
    Image.MAX_IMAGE_PIXELS = limits.max_pixels
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(looking.file, formats=_FORMATS) as image:
                _read(looking, image, is_cut=is_cut)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            looking.find("image_too_large", most=f"{limits.max_pixels:,}".replace(",", " "))
        except (UnidentifiedImageError, *_DAMAGE):
            looking.find("image_truncated" if is_cut else _unread(looking))


def _unread(looking: Looking) -> str:
    """Return the code for a picture that no reader of ours opens."""
    is_odd = ends.is_odd_bmp(looking.head(), looking.limits.inside.max_pixels)
    return "image_unusual" if is_odd else "image_unreadable"


def _read(looking: Looking, image: Image.Image, *, is_cut: bool) -> None:
    facts.look(looking, image)
    frames = 1
    try:
        _decode(image)
        frames = getattr(image, "n_frames", 1)
    except _DAMAGE:
        is_cut = True
    if is_cut:
        looking.find("image_truncated")
    elif frames > looking.limits.inside.max_frames:
        looking.find("image_many_frames", most=looking.limits.inside.max_frames)


def _decode(image: Image.Image) -> None:
    """Read a picture's pixels to the last; of the largest only their headers were read."""
    if image.format in ("JPEG", "MPO"):
        image.draft(image.mode, (max(1, image.width // _SMALL), max(1, image.height // _SMALL)))
    elif image.width * image.height > _DECODED_PIXELS:
        return
    image.load()
