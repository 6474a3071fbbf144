"""A matter's page, and what a handler does there: read, check, call one service, answer."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from intake import access, codes, mailroom
from intake.access.roles import Capability
from intake.errors import Conflict, NotAllowed, NotFound
from intake.extensions import now, settings
from intake.files import clean_name
from intake.handler import (
    contact_forms,
    deadlines,
    desk_forms,
    drafting,
    forms,
    handover_forms,
    handovers,
    incident_forms,
    kept_files,
    kin,
    kindred,
    kindred_forms,
    letter_words,
    likeness,
    marks,
    presence,
    protected,
    style,
    whole,
    words,
)
from intake.handler.gate import get_matter, person, require
from intake.handler.referred import find_referred
from intake.handler.surface import bp
from intake.matters import (
    answering,
    asking,
    by_hand,
    desk,
    following,
    incidents,
    reply_drafts,
    supplements,
    work,
)

F = TypeVar("F", bound=forms.ActForm)
# Acts by which a matter finds its place; the others speak with the citizen, or end it.
SORTING = frozenset(
    {
        "assign",
        "move",
        "hand_over",
        "receive",
        "send_back",
        "take_back",
        "sort",
        "settle_needs",
        "write_note",
        "note_talk",
        "print_receipt",
        "pause",
        "resume",
        "merge",
        "part_again",
        "dismiss",
        "split",
        "undo_split",
        "link",
        "unlink",
        "mark_secrecy",
        "lift_secrecy",
        "report_incident",
    }
)


bp.add_app_template_filter(lambda name: clean_name(name).shown, "filnamn")


@bp.app_template_filter("alder")
def _age(at: datetime) -> str:
    return words.age(at, now())


@dataclass(frozen=True)
class ActForms:
    """All forms of a matter's page; the one that was posted is filled as it was sent."""

    plain: forms.ActForm
    assign: forms.AssignForm
    send_back: handover_forms.SendBackForm
    reply: forms.ReplyForm
    supplement: forms.SupplementForm
    delay: forms.DelayForm
    note: forms.NoteForm
    close: forms.CloseForm
    sort: forms.SortForm
    pause: desk_forms.PauseForm
    link: kindred_forms.LinkForm
    outcome: kindred_forms.OutcomeForm
    secrecy: marks.SecrecyForm
    lift: marks.LiftForm
    talk: contact_forms.TalkForm


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
    return page(reference, None, 200)


@bp.post("/arende/<reference>/ta")
def take(reference: str) -> Response:
    """Take the matter."""
    return act(reference, forms.ActForm(), work.take, "Ärendet är ditt.")


@bp.post("/arende/<reference>/slapp")
def release(reference: str) -> Response:
    """Give the matter back to its inbox."""
    return act(reference, forms.ActForm(), work.release, "Ärendet är tillbaka i inkorgen.")


@bp.post("/arende/<reference>/fordela")
def assign(reference: str) -> Response:
    """Give the matter to a colleague."""
    form = forms.AssignForm()
    form.to.offered = _colleagues(desk.colleagues([get_matter(reference).unit_id]))
    return act(reference, form, lambda its: work.assign(its, form.handler_id), "Ärendet är fördelat.")


@bp.post("/arende/<reference>/komplettera")
def ask_supplement(reference: str) -> Response:
    """Ask the citizen for something more."""
    form = forms.SupplementForm()

    def do(act: work.Act) -> None:
        work.ask_supplement(act, form.asked.data or "", deadline=form.deadline.day)

    return act(reference, form, do, drafting.on_its_way("Begäran om komplettering är på väg."))


@bp.post("/arende/<reference>/stall-in-paminnelsen")
def cancel_reminder(reference: str) -> Response:
    """Call off the reminder of a supplement."""
    return act(reference, forms.ActForm(), supplements.cancel_reminder, "Påminnelsen är inställd.")


@bp.post("/arende/<reference>/drojsmal")
def tell_delay(reference: str) -> Response:
    """Tell the citizen that it takes longer."""
    form = forms.DelayForm()
    done = drafting.on_its_way("Meddelandet är på väg.")
    return act(reference, form, lambda its: work.tell_delay(its, form.delay.data or ""), done)


