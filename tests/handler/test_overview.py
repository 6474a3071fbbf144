"""The situation picture: one's own is counted as it is, others' from five up, and what is walled nowhere."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from intake import shown
from intake.extensions import db
from intake.models import AccessLog, Matter, MatterUnit
from tests import desk
from tests.project import pages

NORTH, WEST = "2580", "1480"
COUNTS = "SELECT * FROM overview_counts(:look, :units)"
FRAME = "SELECT * FROM overview_frame(:look, :units)"
LOOK = "SELECT look_at_list('overview', 'period=7 omfattning={}', NULL)"


@pytest.fixture
def came(bring):
    """Let some matters come in some days ago, by the clock of the database."""

    def bring_many(number, *, days=1, **said):
        at = datetime.now(UTC) - timedelta(days=days)
        return [bring(received_at=at, **said) for _ in range(number)]

    return bring_many


@pytest.fixture
def asked(handler_app):
    """Ask at the database's own prompt, in somebody's session, in one transaction."""

    def ask(person, *statements, **values):
        with handler_app.app_context(), person.client.session_transaction() as cookie:
            shown.show("session", cookie["_user_id"])
            answers = [db.session.execute(text(statement), values) for statement in statements]
            rows = answers[-1].all()
            db.session.commit()
        return rows

    return ask


@pytest.fixture
def told(asked):
    """Return what the database tells a session of a scope: (part, key, measure) -> (own, others)."""

    def tell(person, scope, units=()):
        [(look,)] = asked(person, LOOK.format(scope))
        rows = asked(person, COUNTS, look=look, units=list(units or units_of(person, asked)))
        return {tuple(row[:3]): tuple(row[3:]) for row in rows}

    return tell


def units_of(person, asked):
    return asked(person, "SELECT session_units()")[0][0]


@pytest.fixture
def kim(sit):
    """Somebody who handles the matters of one unit."""
    return sit("kim@example.se", ("syd-kontaktcenter", "handler"), name="Kim Ek")


@pytest.fixture
def sam(sit):
    """Somebody who coordinates a region, and so sees all of it."""
    return sit("sam@example.se", ("syd-inkorg", "coordinator"), name="Sam Ordnare")


def put(seen, references, unit):
    """Let matters stand in a unit, as if they had been moved there."""
    for matter in seen.query(Matter).filter(Matter.reference.in_(references)):
        seen.query(MatterUnit).filter_by(matter_id=matter.id).update({"until": datetime.now(UTC)})
        seen.add(MatterUnit(matter_id=matter.id, unit_id=unit, why="moved", since=datetime.now(UTC)))
        matter.unit_id, matter.region = unit, unit.partition("-")[0]
    seen.commit()


def cells(page):
    """Return the rows of a table that was fetched, by their first cell."""
    assert page.data.startswith(b"\xef\xbb\xbf")
    return {row[0]: row[1:] for row in csv.reader(io.StringIO(page.data.decode("utf-8-sig")), delimiter=";")}


def test_ones_own_units_are_counted_as_they_are(sam, came):
    came(3)
    page = desk.text_of(sam.get("/lagesbild?period=7&omfattning=region:syd"))
    assert "Kom in 3 3 fler Avslutades 0 lika många Öppna nu 3 –" in page
    assert "Anmälan om brott 3" in page
    assert "Malmö 3" in page
    assert "färre än 5" not in page


@pytest.mark.parametrize(("number", "others"), [(4, None), (5, 5), (7, 5), (8, 10)])
def test_others_are_told_from_five_up_and_rounded(kim, came, told, number, others):
    came(2)
    came(number, municipality=NORTH)
    seen = told(kim, "land")
    assert seen["all", "", "came"] == (2, others)
    assert seen["place", "1280", "open"] == (2, None)
    assert seen.get(("place", NORTH, "came")) == ((0, others) if others else None)
    assert seen.get(("region", "nord", "came")) == ((0, others) if others else None)


def test_a_small_number_cannot_be_worked_out_from_the_total(kim, came, told):
    came(1)
    came(3, municipality=NORTH)
    came(6, municipality=WEST)
    seen = told(kim, "land")
    assert seen["all", "", "came"] == (1, 10)
    assert seen["region", "vast", "came"] == (0, 5)
    assert ("region", "nord", "came") not in seen
    assert {others for _, others in seen.values()} <= {None, 5, 10}


def test_the_page_and_the_file_say_that_a_number_is_kept_back(kim, came):
    came(1)
    came(3, municipality=NORTH, category="bedrageri")
    page = desk.text_of(kim.get("/lagesbild?omfattning=land"))
    assert "Kom in 1 och färre än 5 till" in page
    assert "Bedrägeri" in page
    rows = cells(kim.get("/lagesbild/region.csv?omfattning=land&period=28"))
    assert rows["Region Nord"][:4] == ["färre än 5", "färre än 5", "färre än 5", "färre än 5"]
    assert rows["Region Syd"][0] == "1 och färre än 5 till"
    assert NORTH not in str(cells(kim.get("/lagesbild/kommun.csv?omfattning=land")))


def test_whoever_sees_all_units_is_told_all_numbers(sit, came, told):
    nils = sit("nils@example.se", ("nationell-inkorg", "national_coordinator"), name="Nils Nation")
    came(1)
    came(3, municipality=NORTH)
    assert told(nils, "land")["region", "nord", "came"] == (3, 0)


def test_what_is_behind_a_wall_counts_only_for_those_who_sit_there(kim, sit, came, told):
    came(6, category="su", addressed_unit="su")
    ulla = sit("ulla@example.se", ("su", "handler"), name="Ulla Su")
    nils = sit("nils@example.se", ("nationell-inkorg", "national_coordinator"), name="Nils Nation")
    assert told(ulla, "enhet:su")["all", "", "came"] == (6, 0)
    assert [told(each, "land") for each in (kim, nils, ulla)] == [{}, {}, {}]
    assert [told(each, "enhet:su") for each in (kim, nils)] == [{}, {}]


def test_what_once_stood_behind_a_wall_is_in_no_sum(kim, sit, came, told, seen):
    put(seen, came(6, category="su", addressed_unit="su"), "nord-kontaktcenter")
    bo = sit("bo@example.se", ("nord-kontaktcenter", "handler"), name="Bo Ek")
    assert told(kim, "land") == {}
    assert told(bo, "region:nord") == {}
    assert told(bo, "enhet:nord-kontaktcenter")["all", "", "open"] == (6, 0)


def test_what_others_have_counts_when_its_day_is_over(kim, came, told):
    came(1, days=0)
    came(6, days=0, municipality=NORTH)
    assert told(kim, "land") == {("all", "", "open"): (1, None), ("category", "anmalan", "open"): (1, None),
                                 ("place", "1280", "open"): (1, None),
                                 ("region", "syd", "open"): (1, None)}  # fmt: skip


def test_another_unit_or_region_is_told_to_nobody_else(kim, came, told, asked):
    came(9, municipality=NORTH)
    for scope in ("enhet:nord-kontaktcenter", "region:nord", "enhet:", "region:", "x"):
        assert told(kim, scope) == {}
    assert kim.get("/lagesbild?omfattning=region:nord").status_code == 404
    assert kim.get("/lagesbild/dag.csv?omfattning=enhet:nord-kontaktcenter").status_code == 404


def test_who_asks_for_fewer_units_is_told_no_more_of_others(sit, came, told):
    """To count own ones among others' would tell how near to five those are."""
    lisa = sit("lisa@example.se", ("syd-kontaktcenter", "handler"), ("nord-kontaktcenter", "handler"))
    came(2)
    came(3, municipality=NORTH)
    came(3, municipality=WEST)
    assert told(lisa, "land", ["syd-kontaktcenter"]) == told(lisa, "land")
    assert told(lisa, "enhet:nord-kontaktcenter", ["syd-kontaktcenter"]) == {}
    assert told(lisa, "land", ["vast-kontaktcenter"]) == {}


