"""How the person wants to be met, said as things to obey before anybody calls or writes."""

from __future__ import annotations

from collections.abc import Iterator

from config.languages import SWEDISH
from intake.extensions import settings
from intake.handler import words
from intake.handler.whole import MatterView


def to_obey(view: MatterView, *, has_code: bool) -> tuple[str, ...]:
    """Return what a handler has to heed, each in a sentence; nothing of who wished for nothing.

    ``view`` is as it is shown: what is protected stays hidden. ``has_code`` tells that somebody can read
    an answer on the status page.
    """
    return (*_contact(view, has_code=has_code), *_speech(view))


def _contact(view: MatterView, *, has_code: bool) -> Iterator[str]:
    if not view.may_email:
        yield "Mejla inte. Svar läses på statussidan." if has_code else "Mejla inte."
    elif view.is_neutral:
        yield "Skriv inget om ärendet i mejl."
    if view.call_words:
        yield f"När och hur vi kan ringa: {view.call_words}"


def _speech(view: MatterView) -> Iterator[str]:
    wanted = _language(view.answer_language)
    if view.interpreter == "spoken":
        language = wanted or (_language(view.language) if view.language != SWEDISH else "")
        yield f"Tolk behövs: {language}." if language else "Tolk behövs."
    elif view.interpreter == "sign":
        yield "Teckenspråkstolk behövs."
    elif view.interpreter:
        yield f"{words.INTERPRETERS.get(view.interpreter, view.interpreter)}."
    if wanted:
        yield f"Svara på {wanted}."


def _language(code: str | None) -> str:
    if not code or code == SWEDISH:
        return ""
    found = words.find_language(settings().tables, code)
    return found.words if found else "ett annat språk" if code == "other" else code
