"""Photos made anew: the pixels alone, the right way up, in the colours of the web, and not too large."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pillow_heif
from PIL import ExifTags, Image, ImageCms, ImageFile

from intake.files.drawing.canvas import Canvas

# What each type may be read by; nothing else is tried, least of all what Pillow would start programs for.
_FORMATS: Mapping[str, tuple[str, ...]] = {
    "image/jpeg": ("JPEG", "MPO"),
    "image/png": ("PNG",),
    "image/gif": ("GIF",),
    "image/webp": ("WEBP",),
    "image/tiff": ("TIFF",),
    "image/bmp": ("BMP",),
    "image/x-ms-bmp": ("BMP",),
}
# One container with many brands, which libmagic does not always tell apart.
_HEIF = ("HEIF", "AVIF")
_TURNS: Mapping[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# How many bytes decoding takes for each pixel: the newest formats are decoded into colours of their own
# first; a JPEG is shrunk while it is decoded, but a progressive one is gathered whole before that.
_COSTS: Mapping[str | None, int] = {"JPEG": 1, "MPO": 1, "HEIF": 9, "AVIF": 9}
_COST, _PROGRESSIVE_COST = 5, 6
MAX_DECODED_BYTES = 900 * 1024 * 1024
TOO_LARGE = "Bilden har för många bildpunkter för att visas här."
DAMAGED = "Bilden är skadad. Det som gick att läsa visas."
UNREADABLE = "Bilden är skadad och kan inte visas."
MOVING = "Bilden rör sig eller har flera bilder i sig. Bara den första visas."


def draw(file: Path, detected_type: str, max_pixels: int, canvas: Canvas) -> None:
    """Draw a photo, or the pages of a scanned document; of a moving picture the first."""
    formats = _FORMATS.get(detected_type, _HEIF)
    with _without_alarms():
        for is_lenient in (False, True):
            try:
                with _forgiving(is_lenient), Image.open(file, formats=formats) as image:
                    _draw_frames(image, max_pixels, canvas)
                if is_lenient:
                    canvas.lack(DAMAGED)
                return
            except MemoryError:
                canvas.lack(TOO_LARGE)
                return
            except Exception:
                # What Pillow raises of damaged files is not a closed list; a second try takes what there is.
                del canvas.pictures[:]
    canvas.lack(UNREADABLE)


@contextmanager
def _without_alarms() -> Iterator[None]:
    """Let our own limit be the only one on the number of pixels, and damaged metadata pass in silence."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    # Each thread that decodes takes memory of its own.
    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


@contextmanager
def _forgiving(is_lenient: bool) -> Iterator[None]:
    before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, is_lenient
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _draw_frames(image: Image.Image, max_pixels: int, canvas: Canvas) -> None:
    count = getattr(image, "n_frames", 1)
    is_paged = image.format == "TIFF"
    shown = min(count, canvas.limits.max_pages) if is_paged else 1
    for number in range(shown):
        if number:
            image.seek(number)
        pixels = image.width * image.height
        if pixels > max_pixels or pixels * _cost(image) > MAX_DECODED_BYTES:
            canvas.lack(TOO_LARGE)
            return
        canvas.draw(_small(image, canvas.limits.photo_pixels))
        if not canvas.has_time:
            break
    if is_paged and len(canvas.pictures) < count:
        canvas.lack(f"Bara de första {len(canvas.pictures)} sidorna visas.")
    # Telephones keep a second picture in an ordinary photo, which is none that people took.
    elif count > 1 and not is_paged and image.format != "MPO":
        canvas.lack(MOVING)


def _cost(image: Image.Image) -> int:
    return _PROGRESSIVE_COST if "progressive" in image.info else _COSTS.get(image.format, _COST)


def _small(image: Image.Image, longest: int) -> Image.Image:
    """Return the picture in RGB or RGBA, shrunk before anything else so that memory holds it once."""
    profile = image.info.get("icc_profile")
    if image.format in ("JPEG", "MPO"):
        image.draft(None, (longest, longest))
    image.load()
    orientation = _orientation(image)
    small = _plain(image)
    ratio = longest / max(small.size)
    if ratio < 1:
        size = (max(1, round(small.width * ratio)), max(1, round(small.height * ratio)))
        small = small.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    small = _in_web_colours(small, profile)
    return small.transpose(_TURNS[orientation]) if orientation in _TURNS else small


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        # Metadata that cannot be read turns nothing.
        return 1


def _plain(image: Image.Image) -> Image.Image:
    """Return a picture in a mode that can be shrunk."""
    if image.mode.startswith(("I", "F")):
        # Grey in more than eight bits, whose white is known or else the brightest point.
        grey = image.convert("F")
        white = 65535 if image.mode.startswith("I;16") else _brightest(grey)
        return grey.point(lambda value: value * (255 / white)).convert("L")
    if "transparency" in image.info or image.mode in ("PA", "LA", "La", "RGBa"):
        return image.convert("RGBA")
    return image.convert("RGB") if image.mode in ("P", "1", "HSV", "LAB", "YCbCr") else image


def _brightest(grey: Image.Image) -> float:
    return (
        max((float(value) for value in grey.getextrema() if isinstance(value, int | float)), default=1) or 1
    )


def _in_web_colours(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return a picture in sRGB as RGB, or RGBA where something can be seen through."""
    is_clear = image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255)
    mode = "RGBA" if is_clear else "RGB"
    if profile and image.mode in ("RGB", "RGBA", "CMYK", "L"):
        with suppress(ImageCms.PyCMSError, OSError, ValueError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            made = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
            return made or image.convert(mode)
    return image if image.mode == mode else image.convert(mode)
