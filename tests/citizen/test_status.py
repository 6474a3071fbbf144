"""The status page: what it tells and takes, from whom, and how little a guesser learns."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from intake import codes, drafts, ledger
from intake.answers import Answers
from intake.files import finding
from intake.models import (
    Arrival,
    Attachment,
    Draft,
    EmailChange,
    Event,
    Feedback,
    LimitCount,
    MailAddress,
    Matter,
    Message,
    OutgoingLetter,
    StatusCode,
    Upload,
    new_id,
)
from tests.citizen.person import Person, hidden, words
from tests.project import pages

STORY = "När är ni öppna på lördagar? Min HEMLIGHET."


@pytest.fixture
def app(make_app):
    return make_app("citizen")


@pytest.fixture
def person(app):
    return Person(app.test_client())


@pytest.fixture
def bring(app, seen):
    """Send a form; returns what its receipt says. What it is about is set, whatever the rule saw in it."""

    def send(**values):
        with app.app_context():
            said = Answers(text=STORY, email="kim.berg@example.com", phone="070-123 45 67")
            draft_id = drafts.begin("nyckel", said)
            accepted = drafts.send(draft_id, "nyckel")
        be(seen, accepted, **{"category": "fraga", "flags": []} | values)
        return accepted

    return send


@pytest.fixture
def sent(bring):
    return bring()


def be(seen, accepted, **values):
    seen.execute(update(Matter).where(Matter.id == accepted.matter_id).values(**values))
    seen.commit()


def answer(seen, accepted, at, text="Ja, till klockan 15.", **values):
    """Let a handler have answered, as ``work.reply`` writes it."""
    given = {"direction": "outgoing", "is_told": True} | values
    said = Message(id=new_id(), matter_id=accepted.matter_id, channel="email", subject="", text=text,
                   problems=[], created_at=at, **given)  # fmt: skip
    seen.add(said)
    seen.commit()
    return said


def ask(person, reference, code):
    return person.client.post("/folj", data={"reference": reference, "code": code})


def follow(person, accepted):
    """Open a matter by its code, and return its page."""
    assert ask(person, accepted.reference, accepted.status_code).location == "/arende"
    return person.get("/arende")


def press(person, button, **fields):
    token = hidden(person.get("/arende").text, "csrf_token")
    return person.client.post(button, data={"csrf_token": token, **fields})


def matter_of(seen, accepted):
    seen.rollback()
    seen.expire_all()
    return seen.get(Matter, accepted.matter_id)


def events(seen):
    seen.rollback()
    return seen.scalars(select(Event.what).order_by(Event.at, Event.id)).all()


class TestOpening:
    def test_the_right_code_tells_how_far_it_has_come(self, person, sent):
        page = words(follow(person, sent).text)
        assert "Mottaget: 22 november 2026 kl. 16.05" in page
        assert "Registrerat: 22 november 2026 kl. 16.05" in page
        assert "Hos handläggare: inte än" in page

    def test_case_spaces_and_hyphens_do_not_matter(self, person, sent):
        loose = sent.reference.lower().replace("-", " "), sent.status_code.lower().replace("-", "")
        assert ask(person, *loose).location == "/arende"

    def test_a_wrong_code_and_a_wrong_reference_are_answered_alike(self, person, sent):
        wrong_code = ask(person, sent.reference, codes.new_status_code())
        wrong_reference = ask(person, codes.new_reference(), sent.status_code)
        nonsense = ask(person, "hej", "hopp")
        answers = (wrong_code, wrong_reference, nonsense)
        assert len({words(answer.text).split("Kvittensnummer")[0] for answer in answers}) == 1
        assert {answer.status_code for answer in answers} == {422}

    def test_one_matters_code_does_not_open_another(self, person, bring):
        mine, other = bring(), bring()
        assert ask(person, mine.reference, other.status_code).status_code == 422

    def test_a_revoked_code_opens_nothing_from_that_moment(self, person, sent, seen, clock):
        follow(person, sent)
        seen.execute(update(StatusCode).values(revoked_at=clock()))
        seen.commit()
        assert person.get("/arende").location == "/folj?slut=1"
        assert ask(person, sent.reference, sent.status_code).status_code == 422

    def test_it_is_open_for_two_hours(self, person, sent, clock):
        follow(person, sent)
        clock.at += timedelta(hours=1, minutes=59)
        assert person.get("/arende").status_code == 200
        clock.at += timedelta(minutes=2)
        assert person.get("/arende").location == "/folj?slut=1"
        assert person.get("/arende").location == "/"

    @pytest.mark.parametrize("way_out", ["/arende/stang", "/lamna"])
    def test_a_copy_of_the_cookie_opens_nothing_once_it_is_closed(self, person, sent, way_out):
        follow(person, sent)
        copy = person.client.get_cookie("intake_citizen").value
        press(person, way_out)
        person.client.set_cookie("intake_citizen", copy)
        assert person.get("/arende").location == "/folj?slut=1"
        follow(person, sent)
        assert person.get("/arende").status_code == 200

    def test_closing_and_leaving_forget_it(self, person, sent):
        follow(person, sent)
        press(person, "/arende/stang")
        assert person.get("/arende").location == "/"
        follow(person, sent)
        person.client.post("/lamna")
        assert person.get("/arende").location == "/"

    def test_the_cookie_holds_no_code(self, person, sent):
        follow(person, sent)
        with person.client.session_transaction() as session:
            kept = str(dict(session)).upper()
        assert sent.status_code not in kept
        assert sent.status_code.replace("-", "") not in kept

    def test_another_site_cannot_make_a_browser_follow_its_matter(self, person, sent):
        data = {"reference": sent.reference, "code": sent.status_code}
        answer = person.client.post("/folj", data=data, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403
        assert person.get("/arende").location == "/"

    def test_without_script_the_page_tells_how_to_read_a_link(self, person):
        assert "efter tecknet #" in person.get("/folj").text.split("<noscript>")[1].split("</noscript>")[0]


class TestGuessing:
    def test_it_is_throttled_even_with_the_right_code(self, person, sent, monkeypatch):
        monkeypatch.setattr("intake.citizen.status.TRIES_PER_HOUR", 2)
        for _ in range(2):
            ask(person, codes.new_reference(), codes.new_status_code())
        answer = ask(person, sent.reference, sent.status_code)
        assert (answer.status_code, "För många försök" in answer.text) == (429, True)

    def test_it_is_throttled_at_one_matter_from_many_networks(self, person, sent, monkeypatch):
        monkeypatch.setattr("intake.citizen.status.TRIES_PER_REFERENCE", 2)
        for number in range(3):
            where = {"REMOTE_ADDR": f"192.0.2.{number}"}
            data = {"reference": sent.reference, "code": sent.status_code}
            answer = person.client.post("/folj", data=data, environ_overrides=where)
        assert answer.status_code == 429

    def test_what_was_tried_is_kept_under_a_digest(self, person, sent, seen):
        ask(person, sent.reference, sent.status_code)
        keys = seen.scalars(select(LimitCount.key_hash)).all()
        assert len(keys) >= 2
        assert all(len(key) == 64 for key in keys)


class TestTelling:
    def test_an_answer_is_told_with_its_time_and_its_files_by_name(self, person, sent, seen, clock):
        said = answer(seen, sent, clock())
        seen.add(Attachment(id=new_id(), matter_id=sent.matter_id, message_id=said.id, position=1,
                            name="öppettider.pdf", storage_key="k", size_bytes=2048, sha256="", findings=[],
                            declared_type="application/pdf", created_at=clock()))  # fmt: skip
        be(seen, sent, status="answered")
        page = words(follow(person, sent).text)
        for expected in ("Ja, till klockan 15.", "öppettider.pdf (2 kB)", "Besvarat: 22 november 2026"):
            assert expected in page
        assert "Avslutat: inte än" in page

    def test_what_is_not_told_is_not_shown(self, person, sent, seen, clock):
        answer(seen, sent, clock(), "Bara i mejlet.", is_told=False)
        answer(seen, sent, clock(), "En anteckning.", direction="note")
        page = words(follow(person, sent).text)
        assert "Bara i mejlet." not in page
        assert "En anteckning." not in page

    @pytest.mark.parametrize("category", ["anmalan", "oklart", "borttagen"])
    def test_a_matter_of_crime_tells_only_its_first_two_steps(self, person, bring, clock, category):
        sent = bring(category=category, status="closed", closed_at=clock())
        page = words(follow(person, sent).text)
        assert "Registrerat" in page
        for untold in ("Hos handläggare", "Besvarat", "Avslutat", "öppnas igen", "Vad tycker du?"):
            assert untold not in page

    def test_a_matter_of_crime_tells_what_a_handler_answered_here(self, person, bring, seen, clock):
        sent = bring(category="anmalan")
        answer(seen, sent, clock(), "Vi vill veta mer om cykeln.")
        page = words(follow(person, sent).text)
        assert "Vi vill veta mer om cykeln." in page
        assert "Besvarat" not in page
        assert "Vad tycker du?" in page

    def test_no_page_shows_the_story_a_unit_or_an_address_in_full(self, person, sent):
        unit = "Kontaktcenter"
        pages = follow(person, sent).text + person.get("/arende/kontakt").text
        for kept in ("HEMLIGHET", "kim.berg", "070", "123", unit):
            assert kept not in words(pages).partition("Hoppa")[2]
        assert "k•••@example.com" in pages
        assert "•••67" in pages

    def test_a_matter_behind_a_wall_is_followed_by_its_citizen_too(self, person, bring):
        assert "Mottaget" in follow(person, bring(unit_id="su", category="su")).text

    def test_files_under_way_and_lost_are_counted_and_not_named(self, person, sent, seen, clock):
        for given_up_at in (None, clock(), clock()):
            seen.add(Upload(id=new_id(), draft_id=new_id(), matter_id=sent.matter_id, name="film.mov",
                            declared_type="", fingerprint="", size_bytes=10, offset_bytes=5,
                            created_at=clock(), changed_at=clock(), expires_at=clock(),
                            given_up_at=given_up_at))  # fmt: skip
        seen.commit()
        page = words(follow(person, sent).text)
        assert "1 fil är på väg hit" in page
        assert "2 filer kom aldrig fram i sin helhet. Lägg till dem igen." in page
        assert "film" not in page

    def test_a_file_that_cannot_be_read_is_told_of_and_not_named(self, person, sent, seen, clock):
        came = seen.scalars(select(Message.id).where(Message.direction == "incoming")).one()
        for code in ("file_encrypted", "name_deceptive", "file_encrypted"):
            seen.add(Attachment(id=new_id(), matter_id=sent.matter_id, message_id=came, position=1,
                                name="film.pdf", storage_key=code + str(new_id()), size_bytes=1, sha256="",
                                findings=[asdict(finding(code, why=""))], declared_type="",
                                created_at=clock()))  # fmt: skip
        seen.commit()
        page = words(follow(person, sent).text)
        assert "Om 2 filer som du skickade: Filen har kommit fram, men den är skyddad med lösenord." in page
        assert "försiktighet" not in page
        assert "film" not in page


class TestAdding:
    def test_a_supplement_is_a_draft_that_leads_to_the_matter(self, person, sent, seen, app):
        follow(person, sent)
        where = press(person, "/arende/lagg-till").location
        assert where.endswith("/handelse")
        draft_id = where.split("/")[-2]
        with person.client.session_transaction() as session, app.app_context():
            drafts.write(draft_id, session["key"], text="En sak till.")
            drafts.send(draft_id, session["key"])
        texts = seen.scalars(select(Message.text).where(Message.matter_id == sent.matter_id)).all()
        assert sorted(texts) == ["En sak till.", STORY]
        assert seen.scalar(select(func.count()).select_from(Matter)) == 1

    @pytest.mark.parametrize("is_sent", [False, True])
    def test_its_address_ends_with_it_unless_it_was_sent(
        self, person, sent, seen, app, worker_app, clock, is_sent
    ):
        follow(person, sent)
        draft_id = press(person, "/arende/lagg-till").location.split("/")[-2]
        with person.client.session_transaction() as session, app.app_context():
            drafts.write(draft_id, session["key"], text="En sak till.")
            if is_sent:
                drafts.send(draft_id, session["key"])
        clock.at += timedelta(hours=25)
        with worker_app.app_context():
            assert ledger.expire_drafts() == 2
        revoked = seen.scalars(select(MailAddress.revoked_at.is_not(None)).order_by(MailAddress.created_at))
        assert revoked.all() == [False, not is_sent]

    def test_nobody_adds_to_a_matter_whose_code_they_have_not(self, person, bring, seen):
        mine, other = bring(), bring()
        assert person.client.post("/arende/lagg-till").location == "/"
        follow(person, mine)
        press(person, "/arende/lagg-till", supplements_id=str(other.matter_id), reference=other.reference)
        leads_to = seen.scalars(select(Draft.supplements_id).where(Draft.supplements_id.is_not(None))).all()
        assert leads_to == [mine.matter_id]

    def test_it_needs_the_pages_own_token(self, person, sent, seen):
        follow(person, sent)
        assert person.client.post("/arende/lagg-till").location == "/arende"
        assert not seen.scalars(select(Draft.id).where(Draft.supplements_id.is_not(None))).all()

    def test_taking_back_is_a_message_that_the_person_sends(self, person, sent, seen):
        follow(person, sent)
        assert "finns kvar hos oss" in person.get("/arende").text
        assert press(person, "/arende/ta-tillbaka").location.endswith("/granska")
        draft = seen.scalars(select(Draft).where(Draft.supplements_id == sent.matter_id)).one()
        assert draft.answers["text"] == "Jag tar tillbaka det som jag har skickat i det här ärendet."
        assert seen.scalar(select(func.count()).select_from(Arrival)) == 1
        person.draft = f"/skriv/{draft.id}"
        assert person.send().location == "/kvitto"
        seen.rollback()
        marks = seen.scalars(select(Matter.needs_person).where(Matter.id == sent.matter_id)).one()
        assert "taken_back" in marks


class TestReaching:
    def change(self, person, **fields):
        token = hidden(person.get("/arende/kontakt").text, "csrf_token")
        return person.client.post("/arende/kontakt", data={"csrf_token": token, **fields})

    def test_phone_and_wishes_change_at_once(self, person, sent, seen):
        follow(person, sent)
        self.change(person, mail="neutral", phone="08-1112233", call_words="Bara på kvällar")
        matter = matter_of(seen, sent)
        assert (matter.sender_phone, matter.call_words) == ("08-1112233", "Bara på kvällar")
        assert (matter.may_email, matter.is_neutral) == (True, True)
        assert "contact_changed" in events(seen)
        assert "Bara på kvällar" not in person.get("/arende/kontakt").text

    def test_what_is_left_empty_stays(self, person, sent, seen):
        follow(person, sent)
        self.change(person, mail="yes")
        matter = matter_of(seen, sent)
        assert (matter.sender_phone, matter.sender_email) == ("070-123 45 67", "kim.berg@example.com")
        assert "contact_changed" not in events(seen)

    def test_a_number_can_be_taken_away(self, person, sent, seen):
        follow(person, sent)
        self.change(person, no_phone="ja")
        assert matter_of(seen, sent).sender_phone is None

    def test_a_new_address_waits_and_the_old_one_counts(self, person, sent, seen):
        follow(person, sent)
        self.change(person, email="ny@example.org", mail="yes")
        assert matter_of(seen, sent).sender_email == "kim.berg@example.com"
        owed = seen.scalars(select(OutgoingLetter).where(OutgoingLetter.kind == "confirm_email")).one()
        assert owed.recipient == "ny@example.org"
        assert "n•••@example.org" in person.get("/arende").text
        assert "ny@example.org" not in person.get("/arende").text

    def test_an_address_is_not_changed_many_times_a_day(self, person, sent, monkeypatch):
        monkeypatch.setattr("intake.matters.following.CHANGES_A_DAY", 1)
        follow(person, sent)
        self.change(person, email="a@example.org", mail="yes")
        refused = self.change(person, email="b@example.org", mail="yes")
        assert (refused.status_code, "många gånger i dag" in refused.text) == (422, True)

    def test_a_wrong_address_is_told(self, person, sent):
        follow(person, sent)
        assert "namn@exempel.se" in self.change(person, email="ny@", mail="yes").text
        assert "får mejla" in self.change(person, email="ny@example.org", mail="no").text


class TestConfirming:
    @pytest.fixture
    def token(self, sent, seen, clock):
        token = codes.new_status_code()
        self.asked(seen, sent, clock(), token_hash=codes.hash_code(token))
        return token

    def asked(self, seen, sent, at, email="ny@example.org", **values):
        seen.add(EmailChange(id=new_id(), matter_id=sent.matter_id, email=email, created_at=at,
                             expires_at=at + timedelta(hours=48), **values))  # fmt: skip
        seen.commit()

    def confirm(self, person, token):
        return person.client.post("/bekrafta", data={"code": token})

    @pytest.mark.usefixtures("token")
    def test_opening_the_link_changes_nothing(self, person, sent, seen):
        assert person.get("/bekrafta").status_code == 200
        assert matter_of(seen, sent).sender_email == "kim.berg@example.com"

    def test_the_button_lets_the_address_count_once(self, person, sent, seen, token):
        assert "Din nya e-postadress gäller" in self.confirm(person, token).text
        assert matter_of(seen, sent).sender_email == "ny@example.org"
        assert "email_changed" in events(seen)
        be(seen, sent, sender_email="annan@example.org")
        assert self.confirm(person, token).status_code == 422
        assert matter_of(seen, sent).sender_email == "annan@example.org"

    def test_it_ends_after_two_days(self, person, sent, seen, token, clock):
        clock.at += timedelta(hours=49)
        assert self.confirm(person, token).status_code == 422
        assert matter_of(seen, sent).sender_email == "kim.berg@example.com"

    def test_a_later_wish_goes_before_an_earlier(self, person, sent, seen, token, clock):
        self.asked(seen, sent, clock(), email="nyare@example.org")
        assert self.confirm(person, token).status_code == 422

    def test_nonsense_is_told(self, person):
        assert "sexton tecken" in self.confirm(person, "hej").text


class TestLostCode:
    def ask(self, person, reference):
        return person.client.post("/folj/tappat-koden", data={"reference": reference})

    def links(self, seen):
        seen.rollback()
        return seen.scalars(select(OutgoingLetter).where(OutgoingLetter.kind == "status_link")).all()

    def test_the_answer_is_the_same_whether_there_is_such_a_matter(self, person, sent, seen):
        known, unknown = self.ask(person, sent.reference), self.ask(person, codes.new_reference())
        assert known.text == unknown.text
        assert (known.status_code, known.headers.get("Set-Cookie")) == (200, None)
        assert [letter.recipient for letter in self.links(seen)] == ["kim.berg@example.com"]

    def test_the_same_statements_are_run_whether_there_is_such_a_matter(self, person, sent, app):
        from sqlalchemy import event

        from intake.extensions import db

        said = []
        with app.app_context():
            event.listen(db.engine, "before_cursor_execute", lambda *call: said.append(call[2]))
        self.ask(person, sent.reference)
        known, said[:] = list(said), []
        self.ask(person, codes.new_reference())
        assert known == said
        assert any("owe_status_link" in statement for statement in known)

    def test_a_matter_gets_one_a_day(self, person, sent, seen, clock):
        self.ask(person, sent.reference)
        self.ask(person, sent.reference)
        assert len(self.links(seen)) == 1
        clock.at += timedelta(hours=25)
        self.ask(person, sent.reference)
        assert len(self.links(seen)) == 2

    @pytest.mark.parametrize(
        "values",
        [
            {"may_email": False},
            {"sender_email": None},
            {"category": "nara_relation"},
            {"flags": ["vulnerable"]},
            {"flags": ["protected_identity"]},
        ],
        ids=str,
    )
    def test_no_letter_goes_where_it_could_do_harm(self, person, bring, seen, values):
        answer = self.ask(person, bring(**values).reference)
        assert answer.status_code == 200
        assert self.links(seen) == []

    def test_a_machine_gets_none(self, person, sent, seen):
        seen.execute(update(Message).values(is_automatic=True))
        seen.commit()
        self.ask(person, sent.reference)
        assert self.links(seen) == []

    def test_asking_is_throttled(self, person, sent, monkeypatch):
        monkeypatch.setattr("intake.citizen.status.LINKS_PER_HOUR", 1)
        self.ask(person, codes.new_reference())
        assert self.ask(person, sent.reference).status_code == 429

    def test_a_number_that_cannot_be_one_is_told(self, person):
        assert self.ask(person, "K7RX-3M9X").status_code == 422


class TestOpinion:
    def test_it_is_asked_once_and_after_the_closing(self, person, bring, seen, clock):
        sent = bring()
        assert "Vad tycker du?" not in follow(person, sent).text
        be(seen, sent, status="closed", closed_at=clock())
        press(person, "/arende/tycker", answer="4", words="Snabbt svar.")
        press(person, "/arende/tycker", answer="1")
        kept = seen.scalars(select(Feedback)).one()
        assert (kept.answer, kept.words) == (4, "Snabbt svar.")
        assert "Tack för att du berättade" in person.get("/arende").text
        assert events(seen).count("feedback_given") == 1

    def test_an_open_matter_takes_none(self, person, sent, seen):
        follow(person, sent)
        press(person, "/arende/tycker", answer="4")
        assert seen.scalars(select(Feedback)).all() == []

    def test_without_an_answer_it_says_what_is_missing(self, person, bring, clock):
        follow(person, bring(status="closed", closed_at=clock()))
        answer = press(person, "/arende/tycker", words="Hej")
        assert (answer.status_code, "Välj ett av svaren." in answer.text) == (422, True)


@pytest.mark.parametrize("statement", [
    "SELECT sender_email FROM matter", "SELECT text FROM message", "SELECT * FROM feedback",
    "SELECT * FROM email_change", "SELECT * FROM status_code", "UPDATE matter SET received_at = now()",
])  # fmt: skip
def test_the_citizens_role_reads_nothing_without_a_code(app, statement):
    from sqlalchemy import text
    from sqlalchemy.exc import ProgrammingError

    from intake.extensions import db

    with app.app_context(), pytest.raises(ProgrammingError, match="permission denied"):
        db.session.execute(text(statement))


def test_every_address_that_a_page_may_stand_at_can_be_opened(person, sent):
    """What goes wrong is shown where a button led, and the languages' links lead there anew."""
    follow(person, sent)
    begun = {"reference": sent.reference, "code": sent.status_code}
    assert (
        person.client.post("/borja", data=begun, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    )
    assert person.get("/borja").location == "/"
    assert person.get("/en/borja").location == "/en/"
    for button in ("stang", "lagg-till", "ta-tillbaka", "tycker"):
        assert person.get(f"/arende/{button}").location == "/arende"
    assert person.get("/arende").status_code == 200


def test_every_page_keeps_to_the_rules(person, sent, seen, clock):
    answer(seen, sent, clock(), '<b>Fet</b> & "tecken"')
    be(seen, sent, status="closed", closed_at=clock())
    shown = {"öppet": follow(person, sent).text, "fel svar": press(person, "/arende/tycker").text}
    for page in ("/folj", "/folj/tappat-koden", "/bekrafta", "/arende/kontakt"):
        shown[page] = person.get(page).text
        shown[f"{page} fel"] = person.client.post(page, data={"email": "nej"}).text
    shown["bett om länk"] = person.client.post("/folj/tappat-koden", data={"reference": sent.reference}).text
    assert {name: found for name, page in shown.items() if (found := pages.faults(page))} == {}
    assert all("<b>Fet" not in page for page in shown.values())
    assert all(pages.title_of(page).startswith("Fel: ") == ("fel" in name) for name, page in shown.items())
