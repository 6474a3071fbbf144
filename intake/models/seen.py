"""What is known of files beside their bytes: safe views, their text, and when they were last proven whole."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from intake.models.base import Base, Id, refers


class Rendition(Base):
    """One safe picture of a file, made of it and never it: a page, or a photo without its metadata.

    ``inner`` is the path of what lay within the attachment ("" is the attachment itself); ``number``
    counts its pictures from 1.
    """

    __tablename__ = "rendition"
    __table_args__ = (
        UniqueConstraint("storage_key"),
        UniqueConstraint("attachment_id", "inner", "number"),
    )

    id: Mapped[Id]
    attachment_id: Mapped[uuid.UUID] = mapped_column(refers("attachment.id"))
    inner: Mapped[str]
    number: Mapped[int]
    storage_key: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    media_type: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    created_at: Mapped[datetime]


class FileText(Base):
    """The text that stands in a file, for reading and for search; ``inner`` as for renditions."""

    __tablename__ = "file_text"

    attachment_id: Mapped[uuid.UUID] = mapped_column(refers("attachment.id"), primary_key=True)
    inner: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]


class ByteCheck(Base):
    """When the bytes under a key were last read whole and compared with their row."""

    __tablename__ = "byte_check"

    storage_key: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    is_whole: Mapped[bool]


class ScannerState(Base):
    """The signatures that a scanner had when it was last asked, and since when."""

    __tablename__ = "scanner_state"

    scanner: Mapped[str] = mapped_column(primary_key=True)
    signatures: Mapped[str]
    since: Mapped[datetime]
    asked_at: Mapped[datetime]
