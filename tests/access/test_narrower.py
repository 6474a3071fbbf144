"""What a handler's session may write at a prompt opens nothing of another's, and tells nothing untrue."""

from __future__ import annotations

import io
import json
import uuid

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from intake import access, storage
from intake.matters import records, sending, work
from intake.models import Attachment, Event, Handler, Letter, Matter, MatterUnit, Message, OutgoingLetter
from tests import desk

ID = "gen_random_uuid()"
REFUSED = ("row-level security", "permission denied", "not a matter of the caller")


class Prompt:
    """A prompt under the handlers' role that shows a session; ``ask`` commits, and returns why not."""

    def __init__(self, engine, session, **names):
        self.engine, self.session, self.names = engine, session, names

    def ask(self, *statements, **values):
        try:
            with self.engine.begin() as connection:
                shown = {"value": self.session}
                connection.execute(text("SELECT set_config('app.session', :value, true)"), shown)
                for statement in statements:
                    connection.execute(text(statement), self.names | values)
        except DBAPIError as problem:
            return str(problem.orig)
        return ""

    def is_refused(self, *statements, **values):
        said = self.ask(*statements, **values)
        return any(words in said for words in REFUSED)


@pytest.fixture
def sides(worker_app, clock, seen):
    """A matter in the south and one behind a wall, with a file each."""
    files = (("a.pdf", b"%PDF"),)
    own = desk.bring(worker_app, clock, files=files)
    other = desk.bring(worker_app, clock, files=files, category="su", subject="Hemlig", text="Hemligt.")
    return tuple(seen.query(Matter).filter_by(reference=each).one() for each in (own, other))


@pytest.fixture
def anna(sides, make_app, handler_app, database, seen):
    """Anna at a prompt, who works in the south and has looked at the matter there."""
    owner = make_app("handler", "owner")
    desk.hire(owner, "anna@example.se", *desk.seats("syd"))
    desk.hire(owner, "nora@example.se", *desk.seats("nord"), name="Nora Nord")
    ids = dict(seen.query(Handler.email, Handler.id).all())
    names = {"own": sides[0].id, "other": sides[1].id, "anna": ids["anna@example.se"],
             "nora": ids["nora@example.se"],
             "own_message": _message_of(seen, sides[0]).id,
             "other_message": _message_of(seen, sides[1]).id}  # fmt: skip
    with handler_app.app_context():
        session = access.begin(names["anna"], stage="open", agent="")
    prompt = Prompt(database.prompt("handler"), session, **names)
    assert prompt.ask("SELECT look('matter', :own, NULL, NULL)") == ""
    return prompt


def _message_of(seen, matter):
    return seen.query(Message).filter_by(matter_id=matter.id).one()


def insert(table, **columns):
    names, values = ", ".join(columns), ", ".join(columns.values())
    return f"INSERT INTO public.{table} (id, {names}) VALUES ({values})".replace(
        "VALUES (", f"VALUES ({ID}, "
    )


def message(**changes):
    said = {"matter_id": ":own", "handler_id": ":anna", "direction": "'outgoing'", "channel": "'email'",
            "subject": "''", "text": "'Hej.'", "problems": "'{}'", "created_at": "now()",
            "is_automatic": "false"}  # fmt: skip
    return insert("message", **(said | changes))


def attachment(**changes):
    said = {"matter_id": ":own", "message_id": ID, "position": "1", "name": "'a'", "storage_key": "'new'",
            "size_bytes": "1", "sha256": "'x'", "declared_type": "'x/y'", "verdict": "'unchecked'",
            "findings": "'[]'", "created_at": "now()"}  # fmt: skip
    return insert("attachment", **(said | changes))


def event(**changes):
    said = {"matter_id": ":own", "handler_id": ":anna", "actor": "'handler'", "what": "'noted'",
            "detail": "'{}'", "at": "now()"}  # fmt: skip
    return insert("event", **(said | changes))


def owed(**changes):
    said = {"matter_id": ":own", "kind": "'reply'", "state": "'owed'", "recipient": "'x@example.com'",
            "message_id_header": "'<x@y>'", "created_at": "now()"}  # fmt: skip
    return insert("outgoing_letter", **(said | changes))


