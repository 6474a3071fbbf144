"""Office documents with a password, and those that only seem to have one."""

from __future__ import annotations

import io
from pathlib import PurePath
from typing import BinaryIO

from intake.files.looking import Looking

# Excel opens what is locked with this word without asking; it is how "protected" workbooks are saved,
# and how macros are hidden from those who look for them.
_EXCEL_KNOWS = "VelvetSweatshop"


def judge(looking: Looking) -> None:
    """Find that a document is locked, or take out what Office opens without a password."""
    opened = _opened(looking)
    if opened is None:
        looking.find("file_encrypted")
        return
    suffix = ".xlsx" if opened.read(2) == b"PK" else PurePath(looking.name).suffix
    opened.seek(0)
    looking.take_out(PurePath(looking.name).stem + suffix, opened, is_child=True)


def _opened(looking: Looking) -> BinaryIO | None:
    """Return the document that Excel's own word opens; None where a real password is needed."""
    import msoffcrypto  # Only locked documents need it.

    plain = io.BytesIO()
    with looking.file.open("rb") as file:
        try:
            document = msoffcrypto.OfficeFile(file)
            document.load_key(password=_EXCEL_KNOWS)
            document.decrypt(plain)
        except Exception:
            # It raises a dozen kinds, as much for another password as for a lock it does not know;
            # either way nobody can look into the document.
            return None
    # The older kinds verify the word; what Excel writes today fails that check though the word is right.
    if document.format == "ooxml" and not plain.getvalue().startswith(b"PK\x03\x04"):
        return None
    plain.seek(0)
    return plain
