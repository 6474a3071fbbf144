"""Letters that we owe: written when they are sent, and never silently given up.

A letter is ``sending`` from before its first byte leaves until an answer is recorded. Found so
by a later attempt, an automatic one goes again with the same Message-ID; a reply waits for a
person, since nobody knows whether it arrived.
"""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta
from email.message import EmailMessage

from sqlalchemy import ScalarResult, exists, func, select, update

from config.languages import SWEDISH
from intake import codes, letters, limits, outbox, rows, storage
from intake.errors import NotFound, PostRefused, ScannerAway
from intake.extensions import db, now, settings
from intake.files import clean_name
from intake.matters import receipts, supplements, writing
from intake.matters.alarms import WAITS
from intake.matters.answering import GIVEN_OUT, may_go_by_itself, way_of
from intake.matters.arrive import mint_status_code
from intake.matters.by_hand import CAME
from intake.matters.records import BY_ITSELF, FROM_A_HANDLER, ask_person, hold_surviving, note
from intake.models import Attachment, EmailChange, MailAddress, Matter, Message, OutgoingLetter
from intake.post import Outgoing

log = logging.getLogger(__name__)

RECEIPTS_A_DAY = 5
# How many letters of a kind one address gets a day, whoever asks for them.
MOST_A_DAY = {"receipt": RECEIPTS_A_DAY, "status_link": 1, "confirm_email": 3, "reminder": 5, "late": 5}
# A letter that was counted against the cap is not counted again when it has to wait.
COUNTED = "counted"
# Why an alarm was not sent after all: it would wake people for what somebody has taken.
WAITS_NO_MORE = "waits no more"
# Why another letter was not: the address or the wish is another now.
WANTED_NO_MORE = "wanted no more"
# The matter has become no thing for a mailbox, and the answer is not told on the status page.
DELICATE_NOW = "delicate now"
# A file of a reply was found to be one that is never given out.
FILE_HELD = "file held"
# It names a message of another matter.
NOT_ITS_OWN = "not its own"
# It would come in here again.
OWN_ADDRESS = "own address"
# The mail server, or we ourselves, found that nothing can go to that address.
REFUSED = PostRefused.__name__
# A link would open what the form brings, and it may not be this person's.
FORM_MAY_COME = "form may come"
# What a mail server tells when it gave a letter up, or in words that nobody can be sure of.
CAME_BACK = ("failed", "unclear")
# Letters to whoever wrote, as they wish and where they wish.
TO_THE_PERSON = (*FROM_A_HANDLER, *BY_ITSELF, "receipt", "status_link")
# Letters that somebody relies on: when one did not go, whatever the reason, a person is asked to look.
RELIED_ON = (*FROM_A_HANDLER, "alarm")


def begin_sending(letter_id: uuid.UUID, claim: outbox.Claim) -> Outgoing | None:
    """Mark a letter as being sent, commit, and return it; None when nothing is to be sent.

    In that case the job is finished here.
    """
    letter = _hold(letter_id)
    if letter.state == "sending" and letter.kind == "reply":
        _settle(letter, "task", "interrupted", claim)
        return None
    if letter.state not in ("owed", "sending"):
        claim.finish()
        db.session.commit()
        return None
    if letter.kind == "reply":
        _take_safe_way(letter)
    if (why := _find_reason_not_to(letter)) is not None:
        _settle(letter, "refused", why, claim)
        return None
    letter.state = "sending"
    outgoing = _outgoing(letter)
    db.session.commit()
    return outgoing


def record_sent(letter_id: uuid.UUID, claim: outbox.Claim) -> None:
    """Record that a letter was taken by the mail server, and commit."""
    letter = _hold(letter_id)
    # The news that it came back may have been here first.
    _settle(letter, "bounced" if letter.state == "bounced" else "sent", None, claim)


def record_refused(letter_id: uuid.UUID, refusal: PostRefused, claim: outbox.Claim) -> None:
    """Record that a letter was refused for good, make it a person's task, and commit."""
    letter = _hold(letter_id)
    letter.diagnosis = refusal.code
    _settle(letter, "refused", REFUSED, claim)