def test_a_picture_is_told_by_a_committed_look_of_the_session_itself(kim, anna, came, asked, seen):
    came(1)
    [(look,)] = asked(kim, LOOK.format("land"))
    units = ["syd-kontaktcenter"]
    for statement in (COUNTS, FRAME):
        assert asked(kim, statement, look=look, units=units) != []
        assert asked(anna, statement, look=look, units=units) == []
    [(other,)] = asked(kim, "SELECT look_at_list('inbox', 'period=7 omfattning=land', NULL)")
    assert asked(kim, COUNTS, look=other, units=units) == []


def test_a_picture_whose_look_could_be_taken_back_tells_nothing(kim, came, asked):
    came(1)
    begin = f"SELECT set_config('test.look', ({LOOK.format('land')})::text, true)"
    told = COUNTS.replace(":look", "current_setting('test.look')::uuid")
    for before in ("SELECT 1", "SAVEPOINT a"):
        assert asked(kim, before, begin, told, units=["syd-kontaktcenter"]) == []


def test_every_reading_is_a_look_in_the_words_of_its_address(kim, seen):
    kim.get("/lagesbild?period=90&omfattning=land")
    kim.get("/lagesbild/dag.csv?period=7&omfattning=region:syd")
    looks = [row.words for row in seen.query(AccessLog).filter_by(what="overview").order_by(AccessLog.seq)]
    assert looks == ["period=90 omfattning=land", "period=7 omfattning=region:syd fil=dag"]


