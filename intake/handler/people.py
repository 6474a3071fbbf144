"""Who works in which unit: the pages of those who say so, with the history of every change."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from flask import flash, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import EmailField, StringField
from wtforms.validators import ValidationError

from intake.access import memberships
from intake.access.memberships import Colleague, UnitCard
from intake.access.roles import ROLES
from intake.errors import NotAllowed, NotFound
from intake.extensions import settings
from intake.handler import forms
from intake.handler.gate import person, sensitive
from intake.handler.surface import bp
from intake.matters import desk

NAME_CHARACTERS = 200
CHANGES = {
    "given": "gav rollen",
    "taken": "tog bort rollen",
    "proposed": "föreslog rollen",
    "approved": "godkände och gav rollen",
    "refused": "avslog förslaget om rollen",
    "withdrawn": "drog tillbaka förslaget om rollen",
    "account_made": "lade upp kontot",
    "account_opened": "öppnade kontot igen",
}


class GiveForm(forms.Form):
    """Who is given which role in a unit, and why."""

    email = EmailField(
        "E-postadress", filters=[forms.line_of], validators=[forms.needed("Skriv personens e-postadress.")]
    )
    role = forms.ChoiceField("Roll", validators=[forms.listed("Välj en roll.")])
    reason = forms.reason_field("Varför?", "Skriv varför.")


class AccountForm(GiveForm):
    """The same for somebody who has no account yet."""

    name = StringField(
        "För- och efternamn",
        filters=[forms.line_of],
        validators=[forms.needed("Skriv personens namn."), forms.at_most(NAME_CHARACTERS)],
    )

    def validate_email(self, field: Any) -> None:
        """Demand what can be an address."""
        local, at, domain = (field.data or "").partition("@")
        if not (local and at and domain) or "@" in domain or " " in field.data:
            raise ValidationError("Skriv en hel e-postadress, som anna.lind@example.se.")


class TakeForm(forms.Form):
    """Why somebody loses a role."""

    reason = forms.reason_field("Varför?", "Skriv varför.")


class DecideForm(forms.DecideForm):
    """Yes or no to a proposal; the words are for the history."""

    reason = StringField(
        "Kommentar", filters=[forms.line_of], validators=[forms.at_most(forms.REASON_CHARACTERS)]
    )


@bp.get("/enheter")
def units() -> Response:
    """List the units whose people the person says, and what waits for a decision."""
    found = memberships.administered_units()
    if not found:
        raise NotFound("the person says nothing of any unit's people")
    return _shown(
        "people",
        regions=_by_region(found),
        proposals=memberships.proposals(),
        exports=memberships.count_exports_to_decide(person().handler_id),
    )


@bp.get("/enheter/<unit>")
def unit(unit: str) -> Response:
    """Show who works in a unit, what waits, and what was changed."""
    return _shown(
        "people_unit",
        unit=memberships.get_unit(unit),
        colleagues=memberships.colleagues(unit),
        proposals=[each for each in memberships.proposals() if each.unit_id == unit],
        changes=memberships.history(unit=unit),
    )


@bp.route("/enheter/<unit>/lagg-till", methods=["GET", "POST"])
@sensitive
def give_role(unit: str) -> Response:
    """Give somebody a role; who has no account yet is asked for by name."""
    card, form = memberships.get_unit(unit), GiveForm()
    _offer(form, card)
    if not form.is_submitted():
        return _shown("people_give", unit=card, form=form)
    if not form.validate():
        return _shown("people_give", 422, unit=card, form=form)
    try:
        email, role, reason = form.email.data or "", form.role.data or "", form.reason.data or ""
        is_given = memberships.give_role(person(), email, unit, role, reason)
    except NotAllowed as problem:
        form.form_errors.append(str(problem))
        return _shown("people_give", 422, unit=card, form=form)
    if is_given is None:
        account = AccountForm(formdata=None, data=form.data)
        _offer(account, card)
        return _shown("people_account", unit=card, form=account, is_unknown=True)
    flash(_given(role) if is_given else PROPOSED)
    return redirect(url_for(".unit", unit=unit), 303)


PROPOSED = "Förslaget är sparat. Det gäller när en annan person har godkänt det, inom sju dagar."


def _given(role: str) -> str:
    return f"Personen är nu {ROLES[role].name}. De inloggningar som var öppna är avslutade."


@bp.route("/enheter/<unit>/nytt-konto", methods=["GET", "POST"])
@sensitive
def make_account(unit: str) -> Response:
    """Make an account with its first role, and show the first password, once."""
    card, form = memberships.get_unit(unit), AccountForm()
    _offer(form, card)
    if not form.is_submitted():
        return _shown("people_account", unit=card, form=form, is_unknown=False)
    if not form.validate():
        return _shown("people_account", 422, unit=card, form=form, is_unknown=False)
    email, name = form.email.data or "", form.name.data or ""
    try:
        role, reason = form.role.data or "", form.reason.data or ""
        made = memberships.make_account(person(), email, name, unit, role, reason)
    except NotAllowed as problem:
        form.form_errors.append(str(problem))
        return _shown("people_account", 422, unit=card, form=form, is_unknown=False)
    return _shown("people_made", unit=card, made=made, email=email.lower(), name=name, role=form.role.data)


@bp.get("/enheter/<unit>/<uuid:handler_id>")
def colleague(unit: str, handler_id: uuid.UUID) -> Response:
    """Show one person in a unit: the roles, and what was changed in all units that the reader administers."""
    card = memberships.get_unit(unit)
    return _shown(
        "people_person",
        unit=card,
        colleague=_colleague(unit, handler_id),
        takable=memberships.takable_roles(unit),
        away_until=next(
            (each.until for each in desk.who_is_away([unit]) if each.handler_id == handler_id), None
        ),
        form=forms.Form(formdata=None),
        changes=memberships.history(handler_id=handler_id),
    )


@bp.route("/enheter/<unit>/<uuid:handler_id>/ta-bort/<role>", methods=["GET", "POST"])
@sensitive
def take_role(unit: str, handler_id: uuid.UUID, role: str) -> Response:
    """Take a role from somebody, after saying what it leads to."""
    card, whom = memberships.get_unit(unit), _colleague(unit, handler_id)
    if role not in whom.roles or role not in memberships.takable_roles(unit):
        raise NotFound("no such role to take")

    def take(reason: str) -> None:
        memberships.take_role(person(), handler_id, unit, role, reason)

    return _take(take, card, whom, f"{whom.name} är inte längre {ROLES[role].name} här.", role=role)


@bp.route("/enheter/<unit>/<uuid:handler_id>/stang", methods=["GET", "POST"])
@sensitive
def close_account(unit: str, handler_id: uuid.UUID) -> Response:
    """Take all of somebody's roles, after saying what it leads to."""

    def close(reason: str) -> None:
        memberships.close_account(person(), handler_id, reason)

    card, whom = memberships.get_unit(unit), _colleague(unit, handler_id)
    done = f"{whom.name} har inga roller kvar i dina enheter. Utan roll någonstans går det inte att logga in."
    return _take(close, card, whom, done, role=None)


