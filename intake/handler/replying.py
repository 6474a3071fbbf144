"""Answering: a text to begin with, a draft, a look at what will be read, sending, and taking it back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from intake.errors import Conflict, NotAllowed
from intake.handler import acts, drafting, forms, kept_files, matter_page, style
from intake.handler.gate import get_matter, person, require
from intake.handler.surface import bp
from intake.matters import previewing, protected, reply_drafts, undoing, work
from intake.matters.reply_drafts import Kind

FORMS: Mapping[Kind, type[forms.ActForm]] = {
    "reply": forms.ReplyForm,
    "supplement": forms.SupplementForm,
    "delay": forms.DelayForm,
}
# What the page's own script sends with a draft, and is answered shortly.
SILENT = "tyst"
UNDONE = "Det är ångrat och har inte skickats. Texten ligger som utkast i formuläret. Filer väljer du igen."
GONE = "Det går inte att ångra längre. Blev något fel: skriv till personen igen."


@bp.post("/arende/<reference>/svara")
def reply(reference: str) -> Response:
    """Answer the citizen, by mail or on the status page."""
    form = forms.ReplyForm()

    def do(act: work.Act) -> None:
        work.reply(act, form.text.data or "", form.kept_files, is_told=form.is_told.data)

    return acts.act(reference, form, do, drafting.on_its_way("Svaret är på väg."))


@bp.post("/arende/<reference>/forhandsgranska")
def preview_reply(reference: str) -> Response:
    """Show what the citizen will get of an answer; nothing is sent."""
    matter = get_matter(reference)
    require("answer", matter.id)
    form = forms.ReplyForm()
    if not form.validate():
        return matter_page.page(reference, form, 422)
    try:
        kept_files.gather(form, matter.id)
        shown = previewing.preview(matter.id, form.text.data or "", is_told=form.is_told.data)
    except NotAllowed as problem:
        form.form_errors.append(str(problem))
        return matter_page.page(reference, form, 422)
    page = render_template(
        "handler/reply_preview.html",
        form=form,
        reference=matter.reference,
        shown=shown,
        warned=style.look(form, "reply", matter.region),
        recipient=protected.shown("sender_email", shown.recipient, matter.flags),
    )
    return make_response(page)


@bp.post("/arende/<reference>/svarstext")
def begin_reply(reference: str) -> Response:
    """Put a text to begin with below what is written, or just go on writing after a preview."""
    require("answer", get_matter(reference).id)
    form = forms.ReplyForm()
    text = drafting.find_text(form.template.data or "", reference)
    if not form.validate() and "csrf_token" in form.errors:
        return matter_page.page(reference, form, 422)
    if SILENT in request.form:
        return Response(text or "", mimetype="text/plain", status=200 if text else 404)
    if text:
        form.text.data = drafting.below(form.text.data or "", text)
    form = forms.ReplyForm(formdata=None, data={**form.data, "version": form.version.data})
    return matter_page.page(reference, form, 200)


@bp.post("/arende/<reference>/utkast")
def save_draft(reference: str) -> Response:
    """Keep what is written in one of the forms as the person's own draft."""
    matter_id = get_matter(reference).id
    require("answer", matter_id)
    kind: Kind = next((kind for kind, name in drafting.FIELDS.items() if name in request.form), "reply")
    form = FORMS[kind]()
    form.validate()
    words = form[drafting.FIELDS[kind]].data or ""
    if "csrf_token" in form.errors or len(words) > forms.TEXT_CHARACTERS:
        return Response(status=422) if SILENT in request.form else matter_page.page(reference, form, 422)
    if not reply_drafts.save(matter_id, kind, words):
        form.form_errors = ["Ärendet är avslutat, så inget utkast sparas. Det du skrev står kvar här."]
        return Response(status=409) if SILENT in request.form else matter_page.page(reference, form, 409)
    if SILENT in request.form:
        return Response(status=204)
    flash("Utkastet är sparat." if words else "Utkastet är borttaget.")
    return redirect(url_for(".matter", reference=reference), 303)


@bp.post("/arende/<reference>/angra/<uuid:message_id>")
def undo_reply(reference: str, message_id: uuid.UUID) -> Response:
    """Take back what was just sent, if it has not left."""
    matter_id = get_matter(reference).id
    require("answer", matter_id)
    form = forms.Form()
    if not form.validate():
        flash("Sidan hade blivit för gammal. Tryck på Ångra en gång till.")
    else:
        flash(_undo(matter_id, message_id))
    return redirect(url_for(".matter", reference=reference), 303)


def _undo(matter_id: uuid.UUID, message_id: uuid.UUID) -> str:
    try:
        undoing.undo(matter_id, message_id, person().handler_id)
    except Conflict:
        return GONE
    return UNDONE
