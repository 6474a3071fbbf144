"""What a receipt says, said once for the page and for the paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from flask_babel import ngettext
from sqlalchemy import text

from config.categories import Category
from config.tables import SupportLine
from intake import drafts, files, paper
from intake.answers import Answers
from intake.errors import NotFound
from intake.extensions import db, settings
from intake.languages import _, chosen
from intake.matters import following, waiting
from intake.words import in_day, in_digits, in_words

_SENT_FILES = text("SELECT name, size_bytes, sha256 FROM sent_files(:draft_id)")


@dataclass(frozen=True)
class SentFile:
    """A file that stands in the matter, its name cleaned for showing."""

    shown: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Told:
    """A receipt in the words of the page's language; ``awaited`` are files that are not here yet.

    ``took_others`` is None where too few have been answered to tell.
    """

    heading: str
    reference: str
    status_code: str
    sent_at: datetime
    expires_at: datetime
    files: tuple[SentFile, ...]
    awaited: tuple[drafts.Uploading, ...]
    next: tuple[str, ...]
    took_others: str | None
    support: tuple[SupportLine, ...]
    is_private: bool
    address: str

    @property
    def is_going_on(self) -> bool:
        """Say whether a file is here in part, and can be gone on with."""
        return any(not upload.is_whole for upload in self.awaited)


def tell(draft: drafts.OpenDraft) -> Told:
    """Return what the receipt of a sent draft says; NotFound for one that is not sent."""
    receipt = draft.receipt
    if receipt is None:
        raise NotFound("the draft is not sent")
    is_supplement = draft.supplements_id is not None
    matter = following.find(following.key_of(receipt.reference, receipt.status_code))
    category = _category(matter)
    is_quiet = matter is None or matter.is_quiet
    return Told(
        heading=_("Det nya har kommit fram till ditt ärende")
        if is_supplement
        else _("Ditt ärende har kommit fram"),
        reference=receipt.reference,
        status_code=receipt.status_code,
        sent_at=receipt.sent_at,
        expires_at=draft.expires_at,
        files=_files(draft),
        awaited=draft.uploads,
        next=tuple(_next(draft.answers, is_supplement=is_supplement, is_quiet=is_quiet)),
        took_others=None if is_quiet or is_supplement or category is None else _took_others(category.code),
        support=settings().tables.authority.support_for(category.code if category else None),
        is_private=category is not None and category.is_private,
        address=draft.address,
    )


def _category(matter: following.Followed | None) -> Category | None:
    """Return what the matter is about, as it stands now; None where that cannot be told."""
    categories = settings().tables.categories
    is_known = matter is not None and matter.category in categories.codes
    return categories.get(matter.category) if matter and is_known else None


def _files(draft: drafts.OpenDraft) -> tuple[SentFile, ...]:
    """Return the files as they are kept in the matter, also those that became whole after sending."""
    found = db.session.execute(_SENT_FILES, {"draft_id": draft.id})
    return tuple(SentFile(files.clean_name(row.name).shown, row.size_bytes, row.sha256) for row in found)


def _next(answers: Answers, *, is_supplement: bool, is_quiet: bool) -> Iterator[str]:
    """Yield what happens next, and no more than is true of this matter."""
    if is_supplement:
        yield _("Det du skickade står nu i samma ärende som förut.")
        yield _("Den som har hand om ärendet ser att något nytt har kommit.")
    else:
        yield _("Ärendet är registrerat och står redan hos den enhet som ska bedöma det.")
        yield _("En handläggare läser det. Det som är mest brådskande läses först.")
        yield " ".join(_contact(answers))
    if is_quiet:
        yield _(
            "Du kan följa ärendet med numret och koden. I den här sortens ärende kan vi bara visa att det har"
            " kommit fram och är registrerat."
        )
    else:
        yield _("Med numret och koden kan du följa hur långt ärendet har kommit.")


def _contact(answers: Answers) -> Iterator[str]:
    """Yield how the person may be reached, as they themselves chose."""
    may_write = bool(answers.email and answers.may_email)
    if may_write and answers.phone:
        yield _("Handläggaren kan mejla eller ringa dig med en fråga eller ett svar.")
    elif may_write:
        yield _("Handläggaren kan mejla dig med en fråga eller ett svar.")
    elif answers.phone:
        yield _("Handläggaren kan ringa dig med en fråga eller ett svar.")
    elif not answers.email:
        yield _("Du har inte lämnat några kontaktuppgifter, så vi kan inte höra av oss till dig.")
    if answers.email and not answers.may_email:
        yield _("Vi mejlar dig inte, som du har bett om.")
    if answers.phone and answers.call_words:
        yield _("Den som ringer ser vad du har skrivit om när och hur.")
    if may_write and answers.wants_receipt:
        yield _("Du får också en bekräftelse med e-post. Den säger inget om vad ärendet handlar om.")


def _took_others(category: str) -> str | None:
    others = waiting.find(category)
    if others is None:
        return None
    counted = _(
        "Mellan %(since)s och %(until)s besvarades eller avslutades %(count)s ärenden av samma slag.",
        since=in_day(others.since),
        until=in_day(others.until),
        count=others.count,
    )
    took = ngettext(
        "För hälften av dem tog det högst %(num)s dag.",
        "För hälften av dem tog det högst %(num)s dagar.",
        others.days,
    )
    return f"{counted} {took} {_('Det kan ta kortare eller längre tid för dig.')}"


def on_paper(told: Told, status_page: str, *, with_code: bool) -> paper.PaperDocument:
    """Return a receipt as it is printed; the status code is on it only when that was asked for."""
    authority = settings().tables.authority
    lines = [
        (_("Kvittensnummer"), told.reference),
        (_("Vi tog emot det"), in_words(told.sent_at)),
    ]
    if with_code:
        lines.insert(1, (_("Statuskod"), told.status_code))
    return paper.PaperDocument(
        authority_name=authority.name,
        is_demonstration=not authority.is_confirmed,
        language=chosen().code,
        direction="rtl" if chosen().direction == "rtl" else "ltr",
        heading=told.heading,
        lines=tuple(lines),
        sections=tuple(_sections(told, status_page)),
        files=tuple(paper.PaperFile(f.shown, in_digits(f.size_bytes), f.sha256) for f in told.files),
        files_heading=_("Filer som har kommit fram"),
        demonstration_note=_("Demonstration. Myndigheten är påhittad."),
        missing_signs_note=_("Några tecken kan inte skrivas ut här. Där står en ruta i stället."),
    )


def _sections(told: Told, status_page: str) -> Iterator[paper.PaperSection]:
    if told.awaited:
        yield paper.PaperSection(_("Filer på väg"), items=tuple(map(state_of, told.awaited)))
    others = (told.took_others,) if told.took_others else ()
    yield paper.PaperSection(_("Vad händer nu?"), others, told.next)
    follow = _("Skriv numret och statuskoden på sidan här.")
    yield paper.PaperSection(_("Följ ditt ärende"), (follow, status_page))
    more = _(
        "Mejla text eller filer till adressen här. Den leder till just ditt ärende, så ge den inte till"
        " någon annan."
    )
    yield paper.PaperSection(_("Vill du lägga till något?"), (more, told.address))
    everywhere = settings().tables.authority.support
    yield paper.PaperSection(
        _("Behöver du hjälp nu?"),
        items=(
            *(f"{line.phone} {_(line.words)}" for line in everywhere),
            *(f"{_(line.name)} {line.phone}\n{_(line.words)}" for line in told.support),
        ),
    )


def state_of(upload: drafts.Uploading) -> str:
    """Return how far a file has come: its name, and how much of it is here."""
    if upload.is_whole:
        return str(_("%(name)s: alla delar är här. Filen kommer strax.", name=upload.shown))
    # Rounded down, so that it never says all before it is.
    percent = upload.offset_bytes * 100 // upload.size_bytes
    until = in_words(upload.expires_at)
    words = _("%(percent)s %% har kommit. Du kan fortsätta till %(until)s.", percent=percent, until=until)
    return f"{upload.shown}: {words}"
