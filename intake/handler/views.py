"""A matter's page and the plainest of what a handler does there; each act is one call of a service."""

from __future__ import annotations

import uuid
from datetime import datetime

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response

from intake import access, codes, mailroom
from intake.errors import NotFound
from intake.extensions import now, settings
from intake.files import clean_name
from intake.handler import acts, drafting, forms, matter_page, words
from intake.handler.gate import get_matter, person
from intake.handler.surface import bp
from intake.matters import desk, supplements, work

bp.add_app_template_filter(lambda name: clean_name(name).shown, "filnamn")


@bp.app_template_filter("alder")
def _age(at: datetime) -> str:
    return words.age(at, now())


@bp.get("/hitta")
def find() -> Response:
    """Go to the matter whose reference was typed."""
    typed = request.args.get("nummer", "")
    reference = codes.read_reference(typed)
    if reference and access.find_matter(person(), reference):
        if request.args.get("skriv") == "samtal":
            return redirect(url_for(".matter", reference=reference, skriv="samtal", _anchor="samtal"), 303)
        return redirect(url_for(".matter", reference=reference), 303)
    if reference:
        access.log_refused(person(), reference)
    flash("Det finns inget sådant ärende i dina inkorgar.")
    return redirect(url_for(".inbox"), 303)


@bp.get("/arende/<reference>")
def matter(reference: str) -> Response:
    """Show a matter; the look is recorded."""
    return matter_page.page(reference, None, 200)


@bp.post("/arende/<reference>/ta")
def take(reference: str) -> Response:
    """Take the matter."""
    return acts.act(reference, forms.ActForm(), work.take, "Ärendet är ditt.")


@bp.post("/arende/<reference>/slapp")
def release(reference: str) -> Response:
    """Give the matter back to its inbox."""
    return acts.act(reference, forms.ActForm(), work.release, "Ärendet är tillbaka i inkorgen.")


@bp.post("/arende/<reference>/fordela")
def assign(reference: str) -> Response:
    """Give the matter to a colleague."""
    form = forms.AssignForm()
    form.to.offered = matter_page.offered_colleagues(desk.colleagues([get_matter(reference).unit_id]))
    return acts.act(reference, form, lambda its: work.assign(its, form.handler_id), "Ärendet är fördelat.")


@bp.post("/arende/<reference>/komplettera")
def ask_supplement(reference: str) -> Response:
    """Ask the citizen for something more."""
    form = forms.SupplementForm()

    def do(act: work.Act) -> None:
        work.ask_supplement(act, form.asked.data or "", deadline=form.deadline.day)

    return acts.act(reference, form, do, drafting.on_its_way("Begäran om komplettering är på väg."))


@bp.post("/arende/<reference>/stall-in-paminnelsen")
def cancel_reminder(reference: str) -> Response:
    """Call off the reminder of a supplement."""
    return acts.act(reference, forms.ActForm(), supplements.cancel_reminder, "Påminnelsen är inställd.")


@bp.post("/arende/<reference>/drojsmal")
def tell_delay(reference: str) -> Response:
    """Tell the citizen that it takes longer."""
    form = forms.DelayForm()
    done = drafting.on_its_way("Meddelandet är på väg.")
    return acts.act(reference, form, lambda its: work.tell_delay(its, form.delay.data or ""), done)


@bp.post("/arende/<reference>/skicka-igen/<uuid:letter_id>")
def send_again(reference: str, letter_id: uuid.UUID) -> Response:
    """Send a letter that did not arrive once more."""
    return acts.act(
        reference, forms.ActForm(), lambda its: work.send_again(its, letter_id), "Brevet skickas igen."
    )


@bp.post("/arende/<reference>/tolka-om/<uuid:letter_id>")
def parse_letter_again(reference: str, letter_id: uuid.UUID) -> Response:
    """Ask for a letter of the matter to be read again."""
    if access.find_letter(person(), reference, letter_id) is None:
        access.log_refused(person(), reference)
        raise NotFound("no such letter here")

    def do(act: work.Act) -> None:
        mailroom.ask_to_parse_again(letter_id, act.handler_id)

    return acts.act(reference, forms.ActForm(), do, "Brevet tolkas på nytt. Ladda om sidan om en stund.")


@bp.post("/arende/<reference>/anteckna")
def write_note(reference: str) -> Response:
    """Write a note that only handlers see."""
    form = forms.NoteForm()
    return acts.note(
        reference, form, lambda its: work.write_note(its, form.note.data or ""), "Anteckningen är sparad."
    )


@bp.post("/arende/<reference>/avsluta")
def close(reference: str) -> Response:
    """Close the matter."""
    form = forms.CloseForm()
    done = f"Ärendet {reference} är avslutat."
    return acts.act(
        reference, form, lambda its: work.close(its, form.outcome.data or "", form.closing.data or ""), done
    )


@bp.post("/arende/<reference>/oppna")
def reopen(reference: str) -> Response:
    """Open a closed matter again."""
    return acts.act(reference, forms.ActForm(), work.reopen, "Ärendet är öppet igen.")


@bp.post("/arende/<reference>/sortera")
def sort(reference: str) -> Response:
    """Set category and priority by hand."""
    form = forms.SortForm()
    form.category.offered = forms.category_choices(settings().tables)

    def do(act: work.Act) -> None:
        work.sort(act, form.category.data or "", int(form.priority.data or 0), form.why.data or "")

    return acts.act(reference, form, do, "Ärendetyp och prioritet är ändrade.")


@bp.post("/arende/<reference>/atgardat")
def settle_needs(reference: str) -> Response:
    """Note that what needed a person has been seen to."""
    return acts.act(reference, forms.ActForm(), work.settle_needs, "Det är noterat som åtgärdat.")


@bp.post("/arende/<reference>/sparra")
def revoke_codes(reference: str) -> Response:
    """Let none of the status codes that are out open the matter any more."""
    return acts.act(reference, forms.ActForm(), work.revoke_codes, "Statuskoderna är spärrade.")
