"""What is told by the way, and what is done without a trace: by plans, by rows that are written, by moves."""

from __future__ import annotations

from sqlalchemy import text

from intake.models import AccessLog, Matter, MatterUnit
from tests.access.walled import HIDDEN, OWN, SYD

LOOK = "SELECT look('matter', CAST(:id AS uuid), NULL, NULL)"
LOUD = """
    SELECT proname FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
    WHERE nspname IN ('public', 'desk') AND prosecdef
      AND NOT 'client_min_messages=error' = ANY (coalesce(proconfig, '{}'))
"""


def test_no_function_that_does_more_than_its_caller_tells_how(seen):
    assert seen.scalars(text(LOUD)).all() == []


def test_whoever_asks_for_plans_is_told_none_from_within_a_function(sides, seated):
    anna, told = seated("anna", SYD), []
    anna.connection.connection.driver_connection.add_notice_handler(
        lambda notice: told.append(f"{notice.message_primary} {notice.context}")
    )
    with anna.connection.begin():
        for setting in ("client_min_messages = log", "debug_print_plan = on", "trace_sort = on"):
            anna.connection.execute(text(f"SET LOCAL {setting}"))
        anna.connection.execute(text(f"SET LOCAL app.session = '{anna.secrets['session']}'"))
        asked = text(f"SELECT open_matter('{sides['su'].reference}', false)")
        assert anna.connection.scalar(asked) is None
    # Its own plan is told, and the checks of keys when it is committed.
    assert told
    assert [each for each in told if "function" in each] == []


def test_what_is_nowhere_is_written_down_as_what_is_elsewhere_is(sides, seated, seen):
    anna = seated("anna", SYD)
    for reference in (sides["su"].reference, "2222-2222"):
        assert anna.ask("SELECT open_matter(:reference, false)", reference=reference).rows == ((None,),)
    refused = seen.query(AccessLog).filter_by(what="refused").all()
    assert [row.matter_id is not None for row in refused] == [True, True]


def test_what_was_looked_at_behind_a_wall_is_not_told_outside_it(sides, seated, seen):
    sune, side = seated("sune", ("su", "handler")), sides["su"]
    read = "SELECT look('file', CAST(:id AS uuid), CAST(:file AS uuid), 'Utreds')"
    assert sune.ask(read, id=side.matter, file=side.file).rows == ((True,),)
    asked = "SELECT actor FROM file_looks(CAST(:file AS uuid), 9)"
    assert sune.ask(asked, file=side.file).rows != ()
    assert sune.ask("SELECT move_matter(CAST(:id AS uuid), :unit)", id=side.matter, unit=OWN).refused == ""
    anna = seated("anna", SYD)
    assert anna.ask(LOOK, id=side.matter).rows == ((True,),)
    assert anna.ask(asked, file=side.file).rows == ()


def test_a_matter_is_moved_after_a_look_and_that_is_accounted_for(sides, seated, seen):
    anna, own = seated("anna", SYD), sides[OWN].matter
    move = "SELECT move_matter(CAST(:id AS uuid), 'nord-inkorg')"
    assert "has opened" in anna.ask(move, id=own).refused
    anna.ask(LOOK, id=own)
    assert anna.ask(move, id=own).refused == ""
    moved = seen.query(AccessLog).filter_by(what="moved").one()
    assert (str(moved.matter_id), moved.words) == (own, "nord-inkorg")


def test_a_list_of_what_was_closed_elsewhere_is_not_even_begun(sides, seated, seen):
    anna, hidden = seated("anna", SYD), HIDDEN[0]
    seen.query(Matter).update({"closed_at": text("now()")})
    seen.query(MatterUnit).filter_by(unit_id=hidden).update({"unit_id": hidden})
    seen.commit()
    found = {}
    for unit in (OWN, hidden):
        words = f"{unit} 2000-01-01 2100-01-01"
        look = anna.ask("SELECT look_at_list('closed', :words, NULL)", words=words).rows[0][0]
        found[unit] = anna.ask("SELECT count(*) FROM closed_matters(CAST(:look AS uuid), 9)", look=look).rows
    assert found == {OWN: ((1,),), hidden: ((0,),)}
