"""The languages of the citizens' side: which are offered, which one a page is in, and its words.

The Swedish texts are the keys; a catalog holds the words of another language. A path that begins
with a language's code is a page in that language: the code goes into SCRIPT_NAME, so that every
link that the page makes stays in it, and no cookie is needed to choose.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, has_request_context, request
from flask_babel import Domain, force_locale, get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as later

from config.languages import SWEDISH, Language
from intake.errors import FileRefused
from intake.extensions import babel, settings

__all__ = ["_", "chosen", "force_locale", "init_app", "later", "offered", "said"]

FOLDER = Path(__file__).parent / "translations"


def offered() -> tuple[Language, ...]:
    """Return the languages that pages can be shown in, Swedish first."""
    shows_drafts = settings().draft_languages
    return tuple(
        language for language in settings().tables.languages if shows_drafts or not language.is_draft
    )


def chosen() -> Language:
    """Return the language of this page, or of this letter."""
    code = str(get_locale() or SWEDISH)
    languages = settings().tables.languages
    return next((language for language in languages if language.code == code), languages[0])


def said(refused: FileRefused) -> str:
    """Tell why a file is refused, in the language of the page."""
    sentences = (str(_(words)) for words in refused.sentences)
    return " ".join(words % refused.values if refused.values else words for words in sentences)


class Catalogs(Domain):  # type: ignore[misc]
    """Finds the words of a language in its .po file, which needs no step of its own before the start."""

    def get_translations(self) -> NullTranslations:
        return catalog(chosen().code)


@cache
def catalog(code: str) -> NullTranslations:
    """Return the words of a language; for Swedish, and where a word is missing, the text itself."""
    path = FOLDER / f"{code}.po"
    if code == SWEDISH or not path.is_file():
        return NullTranslations()
    with path.open("rb") as file:
        words = read_po(file, locale=code, abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, words)
    compiled.seek(0)
    return Translations(compiled)


def split(path: str) -> tuple[str, str]:
    """Return a path's language as a prefix ("" for Swedish), and the path that is left."""
    first = path.split("/", 2)[1:2]
    codes = [language.code for language in offered()[1:]]
    if not first or first[0] not in codes:
        return "", path
    return f"/{first[0]}", path.removeprefix(f"/{first[0]}") or "/"


class Prefixed:
    """Moves a language's code from the path's beginning into SCRIPT_NAME."""

    def __init__(self, app: Flask) -> None:
        self.app, self.wsgi_app = app, app.wsgi_app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with self.app.app_context():
            prefix, path = split(environ.get("PATH_INFO", ""))
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + prefix
        environ["PATH_INFO"] = path
        return self.wsgi_app(environ, start_response)


def init_app(app: Flask) -> None:
    """Give an app its languages; pages are prefixed where citizens are served."""
    babel.init_app(app, default_locale=SWEDISH, locale_selector=_of_path)
    babel.domain_instance = Catalogs()
    # A translated block is one running text, however its lines are broken in the template.
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.globals.update(language=chosen, languages=offered, in_language=_in_language)
    with app.app_context():
        for language in offered():
            catalog(language.code)
    if app.extensions["settings"].surface != "handler":
        app.wsgi_app = Prefixed(app)  # type: ignore[method-assign]


def _of_path() -> str:
    prefix = request.environ.get("SCRIPT_NAME", "").rpartition("/")[2] if has_request_context() else ""
    return prefix if prefix in [language.code for language in offered()] else SWEDISH


def _in_language(code: str) -> str:
    """Return the address of this page in another language."""
    root = request.root_path.removesuffix(f"/{chosen().code}")
    prefix = "" if code == SWEDISH else f"/{code}"
    query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
    return f"{root}{prefix}{request.path}{query}"