def give_back(letter_id: uuid.UUID) -> None:
    """Record that a letter did not leave us, so that it may be sent later, and commit."""
    statement = update(OutgoingLetter).where(
        OutgoingLetter.id == letter_id, OutgoingLetter.state == "sending"
    )
    db.session.execute(statement.values(state="owed").execution_options(synchronize_session=False))
    db.session.commit()


def record_report(outgoing_id: uuid.UUID, matter_id: uuid.UUID, report: letters.Report) -> None:
    """Record what is told of a letter of ours; joins the caller's transaction, which holds the matter.

    One that came back is made a person's task, once, unless another has gone in its place.
    """
    letter = _held(outgoing_id)
    detail: dict[str, object] = {"letter": str(outgoing_id), "code": report.status}
    if report.kind not in CAME_BACK:
        note(matter_id, f"letter_{report.kind}", detail)
    elif letter.state != "bounced":
        letter.state, letter.diagnosis = "bounced", report.status
        note(matter_id, "letter_bounced", detail)
        if letter.again_id is None:
            ask_person(matter_id, "letter_bounced")


def _hold(letter_id: uuid.UUID) -> OutgoingLetter:
    """Lock a letter until the transaction ends, and its matter first, as whoever adds to that does.

    So neither waits for the other. A letter to a new address changes nothing in its matter: what it
    asks about comes first, and the matter's row is left to whoever confirms or ends that.
    """
    letter = db.session.get_one(OutgoingLetter, letter_id)
    if letter.kind == "confirm_email":
        _held_change(letter)
    else:
        hold_surviving(letter.matter_id)
    return _held(letter_id)


def _held(letter_id: uuid.UUID) -> OutgoingLetter:
    # A message that is about the letter may be written meanwhile.
    return db.session.get_one(OutgoingLetter, letter_id, with_for_update={"key_share": True})


def _take_safe_way(letter: OutgoingLetter) -> None:
    """Let a notice go in a reply's place where its matter has become delicate while it waited.

    It can where the answer stands on the status page, and nobody else's form may join the matter.
    """
    if not _may_go_whole(letter):
        said = db.session.get_one(Message, letter.message_id)
        if said.is_told and not receipts.may_be_joined(letter.matter_id):
            letter.kind = "notice"


def _may_go_whole(letter: OutgoingLetter) -> bool:
    matter = db.session.get_one(Matter, letter.matter_id)
    way = way_of(
        email=letter.recipient,
        may_email=True,
        is_neutral=matter.is_neutral,
        category=matter.category,
        flags=matter.flags,
        has_code=False,
    )
    return way == "mail"


def _find_reason_not_to(letter: OutgoingLetter) -> str | None:
    """Return why a letter is not sent after all, None when it is; counts it against its cap.

    Raises ScannerAway while a file of a reply is not checked.
    """
    if not _tells_its_own(letter):
        log.warning("letter %s names a message of another matter", letter.id)
        return NOT_ITS_OWN
    if letter.kind == "alarm" and not _is_waiting(letter.matter_id):
        return WAITS_NO_MORE
    if letter.recipient.rpartition("@")[2].lower() in settings().tables.authority.mail_domains:
        return OWN_ADDRESS
    # Asked first, so that a form which joins in between has already changed who is wanted to get it.
    if letter.kind == "status_link" and receipts.may_be_joined(letter.matter_id):
        return FORM_MAY_COME
    if letter.kind in TO_THE_PERSON and not _is_wanted(letter):
        return WANTED_NO_MORE
    if letter.kind == "reply":
        return _find_reason_to_keep(letter)
    if letter.kind == "reminder" and not supplements.is_awaited(letter.message_id):
        return WAITS_NO_MORE
    if letter.kind in BY_ITSELF and not _may_go_by_itself(letter):
        return DELICATE_NOW
    if letter.kind == "confirm_email" and _held_change(letter) is None:
        return WANTED_NO_MORE
    most = MOST_A_DAY.get(letter.kind)
    if most is not None and letter.why != COUNTED:
        if limits.hit(letter.kind, letter.recipient.lower(), window=timedelta(days=1)) > most:
            return "daily cap"
        letter.why = COUNTED
    return None


