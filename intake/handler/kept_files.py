"""Files chosen for an answer or a new matter before it is sent: the page carries them on, under a seal.

So a preview, or a page that comes back with an error, does not ask for them again. Nobody else's page
opens the seal, and the bytes are swept when the answer is never sent.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

from intake import keys
from intake.errors import CannotUnseal, NotAllowed
from intake.extensions import now
from intake.handler import files, forms
from intake.handler.gate import person
from intake.matters.incoming import IncomingFile

# Well before the sweep takes what no row names.
KEPT_FOR = timedelta(hours=8)


def gather(
    form: forms.KeepsFiles, matter_id: uuid.UUID, *, is_mailed: bool = True
) -> tuple[IncomingFile, ...]:
    """Return the files of a form, those kept and those chosen now, and let the form keep them all.

    ``is_mailed`` is False of what came in. Raises NotAllowed with words for the handler.
    """
    before = () if form.drop.data else _read(form.kept.data or "", matter_id)
    if before is None:
        form.kept.data = ""
        raise NotAllowed("Filerna har legat för länge. Texten är kvar. Välj filerna igen.")
    found = (*before, *files.store(form.files.data or [], before, is_mailed=is_mailed))
    keep(form, matter_id, found)
    return found


def show(form: forms.KeepsFiles, matter_id: uuid.UUID) -> None:
    """Let a form that is shown again tell which files it keeps."""
    keep(form, matter_id, _read(form.kept.data or "", matter_id) or ())


def keep(form: forms.KeepsFiles, matter_id: uuid.UUID, found: Sequence[IncomingFile]) -> None:
    """Let a form keep these files."""
    form.kept_files = tuple(found)
    words = json.dumps({"at": now().timestamp(), "files": [asdict(file) for file in found]})
    form.kept.data = keys.seal(words, _purpose(matter_id)) if found else ""


def _read(sealed: str, matter_id: uuid.UUID) -> tuple[IncomingFile, ...] | None:
    """Return what was kept, None when the seal is not ours or too old."""
    if not sealed:
        return ()
    try:
        kept = json.loads(keys.unseal(sealed, _purpose(matter_id)))
    except CannotUnseal:
        return None
    if now().timestamp() - kept["at"] > KEPT_FOR.total_seconds():
        return None
    return tuple(IncomingFile(**file) for file in kept["files"])


def _purpose(matter_id: uuid.UUID) -> str:
    return f"files of an answer {person().handler_id} {matter_id}"
