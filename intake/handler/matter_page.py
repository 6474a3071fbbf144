"""A matter's page: everything that it shows, and its forms, each filled as it was posted or as it begins."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from flask import make_response, render_template, request
from werkzeug.wrappers import Response

from intake import access
from intake.access.roles import Capability
from intake.errors import NotFound
from intake.extensions import now, settings
from intake.handler import (
    contact_forms,
    deadlines,
    desk_forms,
    drafting,
    forms,
    handover_forms,
    handovers,
    incident_forms,
    kin,
    kindred,
    kindred_forms,
    letter_words,
    likeness,
    marks,
    obeying,
    presence,
    protected,
    style,
    whole,
    words,
)
from intake.handler.gate import person
from intake.handler.referred import find_referred
from intake.matters import answering, asking, by_hand, following, incidents, reply_drafts

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


def page(
    reference: str,
    posted: forms.ActForm | None,
    status: int,
    *,
    is_late: bool = False,
    warned: style.Warned | None = None,
) -> Response:
    """Show a matter's page, with the form that was posted as it was filled in; the look is recorded."""
    view, others = _look(reference)
    drafts, handover = reply_drafts.read(view.id), handovers.look(person(), view)
    held, has_code = access.held(person(), view.id), answering.has_code(view.id)
    beside = kin.look(person(), view, request.values.get("into", ""))
    related = kindred.look(person(), view.id)
    hidden = protected.hide(view)
    shown = render_template(
        "handler/matter.html",
        matter=hidden,
        to_obey=obeying.to_obey(hidden, has_code=has_code),
        may_see_protected="see_protected" in held,
        forms=_forms(view, posted, drafts),
        writers=drafting.writers(drafts),
        form=posted,
        way=_way(view, has_code=has_code, is_child=related.is_child),
        has_code=has_code,
        asked=asking.find(view.id),
        opinion=following.find_opinion(view.id),
        present=presence.say(others),
        is_late=is_late,
        warned=warned,
        opened=request.args.get("skriv"),
        is_by_hand=view.channel in by_hand.BY_HAND,
        deadline=deadlines.look(view),
        referred=find_referred(view.events),
        kindred=related,
        merged_lately=kin.merged_lately(view.events),
        handover=handover,
        may_act=_acts_of(held, may_take_back=handover is not None and handover.may_take_back),
        mark=marks.look(view),
        incidents=[each for each in incidents.read(view.id) if each.closed_at is None],
        incident_kinds=incident_forms.KINDS,
        kin=beside,
        similar=likeness.look(person(), view.id, beside.ids),
        letter_words=letter_words,
        words=words,
        now=now(),
        tables=settings().tables,
    )
    return make_response(shown, status)


def _look(reference: str) -> tuple[whole.MatterView, tuple[access.Present, ...]]:
    """Read all of a matter, and who else is there, with a look; NotFound, told to the log."""
    matter_id = access.open_matter(reference, is_page=True)
    # Before anything is read, since both commit.
    others = access.be_present(person(), matter_id, "reading") if matter_id else None
    view = whole.matter_view(person(), reference)
    if view is None:
        access.log_refused(person(), reference)
        raise NotFound("no such matter here")
    return view, others or ()


def _way(view: whole.MatterView, *, has_code: bool, is_child: bool) -> answering.Way:
    """Say which way an answer in a matter goes; the parent of a part alone speaks with the citizen."""
    if is_child:
        return "nowhere"
    return answering.way_of(
        email=view.sender_email,
        may_email=view.may_email,
        is_neutral=view.is_neutral,
        category=view.category,
        flags=view.flags,
        has_code=has_code,
        awaits_form=view.awaits_form,
    )


def asks_for(name: str) -> Capability:
    """Return what a role must give for an act."""
    return "sort" if name in SORTING else "answer"


def _acts_of(held: Collection[Capability], *, may_take_back: bool) -> Callable[[str], bool]:
    """Return what says whether the person, who may so much with a matter, may do an act by its name."""

    def may_act(name: str) -> bool:
        if name == "take_back":
            return may_take_back
        return ("export" if name == "export" else asks_for(name)) in held

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
    shown.assign.to.offered = offered_colleagues(view.colleagues)
    shown.sort.category.offered = forms.category_choices(tables)
    shown.secrecy.provision.offered = marks.provisions()
    if shown.sort is not posted:
        shown.sort.category.data, shown.sort.priority.data = view.category, str(view.priority)
    if shown.talk is not posted:
        shown.talk.begin()
    return shown


def offered_colleagues(colleagues: whole.Colleagues) -> list[tuple[str, str]]:
    """Return colleagues as the choices of a form."""
    return [(str(handler_id), name) for handler_id, name in colleagues]