@bp.post("/arende/<reference>/skicka-igen/<uuid:letter_id>")
def send_again(reference: str, letter_id: uuid.UUID) -> Response:
    """Send a letter that did not arrive once more."""
    return act(
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

    return act(reference, forms.ActForm(), do, "Brevet tolkas på nytt. Ladda om sidan om en stund.")


@bp.post("/arende/<reference>/anteckna")
def write_note(reference: str) -> Response:
    """Write a note that only handlers see."""
    form = forms.NoteForm()
    return note(
        reference, form, lambda its: work.write_note(its, form.note.data or ""), "Anteckningen är sparad."
    )


@bp.post("/arende/<reference>/avsluta")
def close(reference: str) -> Response:
    """Close the matter."""
    form = forms.CloseForm()
    done = f"Ärendet {reference} är avslutat."
    return act(
        reference, form, lambda its: work.close(its, form.outcome.data or "", form.closing.data or ""), done
    )


@bp.post("/arende/<reference>/oppna")
def reopen(reference: str) -> Response:
    """Open a closed matter again."""
    return act(reference, forms.ActForm(), work.reopen, "Ärendet är öppet igen.")


@bp.post("/arende/<reference>/sortera")
def sort(reference: str) -> Response:
    """Set category and priority by hand."""
    form = forms.SortForm()
    form.category.offered = forms.category_choices(settings().tables)

    def do(act: work.Act) -> None:
        work.sort(act, form.category.data or "", int(form.priority.data or 0), form.why.data or "")

    return act(reference, form, do, "Ärendetyp och prioritet är ändrade.")


@bp.post("/arende/<reference>/atgardat")
def settle_needs(reference: str) -> Response:
    """Note that what needed a person has been seen to."""
    return act(reference, forms.ActForm(), work.settle_needs, "Det är noterat som åtgärdat.")


@bp.post("/arende/<reference>/sparra")
def revoke_codes(reference: str) -> Response:
    """Let none of the status codes that are out open the matter any more."""
    return act(reference, forms.ActForm(), work.revoke_codes, "Statuskoderna är spärrade.")


KEPT = "Det du skrev finns kvar."


class Again(Protocol):
    """Shows a page once more, with the form that was posted to it."""

    def __call__(
        self, reference: str, posted: forms.ActForm | None, status: int, *, is_late: bool = False
    ) -> Response:
        """Answer with the page."""


def act(
    reference: str,
    form: forms.ActForm,
    do: Callable[[work.Act], None],
    done: str,
    *,
    again: Again | None = None,
) -> Response:
    """Do an act and go back; when it cannot be done, show the page with what was written.

    That is the matter's own, or the one that ``again`` shows.
    """
    again = again or page
    try:
        found = get_matter(reference)
    except NotFound:
        if (answer := handovers.gone(reference)) is not None:
            return answer
        raise
    matter_id, region = found.id, found.region
    name = str(request.endpoint).rpartition(".")[2]
    if not (name == "take_back" and handovers.may_take_back(matter_id)):
        if (answer := handovers.handed_on(reference, matter_id, _asks_for(name))) is not None:
            return answer
        require(_asks_for(name), matter_id)
    if not form.validate():
        return again(reference, form, 422)
    try:
        if isinstance(form, forms.ReplyForm):
            # Kept before anything else is said of the answer, so that the files need not be chosen again.
            kept_files.gather(form, matter_id)
        if warned := style.look(form, name, region):
            return page(reference, form, 200, warned=warned)
        do(work.Act(matter_id, form.seen_version, person().handler_id))
    except Conflict as late:
        form.form_errors.append(str(late))
        if access.find_matter(person(), reference) is None:
            # Whoever was first has sent it on.
            return handovers.gone(reference) or handovers.left(reference)
        return again(reference, form, 409, is_late=True)
    except NotAllowed as problem:
        form.form_errors.append(str(problem))
        return again(reference, form, 422)
    if done:
        flash(done)
    is_seen = access.find_matter(person(), reference) is not None
    return redirect(url_for(".matter", reference=reference) if is_seen else url_for(".inbox"), 303)


def note(reference: str, form: forms.ActForm, do: Callable[[work.Act], None], done: str) -> Response:
    """Do an act that notes something, where the matter went if it was merged."""

    def noting(act: work.Act) -> None:
        if not kin.open_where_noted(person(), act.matter_id):
            raise NotAllowed("Ärendet är sammanfört med ett som du inte ser. Anteckningen är inte sparad.")
        do(act)

    return act(reference, form, noting, done)


def page(
    reference: str,
    posted: forms.ActForm | None,
    status: int,
    *,
    is_late: bool = False,
    warned: style.Warned | None = None,
) -> Response:
    """Show a matter's page, with the form that was posted as it was filled in; the look is recorded."""
    get_matter(reference, is_page=True)
    view = whole.matter_view(person(), reference)
    if view is None:
        raise NotFound("the matter has left the person's inboxes just now")
    drafts, handover = reply_drafts.read(view.id), handovers.look(person(), view)
    related = kin.look(person(), view.id, request.values.get("into", ""))
    shown = render_template(
        "handler/matter.html",
        matter=protected.hide(view),
        may_see_protected=access.may(person(), "see_protected", view.id),
        forms=_forms(view, posted, drafts),
        writers=drafting.writers(drafts),
        form=posted,
        way=answering.find_way(view.id),
        has_code=answering.has_code(view.id),
        asked=asking.find(view.id),
        opinion=following.find_opinion(view.id),
        present=presence.say(access.be_present(person(), view.id, "reading") or ()),
        is_late=is_late,
        warned=warned,
        opened=request.args.get("skriv"),
        is_by_hand=view.channel in by_hand.BY_HAND,
        deadline=deadlines.look(view),
        referred=find_referred(view.events),
        kindred=kindred.look(person(), view.id),
        merged_lately=kin.merged_lately(view.events),
        handover=handover,
        may_act=_acts_of(view.id, may_take_back=handover is not None and handover.may_take_back),
        mark=marks.look(view),
        incidents=[each for each in incidents.read(view.id) if each.closed_at is None],
        incident_kinds=incident_forms.KINDS,
        kin=related,
        similar=likeness.look(person(), view.id, related.ids),
        letter_words=letter_words,
        words=words,
        now=now(),
        tables=settings().tables,
    )
    return make_response(shown, status)


def _asks_for(name: str) -> Capability:
    """Return what a role must give for an act."""
    return "sort" if name in SORTING else "answer"


def _acts_of(matter_id: uuid.UUID, *, may_take_back: bool) -> Callable[[str], bool]:
    """Return what says whether the person may do an act, by its name, with a matter."""
    capabilities: tuple[Capability, ...] = ("sort", "answer", "export")
    held = {each for each in capabilities if access.may(person(), each, matter_id)}

    def may_act(name: str) -> bool:
        if name == "take_back":
            return may_take_back
        return ("export" if name == "export" else _asks_for(name)) in held

    return may_act


def _forms(
    view: whole.MatterView, posted: forms.ActForm | None, drafts: Sequence[reply_drafts.Draft]
) -> ActForms:
    def made(kind: type[F]) -> F:
        return posted if isinstance(posted, kind) else kind(formdata=None)

    shown = ActForms(
        plain=forms.ActForm(formdata=None),
        assign=made(forms.AssignForm),
        send_back=made(handover_forms.SendBackForm),
        reply=made(forms.ReplyForm),
        supplement=made(forms.SupplementForm),
        delay=made(forms.DelayForm),
        note=made(forms.NoteForm),
        close=made(forms.CloseForm),
        sort=made(forms.SortForm),
        pause=made(desk_forms.PauseForm),
        link=made(kindred_forms.LinkForm),
        outcome=made(kindred_forms.OutcomeForm),
        secrecy=made(marks.SecrecyForm),
        lift=made(marks.LiftForm),
        talk=made(contact_forms.TalkForm),
    )
    reply, supplement, delay = shown.reply.text, shown.supplement.asked, shown.delay.delay
    drafting.put_in({"reply": reply, "supplement": supplement, "delay": delay}, drafts, posted)
    drafting.offer(shown.reply, view)
    if shown.supplement is not posted:
        shown.supplement.deadline.data = asking.suggested_day().isoformat()
    tables = settings().tables
    shown.assign.to.offered = _colleagues(view.colleagues)
    shown.sort.category.offered = forms.category_choices(tables)
    shown.secrecy.provision.offered = marks.provisions()
    if shown.sort is not posted:
        shown.sort.category.data, shown.sort.priority.data = view.category, str(view.priority)
    if shown.talk is not posted:
        shown.talk.begin()
    return shown


def _colleagues(colleagues: whole.Colleagues) -> list[tuple[str, str]]:
    return [(str(handler_id), name) for handler_id, name in colleagues]
