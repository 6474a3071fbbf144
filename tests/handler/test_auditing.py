"""The auditor can show afterwards everything that anybody looked at, and sees nothing of what is in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from intake import access, shown
from intake.access import auditing
from intake.extensions import db
from intake.models import AccessLog, Handler
from tests import desk
from tests.project import pages

TOMORROW = f"{datetime.now(UTC) + timedelta(days=1):%F}"
ANNA = "anna.syd@example.se"


@pytest.fixture(autouse=True)
def today(clock):
    """The log's time is the database's own, so that the clock must be near it."""
    clock.at = datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture
def auditor(sit):
    return sit("granskare@example.se", ("nationell-inkorg", "auditor"), name="Gun Ask")


@pytest.fixture
def inside(sit):
    """SU's own auditor."""
    return sit("granskare.su@example.se", ("su", "auditor"), name="Siv Ask")


@pytest.fixture
def sara(sit):
    """Somebody who works in SU."""
    return sit("sara@example.se", ("su", "handler"), name="Sara Undén")


@pytest.fixture
def ask():
    """Ask by the form; returns the answer's page, and its address as ``path``."""

    def asked(person, kind, subject="", reason="Stickprov", **words):
        words = {"until": TOMORROW} | words
        page = person.get("/granskning")
        answer = person.post("/granskning", page=page, kind=kind, subject=subject, reason=reason, **words)
        if answer.status_code != 303:
            return answer
        shown_page = person.get(answer.location)
        shown_page.path = answer.location
        return shown_page

    return asked


@pytest.fixture
def prompt(handler_app):
    """Ask at the database's own prompt, in somebody's session and one transaction."""

    def asked(person, *statements, **values):
        with handler_app.app_context(), person.client.session_transaction() as cookie:
            shown.show("session", cookie["_user_id"])
            results = [db.session.execute(text(statement), values) for statement in statements]
            return results[-1].all()

    return asked


@pytest.fixture
def looks(seen):
    """Write looks of a person into the log, as many as are wanted, so many days ago."""

    def write(email, count, *, what="matter", weeks=0, reason=None):
        handler = seen.query(Handler).filter(Handler.email == email).one()
        matter = "NULL" if what.startswith("search") else "gen_random_uuid()"
        add = f"SELECT add_look(:whose, NULL, :id, 'x', :what, {matter}, NULL, :reason, NULL)"
        said = {"whose": str(handler.id), "id": handler.id, "what": what, "reason": reason}
        for _ in range(count):
            seen.execute(text(add), said)
        # Midday of a Wednesday, so many weeks before the last one.
        then = (
            "date_trunc('week', now()) - interval '5 days' + interval '12 hours' + seq * interval '1 second'"
        )
        moved = (
            f"UPDATE access_log SET at = {then} - :weeks * interval '7 days', actor = 'y' WHERE actor = 'x'"
        )
        seen.execute(text(moved), {"weeks": weeks})
        seen.commit()

    return write


def su_matter(bring):
    """A matter that stands behind SU's wall."""
    return bring(category="su")


def test_who_saw_a_matter_is_told_with_time_person_and_role_and_never_what_is_in_it(
    auditor, anna, bring, ask
):
    reference = bring(subject="Cykel borta", text="Min cykel stals.")
    anna.page(reference)
    said = desk.text_of(ask(auditor, "matter", reference))
    assert "Anna Lindgren anna.syd@example.se öppnade ärendet" in said
    assert "öppnade ärendet handläggare, Kontaktcenter, Region Syd" in said
    assert "Cykel" not in said
    assert "Kim Berg" not in said