@bp.route("/forslag/<uuid:proposal_id>", methods=["GET", "POST"])
@sensitive
def proposal(proposal_id: uuid.UUID) -> Response:
    """Show what is proposed, and decide."""
    asked, form = memberships.get_proposal(proposal_id), DecideForm()
    if not form.is_submitted():
        return _shown("people_proposal", proposal=asked, form=form)
    if not form.validate():
        return _shown("people_proposal", 422, proposal=asked, form=form)
    try:
        is_approved = form.decision.data == "ja"
        reason = form.reason.data or ""
        outcome = memberships.decide(person(), proposal_id, is_approved=is_approved, reason=reason)
    except NotAllowed as problem:
        form.form_errors.append(str(problem))
        return _shown("people_proposal", 422, proposal=asked, form=form)
    flash(DECIDED[outcome])
    return redirect(url_for(".units"), 303)


DECIDED = {
    "approved": "Förslaget är godkänt, och rollen gäller nu.",
    "refused": "Förslaget är avslaget.",
    "withdrawn": "Förslaget är tillbakadraget.",
}


def _take(
    take: Callable[[str], None], card: UnitCard, whom: Colleague, done: str, *, role: str | None
) -> Response:
    form, status = TakeForm(), 200
    if form.is_submitted():
        status = 422
        try:
            if form.validate():
                take(form.reason.data or "")
                flash(done)
                return redirect(url_for(".unit", unit=card.code), 303)
        except NotAllowed as problem:
            form.form_errors.append(str(problem))
    open_matters = memberships.open_matters(person(), whom.handler_id)
    return _shown(
        "people_take", status, unit=card, colleague=whom, role=role, form=form, open_matters=open_matters
    )


def _colleague(unit: str, handler_id: uuid.UUID) -> Colleague:
    for found in memberships.colleagues(unit):
        if found.handler_id == handler_id:
            return found
    raise NotFound("nobody of that name works there")


def _offer(form: GiveForm, card: UnitCard) -> None:
    form.role.offered = [
        (role, ROLES[role].name, ROLES[role].words) for role in memberships.offered_roles(card.code)
    ]


def _by_region(units: Sequence[UnitCard]) -> list[tuple[str, list[UnitCard]]]:
    """Return units by the name of their region and their own, those of no region last."""
    authority = settings().tables.authority
    names = {region.code: region.name for region in authority.regions}
    of = {unit.code: names.get(unit.region or "", forms.NATIONAL) for unit in authority.units}
    groups: dict[str, list[UnitCard]] = {}
    for card in sorted(units, key=lambda each: each.name.casefold()):
        groups.setdefault(of.get(card.code, forms.NATIONAL), []).append(card)
    return sorted(groups.items(), key=lambda group: (group[0] == forms.NATIONAL, group[0].casefold()))


def _shown(template: str, status: int = 200, **shown: object) -> Response:
    page = render_template(f"handler/{template}.html", roles=ROLES, CHANGES=CHANGES, **shown)
    return make_response(page, status)
