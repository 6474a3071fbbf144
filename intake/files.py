"""What a file may be called and hold: name, bytes and limits in; a verdict and plain words out."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from config.tables import FileLimits
from intake.errors import FileEmpty, FileTooLarge, FileTypeRefused, to_translate

# The system's libmagic is used where there is one. The wheel brings its own, and must be imported
# first for python-magic to find it.
try:
    import magic
except ImportError:
    import pylibmagic  # noqa: F401

    # isort: split
    import magic

NAMELESS = "namnlös fil"
TEXT_IS_SAVED = to_translate("Din text är sparad.")
NAME_BYTES = 255
EXTENSION_BYTES = 32
HEAD_BYTES = 1024 * 1024
UNKNOWN_TYPE = "application/octet-stream"
ENCRYPTED_TYPE = "application/encrypted"

# Control and format characters (right-to-left marks among them), lone surrogates, line separators.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@dataclass(frozen=True)
class CleanName:
    """A name that can be shown and saved under, and whether anything was taken from it."""

    shown: str
    was_changed: bool


@dataclass(frozen=True)
class Finding:
    """One thing that was found, in words for the citizen and for the handler."""

    code: str
    citizen: str
    handler: str


@dataclass(frozen=True)
class Verdict:
    """What is done with a received file, what libmagic calls it, and why."""

    verdict: Literal["accept", "warn", "quarantine", "refuse"]
    detected_type: str
    findings: tuple[Finding, ...]


def clean_name(raw: str) -> CleanName:
    """Return a name as it may be shown: one line, no path, nothing invisible, at most 255 UTF-8 bytes."""
    visible = "".join(char for char in raw if unicodedata.category(char) not in _INVISIBLE)
    last = visible.replace("\\", "/").rpartition("/")[2].strip()
    if len(last) > 4 * NAME_BYTES:
        # Normalizing takes quadratic time over long runs of combining marks, so it is bounded.
        last = last[: 3 * NAME_BYTES] + last[-NAME_BYTES:]
    shown = _capped(unicodedata.normalize("NFC", last))
    if not shown.strip(". "):
        shown = NAMELESS
    return CleanName(shown, was_changed=shown != raw)


def extension(name: str) -> str:
    """Return what stands after the last dot of the cleaned name, in lower case; "" without one."""
    return clean_name(name).shown.rpartition(".")[2].lower() if "." in clean_name(name).shown else ""


def refuse_before_sending(name: str, size_bytes: int, limits: FileLimits) -> None:
    """Refuse a file that a person is just choosing, in words that say what to do instead.

    Raises FileTypeRefused, FileEmpty or FileTooLarge. What has been received is never refused:
    it is judged.
    """
    shown = clean_name(name).shown
    if extension(name) not in limits.types:
        raise FileTypeRefused(
            to_translate(
                "Filen ”%(name)s” är av en typ som inte kan tas emot här. Vi tar emot bilder, filmer, ljud, "
                "dokument och zip-filer."
            ),
            TEXT_IS_SAVED,
            _way_out(size_bytes, limits),
            name=shown,
        )
    if size_bytes == 0:
        raise FileEmpty(
            to_translate("Filen ”%(name)s” är tom."),
            TEXT_IS_SAVED,
            to_translate("Välj filen igen eller fortsätt utan den."),
            name=shown,
        )
    if size_bytes > limits.max_file_bytes:
        raise FileTooLarge(
            to_translate("Filen ”%(name)s” är större än %(most)s, som är det största som kan tas emot här."),
            TEXT_IS_SAVED,
            _way_out(size_bytes, limits),
            name=shown,
            most=_megabytes(limits.max_file_bytes),
        )


def judge(name: str, path: Path, limits: FileLimits) -> Verdict:
    """Judge a file that was received: it is accepted, passed on with a warning, or quarantined."""
    size_bytes = path.stat().st_size
    detected = _detect(path)
    findings = []
    file_type = limits.types.get(extension(name))
    if size_bytes == 0:
        findings.append(_empty())
    elif file_type is None:
        findings.append(_not_listed(extension(name)))
    elif detected not in file_type.mime_types or not _begins_right(path, file_type.begins):
        findings.append(_disagrees(file_type.extension, detected))
    if size_bytes > limits.max_upload_bytes:
        findings.append(_too_large(limits))
    if findings:
        return Verdict("quarantine", detected, tuple(findings))
    if detected == ENCRYPTED_TYPE:
        return Verdict("warn", detected, (_encrypted(),))
    return Verdict("accept", detected, ())


def disposition(name: str) -> str:
    """Return a Content-Disposition value that saves a file under its cleaned name (RFC 6266, RFC 8187)."""
    shown = clean_name(name).shown
    plain = unicodedata.normalize("NFKD", shown).encode("ascii", "ignore").decode("ascii")
    plain = "".join("_" if char in '"\\%/' else char for char in plain).strip()
    if plain == shown:
        return f'attachment; filename="{plain}"'
    if not plain.rpartition(".")[0].strip():
        plain = f"fil{plain}"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(shown, safe='!#$&+-.^_`|~')}"


def _capped(name: str) -> str:
    if len(name.encode()) <= NAME_BYTES:
        return name
    stem, dot, end = name.rpartition(".")
    if not dot or len(end.encode()) > EXTENSION_BYTES:
        stem, dot, end = name, "", ""
    room = NAME_BYTES - len((dot + end).encode())
    return stem.encode()[:room].decode("utf-8", "ignore").strip() + dot + end


def _detect(path: Path) -> str:
    """Return libmagic's MIME type of the whole file; its first bytes alone mislead it.

    A detector of its own for each call (0.1 ms) needs no lock between threads or after a fork.
    """
    try:
        return str(magic.Magic(mime=True).from_file(str(path)))
    except magic.MagicException:
        # What libmagic gives up on is unknown, and so agrees with hardly any name.
        return UNKNOWN_TYPE


def _begins_right(path: Path, begins: re.Pattern[bytes] | None) -> bool:
    if begins is None:
        return True
    with path.open("rb") as file:
        return begins.match(file.read(HEAD_BYTES)) is not None


def _way_out(size_bytes: int, limits: FileLimits) -> str:
    if size_bytes <= limits.mail_way_out_bytes:
        return to_translate(
            "Skicka texten utan filen och mejla sedan filen till adressen på kvittot, "
            "så hamnar den i samma ärende."
        )
    return to_translate(
        "Skicka texten utan filen och skriv att du har den, så kan en handläggare säga hur du lämnar den."
    )


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 20):.1f}".removesuffix(".0").replace(".", ",") + " MB"


def _empty() -> Finding:
    return Finding("file_empty", "Filen är tom.", "Filen är tom.")


def _not_listed(found: str) -> Finding:
    what = f"Filtypen .{found}" if found else "En fil utan filändelse"
    return Finding(
        "file_type_not_listed",
        "Filen har kommit fram. Den är av en typ som kontrolleras särskilt innan någon öppnar den.",
        f"{what} står inte på listan över tillåtna filtyper.",
    )


def _too_large(limits: FileLimits) -> Finding:
    return Finding(
        "file_too_large",
        "Filen har kommit fram. Den är så stor att den kontrolleras särskilt innan någon öppnar den.",
        f"Filen är större än {_megabytes(limits.max_upload_bytes)}.",
    )


def _disagrees(found: str, detected: str) -> Finding:
    return Finding(
        "content_disagrees",
        "Filen har kommit fram. Innehållet stämmer inte med namnet, så den kontrolleras särskilt "
        "innan någon öppnar den.",
        f"Filen heter .{found} men innehållet ser inte ut som det (libmagic: {detected}).",
    )


def _encrypted() -> Finding:
    return Finding(
        "file_encrypted",
        "Filen har kommit fram, men den är skyddad med lösenord. Utan lösenordet kan vi inte läsa den.",
        "Filen är skyddad med lösenord och kan varken läsas eller kontrolleras. Be avsändaren om en "
        "fil utan lösenord.",
    )
