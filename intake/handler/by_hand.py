"""New matters that a handler begins: what came by telephone, in a visit or on paper, and a first contact."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter

from flask import flash, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response

from intake import access
from intake.access.roles import Capability
from intake.errors import NotAllowed, NotFound
from intake.extensions import settings
from intake.handler import contact_forms, forms, kept_files, queries
from intake.handler.gate import person
from intake.handler.surface import bp
from intake.matters import by_hand

BY_RULE = "Låt reglerna välja"
KNOWN = "Det är redan registrerat. Här är ärendet."
OTHER_WORDS = (
    "Den här sidan har redan blivit ärendet {}. Det du har ändrat sedan dess är inte sparat. Är det ett nytt"
    " ärende trycker du en gång till. Hör det till {} kopierar du det dit. Filer väljer du igen."
)


@bp.get("/nytt-arende")
def new_matter_page() -> Response:
    """Ask for what came in by telephone, in a visit or on paper."""
    form = contact_forms.RegisterByHandForm(formdata=None)
    _offer(form, "sort")
    form.begin()
    return _register_page(form, 200)


@bp.post("/nytt-arende")
def register_by_hand() -> Response:
    """Register it, once however often the page is sent, and show the matter."""
    form = contact_forms.RegisterByHandForm()
    offered = _offer(form, "sort")
    is_valid = form.validate()
    if form.csrf_token.errors or form.page.errors:
        return _register_page(form, 422)
    matter_id = by_hand.id_of(person().handler_id, form.page_id)
    try:
        # Also where something else is wrong, so that files need not be chosen twice.
        came = kept_files.gather(form, matter_id, is_mailed=False)
        if not is_valid:
            return _register_page(form, 422)
        begun = by_hand.register(matter_id, form.came(came), form.unit.data or None, offered)
    except NotAllowed as problem:
        form.form_errors.append(str(problem))
        return _register_page(form, 422)
    if begun.is_new:
        flash(f"Ärendet är registrerat som {begun.reference}.")
        # Who gets no receipt by mail may want one on paper.
        its_page = url_for(".matter", reference=begun.reference)
        offer = url_for(".matter", reference=begun.reference, skriv="kvittens", _anchor="kvittens")
        return redirect(its_page if form.wants_receipt.data else offer, 303)
    return _known(begun, form, _register_page)


@bp.get("/ta-kontakt")
def contact_page() -> Response:
    """Ask whom somebody wants to reach, and why."""
    form = contact_forms.ContactForm(formdata=None)
    _offer(form, "answer")
    form.turn_page()
    return _contact_page(form, 200)


@bp.post("/ta-kontakt")
def begin_contact() -> Response:
    """Begin a matter in one's own hands, and show it with the form of a message open."""
    form = contact_forms.ContactForm()
    _offer(form, "answer")
    if not form.validate():
        return _contact_page(form, 422)
    matter_id = by_hand.id_of(person().handler_id, form.page_id)
    begun = by_hand.begin_contact(matter_id, form.contact(), form.unit.data or "")
    if begun.is_new:
        flash("Ärendet är upplagt och är ditt. Inget är skickat än: skriv meddelandet i formuläret.")
        written = url_for(".matter", reference=begun.reference, skriv="svar", _anchor="svara")
        return redirect(written, 303)
    return _known(begun, form, _contact_page)


def _known(begun: by_hand.Begun, form: contact_forms.BeginForm, show: Callable[..., Response]) -> Response:
    """Show the matter that a page has become before; what was written since is given back."""
    if begun.is_same:
        flash(KNOWN)
        is_seen = access.find_matter(person(), begun.reference) is not None
        return redirect(url_for(".matter", reference=begun.reference) if is_seen else url_for(".inbox"), 303)
    form.turn_page()
    if isinstance(form, forms.KeepsFiles):
        # Those that were sent before stand in that matter.
        form.kept.data, form.kept_files = "", ()
    form.form_errors.append(OTHER_WORDS.format(begun.reference, begun.reference))
    return show(form, 409)


def _offer(form: contact_forms.BeginForm, capability: Capability) -> list[str]:
    """Let a form offer the inboxes where the person may do this, and all categories; return the inboxes.

    Shows nobody else that there is such a page.
    """
    if not person().may(capability):
        raise NotFound("nobody who begins matters")
    units = sorted(
        (unit for unit in queries.units_of(person()) if person().may(capability, unit[0])), key=itemgetter(1)
    )
    form.unit.offered = units
    form.category.offered = forms.category_choices(settings().tables)
    if isinstance(form, contact_forms.RegisterByHandForm):
        form.category.offered = [("", BY_RULE), *form.category.offered]
        if len(units) > 1:
            form.unit.offered = [("", f"{BY_RULE} bland mina inkorgar"), *units]
    return [code for code, _ in units]


def _register_page(form: contact_forms.RegisterByHandForm, status: int) -> Response:
    most = settings().tables.files.max_request_bytes
    return make_response(render_template("handler/new_matter.html", form=form, most=most), status)


def _contact_page(form: contact_forms.ContactForm, status: int) -> Response:
    return make_response(render_template("handler/contact.html", form=form), status)
