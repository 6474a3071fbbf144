"""Files that a handler brings, into a reply or a new matter: checked as a citizen's are, told of in words."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO, Literal, cast

from werkzeug.datastructures import FileStorage

from intake import storage
from intake.errors import FileEmpty, FileRefused, FileTooLarge, NotAllowed, StorageFull
from intake.extensions import settings
from intake.files import clean_name, refuse_before_sending
from intake.matters.incoming import IncomingFile
from intake.words import in_digits


def store(
    chosen: Sequence[FileStorage], before: Sequence[IncomingFile] = (), *, is_mailed: bool = True
) -> tuple[IncomingFile, ...]:
    """Store the files of a form, beside those that it has; raises NotAllowed with words.

    ``is_mailed`` is False of what came in: then a mailbox sets no limit.
    """
    limits = settings().tables.files
    sized = [(each, _size(each)) for each in chosen if each and each.filename]
    if len(sized) + len(before) > limits.max_files:
        raise NotAllowed(f"Högst {limits.max_files} filer får plats.")
    most = limits.mail_way_out_bytes if is_mailed else limits.max_matter_bytes
    if sum(size for _, size in sized) + sum(file.size_bytes for file in before) > most:
        too_large = f"för stora{' för att mejlas' if is_mailed else ''}"
        raise NotAllowed(f"Filerna är {too_large}. Högst {in_digits(most)} tillsammans får plats.")
    for each, size in sized:
        _check(each, size, "skickar" if is_mailed else "tar emot")
    return tuple(_stored(each, "out" if is_mailed else "hand") for each, _ in sized)


def _size(each: FileStorage) -> int:
    size = each.stream.seek(0, os.SEEK_END)
    each.stream.seek(0)
    return size


def _check(each: FileStorage, size_bytes: int, verb: str) -> None:
    shown = clean_name(each.filename or "").shown
    try:
        refuse_before_sending(each.filename or "", size_bytes, settings().tables.files)
    except FileEmpty:
        raise NotAllowed(f"Filen ”{shown}” är tom. Texten är kvar. Välj filen igen.") from None
    except FileTooLarge:
        raise NotAllowed(f"Filen ”{shown}” är för stor. Texten är kvar.") from None
    except FileRefused:
        raise NotAllowed(
            f"Filen ”{shown}” är av en typ som vi inte {verb}. Texten är kvar. Välj en annan fil."
        ) from None


def _stored(each: FileStorage, prefix: Literal["out", "hand"]) -> IncomingFile:
    try:
        stored = storage.current().put(storage.new_key(prefix), cast(BinaryIO, each.stream))
    except StorageFull:
        raise NotAllowed("Det finns inte plats för filer just nu. Texten är kvar.") from None
    declared = each.mimetype or "application/octet-stream"
    return IncomingFile(each.filename or "", stored.key, stored.size_bytes, stored.sha256, declared)