def test_a_question_is_itself_in_the_log_with_its_reason(auditor, bring, ask, seen):
    reference = bring()
    ask(auditor, "matter", reference, reason="Anmälan om obehörig läsning", since="2026-11-01")
    row = seen.query(AccessLog).filter(AccessLog.what == "audit:matter").one()
    assert (row.actor, row.reason) == ("Gun Ask", "Anmälan om obehörig läsning")
    assert row.words == f"{reference} 2026-11-01 {TOMORROW}"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"reason": ""}, "Skriv varför du frågar."), ({"kind": "person"}, "Skriv medarbetarens e-postadress."),
     ({"subject": "nej"}, "Skriv ärendets kvittensnummer"), ({"since": "igår"}, "Skriv en dag så här"),
     ({"since": "2999-01-01"}, "Till och med ska vara samma dag"),
     ({"kind": "unusual", "since": "2020-01-01"}, "Välj högst 92 dagar."),
     ({"kind": "x"}, "Välj vad du vill veta.")],
)  # fmt: skip
def test_a_question_that_is_not_whole_is_not_asked(auditor, ask, seen, wrong, words):
    answer = ask(auditor, **{"kind": "matter", "subject": "K7RX-3M95"} | wrong)
    assert (answer.status_code, words in answer.text) == (422, True)
    assert seen.query(AccessLog).filter(AccessLog.what.startswith("audit")).count() == 0


@pytest.mark.parametrize(
    "path", ["", "/{0}", "/{0}/listor", "/{0}/sett.csv", "/{0}/listor.csv", "/{0}/ovanligt.csv"]
)
def test_who_is_no_auditor_finds_no_such_page(auditor, anna, bring, ask, path):
    asked = ask(auditor, "matter", bring()).path.rpartition("/")[2]
    assert anna.get(f"/granskning{path.format(asked)}").status_code == 404
    assert anna.post("/granskning", kind="unusual", reason="x").status_code == 404
    assert "Granskning" not in anna.get("/").text


def test_what_a_person_saw_is_told_day_by_day(auditor, anna, bring, ask):
    reference, other = bring(), bring(place="municipality", municipality="2480")
    for path in ("/", f"/arende/{reference}", f"/arende/{other}"):
        anna.get(path)
    anna.post("/sok", page=anna.get("/sok"), q="cykel malmö")
    said = desk.text_of(ask(auditor, "person", "Anna.Syd@example.se"))
    for words in (f"öppnade ärendet {reference}", f"nekades {other}", "loggade in", "såg inkorgens lista"):
        assert words in said
    assert "cykel malmö" in said


def test_nobody_with_that_address_is_told(auditor, ask):
    assert "Det finns ingen medarbetare med adressen ingen@example.se" in ask(
        auditor, "person", "ingen@example.se"
    ).text  # fmt: skip


def test_who_may_have_had_a_matter_in_a_list_is_told_by_day(auditor, sit, anna, bring, ask):
    sit("nils@example.se", *desk.seats("nord"), name="Nils Nord")
    lena = sit("lena@example.se", ("syd-inkorg", "coordinator"), name="Lena Samordnare")
    reference = bring()
    anna.get("/")
    anna.get("/")
    lists = auditor.get(ask(auditor, "matter", reference).path + "/listor")
    said = desk.text_of(lists)
    assert "Anna Lindgren" in said
    assert "Lena Samordnare" in said
    assert "samordnare, " in said
    assert "Nils Nord" not in said
    assert lena.get("/").status_code == 200
    assert '<td data-name="Listor">2</td>' in lists.text


def test_a_list_that_was_printed_by_a_command_may_have_held_it_too(auditor, bring, ask, worker_app):
    reference = bring()
    with worker_app.app_context():
        db.session.execute(text("SELECT look_by_command('drift', 'list', NULL, NULL)"))
        db.session.commit()
    said = desk.text_of(auditor.get(ask(auditor, "matter", reference).path + "/listor"))
    assert "drift Driften, med ett kommando på servern 1" in said


def test_what_was_done_with_a_person_by_a_command_is_told_too(auditor, anna, ask, owner_app):
    with owner_app.app_context():
        access.disable_handler(ANNA, by="drift")
        access.enable_handler(ANNA, by="drift")
        access.forget_factor(ANNA, by="drift")
        access.renew_password(ANNA, by="drift")
    said = desk.text_of(ask(auditor, "person", ANNA))
    for words in ("stängdes av", "släpptes in igen", "blev av med appen", "ett nytt första lösenord"):
        assert f"{words}" in said
    assert said.count("Driften, med ett kommando på servern drift") == 4
    assert "stängdes av" not in desk.text_of(ask(auditor, "person", "granskare@example.se"))


