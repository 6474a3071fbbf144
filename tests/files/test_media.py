"""Sound and film: that the container opens, what it tells of itself, and what it would fetch."""

from __future__ import annotations

import struct

import pytest

from tests.files.looked import looked
from tests.files.making import avi, box, boxed, film, matroska, ogg, riff, wav
from tests.files.test_images import PAGE, zipped

BEGAN = box("ftyp", b"qt  \0\0\0\0qt  ")
MP3 = b"\xff\xfb\x90\x00" + b"\0" * 413
ADTS = b"\xff\xf1\x50\x80\x04\x1f\xfc" + b"\0" * 25
PACKET = b"\x47\x40\0\x10" + b"\xff" * 184
FLAC = (
    b"fLaC\x80\0\0\x22"
    + b"\x10\0\x10\0"
    + b"\0" * 6
    + b"\x0a\xc4\x42\xf0"
    + b"\0" * 20
    + b"\xff\xf8"
    + b"\0" * 90
)
SOUND_IDS = b"ID3\4\0\0\0\0\1\0" + b"TIT2" + b"\0" * 124
ORDINARY = {
    "film.mp4": boxed("isom"),
    "film.mov": BEGAN + box("wide") + box("mdat", b"\0" * 64) + film()[:-72],
    "gammal.mov": box("moov", box("mvhd", b"\0" * 100)) + box("mdat", b"\0" * 64),
    "kamera.mp4": boxed("XAVC"),
    "panasonic.mp4": boxed("pana"),
    "bil.mp4": boxed("avc1") + box("gps ", b"\0" * 40) + box("free", b"\0" * 4000),
    "samsung.mp4": boxed("mp42") + box("sefd", b"\0" * 40),
    "strom.mp4": box("ftyp", b"iso5\0\0\0\0iso5")
    + box("moov", box("mvhd", b"\0" * 100))
    + box("moof")
    + box("mdat"),
    "android.3gp": boxed("3gp4"),
    "memo.m4a": boxed("M4A "),
    "film.webm": matroska("webm"),
    "film.mkv": matroska("matroska"),
    "film.avi": avi(),
    "film.mts": (b"\0\0\0\1" + PACKET) * 20,
    "film.ts": PACKET * 20,
    "ljud.mp3": MP3 * 5,
    "visa.mp3": SOUND_IDS + MP3 * 5 + b"TAG" + b"\0" * 125,
    "ljud.wav": wav(),
    "whatsapp.opus": ogg(b"OpusHead\1\1\0\0\x80\xbb\0\0\0\0\0"),
    "ljud.ogg": ogg(b"\1vorbis" + b"\0" * 23),
    "ljud.flac": FLAC,
    "ljud.aac": ADTS * 5,
    "memo.amr": b"#!AMR\n" + (b"\x3c" + b"\1" * 31) * 5,
}


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_recording_is_accepted(tmp_path, name):
    seen = looked(tmp_path, name, ORDINARY[name])
    assert (seen.verdict, seen.codes) == ("accept", [])


@pytest.mark.parametrize("name", ["film.avi", "ljud.wav", "whatsapp.opus", "kamera.mp4"])
def test_a_cut_recording_is_passed_on_with_a_note(tmp_path, name):
    assert looked(tmp_path, name, ORDINARY[name][:-9]).codes == ["media_damaged"]


@pytest.mark.parametrize("data", [b"MZ\x90\0" * 30, b"<?php system('id');?>" * 9, b"\xff" * 90])
def test_what_holds_no_frames_is_no_recording(tmp_path, data):
    assert "media_unreadable" in looked(tmp_path, "memo.amr", b"#!AMR\n" + data).codes


def test_a_recording_that_broke_off_is_passed_on_with_a_note(tmp_path):
    broken = BEGAN + box("mdat", b"\0" * 4000)
    assert looked(tmp_path, "film.mov", broken).codes == ["media_damaged"]


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_recorder_that_never_told_its_size_is_believed(tmp_path, size):
    made = bytearray(wav())
    struct.pack_into("<I", made, made.index(b"data") + 4, size)
    assert looked(tmp_path, "ljud.wav", bytes(made)).codes == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("film.mp4", box("ftyp", b"isom") + PAGE * 9),
        ("film.avi", b"RIFF\0\0\0\0AVI " + PAGE),
        ("ljud.mp3", SOUND_IDS + PAGE * 9),
        ("film.webm", b"\x1a\x45\xdf\xa3\x84" + PAGE),
        ("ljud.flac", b"fLaC" + PAGE),
    ],
)
def test_what_only_begins_as_a_recording_is_quarantined(tmp_path, name, data):
    assert looked(tmp_path, name, data).verdict == "quarantine"


def apple(**facts):
    """Make Apple's list of facts on a film, each under its long name."""
    names = [f"com.apple.quicktime.{name.replace('_', '.')}".encode() for name in facts]
    keys = box("keys", struct.pack(">II", 0, len(names)), *(box("mdta", name) for name in names))
    data = [box("data", struct.pack(">II", 1, 0), value.encode()) for value in facts.values()]
    listed = b"".join(struct.pack(">II", len(each) + 8, number) + each for number, each in enumerate(data, 1))
    return box("meta", box("hdlr", b"\0" * 24), keys, box("ilst", listed))


