"""The tables."""

from intake.models.base import Base, new_id, table_of
from intake.models.draft import Draft, DraftFile, DraftKey
from intake.models.matter import (
    Arrival,
    Attachment,
    DiaryEntry,
    Event,
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

__all__ = [
    "AccessLog", "Arrival", "Attachment", "Base", "DiaryEntry", "Draft", "DraftFile", "DraftKey",
    "Event", "Handler", "HandlerSession", "Job", "Letter", "LimitCount", "MailAddress", "Matter",
    "MatterUnit", "Membership", "Message", "NumberSeries", "OutgoingLetter", "PlacementRecord",
    "StatusCode", "Unit", "new_id", "table_of",
]  # fmt: skip