def address(**changes):
    return insert("mail_address", **({"token": "'t'", "matter_id": ":own", "created_at": "now()"} | changes))


def job(**changes):
    said = {"kind": "'send_letter'", "subject_id": ":own", "dedupe": "'send_letter:' || CAST(:own AS uuid)",
            "created_at": "now()", "due_at": "now()", "sends": "0", "attempts": "0"}  # fmt: skip
    return insert("job", **(said | changes))


def test_where_a_matter_stands_is_changed_by_moving_it_alone(anna, seen):
    stand = insert("matter_unit", matter_id=":own", unit_id="'su'", since="'2000-01-01'", why="'raised'")
    for statement in (
        stand,
        "UPDATE matter SET unit_id = 'su' WHERE id = :own",
        "UPDATE matter SET region = 'nord'",
        "SELECT leave_inboxes(:own, '2000-01-01')",
        "SELECT move_matter(:other, 'syd-inkorg')",
    ):
        assert anna.is_refused(statement), statement
    before = seen.execute(text("SELECT clock_timestamp()")).scalar_one()
    assert anna.ask("SELECT move_matter(:own, 'nord-inkorg')") == ""
    stands = seen.query(MatterUnit).filter_by(matter_id=anna.names["own"]).order_by(MatterUnit.since).all()
    assert [(each.unit_id, each.until is None) for each in stands[1:]] == [("nord-inkorg", True)]
    assert stands[0].until == stands[1].since >= before
    moved = seen.get_one(Matter, anna.names["own"], populate_existing=True)
    assert (moved.unit_id, moved.region) == ("nord-inkorg", "nord")


def test_a_matter_is_given_only_to_who_works_there_and_names_no_other(anna, seen):
    assert anna.is_refused("UPDATE matter SET handler_id = :nora WHERE id = :own")
    assert anna.is_refused("UPDATE matter SET possible_of_id = :other WHERE id = :own")
    assert anna.ask("UPDATE matter SET handler_id = :anna WHERE id = :own") == ""
    # Who has it and works there no more does not stop others from working on it.
    seen.execute(text("UPDATE matter SET handler_id = :nora, possible_of_id = id"), anna.names)
    seen.commit()
    assert anna.ask("UPDATE matter SET priority = 4 WHERE id = :own") == ""


def test_a_file_is_added_only_with_new_bytes_unchecked_and_in_an_own_new_message(anna, seen, worker_app):
    with worker_app.app_context():
        kept = storage.current().put(storage.new_key("letter"), io.BytesIO(b"From: su"))
    seen.add(
        Letter(storage_key=kept.key, size_bytes=8, sha256=kept.sha256, envelope_from="", envelope_to=[],
               trace={}, received_at=seen.get_one(Matter, anna.names["own"]).received_at, problems=[])
    )  # fmt: skip
    seen.commit()
    theirs = seen.query(Attachment.storage_key).filter_by(matter_id=anna.names["other"]).scalar()
    new = {"new": uuid.uuid4()}
    write = message().replace(ID, "CAST(:new AS uuid)", 1)
    for key in (kept.key, theirs):
        assert anna.is_refused(write, attachment(message_id=":new", storage_key=":key"), key=key, **new)
    for wrong in ({"verdict": "'accept'"}, {"findings": "'[{}]'"}, {"facts": "'{\"a\": 1}'"},
                  {"contents": "'[{}]'"}, {"checked_at": "now()"}, {"message_id": ":own_message"},
                  {"message_id": ":other_message"}):  # fmt: skip
        assert anna.is_refused(write, attachment(**({"message_id": ":new"} | wrong)), **new), wrong
    assert anna.ask(write, attachment(message_id=":new"), **new) == ""


