"""Of two who press buttons at once exactly one wins; the other is told kindly and loses no words."""

from __future__ import annotations

import html
import io
import re
from typing import NamedTuple

import pytest
from sqlalchemy import select
from wtforms import StringField, TextAreaField

from intake.handler.forms import ActForm
from intake.handler.gate import WRITTEN
from intake.models import Attachment, Event, Handler, Matter, Message, OutgoingLetter
from tests import desk
from tests.meanwhile import at_once

MINE = "Mina egna ord."
RECEIVING = "nord-utredning"


class Button(NamedTuple):
    """An act on a matter: its address, what the history says once it is done, and what is filled in."""

    address: str
    events: list[str]
    words: dict[str, str]


TAKE = Button("ta", ["taken"], {})
RELEASE = Button("slapp", ["released"], {})
TO_CARL = Button("fordela", ["assigned"], {"to": "carl@example.se"})
TO_DORA = Button("fordela", ["assigned"], {"to": "dora@example.se"})
REPLY = Button("svara", ["replied"], {"text": MINE, "is_told": "ja"})
ASK = Button("komplettera", ["supplement_asked"], {"asked": MINE, "deadline": ""})
DELAY = Button("drojsmal", ["delay_told"], {"delay": MINE})
CLOSE = Button("avsluta", ["closed"], {"outcome": "no_action", "closing": MINE})
REFER = Button("avsluta", ["closed"], {"outcome": "referred", "closing": MINE})
PAUSE = Button("pausa", ["paused"], {"until": "2026-12-01"})
PAUSE_LONGER = Button("pausa", ["paused"], {"until": "2026-12-09"})
SORT = Button("sortera", ["sorted"], {"category": "tips", "priority": "2", "why": MINE})
MARK = Button("sekretess", ["secrecy_marked"], {"provision": "35_1", "secrecy_reason": MINE})
HAND_OVER = Button("lamna-over", ["handed_over"], {"receiver": RECEIVING, "why": MINE})
MOVE = Button("flytta", ["moved"], {"unit": "su", "reason": MINE})
SPLIT = Button("bryt-ut", ["split"], {"about": "Väskan", "words": MINE, "category": "", "unit": ""})
REOPEN = Button("oppna", ["reopened"], {})
RECEIVE = Button("ta-emot", ["handover_received"], {})
SEND_BACK = Button("lamna-tillbaka", ["handover_refused"], {"reason": MINE})
TAKE_HANDED = Button("ta", ["handover_received", "taken"], {})
TAKE_BACK = Button("ta-tillbaka", ["handover_undone"], {})
NOTE = Button("anteckna", ["noted"], {"note": MINE})
# The fields that only name a matter.
NUMBERS = {"into", "other"}
SPEAKING = (REPLY, ASK, DELAY)


def pairs(*found):
    """Give each pair of buttons a name."""
    names = [
        ", ".join(each.address if isinstance(each, Button) else each[1].address for each in pair)
        for pair in found
    ]
    return {"argvalues": found, "ids": names}


@pytest.fixture
def seated(sit):
    """Let somebody sit down who both coordinates and handles matters in a region."""

    def sit_down(name, region="syd"):
        seats = ((f"{region}-inkorg", "coordinator"), *desk.seats(region))
        return sit(f"{name.lower()}@example.se", *seats, name=f"{name} Ek")

    return sit_down


@pytest.fixture
def ann(seated):
    return seated("Ann")


@pytest.fixture
def bea(seated):
    return seated("Bea")


@pytest.fixture
def ids(owner_app, seen):
    """Hire whom matters are given to; return everybody's id by their address."""
    for name in ("carl", "dora"):
        desk.hire(owner_app, f"{name}@example.se", *desk.seats("syd"), name=name.title())
    return lambda address: str(seen.scalars(select(Handler.id).where(Handler.email == address)).one())


@pytest.fixture
def press(ids):
    """Make ready to press a button of a matter, on a page that is open by then."""

    def ready(who, reference, button):
        page = who.page(reference)
        words = {name: ids(said) if name == "to" else said for name, said in button.words.items()}
        return lambda: who.act(reference, button.address, page=page, **words)

    return ready


