"""The words of the letters that the service itself writes, in the language of the matter.

Never the citizen's words, name, file names or category in any of them; who wants it neutral gets
neither a number in the subject nor our name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from babel.support import NullTranslations
from flask import render_template

from config.languages import SWEDISH
from intake import languages
from intake.extensions import settings
from intake.languages import _, force_locale
from intake.models import Matter
from intake.words import in_day


@dataclass(frozen=True)
class Words:
    """A letter's subject and text, and the language that they are in."""

    subject: str
    text: str
    language: str


def language_of(matter: Matter) -> str:
    """Return the language that letters in a matter are written in: Swedish where we have no words for it."""
    is_shown = matter.language in [language.code for language in languages.offered()]
    has_words = type(languages.catalog(matter.language)) is not NullTranslations
    return matter.language if is_shown and has_words else SWEDISH


def write(
    kind: str,
    matter: Matter,
    *,
    link: str,
    received_at: datetime,
    matter_address: str = "",
    until: date | None = None,
) -> Words:
    """Write an automatic letter of a kind: its words in the matter's language.

    ``received_at`` is the time that it tells; a receipt without a link does not speak of one.
    ``until`` is the day that a reminder is about.
    """
    language = SWEDISH if kind == "alarm" else language_of(matter)
    with force_locale(language):
        text = render_template(
            f"mail/{kind}.txt",
            reference=matter.reference,
            received_at=received_at,
            is_neutral=matter.is_neutral,
            link=link,
            matter_address=matter_address,
            last_day=in_day(until) if until else "",
            delay_words=_delay_words(),
        )
        return Words(_subject(kind, matter), f"{text}\n", language)


def answer_by(matter: Matter, day: date) -> str:
    """Write until when an answer is asked for: it stands last in what the handler wrote."""
    with force_locale(language_of(matter)):
        return str(_("Svara senast den %(day)s.", day=in_day(day)))


def delay_subject(matter: Matter) -> str:
    """Write the subject of word of a delay."""
    with force_locale(language_of(matter)):
        return str(_("Besked om ditt ärende %(reference)s", reference=matter.reference))


def delay_words(matter: Matter) -> str:
    """Write that it takes longer, and why in general, where no handler has said why."""
    with force_locale(language_of(matter)):
        return _delay_words()


def _delay_words() -> str:
    return str(
        _(
            "Det tar längre tid än vi trodde att svara dig. Oftast beror det på att det har kommit in många"
            " ärenden, eller på att vi behöver ta reda på något först. Vi har ditt ärende, och du behöver"
            " inte göra något. Vi svarar så snart vi kan."
        )
    )


def reply_subject(matter: Matter) -> str:
    """Write the subject of a handler's answer: the same for all, and neutral.

    Who was written to first has not asked us anything.
    """
    with force_locale(language_of(matter)):
        if matter.channel == "outgoing":
            return str(_("Meddelande %(reference)s", reference=matter.reference))
        return str(_("Svar om ditt ärende %(reference)s", reference=matter.reference))


def closing(matter: Matter, link: str = "") -> str:
    """Write what stands below a handler's reply; what stands above it, in a demonstration, is ``opening``.

    With a link it says that the answer can be given there too.
    """
    with force_locale(language_of(matter)):
        return render_template("mail/_closing.txt", reference=matter.reference, link=link) + "\n"


def opening(matter: Matter) -> str:
    """Write what stands above a handler's reply: nothing, but in a demonstration."""
    with force_locale(language_of(matter)):
        opened = render_template("mail/_demonstration.txt").strip()
    return f"{opened}\n\n" if opened else ""


def link_to(path: str, secret: str, language: str) -> str:
    """Return a link whose secret stands in the fragment, which no server is sent and no log keeps."""
    prefix = "" if language == SWEDISH else f"/{language}"
    return f"{settings().public_url}{prefix}/{path}#{secret}"


def _subject(kind: str, matter: Matter) -> str:
    if kind == "alarm":
        return f"Larm {matter.reference}"
    if matter.is_neutral:
        return str(_("Hej"))
    subjects = {
        "receipt": _("Kvittens %(reference)s", reference=matter.reference),
        "notice": _("Meddelande %(reference)s", reference=matter.reference),
        "supplement_request": _("Meddelande %(reference)s", reference=matter.reference),
        "reminder": _("Påminnelse %(reference)s", reference=matter.reference),
        "late": _("Meddelande %(reference)s", reference=matter.reference),
        "delay": _("Meddelande %(reference)s", reference=matter.reference),
        "status_link": _("Länk %(reference)s", reference=matter.reference),
        "confirm_email": _("Bekräfta din e-postadress"),
    }
    return str(subjects[kind])
