"""Letters of every kind for the handlers' pages, and a mailroom where everything is wrong at once."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP

from sqlalchemy import select, update

from intake.extensions import db
from intake.matters import sending
from intake.models import Fetched, Job, Letter, MailboxState, OutgoingLetter
from tests.file_samples import PDF
from tests.letters_home import address_of, deliver, letter, matters, receive

QUOTING = (
    "Hej! <b>Min cykel</b> stals i Malmö. Jag hittade kvittot.\n\n"
    "Den 12 nov. 2026 10:21 skrev Polisen <kontakt@example.se>:\n"
    "> Har du ett kvitto?\n> Skicka det då.\n> Hälsningar\n\n-- \nKim Berg\nStorgatan 1, Malmö\n"
)


def letter_with_letters() -> bytes:
    """Write a letter with a quote, a signature, and a letter within it that holds a file."""
    inner, outer = EmailMessage(policy=SMTP), EmailMessage(policy=SMTP)
    inner["Subject"], inner["From"] = "Inre brev <b>", "butik@example.com"
    inner.set_content("Här är kvittot.")
    inner.add_attachment(PDF, maintype="application", subtype="pdf", filename="kvitto på cykeln.pdf")
    outer["Subject"], outer["Message-ID"] = "Sv: Din cykel <b>", "<1@example.com>"
    outer["From"], outer["To"] = '"polisen@example.se <b>" <bov@fara.example>', "kontakt@example.se"
    outer["Date"], outer["Auto-Submitted"] = "Sun, 01 Nov 2026 12:00:00 +0000", "auto-replied"
    outer.set_content(QUOTING)
    outer.add_attachment(inner)
    return outer.as_bytes()


def mailroom_in_need(clock) -> None:
    """Let letters be read, wait and be stuck, a mailbox be out of reach, and ours be refused."""
    deliver(letter("Min cykel stals i Malmö i natt.", Message_ID="<0@example.com>"))
    answer, address = letter_with_letters(), address_of(matters()[0])
    for raw in (answer, b"Received: a\r\n" + answer):
        deliver(raw, address)
    one = db.session.scalars(select(Letter).order_by(Letter.received_at)).first()
    for subject in ("Ett som väntar", "Ett som fastnat"):
        receive(f"Subject: {subject}\r\nFrom: <b>\r\n\r\nHej".encode())
    job = db.session.scalars(
        select(Job).where(Job.kind == "parse_letter").order_by(Job.created_at.desc())
    ).first()
    job.stuck_at, job.last_error = clock(), "KeyError"
    _fetch(clock, one)
    db.session.execute(
        update(OutgoingLetter).values(state="refused", why=sending.REFUSED, diagnosis="550 5.1.1")
    )
    db.session.commit()


def _fetch(clock, one) -> None:
    long_ago = clock() - timedelta(hours=3)
    for mailbox, fault in (("kontakt", None), ("larm-och-tips", "Servern svarar inte: fel lösenord?")):
        db.session.add(
            MailboxState(mailbox=mailbox, looked_at=clock(), fault=fault, fault_since=fault and long_ago)
        )
    for uid, digest in ((7, one.sha256), (9, None)):
        db.session.add(
            Fetched(
                mailbox="kontakt",
                uidvalidity=1,
                uid=uid,
                times_seen=uid,
                outcome="seen",
                digest=digest,
                first_seen_at=long_ago,
                last_seen_at=clock(),
            )
        )
