"""The tables."""

from intake.models.base import Base, new_id, table_of
from intake.models.draft import Draft, DraftFile, DraftKey, Upload, UploadPart
from intake.models.fetched import Fetched, MailboxState
from intake.models.matter import (
    Arrival,
    Attachment,
    DiaryEntry,
    EmailChange,
    Event,
    Feedback,
    Letter,
    MailAddress,
    Matter,
    MatterUnit,
    Message,
    NumberSeries,
    PlacementRecord,
    StatusCode,
)
from intake.models.owed import Job, OutgoingLetter
from intake.models.people import AccessLog, Handler, HandlerSession, LimitCount, Membership, Unit
from intake.models.seen import ByteCheck, FileText, Rendition, ScannerState

__all__ = [
    "AccessLog", "Arrival", "Attachment", "Base", "ByteCheck", "DiaryEntry", "Draft", "DraftFile", "DraftKey",
    "EmailChange", "Event", "Feedback", "Fetched", "FileText", "Handler", "HandlerSession", "Job", "Letter",
    "LimitCount", "MailAddress", "MailboxState", "Matter", "MatterUnit", "Membership", "Message",
    "NumberSeries", "OutgoingLetter", "PlacementRecord", "Rendition", "ScannerState", "StatusCode",
    "Unit", "Upload", "UploadPart", "new_id", "table_of",
]  # fmt: skip