@pytest.mark.parametrize(
    "statement",
    [
        message(handler_id=":nora"), message(handler_id="NULL"), message(direction="'incoming'"),
        message(matter_id=":other"), message(about_letter_id=ID),
        event(handler_id=":nora"), event(handler_id="NULL"), event(handler_id="NULL", actor="'system'"),
        event(actor="'system'"),
        owed(message_id=":other_message"), owed(state="'sent'"), owed(kind="'alarm'"), owed(again_id=ID),
        address(), address(outgoing_id=":letter"), address(outgoing_id=":letter", draft_id=ID),
        job(kind="'place_again'"), job(dedupe="'send_letter:x'"), job(done_at="now()"), job(attempts="9"),
        job(owner="'x'", lease_until="now()"),
    ],
)  # fmt: skip
def test_no_row_is_written_in_anothers_name_or_about_what_is_anothers(anna, seen, statement):
    at = seen.query(Matter).first().received_at
    letter = OutgoingLetter(matter_id=anna.names["other"], kind="receipt", recipient="x@y.z",
                            message_id_header="<a@b>", created_at=at)  # fmt: skip
    seen.add(letter)
    seen.commit()
    assert anna.is_refused(statement, letter=letter.id)


def test_what_an_answer_writes_may_be_written(anna):
    new = {"new": uuid.uuid4(), "letter": uuid.uuid4()}
    assert anna.ask(message().replace(ID, "CAST(:new AS uuid)", 1),
                    owed(message_id=":new").replace(ID, "CAST(:letter AS uuid)", 1),
                    address(outgoing_id=":letter"), event(), job(), **new) == ""  # fmt: skip


class Claimed:
    """A claim of a job that nobody else holds."""

    def finish(self):
        pass


def test_a_letter_that_names_another_matters_message_is_not_sent(anna, seen, worker_app, caplog):
    with worker_app.app_context():
        letter_id = records.owe_letter("reply", anna.names["own"], "kim@example.com",
                                       at=seen.query(Matter).first().received_at,
                                       message_id=anna.names["other_message"])  # fmt: skip
        work.db.session.commit()
        assert sending.begin_sending(letter_id, Claimed()) is None
    letter = seen.get_one(OutgoingLetter, letter_id)
    assert (letter.state, letter.why) == ("refused", sending.NOT_ITS_OWN)
    assert f"letter {letter_id} names a message of another matter" in caplog.text
    assert "reply_not_sent" in seen.get_one(Matter, anna.names["own"], populate_existing=True).needs_person


def test_an_event_that_names_another_matters_message_shows_nothing(anna, seen, worker_app, clock):
    kept = desk.bring(worker_app, clock)
    into = seen.query(Matter.id).filter_by(reference=kept).scalar()
    went = [str(anna.names[each]) for each in ("own_message", "other_message")]
    seen.add(
        Event(
            matter_id=anna.names["own"],
            at=clock(),
            actor="handler",
            what="merged_into",
            detail={"messages": went},
        )
    )
    seen.flush()
    seen.execute(text("UPDATE matter SET closed_at = now(), merged_into_id = :into WHERE id = :own"),
                 anna.names | {"into": into})  # fmt: skip
    seen.execute(
        text("UPDATE message SET matter_id = :into WHERE id = :own_message"), anna.names | {"into": into}
    )
    shown = seen.scalars(text("SELECT followed_messages(:own)"), anna.names).all()
    assert shown == [anna.names["own_message"]]


def test_a_matter_that_moves_behind_a_wall_takes_no_earlier_look_with_it(anna, seen):
    tells = text("SELECT audit_tells('{su}', access_log.matter_id, access_log.at, NULL) FROM access_log"
                 " WHERE access_log.what = 'matter' ORDER BY access_log.at")  # fmt: skip
    assert anna.ask("SELECT move_matter(:own, 'su')") == ""
    assert seen.scalars(tells).all() == [True]
    seen.execute(text("SELECT add_look('x', NULL, NULL, 'x', 'matter', :own, NULL, NULL, NULL)"), anna.names)
    assert seen.scalars(tells).all() == [True, False]


def test_nothing_is_merged_into_what_is_read_unless_both_were_opened(anna, worker_app, clock, seen):
    """What goes into another matter is read there, and what a refusal quotes is read too."""
    unopened = seen.query(Matter.id).filter_by(reference=desk.bring(worker_app, clock)).scalar()
    assert anna.is_refused("SELECT merge_matters(:unopened, :own, false)", unopened=unopened)
    assert anna.is_refused("SELECT merge_matters(:own, :unopened, false)", unopened=unopened)


def test_no_matter_is_changed_before_it_was_opened(anna, worker_app, clock, seen):
    unopened = desk.bring(worker_app, clock)
    assert anna.ask("UPDATE matter SET status = 'closed', closed_at = now()") == ""
    assert seen.query(Matter.status).filter_by(reference=unopened).scalar() == "registered"


