"""The tables."""

from intake.models.asked import DelayNotice, SupplementRequest
from intake.models.base import Base, is_indexed, new_id, table_of
from intake.models.desk import Absence, Handover, MatterRead, SavedView
from intake.models.draft import Draft, DraftFile, DraftKey, LeftSecret, Upload, UploadPart
from intake.models.fetched import Fetched, MailboxState
from intake.models.findable import Findable
from intake.models.incident import Incident
from intake.models.kindred import MatterChild, MatterLink
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
from intake.models.people import (
    AccessChain,
    AccessLog,
    ExportRequest,
    ExportRequestMatter,
    Handler,
    HandlerSession,
    LimitCount,
    Membership,
    MembershipChange,
    MembershipProposal,
    Presence,
    RecoveryCode,
    SessionLook,
    Unit,
)
from intake.models.replies import ReplyDraft
from intake.models.seen import ByteCheck, FileText, Rendition, ScannerState

__all__ = [
    "Absence", "AccessChain", "AccessLog", "Arrival", "Attachment", "Base", "ByteCheck", "DelayNotice",
    "DiaryEntry", "Draft", "DraftFile", "DraftKey", "EmailChange", "Event", "ExportRequest",
    "ExportRequestMatter", "Feedback", "Fetched", "FileText", "Findable", "Handler", "HandlerSession",
    "Handover", "Incident", "Job", "LeftSecret", "Letter", "LimitCount", "MailAddress", "MailboxState",
    "Matter", "MatterChild", "MatterLink", "MatterRead", "MatterUnit", "Membership", "MembershipChange",
    "MembershipProposal", "Message", "NumberSeries", "OutgoingLetter", "PlacementRecord", "Presence",
    "RecoveryCode", "Rendition", "ReplyDraft", "SavedView", "ScannerState", "SessionLook", "StatusCode",
    "SupplementRequest", "Unit", "Upload", "UploadPart", "is_indexed", "new_id", "table_of",
]  # fmt: skip
