"""A masked copy of a matter to give out: what is withheld is chosen, looked through, and made into a PDF.

Nothing is asked of who wants it or why (TF 2:18), and the matter itself is never changed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from flask import make_response, render_template, request, session, url_for
from werkzeug.wrappers import Response

from config.release import Release
from intake import access
from intake.errors import NotFound, PaperFailed
from intake.extensions import now, settings
from intake.handler import dossier, printing, problems, protected, release_forms, whole
from intake.handler.gate import get_matter, person, require, sensitive
from intake.handler.release_forms import ReleaseForm, Ticked
from intake.handler.surface import bp
from intake.matters import masking, releasing
from intake.matters import protected as rule
from intake.matters.masking import Masked, Part
from intake.paper import PaperSection, printable
from intake.words import in_day

log = logging.getLogger(__name__)

# More cannot be looked through on one page.
MOST_PASSAGES = 4_000
CHANGED = (
    "Kopian är inte gjord. Ärendet eller det som du har valt är inte längre som i den granskning du såg."
    " Läs igenom granskningen här nedanför en gång till."
)
AGAIN = "Kopian kunde inte göras just nu. Det du har valt finns kvar: försök igen om en stund."
WHO = "Kopian är inte gjord. Bekräfta först att det är du, och tryck sedan en gång till här."
WITHOUT_FILES = "Filerna följer inte med i den här kopian, utan räknas upp med namn och kontrollsumma."


@dataclass(frozen=True)
class Draft:
    """A copy in the making: the parts, what is suggested, and who is masked without anybody's choice."""

    view: whole.MatterView
    parts: tuple[Part, ...]
    found: tuple[str, ...]
    always: tuple[str, ...]


@bp.get("/arende/<reference>/lamna-ut")
@sensitive
def copy_page(reference: str) -> Response:
    """Show a matter passage by passage, with what may need to be masked ticked; the look is recorded."""
    draft, form = _begin(reference), ReleaseForm(formdata=None)
    form.offer(_table())
    if _is_too_large(draft.parts):
        return problems.show(printing.TOO_LARGE)
    ticked = release_forms.suggested(draft.parts, draft.found, _table())
    return _page(draft, form, ticked, None, 200)


@bp.post("/arende/<reference>/lamna-ut")
def make_copy(reference: str) -> Response:
    """Show the copy as it would be; or make it, when it is the one that was shown."""
    draft, form = _begin(reference), ReleaseForm()
    form.offer(_table())
    if _is_too_large(draft.parts):
        return problems.show(printing.TOO_LARGE)
    ticked = release_forms.read(request.form.to_dict(flat=False), draft.parts)
    is_valid = form.validate()
    chosen = release_forms.choices(form, ticked, draft.found, _table(), draft.always)
    if chosen is None or not is_valid:
        return _page(draft, form, ticked, None, 422)
    shorts = {each.code: each.short for each in _table().provisions}
    masked = masking.mask(draft.parts, chosen, shorts)
    if request.form.get("gor") != "kopia":
        return _page(draft, form, ticked, masked, 200)
    if form.seen.data != masked.digest:
        form.form_errors.append(CHANGED)
        return _page(draft, form, ticked, masked, 409)
    if not person().has_proven_lately():
        session["asked"] = url_for(".copy_page", reference=reference)
        form.form_errors.append(WHO)
        return _page(draft, form, ticked, masked, 403, must_prove=True)
    return _make(draft, form, ticked, masked)


def _table() -> Release:
    return settings().tables.release


def _begin(reference: str) -> Draft:
    """Read a matter for release; who may not, is told, and the look comes first."""
    matter_id = get_matter(reference).id
    require("export", matter_id)
    access.look_at_print(matter_id, "release")
    view = whole.matter_view(person(), reference)
    if view is None:
        raise NotFound("the matter has left the person's inboxes just now")
    shown = protected.hide(view)
    parts, names = dossier.to_release(shown), tuple(map(printable, _names(view)))
    if not rule.is_protected(view.flags):
        return Draft(shown, parts, masking.suggest(parts, names), ())
    known = masking.suggest((), names)
    # What is masked by itself is no suggestion: that would tell what is protected.
    found = tuple(each for each in masking.suggest(parts, ()) if each not in known)
    return Draft(shown, parts, found, known)


def _names(view: whole.MatterView) -> Iterator[str]:
    """Yield who wrote in a matter and how to reach them, as far as anybody has said it."""
    came = [each for each in view.conversation.messages if each.direction == "incoming"]
    wrote = [(each.sender_name, each.sender_email, each.sender_phone) for each in came]
    for name, email, phone in [(view.sender_name, view.sender_email, view.sender_phone), *wrote]:
        # A number is one word, however it is grouped.
        yield from filter(None, (name, email, "".join((phone or "").split())))


def _is_too_large(parts: tuple[Part, ...]) -> bool:
    passages = sum(len(piece.spans) for part in parts for piece in part.pieces)
    return passages > MOST_PASSAGES or not printing.fits(parts)


def _make(draft: Draft, form: ReleaseForm, ticked: Ticked, masked: Masked) -> Response:
    matter_id, dnr = draft.view.id, draft.view.diary_number
    heading = f"Kopia ur ärende {dnr}" if dnr else "Kopia ur ett ärende"
    told = (*printing.sections(masked.parts), *_endings(masked))
    lines = (("Framställd", in_day(now().date())), ("Omfattning", WITHOUT_FILES))
    try:
        copy = printing.make(printing.on_paper(heading, heading, told, lines))
    except PaperFailed as failed:
        log.warning("a copy could not be made as a PDF: %s", type(failed).__name__)
        form.form_errors.append(AGAIN)
        return _page(draft, form, ticked, masked, 503)
    digest = releasing.prepare(matter_id, copy, masked, person().handler_id)
    return printing.send(copy, f"kopia-{digest[:12]}.pdf")


def _endings(masked: Masked) -> Iterator[PaperSection]:
    """Yield what was withheld by which provision, and how to have that tried; nothing where nothing was."""
    table = _table()
    items = []
    for each in table.provisions:
        times, parts = masked.masked.get(each.code, 0), masked.left_out.get(each.code, 0)
        if times or parts:
            told = f"maskerade uppgifter: {times}, utelämnade delar: {parts}"
            items.append(f"{each.short} ({each.name}). {each.words}: {told}")
    if items:
        yield PaperSection("Det som inte lämnas ut", (), tuple(items))
        yield PaperSection(table.appeal.heading, table.appeal.paragraphs, table.appeal.items)


def _page(
    draft: Draft,
    form: ReleaseForm,
    ticked: Ticked,
    masked: Masked | None,
    status: int,
    *,
    must_prove: bool = False,
) -> Response:
    page = render_template(
        "handler/release.html",
        reference=draft.view.reference,
        draft=draft,
        form=form,
        ticked=ticked,
        masked=masked,
        endings=tuple(_endings(masked)) if masked else (),
        prepared=releasing.prepared(draft.view.id),
        provisions={each.code: each.short for each in _table().provisions},
        is_protected=rule.is_protected(draft.view.flags),
        must_prove=must_prove,
    )
    return make_response(page, status)