def test_a_role_behind_a_wall_given_by_a_command_is_told_to_who_audits_there(
    auditor, inside, anna, ask, owner_app
):
    with owner_app.app_context():
        access.add_handler(ANNA, "Anna Lindgren", [("su", "handler")], by="drift")
    assert "fick en roll" not in ask(auditor, "person", ANNA).text
    assert "handler:su" in desk.text_of(ask(inside, "person", ANNA))


class TestBehindTheWall:
    """What is read in SU is SU's own auditor's to see."""

    def test_a_walled_matter_is_as_unknown_as_one_that_does_not_exist(self, auditor, sara, bring, ask):
        reference = su_matter(bring)
        assert sara.page(reference).status_code == 200
        known, unknown = ask(auditor, "matter", reference), ask(auditor, "matter", "K7RX-3M95")
        assert "eller så granskas det av någon annan" in known.text
        same = [page.text.partition("<main")[2].replace(reference, "K7RX-3M95") for page in (known, unknown)]
        assert len({words.partition("Frågan ställdes")[0] for words in same}) == 1
        assert "Sara" not in auditor.get(known.path + "/listor").text

    def test_its_own_auditor_sees_who_saw_it(self, inside, sara, bring, ask):
        reference = su_matter(bring)
        sara.page(reference)
        assert "Sara Undén" in ask(inside, "matter", reference).text

    def test_who_works_there_alone_is_nobody_to_others(self, auditor, sara, bring, ask):
        sara.page(su_matter(bring))
        said = desk.text_of(ask(auditor, "person", "sara@example.se"))
        assert "Det finns ingen medarbetare" in said
        assert "Sara" not in said

    def test_who_works_there_too_is_seen_only_outside(self, auditor, inside, sit, bring, ask):
        kim = sit("kim@example.se", ("su", "handler"), *desk.seats("syd"), name="Kim Båda")
        walled, open_one = su_matter(bring), bring()
        kim.page(walled)
        kim.page(open_one)
        told = desk.text_of(ask(auditor, "person", "kim@example.se"))
        assert open_one in told
        assert walled not in told
        assert "Särskilda utredningar" not in told
        assert "loggade in" not in told
        assert walled in desk.text_of(ask(inside, "person", "kim@example.se"))

    def test_a_try_at_a_walled_matter_is_told_to_its_own_auditor_alone(
        self, auditor, inside, anna, bring, ask
    ):
        reference = su_matter(bring)
        assert anna.page(reference).status_code == 404
        assert reference not in ask(auditor, "person", ANNA).text
        assert f"nekades {reference}" in desk.text_of(ask(inside, "person", ANNA))

    def test_what_was_read_before_a_matter_left_the_wall_stays_behind_it(
        self, auditor, sara, anna, bring, ask, seen
    ):
        reference = su_matter(bring)
        sara.page(reference)
        seen.execute(text("UPDATE matter_unit SET until = clock_timestamp()"))
        seen.execute(text("INSERT INTO matter_unit (id, matter_id, unit_id, why, since) SELECT"
                          " gen_random_uuid(), id, 'syd-utredning', 'moved', now() FROM matter"))  # fmt: skip
        seen.execute(text("UPDATE matter SET unit_id = 'syd-utredning'"))
        seen.commit()
        assert anna.page(reference).status_code == 200
        said = desk.text_of(ask(auditor, "matter", reference))
        assert "Anna Lindgren" in said
        assert "Sara" not in said

    def test_its_auditors_questions_are_no_business_of_the_others(self, auditor, inside, bring, ask):
        reference = su_matter(bring)
        ask(inside, "matter", reference)
        assert reference not in ask(auditor, "person", "granskare.su@example.se").text


