"""Files into a reply: what a handler attaches is checked as a citizen's is, and told of in words."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO, cast

from werkzeug.datastructures import FileStorage

from intake import storage
from intake.errors import FileEmpty, FileRefused, FileTooLarge, NotAllowed, StorageFull
from intake.extensions import settings
from intake.files import clean_name, refuse_before_sending
from intake.matters.incoming import IncomingFile
from intake.words import in_digits


def store(chosen: Sequence[FileStorage], before: Sequence[IncomingFile] = ()) -> tuple[IncomingFile, ...]:
    """Store the files of a reply, beside those that it has; raises NotAllowed with words."""
    limits = settings().tables.files
    sized = [(each, _size(each)) for each in chosen if each and each.filename]
    if len(sized) + len(before) > limits.max_files:
        raise NotAllowed(f"Högst {limits.max_files} filer får plats i ett svar.")
    if sum(size for _, size in sized) + sum(file.size_bytes for file in before) > limits.mail_way_out_bytes:
        most = in_digits(limits.mail_way_out_bytes)
        raise NotAllowed(f"Filerna är för stora för att mejlas. Högst {most} tillsammans får plats.")
    for each, size in sized:
        _check(each, size)
    return tuple(_stored(each) for each, _ in sized)


def _size(each: FileStorage) -> int:
    size = each.stream.seek(0, os.SEEK_END)
    each.stream.seek(0)
    return size


def _check(each: FileStorage, size_bytes: int) -> None:
    shown = clean_name(each.filename or "").shown
    try:
        refuse_before_sending(each.filename or "", size_bytes, settings().tables.files)
    except FileEmpty:
        raise NotAllowed(f"Filen ”{shown}” är tom. Texten är kvar. Välj filen igen.") from None
    except FileTooLarge:
        raise NotAllowed(f"Filen ”{shown}” är för stor. Texten är kvar.") from None
    except FileRefused:
        raise NotAllowed(
            f"Filen ”{shown}” är av en typ som vi inte skickar. Texten är kvar. Välj en annan fil."
        ) from None


def _stored(each: FileStorage) -> IncomingFile:
    try:
        stored = storage.current().put(storage.new_key("out"), cast(BinaryIO, each.stream))
    except StorageFull:
        raise NotAllowed("Det finns inte plats för filer just nu. Texten är kvar.") from None
    declared = each.mimetype or "application/octet-stream"
    return IncomingFile(each.filename or "", stored.key, stored.size_bytes, stored.sha256, declared)
