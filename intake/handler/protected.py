"""Protected identity on the pages: hidden from everybody, and opened, with a reason, by those who may."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from flask import make_response, render_template
from sqlalchemy import or_, select
from werkzeug.wrappers import Response

from intake import access
from intake.errors import NotFound
from intake.extensions import db
from intake.handler.forms import ProtectedForm
from intake.handler.gate import get_matter, require, sensitive
from intake.handler.messages import Conversation, LetterOut, MessageView
from intake.handler.surface import bp
from intake.handler.whole import MatterView
from intake.matters import protected
from intake.models import Matter, Message, table_of

V = TypeVar("V", bound=Any)


@dataclass(frozen=True)
class Contact:
    """Somebody who wrote, and how to reach that person."""

    name: str | None
    email: str | None
    phone: str | None


def hide(view: MatterView) -> MatterView:
    """Return what a matter's page shows, without who wrote when that is protected."""
    if not protected.is_protected(view.flags):
        return view
    messages = tuple(_message(message, view) for message in view.conversation.messages)
    stray = tuple(_letter(letter, view) for letter in view.conversation.stray)
    return replace(_hidden(view), conversation=Conversation(messages, stray))


def _message(message: MessageView, view: MatterView) -> MessageView:
    return replace(
        _hidden(message),
        letter=_hidden(message.letter) if message.letter else None,
        about=_letter(message.about, view) if message.about else None,
        letters_out=tuple(_letter(letter, view) for letter in message.letters_out),
    )


def _letter(letter: LetterOut, view: MatterView) -> LetterOut:
    is_other = letter.recipient != view.sender_email
    return replace(letter, recipient=protected.OTHER_EMAIL) if is_other else _hidden(letter)


def _hidden(view: V) -> V:
    values = {field.name: getattr(view, field.name) for field in fields(view)}
    return replace(view, **protected.hidden(values))


@bp.get("/arende/<reference>/skyddade-uppgifter")
@sensitive
def protected_page(reference: str) -> Response:
    """Ask why protected contact details are to be shown."""
    return _page(_get_protected(reference), ProtectedForm(formdata=None), 200)


@bp.post("/arende/<reference>/skyddade-uppgifter")
@sensitive
def show_protected(reference: str) -> Response:
    """Show protected contact details on this one page; the look comes first, with its reason."""
    matter = _get_protected(reference)
    form = ProtectedForm()
    if not form.validate():
        return _page(matter, form, 422)
    access.look_at_protected(matter.id, form.reason.data or "")
    return _page(matter, form, 200, is_open=True)


def _get_protected(reference: str) -> Matter:
    matter = get_matter(reference)
    if not protected.is_protected(matter.flags):
        raise NotFound("nothing is hidden in this matter")
    require("see_protected", matter.id)
    return matter


def _page(matter: Matter, form: ProtectedForm, status: int, *, is_open: bool = False) -> Response:
    page = render_template(
        "handler/protected.html",
        reference=matter.reference,
        form=form,
        matter=matter if is_open else None,
        contacts=_contacts(matter) if is_open else (),
    )
    return make_response(page, status)


def _contacts(matter: Matter) -> tuple[Contact, ...]:
    """Return everybody who wrote in a matter, each once, the matter's own sender first."""
    wrote = select(*table_of(Message).c["sender_name", "sender_email", "sender_phone"])
    # A note of what somebody said tells with whom.
    is_named = or_(Message.sender_name.is_not(None), Message.sender_phone.is_not(None))
    told = or_(Message.direction == "incoming", is_named)
    wrote = wrote.where(Message.matter_id == matter.id, told)
    rows = db.session.execute(wrote.order_by(Message.created_at, Message.id))
    own = Contact(matter.sender_name, matter.sender_email, matter.sender_phone)
    return tuple(dict.fromkeys((own, *(Contact(*row) for row in rows))))
