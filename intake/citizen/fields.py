"""What every form of the citizens' side is made of: cleaned words, limits, choices, and a kind token."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from flask import request
from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField
from wtforms.validators import ValidationError

from intake import limits
from intake.languages import _
from intake.security_log import security, veiled

EMAIL_CHARACTERS = 254
# More than a page takes, so that what is too long can be kept and is still there to be shortened.
MOST_TEXT_CHARACTERS = 100_000
MOST_LINE_CHARACTERS = 1_000
_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[^\s@<>\[\]()\\,;:\"]+\.[^\s@<>\[\]()\\,;:\".]{2,}", re.I)
_CONTROL = dict.fromkeys(
    code for code in range(160) if unicodedata.category(chr(code)) == "Cc" and chr(code) not in "\n\t"
)


def clean_text(words: str | None) -> str:
    """Return a text with plain line ends and without NUL and other control characters."""
    plain = (words or "").replace("\r\n", "\n").replace("\r", "\n")
    return plain.translate(_CONTROL).strip()


def clean_line(words: str | None) -> str:
    """Return one line: control characters and line ends are spaces, and spaces are single."""
    return " ".join(clean_text(words).split())


def at_most(characters: int) -> Any:
    """Refuse more characters than so; what was written stays in its field."""

    def check(_form: Any, field: Any) -> None:
        if len(field.data or "") > characters:
            raise ValidationError(
                _(
                    "Högst %(limit)s tecken får plats. Nu är det %(length)s. Korta texten lite.",
                    limit=_grouped(characters),
                    length=_grouped(len(field.data)),
                )
            )

    return check


def is_email(words: str) -> bool:
    """Say whether something has the shape of one address: no line ends, spaces or second address."""
    return words.isprintable() and _EMAIL.fullmatch(words) is not None and ".." not in words


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", "\N{NO-BREAK SPACE}")


class OneOf(StringField):
    """One of a few choices, each a value, its words and perhaps a hint."""

    def __init__(self, label: Any = "", offered: Sequence[tuple[Any, ...]] = (), **options: Any) -> None:
        super().__init__(label, **options)
        self.offered = offered

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(choice[0] for choice in self.offered)

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take what was chosen, None when nothing was."""
        self.data = valuelist[0] if valuelist else None


def offered_or_none(_form: Any, field: Any) -> None:
    """Refuse what is not offered; to choose nothing is right too."""
    if field.data and field.data not in field.values:
        raise ValidationError(_("Välj ett av svaren, eller hoppa över frågan."))


def note_refused_token() -> None:
    """Tell the log of security that a form came without a token that is good here."""
    network = limits.network_of(request.remote_addr)
    security.warning("token_refused at=%s network=%s", request.endpoint, veiled(network))


class Form(FlaskForm):  # type: ignore[misc]
    """A form with a token; a stale token is one more error, and nothing that was filled in is lost."""

    def validate(self, extra_validators: Any = None) -> bool:
        """Check the fields and the token."""
        is_right = bool(super().validate(extra_validators))
        if "csrf_token" in self.errors:
            note_refused_token()
            self.csrf_token.errors = [self.say_stale()]
        return is_right

    def say_stale(self) -> str:
        """Say that the token is too old, and what to do."""
        return str(
            _("Sidan hade blivit för gammal. Det du skrev finns kvar här. Tryck en gång till, så går det.")
        )


class PageForm(Form):
    """A page of a draft, which can tell its answers before it is sent."""

    # Kept only when they are right, as every choice is; other words are kept as they stand, to be mended.
    exact: tuple[str, ...] = ()

    def said(self) -> dict[str, Any]:
        """Return the draft's answers that this page gives, by their names."""
        raise NotImplementedError

    def said_so_far(self) -> dict[str, Any]:
        """Return the answers while they are given: what is not right yet is as it was before."""
        self.validate()
        for field in self:
            is_choice = isinstance(field, OneOf)
            is_wrong = field.errors and field.data and (is_choice or field.name in self.exact)
            if is_wrong or (is_choice and field.data is None):
                field.data = field.object_data
            elif isinstance(field, TextAreaField):
                field.data = (field.data or "")[:MOST_TEXT_CHARACTERS]
            elif isinstance(field, StringField) and not is_choice:
                field.data = (field.data or "")[:MOST_LINE_CHARACTERS]
        return self.said()


class OpenForm(FlaskForm):  # type: ignore[misc]
    """A form without a token: it changes nothing that anybody has."""

    class Meta:
        csrf = False