def test_the_first_answer_is_that_of_half_of_what_came(sam, came, seen, sit):
    references = came(3, days=2)
    page = "/lagesbild?period=7&omfattning=region:syd"
    assert "mer än hälften har inte fått något än" in desk.text_of(sam.get(page))
    answered = """
        INSERT INTO event (id, matter_id, at, actor, what, detail)
        SELECT gen_random_uuid(), id, received_at + interval '5 hours 10 minutes', 'system', 'closed', '{}'
        FROM matter WHERE reference = ANY (:references)
    """
    seen.execute(text(answered), {"references": references[:2]})
    seen.commit()
    assert "fick hälften ett första svar, eller avslutades, inom 6 timmar." in desk.text_of(sam.get(page))
    ours = text("UPDATE matter SET channel = 'outgoing' WHERE reference = ANY (:references)")
    seen.execute(ours, {"references": references[:2]})
    seen.commit()
    assert "mer än hälften har inte fått något än" in desk.text_of(sam.get(page))
    bo = sit("bo@example.se", ("nord-kontaktcenter", "handler"), name="Bo Ek")
    assert "för få ärenden för att säga" in desk.text_of(bo.get("/lagesbild?omfattning=land"))


def test_open_drug_scenes_are_followed_from_a_start_value(kim, came):
    came(2, category="drogscen", municipality=NORTH)
    page = desk.text_of(kim.get("/lagesbild?omfattning=land"))
    assert "Öppna drogscener: färre än 5 öppna ärenden nu. Startvärdet var 72 den 1 januari 2026." in page
    came(4, category="drogscen", municipality=NORTH)
    page = desk.text_of(kim.get("/lagesbild?omfattning=land"))
    assert "cirka 5 öppna ärenden nu. Startvärdet var 72 den 1 januari 2026, alltså cirka 67 färre" in page


def test_an_unusual_rise_is_marked(anna, came):
    came(10)
    page = desk.text_of(anna.get("/lagesbild"))
    assert "Ovanlig ökning: Anmälan om brott, Region Syd, Malmö." in page
    came(5, days=40)
    assert "Ovanlig ökning: Anmälan om brott" in desk.text_of(anna.get("/lagesbild"))
    came(35, days=41)
    assert "Ovanlig ökning:" not in desk.text_of(anna.get("/lagesbild"))


@pytest.mark.parametrize("scope", ["land", "region:syd", "enhet:syd-kontaktcenter"])
def test_the_page_keeps_to_the_rules_of_pages_and_draws_itself(kim, came, scope):
    came(6, municipality=NORTH)
    came(1, place_words="<b>")
    page = kim.get(f"/lagesbild?period=90&omfattning={scope}").text
    assert pages.faults(page) == []
    assert page.count('role="img"') == page.count("<desc id=") == (4 if scope == "land" else 3)


def test_a_period_that_is_not_there_is_the_usual_one(kim):
    for period in ("1", "x", "", "99999999999999999999"):
        assert '<option value="28" selected>' in kim.get(f"/lagesbild?period={period}").text


@pytest.mark.parametrize("table", ["sammanfattning", "dag", "arendetyp", "region", "kommun"])
def test_each_table_is_a_file(kim, came, table):
    came(1)
    file = kim.get(f"/lagesbild/{table}.csv")
    assert len(cells(file)) > 1
    assert kim.get("/lagesbild/annat.csv").status_code == 404
    assert f"lagesbild-{table}-28-enhet-syd-kontaktcenter.csv" in file.headers["Content-Disposition"]