@pytest.fixture
def race(database, press):
    """Let each press a button of a matter on a page of their own, at once; return the answers.

    What they wait for is each one's matter, unless another is named.
    """

    def run(*presses, held=()):
        references = held or [reference for _, reference, _ in presses]
        return at_once(database.urls["owner"], references, *(press(*each) for each in presses))

    return run


@pytest.fixture
def history(seen):
    """Tell what was done to a matter."""

    def tell(reference):
        seen.rollback()
        its = select(Event.what).join(Matter, Matter.id == Event.matter_id)
        return seen.scalars(its.where(Matter.reference == reference).order_by(Event.at, Event.id)).all()

    return tell


def assert_told(late, loser):
    """Assert that somebody was told of having been too late, and has every word back."""
    assert late.status_code == 409
    assert "En kollega hann före" in late.text
    if MINE in loser.words.values():
        assert re.search(rf'{MINE}</textarea>|value="{MINE}"', late.text)


def letters(seen):
    return seen.query(OutgoingLetter).filter(OutgoingLetter.kind != "receipt").count()


def written(seen):
    """Return what stands in matters that came from a handler."""
    return seen.scalars(select(Message.text).where(Message.direction != "incoming")).all()


@pytest.mark.parametrize(
    ("first", "second"),
    **pairs(
        (TAKE, TAKE),
        (TAKE, TO_CARL),
        (TO_CARL, TAKE),
        (TO_CARL, TO_DORA),
        (TO_CARL, RELEASE),
        (REPLY, REPLY),
        (REPLY, CLOSE),
        (CLOSE, REPLY),
        (CLOSE, REFER),
        (CLOSE, ASK),
        (CLOSE, DELAY),
        (CLOSE, SORT),
        (CLOSE, PAUSE),
        (CLOSE, TO_CARL),
        (CLOSE, HAND_OVER),
        (CLOSE, MARK),
        (CLOSE, SPLIT),
        (MARK, MARK),
        (ASK, ASK),
        (ASK, REPLY),
        (DELAY, ASK),
        (PAUSE, PAUSE_LONGER),
        (PAUSE, CLOSE),
        (SORT, SORT),
        (HAND_OVER, CLOSE),
        (HAND_OVER, REPLY),
        (HAND_OVER, HAND_OVER),
        (HAND_OVER, MOVE),
        (HAND_OVER, NOTE),
        (MOVE, REPLY),
        (MOVE, HAND_OVER),
        (MOVE, NOTE),
    ),
)
def test_of_two_acts_at_once_one_wins(ann, bea, bring, race, history, seen, first, second):
    reference = bring()
    before = history(reference)
    won, late = race((ann, reference, first), (bea, reference, second))
    assert won.status_code == 303
    assert_told(late, second)
    assert history(reference) == [*before, *first.events]
    assert letters(seen) == (first in SPEAKING)
    assert len(written(seen)) == (MINE in first.words.values())


def test_of_two_who_open_a_closed_matter_one_does(ann, bea, bring, race, history):
    reference = bring()
    ann.act(reference, "avsluta", outcome="no_action")
    won, late = race((ann, reference, REOPEN), (bea, reference, REOPEN))
    assert won.status_code == 303
    assert_told(late, REOPEN)
    assert history(reference).count("reopened") == 1


@pytest.mark.parametrize("first", [REPLY, CLOSE, PAUSE], ids=lambda button: button.address)
def test_a_note_collides_with_nobodys_work(ann, bea, bring, race, history, seen, first):
    reference = bring()
    answers = race((ann, reference, first), (bea, reference, NOTE))
    assert [answer.status_code for answer in answers] == [303, 303]
    assert history(reference)[-2:] == [*first.events, "noted"]
    assert MINE in written(seen)