def begun(**changes):
    """A statement that begins a matter by hand, with a page's id that is always the same."""
    matter = {"id": "00000000-0000-0000-0000-0000000000aa", "reference": "K7RX-3M9P", "channel": "phone",
              "category": "fraga", "unit_id": "syd-inkorg", "priority": 3, "flags": [], "subject": "",
              "received_at": "2026-11-01T12:00:00Z"}  # fmt: skip
    said = {"id": "00000000-0000-0000-0000-0000000000ab", "subject": "", "text": "Hej."}
    given = f"'{json.dumps(matter | changes)}', '{json.dumps(said)}', NULL, 'token', 'digest', now()"
    return f"SELECT reference FROM begin_by_hand({given})".replace(":", r"\:")


@pytest.mark.parametrize(
    "changes",
    [{"unit_id": "nord-inkorg"}, {"unit_id": "su"}, {"unit_id": "finns-inte"}, {"channel": "form"},
     {"channel": "email"}],
)  # fmt: skip
def test_a_matter_is_begun_only_in_an_own_inbox_and_by_hand(anna, changes):
    assert "not an inbox of the caller" in anna.ask(begun(**changes))


def test_a_matter_that_is_begun_is_nobodys_but_who_began_it(anna, seen):
    kept = {"handler_id": str(anna.names["nora"]), "status": "closed", "region": "nord", "version": 9,
            "merged_into_id": str(anna.names["other"])}  # fmt: skip
    assert anna.ask(begun(**kept)) == ""
    matter = seen.query(Matter).filter_by(reference="K7RX-3M9P").one()
    assert (matter.handler_id, matter.status, matter.region, matter.version, matter.merged_into_id) == (
        None, "registered", "syd", 1, None,
    )  # fmt: skip
    said = seen.query(Message).filter_by(matter_id=matter.id).one()
    assert (said.handler_id, said.direction, said.channel) == (anna.names["anna"], "incoming", "phone")


def test_of_a_matter_that_somebody_else_began_nothing_is_told(anna, seen):
    assert anna.ask(begun(id=str(anna.names["other"]))) == ""
    assert seen.query(Matter).count() == 2


def test_only_a_matter_that_is_begun_just_now_is_numbered(anna):
    number = "SELECT number_by_hand(:matter, 'M', 2026, now())"
    for matter in ("own", "other"):
        assert "not a matter that was begun here" in anna.ask(number, matter=anna.names[matter])
    new = "00000000-0000-0000-0000-0000000000aa"
    assert anna.ask(begun(), number, matter=new) == ""
    assert "not a matter that was begun here" in anna.ask(number, matter=new)


def test_a_code_is_handed_out_to_an_opened_matter_that_was_begun_by_hand_alone(anna, seen):
    hand_out = "SELECT 1 / hand_out_code(:matter, 'hash', now())::integer"
    for matter in ("own", "other"):
        assert "division by zero" in anna.ask(hand_out, matter=anna.names[matter])
    new = "00000000-0000-0000-0000-0000000000aa"
    assert anna.ask(begun()) == ""
    assert "division by zero" in anna.ask(hand_out, matter=new)
    assert anna.ask("SELECT look('matter', :matter, NULL, NULL)", matter=new) == ""
    assert anna.ask(hand_out, matter=new) == ""


def test_a_letter_is_replaced_by_one_of_the_same_matter_alone(anna, seen):
    for matter, header in ((":own", "'<1@y>'"), (":own", "'<2@y>'"), (":other", "'<3@y>'")):
        seen.execute(text(owed(matter_id=matter, message_id_header=header).replace(ID, "gen_random_uuid()")),
                     anna.names)  # fmt: skip
    seen.commit()
    ids = dict(seen.execute(text("SELECT message_id_header, id FROM outgoing_letter")).all())
    again = "UPDATE outgoing_letter SET again_id = :again WHERE id = :first"
    assert anna.is_refused(again, first=ids["<1@y>"], again=ids["<3@y>"])
    assert anna.ask(again, first=ids["<1@y>"], again=ids["<2@y>"]) == ""
