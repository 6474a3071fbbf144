"""Search among the matters that a person may see: asked by a form, answered by a function of the database."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import make_response, redirect, render_template, url_for
from sqlalchemy import text
from werkzeug.wrappers import Response

from intake import access, codes
from intake.extensions import db, settings
from intake.handler import finding_words, numbers, words
from intake.handler.forms import SearchForm
from intake.handler.gate import person
from intake.handler.person_like import looks_like_person
from intake.handler.surface import bp

MOST = 200
WHY_MISSING = "Skriv varför du söker efter personen."
_DIARY = text("SELECT seen_diary(:units, :series, :year, :number)")
_SEARCH = text("SELECT * FROM search_matters(:search, :most)")


@dataclass(frozen=True)
class Hit:
    """A matter that was found, as a list tells of it."""

    reference: str
    subject: str
    category: str
    unit: str
    received_at: datetime
    priority: int
    status: str
    is_marked: bool
    places: Sequence[str]


@dataclass(frozen=True)
class Found:
    """What a search found, the newest first; ``is_cut`` when there is more of it."""

    hits: Sequence[Hit]
    is_cut: bool


def begin(sought: str, *, only_mine: bool, reason: str) -> uuid.UUID:
    """Record the look that a search is, and commit; return what the search is made by; NotFound."""
    return access.look_at_list("search:mine" if only_mine else "search:all", sought, reason or None)


def find(begun: uuid.UUID) -> Found:
    """Search the matters that the session sees, by a look that is recorded and committed."""
    rows = db.session.execute(_SEARCH, {"search": begun, "most": MOST + 1}).all()
    return Found([Hit(*row) for row in rows[:MOST]], is_cut=len(rows) > MOST)


@bp.get("/sok")
def search_page() -> Response:
    """Show the search; what is looked for never stands in an address (ASVS 14.2.1)."""
    return _page(SearchForm(formdata=None), None, 200)


@bp.post("/sok")
def find_matters() -> Response:
    """Go to the matter whose reference was typed, else search; ask why first when it is about a person."""
    form = SearchForm()
    if not form.validate():
        return _page(form, None, 422)
    sought = form.q.data or ""
    reference = codes.read_reference(sought) or _of_diary_number(sought)
    if reference:
        if access.find_matter(person(), reference):
            return redirect(url_for(".matter", reference=reference), 303)
        access.log_refused(person(), reference)
    if not sought:
        return _page(form, None, 200)
    # Any unit may hold matters of crime, where a search for a person must be accounted for
    # (brottsdatalagen 3 kap. 5-6 §§); what one has been given oneself needs no reason.
    if looks_like_person(sought) and not form.mina.data and not form.reason.data:
        if form.was_asked:
            form.reason.errors = [WHY_MISSING]
        return _page(form, None, 422 if form.was_asked else 200, asks_why=True)
    begun = begin(numbers.widened(sought), only_mine=form.mina.data, reason=form.reason.data or "")
    return _page(form, find(begun), 200)


def _of_diary_number(sought: str) -> str | None:
    """Return the reference of the matter that has a diary number, where the person sees it."""
    diary = codes.read_diary_number(sought)
    if diary is None:
        return None
    series, year, number = diary
    asked = {"units": list(person().units), "series": series, "year": year, "number": number}
    found: str | None = db.session.scalar(_DIARY, asked)
    return found


def _page(form: SearchForm, found: Found | None, status: int, *, asks_why: bool = False) -> Response:
    page = render_template(
        "handler/search.html",
        form=form,
        found=found,
        asks_why=asks_why,
        most=MOST,
        say_places=finding_words.say_places,
        hints=finding_words.hints(form.q.data or "", only_mine=bool(form.mina.data)),
        words=words,
        tables=settings().tables,
    )
    return make_response(page, status)
