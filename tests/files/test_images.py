"""Pictures: that they open whole, what they tell of themselves, and what hides in and after them."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pillow_heif
import pytest
from PIL import ExifTags, Image

from tests.files.looked import looked
from tests.files.making import box, heif

KINDS = {"jpg": "JPEG", "png": "PNG", "gif": "GIF", "webp": "WEBP", "tif": "TIFF", "bmp": "BMP"}
WHERE = {1: "N", 2: (59.0, 19.0, 45.48), 3: "E", 4: (18.0, 4.0, 6.96)}


def photo(kind="JPEG", size=(64, 48), **options):
    """Make a photo with enough in it to be cut."""
    stream = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(stream, kind, **options)
    return stream.getvalue()


def exif(where=None, **words):
    made = Image.Exif()
    for name, value in words.items():
        made[getattr(ExifTags.Base, name)] = value
    if where:
        made.get_ifd(ExifTags.IFD.GPSInfo).update(where)
    return made


def png(width, height, *chunks):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 300))
    return (
        b"\x89PNG\r\n\x1a\n" + head + b"".join(chunk(*each) for each in chunks) + pixels + chunk(b"IEND", b"")
    )


def zipped(name="b.txt"):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr(name, "Hej")
    return stream.getvalue()


@pytest.mark.parametrize("extension", KINDS)
def test_an_ordinary_picture_is_accepted(tmp_path, extension):
    seen = looked(tmp_path, f"bild.{extension}", photo(KINDS[extension]))
    assert (seen.verdict, seen.codes) == ("accept", [])


@pytest.mark.parametrize("brand", ["heic", "mif1", "avif"])
def test_a_telephones_picture_is_accepted(tmp_path, brand):
    assert looked(tmp_path, "bild.heic", heif(brand)).codes == []


def test_a_picture_larger_than_the_limit_is_never_decoded(tmp_path):
    assert looked(tmp_path, "bild.png", png(50_000, 50_000)).codes == ["image_too_large"]


def test_a_photo_whose_header_lies_of_its_size_is_never_decoded(tmp_path):
    made = bytearray(photo())
    at = made.index(b"\xff\xc0")
    struct.pack_into(">HH", made, at + 5, 65_000, 65_000)
    assert looked(tmp_path, "bild.jpg", bytes(made)).codes == ["image_too_large"]


def test_the_largest_telephones_photo_is_within_the_limit(tmp_path):
    made = bytearray(photo())
    struct.pack_into(">HH", made, made.index(b"\xff\xc0") + 5, 12_240, 16_320)
    assert looked(tmp_path, "bild.jpg", bytes(made)).codes == []


@pytest.mark.parametrize("extension", ["jpg", "png", "gif", "webp", "bmp"])
def test_a_cut_picture_is_passed_on_with_a_note(tmp_path, extension):
    made = photo(KINDS[extension])
    seen = looked(tmp_path, f"bild.{extension}", made[: len(made) * 2 // 3])
    assert (seen.codes, seen.verdict) == (["image_truncated"], "warn")


def test_a_cut_picture_of_a_telephone_is_passed_on_with_a_note(tmp_path):
    assert looked(tmp_path, "bild.heic", heif("heic")[:-30]).codes == ["image_truncated"]


@pytest.mark.parametrize("name", ["bild.jpg", "bild.png", "bild.gif"])
def test_a_picture_that_is_only_a_header_is_quarantined(tmp_path, name):
    began = {
        "jpg": b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0",
        "png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        "gif": b"GIF89a;",
    }[name[-3:]]
    assert looked(tmp_path, name, began + b"<?php system($_GET[0]); ?>" * 9).verdict == "quarantine"


def test_an_odd_bitmap_is_told(tmp_path):
    made = bytearray(photo("BMP", size=(8, 8)))
    struct.pack_into("<HI", made, 28, 16, 5)
    seen = looked(tmp_path, "bild.bmp", bytes(made))
    assert (seen.codes, seen.verdict) == (["image_unusual"], "warn")


def test_a_photo_tells_where_when_and_by_what_it_was_taken(tmp_path):
    told = exif(WHERE, Make="Apple", Model="iPhone 15 Pro", DateTime="2026:05:01 12:00:00")
    told.get_ifd(ExifTags.IFD.Exif).update({0x9003: "2026:05:01 11:59:58", 0x9011: "+02:00"})
    seen = looked(tmp_path, "bild.jpg", photo(exif=told))
    assert seen.facts == {"position": "59.32930, 18.06860", "taken_at": "2026-05-01T11:59:58+02:00",
                          "camera": "Apple iPhone 15 Pro"}  # fmt: skip
    assert (seen.codes, seen.verdict) == (["image_has_position"], "accept")


def test_a_photo_in_heic_tells_where_it_was_taken(tmp_path):
    stream = io.BytesIO()
    told = exif({**WHERE, 1: "S", 3: "W"}, Make="samsung", Model="Samsung SM-S918B").tobytes()
    pillow_heif.from_pillow(Image.new("RGB", (64, 64))).save(stream, exif=told)
    seen = looked(tmp_path, "bild.heic", stream.getvalue())
    assert seen.facts == {"position": "-59.32930, -18.06860", "camera": "Samsung SM-S918B"}


@pytest.mark.parametrize(
    "where", [{1: "N"}, {2: (0.0, 0.0, 0.0), 4: (0.0, 0.0, 0.0)}, {2: (900.0, 0.0, 0.0), 4: (1.0, 2.0, 3.0)}]
)
def test_a_position_that_is_none_is_not_told(tmp_path, where):
    seen = looked(tmp_path, "bild.jpg", photo(exif=exif(where)))
    assert (seen.facts, seen.codes) == ({}, [])


def test_what_a_camera_wrote_wrongly_harms_nothing(tmp_path):
    made = photo(exif=exif(WHERE, Make="Åke", DateTime="igår"))
    at = made.index(b"Exif") + 14
    for place in range(at, at + 150, 7):
        broken = made[:place] + b"\xff\xff\xff\xff" + made[place + 4 :]
        assert looked(tmp_path, "bild.jpg", broken).verdict == "accept"


def test_a_moving_picture_is_accepted_and_one_of_thousands_is_told(tmp_path):
    def moving(count):
        frames = [Image.new("L", (2, 2), number % 256) for number in range(count)]
        stream = io.BytesIO()
        frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
        return stream.getvalue()

    assert looked(tmp_path, "bild.gif", moving(20)).codes == []
    assert looked(tmp_path, "bild.gif", moving(1002)).codes == ["image_many_frames"]


def test_a_moving_picture_without_its_end_mark_is_shown_whole(tmp_path):
    assert looked(tmp_path, "bild.gif", photo("GIF")[:-1]).codes == []


def test_a_scanned_document_of_several_pages_is_accepted(tmp_path):
    stream = io.BytesIO()
    pages = [Image.new("1", (100, 140), 1) for _ in range(5)]
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:], compression="group4")
    assert looked(tmp_path, "inskannat.tif", stream.getvalue()).codes == []


def test_a_scanned_document_with_a_broken_page_is_passed_on_with_a_note(tmp_path):
    stream = io.BytesIO()
    pages = [Image.new("L", (100, 140), 1) for _ in range(3)]
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:])
    made = stream.getvalue()
    assert looked(tmp_path, "inskannat.tif", made[: len(made) // 2]).codes == ["image_truncated"]


FILM = box("ftyp", b"mp42\0\0\0\0isom") + box("mdat", b"\1\2\3" * 999)


@pytest.mark.parametrize(
    "tail",
    [
        FILM,
        b"\0\0" + FILM,
        photo(),
        b"\0" * 900 + photo() + photo(),
        b"\0" * 5000,
        b"\x1a" * 600,
        b"\r\n",
        b"\0\0\x01\x0a\x0e\0\0\0Image_UTC_Data1717171717171SEFH" + b"\1" * 400 + b"SEFT",
        b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data" + FILM + b"SEFH" + b"\1" * 99 + b"SEFT",
        b'vivo{"livephoto":1,"version":' + b"1" * 400 + b"}",
    ],
    ids=[
        "film",
        "film after zeros",
        "photo",
        "photos",
        "zeros",
        "block",
        "line",
        "samsung",
        "motion",
        "vivo",
    ],
)
def test_what_telephones_put_after_a_photo_is_ordinary(tmp_path, tail):
    assert looked(tmp_path, "bild.jpg", photo() + tail).codes == []


def test_several_photos_in_one_file_are_ordinary(tmp_path):
    stream = io.BytesIO()
    first, second = Image.effect_noise((64, 48), 90), Image.effect_noise((32, 24), 90)
    first.save(stream, "MPO", save_all=True, append_images=[second])
    assert looked(tmp_path, "bild.jpg", stream.getvalue()).codes == []


PROGRAM = b"MZ" + b"\0" * 58 + b"\x80\0\0\0" + b"\0" * 64 + b"PE\0\0"
PAGE = b"<!DOCTYPE html><html><script>alert(1)</script></html>"


@pytest.mark.parametrize("extension", ["jpg", "png", "gif", "webp", "bmp"])
@pytest.mark.parametrize(
    "tail",
    [
        zipped(), b"\0" * 64 + zipped("Main.class"), PROGRAM, b"\x7fELF\2\1\1" + b"\0" * 90, PAGE,
        b"%PDF-1.7\n1 0 obj<<>>endobj\n%%EOF", b"Rar!\x1a\x07\x01\0" + b"\1" * 80, b"7z\xbc\xaf\x27\x1c\0\4",
        b"#!/bin/sh\nrm -rf /\n", b"<?php system($_GET[0]); ?>",
    ],
    ids=["zip", "jar", "program", "elf", "page", "pdf", "rar", "7z", "shell", "php"],
)  # fmt: skip
def test_what_is_hidden_after_a_picture_is_quarantined(tmp_path, extension, tail):
    seen = looked(tmp_path, f"bild.{extension}", photo(KINDS[extension]) + tail)
    assert seen.verdict == "quarantine"
    assert {"hidden_content", "content_disagrees"} & set(seen.codes)


def test_a_zip_after_a_photos_film_is_quarantined(tmp_path):
    assert looked(tmp_path, "bild.jpg", photo() + FILM + zipped()).verdict == "quarantine"


def test_a_zip_whose_comment_feigns_another_end_is_quarantined(tmp_path):
    made = zipped("Main.class")
    feigned = b"PK\x05\x06" + b"\xff" * 40
    described = made[:-2] + struct.pack("<H", len(feigned)) + feigned
    picture = photo()
    hidden = picture[:2] + b"\xff\xfe" + struct.pack(">H", len(described) + 2) + described + picture[2:]
    assert looked(tmp_path, "bild.jpg", hidden).verdict == "quarantine"


def test_a_document_in_a_photos_comment_is_quarantined(tmp_path):
    comment = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n"
    made = photo()
    hidden = made[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + made[2:]
    assert looked(tmp_path, "bild.jpg", hidden).codes == ["hidden_content"]


def test_other_bytes_after_a_picture_are_told(tmp_path):
    seen = looked(tmp_path, "bild.png", photo("PNG") + bytes(range(1, 200)) * 30)
    assert (seen.codes, seen.verdict) == (["trailing_data"], "warn")


def test_a_script_in_a_photos_description_is_told(tmp_path):
    told = exif(ImageDescription="<?php echo shell_exec($_GET['x']); ?>")
    seen = looked(tmp_path, "bild.jpg", photo(exif=told))
    assert (seen.codes, seen.verdict) == (["script_in_picture"], "warn")


def test_a_script_in_a_pictures_text_is_told(tmp_path):
    assert "script_in_picture" in looked(tmp_path, "b.png", png(8, 8, (b"tEXt", b"a\0<script >x"))).codes