def _tells_its_own(letter: OutgoingLetter) -> bool:
    """Say whether a letter's message stands in its matter, or where that went when it was merged."""
    if letter.message_id is None:
        return True
    told = select(Message.matter_id).where(Message.id == letter.message_id).scalar_subquery()
    its = (letter.matter_id, func.surviving_matter(letter.matter_id))
    return bool(db.session.scalar(select(told.in_(its))))


def _find_reason_to_keep(letter: OutgoingLetter) -> str | None:
    """Return why a whole answer does not leave us, None when it does."""
    if not _may_go_whole(letter):
        return DELICATE_NOW
    files = select(Attachment.verdict).where(Attachment.message_id == letter.message_id)
    verdicts = set(db.session.scalars(files))
    if verdicts - GIVEN_OUT - {"unchecked"}:
        return FILE_HELD
    if "unchecked" in verdicts:
        raise ScannerAway("a file of a reply is not checked yet")
    return None


def _may_go_by_itself(letter: OutgoingLetter) -> bool:
    matter = db.session.get_one(Matter, letter.matter_id)
    return may_go_by_itself(matter, may_be_joined=receipts.may_be_joined(matter.id))


def _is_wanted(letter: OutgoingLetter) -> bool:
    """Say whether the person still wants mail, and there: wishes may change while a letter waits."""
    is_wanted = (Matter.id == letter.matter_id, Matter.may_email, Matter.sender_email == letter.recipient)
    return bool(db.session.scalar(select(exists().where(*is_wanted))))


def _is_waiting(matter_id: uuid.UUID) -> bool:
    return bool(db.session.scalar(select(exists().where(Matter.id == matter_id, WAITS))))


def _settle(letter: OutgoingLetter, state: str, why: str | None, claim: outbox.Claim) -> None:
    """Record how a letter's way out ended; one that did not go may become a person's task. Commits."""
    letter.state, letter.why = state, why
    if why is None:
        letter.sent_at = now()
    elif _is_task(letter.kind, why):
        ask_person(letter.matter_id, f"{letter.kind}_not_sent")
    done = "sent" if why is None else state
    note(letter.matter_id, f"{letter.kind}_{done}", {"letter": str(letter.id)})
    claim.finish()
    db.session.commit()


def _is_task(kind: str, why: str) -> bool:
    """Say whether a person must know that a letter did not go."""
    if why == REFUSED:
        # The address is wrong, for all that is still to be sent there. A new one that was never
        # confirmed is nobody's yet.
        return kind != "confirm_email"
    return kind in RELIED_ON and why != WAITS_NO_MORE


def _outgoing(letter: OutgoingLetter) -> Outgoing:
    """Write the letter. What a handler has sent goes so that a bounce finds back, the rest from nobody.

    Whatever secret its link carries is made here and kept as a digest alone, so a letter that goes
    again carries another one; both open.
    """
    matter = db.session.get_one(Matter, letter.matter_id)
    message = _reply(letter, matter) if letter.kind == "reply" else _automatic(letter, matter)
    return Outgoing(message, _return_path(letter), (letter.recipient,))


def _automatic(letter: OutgoingLetter, matter: Matter) -> EmailMessage:
    sender = _matter_address(letter)
    received_at = letter.created_at if letter.kind == "receipt" else matter.received_at
    link = _link(letter, matter)
    until = supplements.day_of(letter.message_id) if letter.kind == "reminder" else None
    words = writing.write(
        letter.kind, matter, link=link, received_at=received_at, matter_address=sender, until=until
    )
    if letter.kind == "confirm_email":
        # Nobody knows yet whose address it is, so it is not given the one that leads into the matter.
        sender = _general_address()
    is_neutral = matter.is_neutral and letter.kind != "alarm"
    # What came by hand may have come long before somebody registered it.
    at = now() if matter.channel in CAME else letter.created_at
    frame = _frame(letter, sender, at=at, language=words.language, is_neutral=is_neutral)
    is_answer = letter.kind == "receipt"
    return letters.compose_automatic(frame, words.subject, words.text, is_answer=is_answer)


def _link(letter: OutgoingLetter, matter: Matter) -> str:
    if letter.kind == "alarm":
        return f"{settings().handler_url}/arende/{matter.reference}"
    if letter.kind == "confirm_email":
        return writing.link_to("bekrafta", _mint_token(letter), writing.language_of(matter))
    if letter.kind == "receipt" and not receipts.carries_code(letter):
        return ""
    return _status_link(matter)