@pytest.mark.parametrize(
    ("first", "second"),
    **pairs(
        (("nora", RECEIVE), ("nils", RECEIVE)),
        (("nora", RECEIVE), ("nils", SEND_BACK)),
        (("nora", TAKE_HANDED), ("nils", RECEIVE)),
        (("nora", SEND_BACK), ("nils", RECEIVE)),
        (("nora", SEND_BACK), ("nils", TAKE)),
        (("nora", RECEIVE), ("ann", TAKE_BACK)),
        (("nora", TAKE_HANDED), ("ann", TAKE_BACK)),
        (("ann", TAKE_BACK), ("nora", RECEIVE)),
        (("ann", TAKE_BACK), ("nora", TAKE)),
        (("ann", TAKE_BACK), ("nora", SEND_BACK)),
    ),
)
def test_of_two_who_answer_a_handover_at_once_one_does(ann, seated, bring, race, history, first, second):
    reference, desks = bring(), {"ann": ann, "nora": seated("Nora", "nord"), "nils": seated("Nils", "nord")}
    ann.act(reference, "lamna-over", **HAND_OVER.words)
    before = history(reference)
    won, late = race(*((desks[name], reference, button) for name, button in (first, second)))
    assert won.status_code == 303
    assert_told(late, second[1])
    assert history(reference) == [*before, *first[1].events]


def test_of_two_who_answer_at_once_the_other_keeps_the_files_too(ann, bea, bring, database, seen):
    reference = bring()
    pages = [who.page(reference) for who in (ann, bea)]

    def answer(who, page):
        files = (io.BytesIO(b"bifogat"), "svar.txt")
        return lambda: who.act(reference, "svara", page=page, text=MINE, is_told="ja", files=files)

    won, late = at_once(database.urls["owner"], [reference], answer(ann, pages[0]), answer(bea, pages[1]))
    assert won.status_code == 303
    assert_told(late, REPLY)
    assert "Följer med: svar.txt" in desk.text_of(late)
    assert (letters(seen), seen.query(Attachment).count()) == (1, 1)
    assert (
        bea.act(reference, "svara", page=late, text=MINE, is_told="ja", kept=kept_in(late)).status_code == 303
    )
    assert (letters(seen), seen.query(Attachment).count()) == (2, 2)


def kept_in(page):
    return html.unescape(re.search(r'name="kept" value="([^"]+)"', page.text)[1])


class TestMerging:
    """Of matters that go into one another at once."""

    @pytest.fixture
    def three(self, bring):
        return bring(), bring(), bring()

    @pytest.mark.parametrize(
        ("one", "other"),
        [((0, 1), (1, 0)), ((0, 1), (0, 2)), ((0, 1), (0, 1)), ((0, 1), (1, 2))],
        ids=["into each other", "into two", "into the same", "into one that goes itself"],
    )
    def test_of_two_at_once_one_is_merged(self, ann, bea, three, race, history, seen, one, other):
        acts = [
            (who, three[gone], Button("sammanfor", ["merged_into"], {"into": three[kept]}))
            for who, (gone, kept) in ((ann, one), (bea, other))
        ]
        won, late = race(*acts)
        assert (won.status_code, late.status_code) == (303, 409)
        assert "En kollega hann före" in late.text
        assert sum(history(each).count("merged_into") for each in three) == 1
        assert seen.scalars(select(Message.text)).all() == ["Min cykel stals utanför stationen."] * 3

    @pytest.mark.parametrize("button", [REPLY, CLOSE, TO_CARL, MARK], ids=lambda button: button.address)
    @pytest.mark.parametrize("stands", [0, 1], ids=["what goes", "what it goes into"])
    def test_an_act_that_comes_after_is_told(self, ann, bea, three, race, history, seen, button, stands):
        merge = Button("sammanfor", ["merged_into"], {"into": three[1]})
        before = history(three[stands])
        won, late = race((ann, three[0], merge), (bea, three[stands], button), held=[three[stands]])
        assert won.status_code == 303
        assert_told(late, button)
        assert history(three[stands]) == [*before, ("merged_into", "merged_from")[stands]]
        assert (letters(seen), written(seen)) == (0, [])

    def test_an_act_that_comes_before_is_not_lost(self, ann, bea, three, race, history, seen):
        merge = Button("sammanfor", ["merged_into"], {"into": three[1]})
        won, late = race((ann, three[0], REPLY), (bea, three[0], merge))
        assert (won.status_code, late.status_code) == (303, 409)
        assert (letters(seen), history(three[0])[-1]) == (1, "replied")

    def test_an_answer_in_what_it_goes_into_hinders_nothing(self, ann, bea, three, race, history, seen):
        merge = Button("sammanfor", ["merged_into"], {"into": three[1]})
        answers = race((ann, three[1], REPLY), (bea, three[0], merge))
        assert [answer.status_code for answer in answers] == [303, 303]
        assert (letters(seen), history(three[1])[-3:]) == (1, ["replied", "merged_from", "reopened"])

    def test_a_note_goes_nowhere_that_its_writer_has_not_looked(self, ann, bea, three, race, seen):
        merge = Button("sammanfor", ["merged_into"], {"into": three[1]})
        won, noted = race((ann, three[0], merge), (bea, three[0], NOTE))
        assert won.status_code == 303
        assert_told(noted, NOTE)
        assert written(seen) == []