def test_an_iphones_film_tells_where_and_when_it_was_made(tmp_path):
    told = apple(
        location_ISO6709="+59.3293+018.0686+012.3/", creationdate="2026-05-01T11:59:58+0200", make="Apple",
        model="iPhone 15",
    )  # fmt: skip
    clock = struct.pack(">IIIII", 0, 3_860_000_000, 0, 600, 600 * 75) + b"\0" * 80
    made = BEGAN + box("mdat", b"\0" * 64) + box("moov", box("mvhd", clock), told)
    seen = looked(tmp_path, "film.mov", made)
    assert seen.facts == {"position": "59.32930, 18.06860", "taken_at": "2026-05-01T11:59:58+02:00",
                          "camera": "Apple iPhone 15", "duration": "0:01:15"}  # fmt: skip
    assert (seen.codes, seen.verdict) == (["image_has_position"], "accept")


def android(*told):
    return boxed("isom") + box("moov", box("udta", *told))


def test_an_androids_film_tells_where_it_was_made(tmp_path):
    text = b"+59.3293-018.0686/"
    told = struct.pack(">I", len(text) + 12) + b"\xa9xyz" + struct.pack(">HH", len(text), 0x15C7) + text
    assert looked(tmp_path, "film.mp4", android(told)).facts["position"] == "59.32930, -18.06860"


def test_an_old_telephones_film_tells_where_it_was_made(tmp_path):
    place = struct.pack(">IH", 0, 0x55C4) + b"hem\0" + b"\0" + struct.pack(">iii", 18 << 16, 59 << 16, 0)
    assert looked(tmp_path, "film.3gp", android(box("loci", place))).facts["position"] == "59.00000, 18.00000"


def with_reference(kind, flags, where):
    entry = box(kind, struct.pack(">I", flags), where)
    table = box("dref", struct.pack(">II", 0, 1), entry)
    return boxed("qt  ") + box("moov", box("trak", box("mdia", box("minf", box("dinf", table)))))


def test_a_film_that_holds_its_own_pictures_is_ordinary(tmp_path):
    assert looked(tmp_path, "film.mov", with_reference("url ", 1, b"")).codes == []
    assert looked(tmp_path, "film.mov", with_reference("alis", 1, b"")).codes == []


def test_a_film_that_would_be_fetched_from_elsewhere_is_told(tmp_path):
    seen = looked(tmp_path, "film.mov", with_reference("url ", 0, b"http://192.0.2.1/x.mov\0"))
    assert (seen.codes, seen.verdict) == (["media_points_elsewhere"], "warn")
    assert "http://192.0.2.1/x.mov" in seen.findings[0].handler


def test_a_film_that_only_names_another_is_told(tmp_path):
    made = boxed("qt  ") + box("moov", box("rmra", box("rmda", box("rdrf", b"\0" * 12))))
    assert looked(tmp_path, "film.mov", made).codes == ["media_points_elsewhere"]


PLAYLIST = b"#EXTM3U\n#EXT-X-MEDIA-TYPE:VOD\n#EXTINF:1\nconcat:http://192.0.2.1/|file:///etc/passwd\n#EXT-X-ENDLIST\n"


def test_a_playlist_in_a_film_is_quarantined(tmp_path):
    subtitle = (b"00tx", b"GAB2\0\2\0" + struct.pack("<I", 0) + b"\4\0" + PLAYLIST)
    made = avi() + riff(b"AVIX", subtitle)
    assert looked(tmp_path, "film.avi", made).verdict == "quarantine"


def test_a_playlist_that_only_the_reader_sees_is_quarantined(tmp_path):
    made = boxed("isom") + box("free", b"ffconcat version 1.0\nfile /etc/passwd\n")
    assert looked(tmp_path, "film.mp4", made).codes == ["media_playlist"]


@pytest.mark.parametrize("name", ["film.mp4", "film.avi", "film.ts", "ljud.mp3"])
def test_a_playlist_under_a_films_name_is_quarantined(tmp_path, name):
    assert looked(tmp_path, name, PLAYLIST).verdict == "quarantine"


@pytest.mark.parametrize("name", ["film.mp4", "film.avi", "ljud.wav", "ljud.mp3", "film.webm", "ljud.ogg"])
def test_an_archive_after_a_recording_is_quarantined(tmp_path, name):
    seen = looked(tmp_path, name, ORDINARY[name] + zipped("Main.class"))
    assert seen.verdict == "quarantine"


@pytest.mark.parametrize("name", ["film.avi", "ljud.wav", "whatsapp.opus", "kamera.mp4"])
def test_a_page_after_a_recording_is_quarantined(tmp_path, name):
    assert looked(tmp_path, name, ORDINARY[name] + PAGE).verdict == "quarantine"


@pytest.mark.parametrize("name", ORDINARY)
def test_no_broken_recording_breaks_the_reader(tmp_path, name):
    made = ORDINARY[name]
    for place in range(0, min(len(made), 400), 13):
        looked(tmp_path, name, made[:place] + b"\xff\xff\xff\xff" + made[place + 4 :])
        looked(tmp_path, name, made[: place + 1])
