"""What a camera wrote into a picture: where and when it was taken, and by which camera."""

from __future__ import annotations

import contextlib
import math
import re
import struct

from PIL import ExifTags, Image

from intake.files.looking import Looking

_MAX_CHARACTERS = 100
_WRITTEN_TIME = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d:\d\d:\d\d)")
_OFFSET = re.compile(r"[+-]\d\d:\d\d|Z")
# Cameras and programs break every rule of EXIF; what cannot be read is not told.
_UNREADABLE = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, OSError, SyntaxError,
    EOFError, struct.error,
)  # fmt: skip


def look(looking: Looking, image: Image.Image) -> None:
    """Tell a picture's position, time and camera, each that can be read."""
    with contextlib.suppress(*_UNREADABLE):
        exif = image.getexif()
        for tell in (_tell_position, _tell_time, _tell_camera):
            with contextlib.suppress(*_UNREADABLE):
                tell(looking, exif)


def tell_position(looking: Looking, latitude: float, longitude: float) -> None:
    """Tell a position in degrees, if it is one; 0, 0 is a camera that did not know."""
    if abs(latitude) <= 90 and abs(longitude) <= 180 and (latitude or longitude):
        looking.tell("position", f"{latitude:.5f}, {longitude:.5f}")
        looking.find("image_has_position")


def tell_camera(looking: Looking, make: str, model: str) -> None:
    """Tell a camera by its maker and model, without saying the maker twice."""
    make, model = _words(make), _words(model)
    name = model if model.casefold().startswith(make.casefold()) else f"{make} {model}"
    if name.strip():
        looking.tell("camera", name.strip())


def _tell_position(looking: Looking, exif: Image.Exif) -> None:
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    latitude = _degrees(gps[ExifTags.GPS.GPSLatitude], gps.get(ExifTags.GPS.GPSLatitudeRef), "S")
    longitude = _degrees(gps[ExifTags.GPS.GPSLongitude], gps.get(ExifTags.GPS.GPSLongitudeRef), "W")
    tell_position(looking, latitude, longitude)


def _degrees(parts: tuple[float, ...], side: object, negative: str) -> float:
    value = sum((float(part) / 60.0**place for place, part in enumerate(parts[:3])), 0.0)
    if not math.isfinite(value):
        raise ValueError
    return -value if _words(side).upper().startswith(negative) else value


def _tell_time(looking: Looking, exif: Image.Exif) -> None:
    details = exif.get_ifd(ExifTags.IFD.Exif)
    written = (
        details.get(ExifTags.Base.DateTimeOriginal)
        or details.get(ExifTags.Base.DateTimeDigitized)
        or exif.get(ExifTags.Base.DateTime)
    )
    match = _WRITTEN_TIME.match(_words(written))
    if match and match[1] != "0000":
        offset = _words(details.get(ExifTags.Base.OffsetTimeOriginal))
        looking.tell(
            "taken_at",
            f"{match[1]}-{match[2]}-{match[3]}T{match[4]}{offset if _OFFSET.fullmatch(offset) else ''}",
        )


def _tell_camera(looking: Looking, exif: Image.Exif) -> None:
    tell_camera(looking, _words(exif.get(ExifTags.Base.Make)), _words(exif.get(ExifTags.Base.Model)))


def _words(value: object) -> str:
    """Return what was written as one short line; "" for what is no text."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    return "".join(char for char in value.partition("\0")[0] if char.isprintable())[:_MAX_CHARACTERS].strip()