class TestAtThePrompt:
    """The database gives an auditor's session no other way to the log than questions."""

    ASK = "SELECT ask_audit('matter', :reference, '2020-01-01', '2999-01-01', 'Stickprov')"
    ANSWER = "SELECT * FROM audit_looks(:question, NULL, NULL, 1000)"

    def test_the_log_itself_cannot_be_read(self, auditor, prompt):
        with pytest.raises(ProgrammingError, match="permission denied for table access_log"):
            prompt(auditor, "SELECT * FROM access_log")

    def test_a_question_that_could_be_taken_back_is_not_answered(self, auditor, anna, bring, prompt):
        anna.page(reference := bring())
        within = self.ANSWER.replace(":question", f"({self.ASK})")
        assert prompt(auditor, "SAVEPOINT part", within, reference=reference) == []

    def test_a_question_is_answered_to_its_own_session_alone(self, auditor, inside, anna, bring, ask, prompt):
        anna.page(reference := bring())
        asked = ask(auditor, "matter", reference).path.rpartition("/")[2]
        assert prompt(auditor, self.ANSWER, question=asked) != []
        for other in (anna, inside):
            assert prompt(other, self.ANSWER, question=asked) == []

    def test_who_is_no_auditor_cannot_ask(self, anna, bring, prompt):
        assert prompt(anna, self.ASK, reference=bring()) == [(None,)]

    def test_a_question_without_a_reason_is_none(self, auditor, bring, prompt):
        assert prompt(auditor, self.ASK.replace("'Stickprov'", "''"), reference=bring()) == [(None,)]


@pytest.mark.usefixtures("anna")
class TestUnusual:
    """What stands out is counted by rules that the page explains."""

    def rows(self, page):
        return [desk.text_of(type("Row", (), {"text": row})) for row in page.text.split("<tr>")[2:]]

    def ask(self, ask, auditor):
        since = f"{datetime.now(UTC) - timedelta(days=80):%F}"
        return self.rows(ask(auditor, "unusual", since=since))

    def test_nothing_stands_out_of_ordinary_days(self, auditor, ask, looks):
        for week in range(4):
            looks(ANNA, 25, weeks=week)
        assert self.ask(ask, auditor) == []

    def test_many_matters_in_a_day_stand_out_beside_what_is_usual(self, auditor, ask, looks):
        for week in (1, 2, 3):
            looks(ANNA, 4, weeks=week)
        looks(ANNA, 30)
        (row,) = self.ask(ask, auditor)
        assert "Anna Lindgren anna.syd@example.se Öppnade många ärenden 30 4 4 Snabbtangenter" in row

    def test_refused_tries_and_protected_contacts_stand_out(self, auditor, ask, looks):
        looks(ANNA, 3, what="refused")
        looks(ANNA, 1, what="protected", reason="Ringa upp")
        said = " ".join(self.ask(ask, auditor))
        assert "Nekades ärenden 3" in said
        assert "Öppnade skyddade kontaktuppgifter 1" in said

    def test_searches_are_counted_with_and_without_a_reason(self, auditor, ask, looks):
        looks(ANNA, 15, what="search:all")
        looks(ANNA, 7, what="search:all", reason="Anmälare ringde")
        (row,) = self.ask(ask, auditor)
        assert "Sökte mycket 22 7 med skäl" in row

    def test_late_hours_and_others_matters_stand_out(self, auditor, anna, sit, bring, ask, seen):
        bo = sit("bo@example.se", *desk.seats("syd"), name="Bo Kollega")
        for _ in range(10):
            reference = bring()
            bo.act(reference, "ta")
            anna.page(reference)
        night = (
            "date_trunc('week', now()) - interval '5 days' + interval '1 hour' + seq * interval '1 second'"
        )
        seen.execute(text(f"UPDATE access_log SET at = {night} WHERE matter_id IS NOT NULL"))
        seen.commit()
        said = [row for row in self.ask(ask, auditor) if "Anna" in row]
        assert [row.partition("example.se ")[2].split(" 10 ")[0] for row in said] == [
            "Läste på udda tider", "Öppnade ärenden som är fördelade till andra"
        ]  # fmt: skip


