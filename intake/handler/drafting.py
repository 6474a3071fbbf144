"""What a handler has begun to write, put into the forms of a matter's page; and the texts to begin with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wtforms import Field

from config.languages import SWEDISH
from config.replies import fill
from config.tables import Tables
from intake.extensions import settings
from intake.handler import forms, kept_files
from intake.handler.whole import MatterView
from intake.matters.reply_drafts import Draft, Kind

# In which field of the page each kind of draft is written.
FIELDS: Mapping[Kind, str] = {"reply": "text", "supplement": "asked", "delay": "delay"}


def put_in(fields: Mapping[Kind, Field], drafts: Sequence[Draft], posted: forms.ActForm | None) -> None:
    """Put the person's drafts into the forms, but for the one that was posted just now."""
    of_posted = list(posted) if posted else []
    for draft in drafts:
        field = fields[draft.kind]
        if draft.is_own and not any(field is each for each in of_posted):
            field.data = draft.text


def writers(drafts: Sequence[Draft]) -> tuple[str, ...]:
    """Return the names of colleagues who have a draft, each once."""
    return tuple(dict.fromkeys(draft.name for draft in drafts if not draft.is_own))


def offer(form: forms.ReplyForm, view: MatterView) -> None:
    """Let an answer's form offer texts, those in the person's language first, and keep its files."""
    form.template.offered = choices(settings().tables, view.category, view.answer_language or view.language)
    kept_files.show(form, view.id)


def choices(tables: Tables, category: str, language: str) -> Mapping[str, list[tuple[str, str]]]:
    """Return the texts for a category by the name of their language, the person's own language first."""
    fitting = [each for each in tables.replies if each.fits(category)]
    known = dict.fromkeys(code for each in fitting for code in each.texts)
    order = sorted(known, key=lambda code: (code != language, code != SWEDISH))
    return {
        _name(tables, code): [(f"{each.code}.{code}", each.name) for each in fitting if code in each.texts]
        for code in order
    }


def find_text(chosen: str, reference: str) -> str | None:
    """Return the text that was chosen, filled in for a matter; None when there is no such text."""
    code, _, language = chosen.rpartition(".")
    for template in settings().tables.replies:
        if template.code == code and language in template.texts:
            return fill(template.texts[language], reference)
    return None


def below(written: str, text: str) -> str:
    """Put a text below what is written already, which is never lost."""
    return f"{written.rstrip()}\n\n{text}" if written.strip() else text


def on_its_way(words: str) -> str:
    """Return what is said when something was sent: nothing where the page itself says that it waits."""
    return "" if settings().undo_seconds else words


def _name(tables: Tables, code: str) -> str:
    found = next((each.words for each in tables.answer_languages if each.code == code), code)
    return f"På {found}"