class TestSeveralAtOnce:
    """Of acts on rows that are ticked in a list."""

    @pytest.fixture
    def tick(self, ids):
        """Make ready to do one act on some matters that are ticked."""

        def ready(who, references, act, **said):
            page = who.get("/")
            words = {name: ids(value) if name == "till" else value for name, value in said.items()}
            return lambda: who.post("/markerade", page=page, ref=references, gor=act, **words)

        return ready

    @pytest.mark.parametrize(
        ("act", "said", "button", "event"),
        [
            ("take", {}, TO_CARL, "taken"),
            ("assign", {"till": "dora@example.se"}, REPLY, "assigned"),
            ("assign", {"till": "dora@example.se"}, CLOSE, "assigned"),
            ("release", {}, REPLY, "released"),
            ("pause", {"dag": "2026-12-01"}, CLOSE, "paused"),
        ],
        ids=lambda each: each if isinstance(each, str) else getattr(each, "address", ""),
    )
    def test_who_acts_on_one_of_them_is_told_or_first(
        self, ann, bea, bring, tick, press, database, history, act, said, button, event
    ):
        first, second = bring(), bring()
        both = [first, second]
        many, one = at_once(
            database.urls["owner"], both, tick(ann, both, act, **said), press(bea, first, button)
        )
        assert many.status_code == 303
        assert_told(one, button)
        assert [history(each)[-1] for each in both] == [event, event]

    def test_of_those_ticked_what_a_colleague_was_first_with_is_told(
        self, ann, bea, bring, tick, press, database, history
    ):
        first, second = bring(), bring()
        one, _many = at_once(
            database.urls["owner"],
            [first, second],
            press(bea, first, REPLY),
            tick(ann, [first, second], "assign", till="dora@example.se"),
        )
        assert one.status_code == 303
        said = desk.text_of(ann.get("/"))
        assert ("1 ärende har fördelats." in said, f"{first}: En kollega hann före." in said) == (True, True)
        assert [history(each)[-1] for each in (first, second)] == ["replied", "assigned"]

    def test_two_who_tick_the_same_take_each_of_them_once(self, ann, bea, bring, tick, database, history):
        three = [bring(), bring(), bring()]
        at_once(database.urls["owner"], three, tick(ann, three, "take"), tick(bea, three[::-1], "take"))
        assert [history(each).count("taken") for each in three] == [1, 1, 1]
        told = [
            int(re.search(r"(\d) ärenden? har tagits", desk.text_of(who.get("/")))[1]) for who in (ann, bea)
        ]
        assert sum(told) == 3


def test_all_that_is_written_in_an_acts_form_is_given_back():
    assert {name for form in acts_of(ActForm) for name in words_of(form)} - NUMBERS <= set(WRITTEN)


def acts_of(form):
    return [form, *(each for made in form.__subclasses__() for each in acts_of(made))]


def words_of(form):
    kinds = {name: getattr(getattr(form, name), "field_class", None) for name in dir(form)}
    return [name for name, kind in kinds.items() if kind in (StringField, TextAreaField)]
