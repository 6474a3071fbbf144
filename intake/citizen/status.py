"""Following a matter: the code opens it for two hours in this browser, and it is checked at each look."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Response, make_response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from intake import codes, drafts, leaving, limits, storage
from intake.answers import Answers
from intake.citizen import browser
from intake.citizen.forms import ButtonForm
from intake.citizen.status_forms import ConfirmForm, LostCodeForm, OpinionForm, ReachForm, StatusForm
from intake.citizen.surface import bp
from intake.errors import StorageError, to_translate
from intake.extensions import now, settings
from intake.languages import _, chosen
from intake.matters import following
from intake.web import PROBLEMS, as_download, is_from_elsewhere, show_problem
from intake.words import in_day

log = logging.getLogger(__name__)

TRIES_PER_HOUR = 60
TRIES_PER_REFERENCE = 100
LINKS_PER_HOUR = 10
HOUR = timedelta(hours=1)
OPEN = timedelta(hours=2)
TAKEN = ("assigned", "in_progress", "awaiting_citizen", "handed_over", "answered", "closed", "archived")
# In Swedish always, so that a handler can read it, and see that it was said.
TAKEN_BACK = to_translate("Jag tar tillbaka det som jag har skickat i det här ärendet.")


@dataclass(frozen=True)
class Step:
    """A step that a person may be told of; ``at`` is None where only the step itself is told."""

    name: str
    is_reached: bool
    at: datetime | None = None


@bp.route("/folj", methods=["GET", "POST"])
def status() -> AnyResponse:
    """Open a matter to whoever has its reference and status code."""
    form = StatusForm()
    if not form.is_submitted():
        return _status_page(form, 200)
    if is_from_elsewhere():
        # Nobody else may make a browser follow their matter, and have it add to that.
        return _status_page(StatusForm(formdata=None), 403)
    if not form.validate():
        return _status_page(form, 422)
    if _is_too_often("status", form.reference.data or "", TRIES_PER_HOUR, TRIES_PER_REFERENCE):
        return show_problem(PROBLEMS[429])
    key = following.key_of(form.reference.data or "", form.code.data or "")
    if following.find(key) is None:
        form.code.errors = [_("Numret och koden hör inte ihop. Kontrollera båda och försök igen.")]
        return _status_page(form, 422)
    browser.follow(key.reference, key.code_hash, int(now().timestamp()))
    return redirect(url_for(".followed"), 303)


@bp.get("/arende")
def followed() -> Response:
    """Show how far the matter has come, and what was answered."""
    return _page(OpinionForm(formdata=None))


@bp.get("/arende/fil/<uuid:file_id>")
def answer_file(file_id: uuid.UUID) -> AnyResponse:
    """Send a file that a handler answered with, once it has been checked."""
    if is_from_elsewhere():
        # A file is saved because the person asked for it here, never because another site did.
        return show_problem(PROBLEMS[403])
    key = _key()
    following.get(key)
    file = following.get_file(key, file_id)
    if file.storage_key is None:
        return _no_file(file.state, 403 if file.state == "held" else 409)
    try:
        stream = storage.current().open(file.storage_key)
    except StorageError:
        log.exception("the bytes under %s could not be read", file.storage_key)
        return _no_file("away", 503)
    return as_download(stream, file.name, file.size_bytes)


@bp.get("/arende/stang")
@bp.get("/arende/lagg-till")
@bp.get("/arende/ta-tillbaka")
@bp.get("/arende/tycker")
def back_to_followed() -> AnyResponse:
    """Lead from an address that only a button goes to, as a change of language does, to its page."""
    return redirect(url_for(".followed"), 303)


@bp.post("/arende/stang")
def close_followed() -> AnyResponse:
    """Forget which matter this browser follows."""
    if not ButtonForm().validate():
        return redirect(url_for(".followed"), 303)
    browser.close_followed()
    return redirect(url_for(".start"), 303)


@bp.post("/arende/lagg-till")
def supplement() -> AnyResponse:
    """Begin a draft that adds to the matter."""
    return _begin("story", "")


@bp.post("/arende/ta-tillbaka")
def withdraw() -> AnyResponse:
    """Begin a draft that says that the person takes the matter back, to be looked at and sent."""
    said = str(_(TAKEN_BACK))
    return _begin("check", said if said == TAKEN_BACK else f"{said}\n\n{TAKEN_BACK}")


@bp.route("/arende/kontakt", methods=["GET", "POST"])
def reach() -> AnyResponse:
    """Change how we may reach the person; a new address counts when it is confirmed from there."""
    key = _key()
    found = following.get(key)
    mail = "no" if not found.may_email else "neutral" if found.is_neutral else "yes"
    form = ReachForm(data={"mail": mail})
    if form.validate_on_submit():
        if form.email.data and not following.ask_email_change(key, form.email.data):
            form.email.errors = [_("Adressen har bytts många gånger i dag. Försök igen i morgon.")]
        else:
            following.change_contact(key, _changes(form, found))
            return redirect(url_for(".followed", andrat=1), 303)
    shown = render_template("citizen/status_contact.html", form=form, matter=found)
    return make_response(shown, 422 if form.errors else 200)


@bp.post("/arende/tycker")
def opine() -> AnyResponse:
    """Keep what the person thought of the contact."""
    form = OpinionForm()
    if not form.validate():
        return _page(form, 422)
    following.give_feedback(_key(), int(form.answer.data or 0), form.words.data or "")
    return redirect(url_for(".followed"), 303)


@bp.route("/folj/tappat-koden", methods=["GET", "POST"])
def lost_code() -> AnyResponse:
    """Take the reference of somebody whose code is lost; what follows from it is told to no one here."""
    form = LostCodeForm()
    is_asked = form.is_submitted() and form.validate()
    if is_asked:
        if _is_too_often("lost_code", form.reference.data or "", LINKS_PER_HOUR, LINKS_PER_HOUR):
            return show_problem(PROBLEMS[429])
        following.ask_for_link(form.reference.data or "")
    shown = render_template("citizen/status_lost.html", form=form, is_asked=is_asked)
    return make_response(shown, 422 if form.errors else 200)


@bp.route("/bekrafta", methods=["GET", "POST"])
def confirm_email() -> AnyResponse:
    """Let a new address count by the button; to open the link alone changes nothing."""
    form = ConfirmForm()
    is_confirmed = False
    if form.is_submitted() and form.validate():
        if _is_too_often("confirm", form.code.data or "", TRIES_PER_HOUR, TRIES_PER_HOUR):
            return show_problem(PROBLEMS[429])
        is_confirmed = following.confirm_email(form.code.data or "")
        if not is_confirmed:
            form.code.errors = [
                _("Koden är använd eller för gammal. Byt adress en gång till, så får du en ny.")
            ]
    shown = render_template("citizen/status_confirm.html", form=form, is_confirmed=is_confirmed)
    return make_response(shown, 422 if form.errors else 200)


@bp.errorhandler(following.Ended)
def ended(_error: following.Ended) -> AnyResponse:
    """Lead to where a code is typed; a browser that has forgotten everything goes to the first page."""
    if session.pop("followed", None) is None:
        return redirect(url_for(".start"), 303)
    return redirect(url_for(".status", slut=1), 303)


def steps(found: following.Followed) -> tuple[Step, ...]:
    """Return the steps that may be told of a matter, in words."""
    told = (
        Step(_("Mottaget"), True, found.received_at),
        Step(_("Registrerat"), True, found.registered_at),
    )
    if found.is_quiet:
        return told
    is_answered, is_closed = bool(found.answered_at) or found.status == "answered", bool(found.closed_at)
    return (
        *told,
        Step(_("Hos handläggare"), found.is_taken or found.status in TAKEN),
        *(() if is_closed and not is_answered else (Step(_("Besvarat"), is_answered, found.answered_at),)),
        Step(_("Avslutat"), is_closed, found.closed_at),
    )


def _status_page(form: StatusForm, status: int) -> Response:
    return make_response(
        render_template("citizen/status.html", form=form, is_open="followed" in session), status
    )


def _page(form: OpinionForm, status: int = 200) -> Response:
    key = _key()
    found, until = following.get(key), following.asked_until(key)
    shown = render_template(
        "citizen/steps.html",
        matter=found,
        reference=key.reference,
        steps=steps(found),
        handover="" if found.is_quiet else following.handover(key),
        answers=following.answers(key),
        asked_until=in_day(until) if until else "",
        asked_limits=settings().tables.files.of_draft(is_asked=True),
        unreadable=following.unreadable(key),
        form=form,
        is_changed="andrat" in request.args,
    )
    return make_response(shown, status)


def _no_file(state: str, status: int) -> Response:
    return make_response(render_template("citizen/answer_file.html", state=state), status)


def _key() -> following.Key:
    """Return what this browser may look at; raises following.Ended when its two hours are over."""
    kept = session.get("followed")
    if kept is None or now().timestamp() - kept[2] > OPEN.total_seconds() or leaving.is_left(kept[3]):
        raise following.Ended("this browser follows no matter")
    return following.Key(kept[0], kept[1])


def _begin(page: str, words: str) -> AnyResponse:
    """Begin a draft that adds to the matter, with these words in it, and go to a page of it."""
    key = _key()
    if not ButtonForm().validate():
        return redirect(url_for(".followed"), 303)
    answers = Answers(text=words, language=chosen().code)
    is_asked = following.get(key).is_asked
    draft_id = drafts.begin(
        browser.make_key(), answers, supplements_id=following.hold(key), is_asked=is_asked
    )
    return redirect(url_for(f".{page}", draft_id=draft_id), 303)


def _changes(form: ReachForm, found: following.Followed) -> dict[str, Any]:
    """Return the columns in which something was said that was not so before."""
    changes: dict[str, Any] = {}
    if form.mail.data:
        wished = {"may_email": form.mail.data != "no", "is_neutral": form.mail.data == "neutral"}
        changes |= {name: value for name, value in wished.items() if value != getattr(found, name)}
    if form.phone.data or form.no_phone.data:
        changes["sender_phone"] = form.phone.data or None
    if form.call_words.data:
        changes["call_words"] = form.call_words.data
    return changes


def _is_too_often(what: str, tried: str, from_network: int, at_one: int) -> bool:
    """Count a try against its network and against what it tries; both, whatever the first says."""
    network = limits.network_of(request.remote_addr)
    counts = (
        limits.is_over(what, network, from_network, window=HOUR),
        limits.is_over(f"{what}_one", codes.compact(tried), at_one, window=HOUR),
    )
    return any(counts)
