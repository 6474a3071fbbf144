"""Film, sound and new photo formats that libmagic does not know, and playlists that pose as film."""

from __future__ import annotations

import mmap
import re

from intake.files.refining import UNKNOWN, Content

PLAYLIST = "application/vnd.apple.mpegurl"
_BRANDS = {
    **dict.fromkeys(("heic", "heix", "heim", "heis"), "image/heic"),
    **dict.fromkeys(("hevc", "hevx", "hevm", "hevs"), "image/heic-sequence"),
    **dict.fromkeys(("mif1", "mif2", "miaf"), "image/heif"),
    "msf1": "image/heif-sequence",
    **dict.fromkeys(("avif", "avis"), "image/avif"),
    "qt  ": "video/quicktime",
    **dict.fromkeys(("M4V ", "M4VH", "M4VP"), "video/x-m4v"),
    **dict.fromkeys(("M4A ", "M4B ", "M4P ", "F4A ", "F4B "), "audio/x-m4a"),
    "crx ": "image/x-canon-cr3",
    "MSNV": "video/mp4",
}
_FIRST_BOXES = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"ftyp", b"uuid", b"PICT", b"meta")
_PACKETS = 5
_MP3_BITRATES = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_ADTS = re.compile(rb"\xff[\xf0\xf1\xf8\xf9]")
# Recorders leave this much before the first frame.
_MP3_LEAD_BYTES = 65_536


def refine(content: Content) -> str | None:
    """Return what film, sound, photo or playlist it is; None for what is none or what libmagic knows."""
    if is_playlist(content.head) or _holds_playlist(content):
        return PLAYLIST
    if content.head[4:8] == b"ftyp":
        found = _by_brand(content)
        is_sound = content.extension == "m4a" and found == "video/mp4" and b"vide" not in content.head
        return "audio/mp4" if is_sound else found
    if content.called == "audio/mpeg" and _ADTS.match(content.head, _after_tag(content.head)):
        # libmagic takes every sound with a tag before it for MP3.
        return "audio/x-hx-aac-adts"
    if content.called not in UNKNOWN:
        return None
    if _is_old_film(content):
        return "video/quicktime"
    if _is_transport_stream(content.head):
        return "video/MP2T"
    if _is_mp3(content):
        return "audio/mpeg"
    return None


def is_playlist(head: bytes) -> bool:
    """Say whether text begins as a list of what a player shall fetch."""
    return head[:64].removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"#EXTM3U", b"ffconcat version"))


def _holds_playlist(content: Content) -> bool:
    """Say whether an AVI carries a playlist as its subtitles, by which a player reads other files."""
    if not (content.head.startswith(b"RIFF") and content.head[8:12] == b"AVI "):
        return False
    with content.file.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(b"#EXTM3U") >= 0


def _by_brand(content: Content) -> str:
    """Return an ISO media file's type by its brands; libmagic's word for those that it knows."""
    length = min(int.from_bytes(content.head[:4], "big"), 4096)
    brand = content.head[8:12].decode("latin-1")
    others = {content.head[at : at + 4].decode("latin-1") for at in range(16, length, 4)}
    if brand in ("mif1", "mif2", "miaf", "msf1") and others & {"avif", "avis"}:
        # Such a brand says "a picture"; which codec it has is told by the others.
        brand = "avif"
    elif content.called not in (*UNKNOWN, "audio/mp4"):
        return content.called
    if brand.lower().startswith("3g2"):
        return "video/3gpp2"
    if brand.lower().startswith("3g"):
        return "video/3gpp"
    return _BRANDS.get(brand, "video/mp4")


def _is_old_film(content: Content) -> bool:
    """Say whether it is QuickTime from before there were brands: two boxes that follow each other."""
    at, size = 0, content.file.stat().st_size
    for _ in range(2):
        if at == size and at:
            return True
        with content.file.open("rb") as file:
            file.seek(at)
            head = file.read(16)
        if len(head) < 8 or head[4:8] not in _FIRST_BOXES:
            return False
        length = int.from_bytes(head[:4], "big")
        if length == 1 and len(head) == 16:
            length = int.from_bytes(head[8:16], "big")
        if length == 0 or at + length > size:
            # To the end of the file, or cut short: a camera that lost its power leaves such a one.
            return at > 0 or head[4:8] in (b"mdat", b"moov")
        if length < 8:
            return False
        at += length
    return True


def _is_transport_stream(head: bytes) -> bool:
    """Say whether packets of 188 bytes follow each other, each beginning with "G"; in cameras of 192."""
    for before, packet in ((0, 188), (4, 192)):
        marks = head[before : before + packet * _PACKETS : packet]
        if len(marks) >= 2 and len(head) >= 2 * packet and set(marks) == {0x47}:
            return True
    return False


def _is_mp3(content: Content) -> bool:
    """Say whether frames follow each other, after a tag or, under the name of one, some other bytes."""
    head, start = content.head, _after_tag(content.head)
    if start and start >= len(head):
        return True
    lead = _MP3_LEAD_BYTES if content.extension == "mp3" else 1
    for match in re.finditer(rb"\xff[\xe2-\xff]", head[start : start + lead + 1]):
        if _has_frames(head, start + match.start()):
            return True
    return False


def _after_tag(head: bytes) -> int:
    """Return where the sound begins after an ID3 tag; 0 without one."""
    if not head.startswith(b"ID3") or len(head) < 10:
        return 0
    return 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))


def _has_frames(head: bytes, at: int) -> bool:
    for _ in range(3):
        length = _frame_bytes(head[at : at + 4])
        if not length:
            return False
        at += length
    return True


def _frame_bytes(head: bytes) -> int:
    """Return how long an MPEG sound frame of layer III is; 0 for what is none."""
    if len(head) < 4:
        return 0
    word = int.from_bytes(head, "big")
    version, layer, rate, frequency = word >> 19 & 3, word >> 17 & 3, word >> 12 & 15, word >> 10 & 3
    if word >> 21 != 0x7FF or version == 1 or layer != 1 or rate in (0, 15) or frequency == 3:
        return 0
    bits = _MP3_BITRATES[3 if version == 3 else 2][rate] * 1000
    return (144 if version == 3 else 72) * bits // _MP3_RATES[version][frequency] + (word >> 9 & 1)
