"""Referring a person to another authority: which one, what is said, and what may be given on."""

from __future__ import annotations

from typing import cast

from flask import make_response, render_template
from werkzeug.wrappers import Response
from wtforms import BooleanField, StringField, TextAreaField

from intake.errors import NotAllowed
from intake.extensions import settings
from intake.handler import acts, drafting, forms, words
from intake.handler.gate import get_matter, require
from intake.handler.surface import bp
from intake.matters import previewing, protected, referring, work
from intake.matters.referring import Referral


class HandingOnForm(forms.ActForm):
    """Whether what the person wrote may be given to the other authority, and on which grounds."""

    authority = forms.ChoiceField("Myndighet", validators=[])
    handing_on = forms.ChoiceField(
        "Får det som personen har skrivit lämnas dit?",
        offered=list(words.HANDING_ON.items()),
        validators=[forms.listed("Välj om det som personen skrev får lämnas dit.")],
    )
    grounds = StringField(
        "När gick personen med på det, eller vilken bestämmelse gäller?",
        filters=[forms.line_of],
        validators=[forms.at_most(forms.REASON_CHARACTERS)],
    )

    @property
    def referral(self) -> Referral:
        """What was chosen; only asked for once the form is valid."""
        return Referral(self.authority.data or "", self.handing_on.data or "", self.grounds.data or "")


class ReferForm(HandingOnForm):
    """What the person is told, and whether the matter ends with it."""

    text = TextAreaField(
        "Meddelande till personen",
        filters=[forms.text_of],
        validators=[forms.at_most(forms.TEXT_CHARACTERS), forms.without_gaps()],
    )
    is_closed = BooleanField("Avsluta ärendet som hänvisat", default=True)


@bp.get("/arende/<reference>/hanvisa")
def refer_page(reference: str) -> Response:
    """Ask which authority it is, the likeliest first; nothing is sent."""
    require("answer", get_matter(reference).id)
    return _choose(reference, ReferForm(formdata=None, data={"handing_on": referring.WITHHELD}), 200)


@bp.post("/arende/<reference>/hanvisa/forhandsgranska")
def preview_referral(reference: str) -> Response:
    """Show what the person will read, begun with the text of the table; nothing is sent."""
    require("answer", get_matter(reference).id)
    form = ReferForm()
    return _preview(reference, form, 200) if form.validate() else _choose(reference, form, 422)


@bp.post("/arende/<reference>/hanvisa")
def refer(reference: str) -> Response:
    """Tell the person, and close the matter if asked."""
    form = ReferForm()

    def do(act: work.Act) -> None:
        referring.refer(act, form.referral, form.text.data or "", is_closed=form.is_closed.data)

    done = drafting.on_its_way("Hänvisningen är på väg till personen.")
    return acts.act(reference, form, do, done, again=_preview)


@bp.post("/arende/<reference>/far-lamnas")
def decide_handing_on(reference: str) -> Response:
    """Record whether what the person wrote may be given to the authority."""
    form = HandingOnForm()
    return acts.act(reference, form, lambda its: referring.decide(its, form.referral), "Det är noterat.")


def _choose(reference: str, form: ReferForm, status: int) -> Response:
    matter = get_matter(reference)
    authorities = settings().tables.authorities.all
    suggested = referring.suggest(matter)
    others = [each for each in authorities if each not in suggested]
    groups = {"Föreslås av det som står i ärendet": suggested, "Övriga" if suggested else "Alla": others}
    form.authority.offered = {
        name: [(each.code, each.name) for each in found] for name, found in groups.items() if found
    }
    if form.authority.data is None and suggested:
        form.authority.data = suggested[0].code
    page = render_template("handler/refer.html", form=form, matter=matter)
    return make_response(page, status)


def _preview(reference: str, posted: forms.ActForm | None, status: int, *, is_late: bool = False) -> Response:
    """Show the message as it will be read; where none can be sent, ask again and keep what was written."""
    matter, form = get_matter(reference), cast(ReferForm, posted)
    if is_late:
        form.form_errors.append(acts.KEPT)
    try:
        begun = referring.draft(matter, form.referral)
        form.text.data = form.text.data or begun
        shown = previewing.preview(matter.id, form.text.data, is_told=True)
    except NotAllowed as problem:
        if str(problem) not in form.form_errors:
            form.form_errors.append(str(problem))
        return _choose(reference, form, 422)
    page = render_template(
        "handler/refer_preview.html",
        form=form,
        matter=matter,
        # Whoever was late goes on from how the matter stands now.
        version=matter.version if status == 409 else form.version.data,
        other=settings().tables.authorities.find(form.referral.authority),
        shown=shown,
        recipient=protected.shown("sender_email", shown.recipient, matter.flags),
        words=words,
    )
    return make_response(page, status)