def test_the_person_whose_data_it_is_can_be_told_by_role_and_unit_or_by_name(auditor, anna, bring, ask):
    reference = bring()
    anna.page(reference)
    anna.page(reference)
    without = desk.text_of(ask(auditor, "extract", reference))
    assert "handläggare, " in without
    assert "gånger" in without
    assert "Anna" not in without
    assert "Anna Lindgren (handläggare, " in desk.text_of(ask(auditor, "extract", reference, names="ja"))


def test_a_list_for_a_spreadsheet_holds_no_formula_and_is_in_the_log(auditor, anna, bring, ask, seen):
    anna.page(bring())
    anna.post("/sok", page=anna.get("/sok"), q='=HYPERLINK("http://x")')
    answer = ask(auditor, "person", ANNA)
    file = auditor.get(answer.path + "/sett.csv")
    assert file.headers["Content-Disposition"].startswith("attachment")
    rows = file.data.decode("utf-8-sig").split("\r\n")
    assert rows[0].startswith('"Tid";"Namn"')
    assert any(""";"'=HYPERLINK(""http://x"")";""" in row for row in rows)
    assert seen.query(AccessLog).filter(AccessLog.what == "audit_csv").one().reason == "Stickprov"
    assert auditor.get(answer.path + "/allt.csv").status_code == 404
    for part, kind in (("listor", "matter"), ("ovanligt", "unusual")):
        path = ask(auditor, kind, bring()).path
        assert auditor.get(f"{path}/{part}.csv").status_code == 200


def test_a_long_answer_goes_on_where_the_page_before_ended(auditor, anna, ask, looks):
    looks(ANNA, auditing.PAGE_ROWS + 5, what="refused")
    first = ask(auditor, "person", ANNA)
    more = first.text.partition("?efter=")[2].partition('"')[0]
    second = auditor.get(f"{first.path}?efter={more}")
    counts = [page.text.count('class="urgent"') for page in (first, second)]
    assert sum(counts) == auditing.PAGE_ROWS + 5
    assert "Visa äldre" not in second.text


def test_a_question_that_is_too_old_is_asked_again(auditor, ask, bring, seen):
    path = ask(auditor, "matter", bring()).path
    seen.execute(text("UPDATE access_log SET at = at - interval '2 hours' WHERE what LIKE 'audit:%'"))
    seen.commit()
    answer = auditor.get(path)
    assert (answer.status_code, answer.location) == (303, "/granskning")
    assert "Ställ den igen" in auditor.get("/granskning").text


def test_an_auditor_shows_again_who_it_is_after_a_while(auditor, ask, bring, clock):
    path = ask(auditor, "matter", bring()).path
    clock.at += timedelta(minutes=11)
    assert auditor.get(path).location == "/bekrafta"


def test_every_page_keeps_to_the_rules(auditor, anna, bring, ask):
    reference = bring(subject="<b>", text="<b>")
    anna.page(reference)
    matter = ask(auditor, "matter", reference, reason="<b>")
    shown_pages = [matter, auditor.get(matter.path + "/listor"), ask(auditor, "person", ANNA, reason="<b>"),
                   ask(auditor, "unusual", reason="<b>"), ask(auditor, "extract", reference, reason="<b>"),
                   auditor.get("/granskning"), ask(auditor, "matter", "<b>", reason="<b>")]  # fmt: skip
    assert [fault for page in shown_pages for fault in pages.faults(page.text)] == []
    assert all("<b>" not in page.text for page in shown_pages)


def test_the_period_is_told_in_days_the_last_one_included(auditor, ask):
    page = desk.text_of(ask(auditor, "unusual", since="2026-11-01", until="2026-11-23"))
    assert "1 november 2026 till och med 23 november 2026." in page
    assert "kl. 00.00" not in page