def _status_link(matter: Matter) -> str:
    secret = f"{matter.reference}.{mint_status_code(matter.id)}"
    return writing.link_to("folj", secret, writing.language_of(matter))


def _reply(letter: OutgoingLetter, matter: Matter) -> EmailMessage:
    said = db.session.get_one(Message, letter.message_id)
    # Only what a handler wrote in Swedish to a Swedish form is surely in one language.
    language = SWEDISH if writing.language_of(matter) == SWEDISH else None
    # Who is asked for more may send it there too, but a link is for nobody who may not be that person.
    is_asked = matter.status == "awaiting_citizen" and not receipts.may_be_joined(matter.id)
    return letters.compose_reply(
        _frame(letter, _matter_address(letter), at=letter.created_at, language=language),
        said.subject or f"Svar {matter.reference}",
        writing.opening(matter) + said.text,
        writing.closing(matter, _status_link(matter) if is_asked else ""),
        _files(said),
    )


def _frame(
    letter: OutgoingLetter, sender: str, *, at: datetime, language: str | None, is_neutral: bool = False
) -> letters.Frame:
    return letters.Frame(
        to=letter.recipient,
        sender=sender,
        sender_name="" if is_neutral else settings().tables.authority.name,
        message_id=letter.message_id_header,
        date=at,
        language=language,
        in_reply_to=letter.in_reply_to,
        with_html=settings().tables.authority.mail_with_html,
    )


def _matter_address(letter: OutgoingLetter) -> str:
    authority = settings().tables.authority
    return f"{authority.matter_local}+{_tokens(letter, None).one()}@{authority.mail_domain}"


def _return_path(letter: OutgoingLetter) -> str:
    """Return the address by which a bounce finds back; "" is the null return path <>."""
    # A notice that an older version owed has none.
    token = _tokens(letter, letter.id).one_or_none()
    return f"{codes.BOUNCE_LOCAL}+{token}@{settings().tables.authority.mail_domain}" if token else ""


def _general_address() -> str:
    authority = settings().tables.authority
    local = authority.unit_of_kind("inkorg", None).mail_local or authority.matter_local
    return f"{local}@{authority.mail_domain}"


def _tokens(letter: OutgoingLetter, outgoing_id: uuid.UUID | None) -> ScalarResult[str]:
    """Return the token of the matter's address, or of a letter's own: at most one."""
    query = select(MailAddress.token).where(
        MailAddress.matter_id == letter.matter_id,
        MailAddress.outgoing_id == outgoing_id,
        MailAddress.revoked_at.is_(None),
    )
    return db.session.scalars(query.order_by(MailAddress.created_at).limit(1))


def _held_change(letter: OutgoingLetter) -> EmailChange | None:
    """Lock and return the change of address that a letter asks about, None when nothing is asked any more."""
    asked = select(EmailChange).where(EmailChange.id == func.newest_email_change(letter.matter_id))
    # Its row is held, so that whoever ends it meanwhile ends also the one that is made beside it.
    newest = db.session.scalar(asked.with_for_update())
    if newest is None or newest.email != letter.recipient:
        return None
    return newest if newest.confirmed_at is None and newest.expires_at > now() else None


def _mint_token(letter: OutgoingLetter) -> str:
    """Make the token that confirms an address; one that has already gone out is left as it is."""
    change, token = _held_change(letter), codes.new_status_code()
    if change is None:
        raise NotFound("no change of address is asked for")
    if change.token_hash is None:
        change.token_hash = codes.hash_code(token)
    else:
        same = {name: getattr(change, name) for name in ("matter_id", "email", "created_at", "expires_at")}
        rows.insert(EmailChange, token_hash=codes.hash_code(token), **same)
    return token


def _files(said: Message) -> tuple[letters.ReplyFile, ...]:
    attachments = db.session.scalars(
        select(Attachment).where(Attachment.message_id == said.id).order_by(Attachment.position)
    )
    files = []
    for attachment in attachments:
        with storage.current().open(attachment.storage_key) as stream:
            name = clean_name(attachment.name).shown
            files.append(letters.ReplyFile(name, attachment.declared_type, stream.read()))
    return tuple(files)
