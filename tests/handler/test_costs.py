"""What a page costs: how often it asks the database, the same for one row as for many."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from intake.extensions import db
from intake.matters import arrive
from intake.matters.incoming import Submission
from intake.models import Handler, Matter
from tests import desk
from tests.file_samples import PDF
from tests.handler.test_handing_over import TO
from tests.handler.test_incidents import report
from tests.handler.test_splitting import split
from tests.letters_home import deliver, letter

# More than a page of the inbox.
MANY = 55
# By who looks and the page: how many statements it takes at most. One more is to be chosen.
AT_MOST = {
    ("anna", "/"): 12,
    ("anna", "/?visa=lediga&ordning=aldst"): 12,
    ("anna", "/?visa=mina"): 12,
    ("anna", "/?visa=pausade"): 12,
    ("anna", "/inkorg/nytt"): 3,
    ("anna", "/nasta"): 6,
    ("anna", "/sok"): 6,
    ("anna", "/overlamnade"): 6,
    ("anna", "/arende/{matter}"): 39,
    ("anna", "/arende/{matter}?into={other}"): 43,
    ("anna", "/arende/{matter}/bryt-ut"): 22,
    ("anna", "/arende/{matter}/lamna-over"): 23,
    ("anna", "/arende/{matter}/skriv-ut"): 25,
    ("anna", "/arende/{matter}/lamna-ut"): 25,
    ("anna", "/arende/{matter}/incidenter"): 10,
    ("cora", "/"): 12,
    ("cora", "/lagesbild"): 7,
    ("cora", "/belastning"): 4,
    ("cora", "/enheter"): 8,
    ("cora", "/enheter/syd-inkorg"): 10,
    ("cora", "/enheter/syd-inkorg/{handler}"): 11,
    ("cora", "/incidenter"): 6,
    ("both", "/postrum"): 20,
}
# What is asked for by a button.
PRESSED = {"/nasta": {}, "/sok": {"q": "cykel"}}


@pytest.fixture
def nora(sit):
    return sit("nora.nord@example.se", *desk.seats("nord"), name="Nora Nord")


@pytest.fixture
def matter(bring):
    return bring(files=(("kvitto.pdf", PDF),))


@pytest.fixture
def more(anna, nora, bring, worker_app, owner_app, matter, clock):
    """Let one more of each come: of what is said, of kin, of what is handed over, and of colleagues."""

    def come(number):
        page = anna.get(f"/arende/{matter}/lamna-over")
        done = [
            anna.act(matter, "koppla", page=page, other=bring(), why_linked="Samma"),
            split(anna, matter, about=f"Väska {number}"),
            anna.act(bring(), "sammanfor", into=matter),
            report(anna, matter),
            anna.act(bring(), "lamna-over", **TO),
            nora.act(bring(municipality="2480"), "lamna-over", receiver="syd-kontaktcenter", why="Hör dit"),
            anna.act(bring(), "ta"),
            anna.act(bring(), "pausa", until="2026-12-01"),
        ]
        assert [answer.status_code for answer in done] == [303] * len(done)
        desk.hire(owner_app, f"ny{number}@example.se", ("syd-inkorg", "handler"), *desk.seats("syd"))
        say(worker_app, matter, clock)
        with worker_app.app_context():
            deliver(letter(f"I Malmö {number}.", Message_ID=f"<{number}@example.com>"), "malmo@example.se")

    return come


def say(worker_app, reference, clock):
    """Let something more be said in a matter, with a file."""
    with worker_app.app_context():
        matter_id = db.session.scalars(select(Matter.id).where(Matter.reference == reference)).one()
        kept = (desk._store("mer.pdf", PDF),)
        said = Submission(channel="email", subject="Mer", text="Mer.", received_at=clock(), files=kept)
        arrive.add_message(matter_id, said)
        db.session.commit()


@pytest.fixture
def costs(anna, cora, both, bring, matter, handler_app, seen):
    """Count the statements of each page, once somebody has looked at it."""
    who = {"anna": anna, "cora": cora, "both": both}
    handler = seen.scalars(select(Handler.id).where(Handler.email == anna.email)).one()
    named = {"matter": matter, "other": bring(), "handler": handler}

    def cost(by, page):
        path, before, answers = page.format(**named), by.get("/"), []

        def look():
            pressed = PRESSED.get(page)
            answers.append(by.get(path) if pressed is None else by.post(path, page=before, **pressed))

        look()
        count = desk.count_statements(handler_app, look)
        assert answers[-1].status_code in (200, 303), path
        return count

    return lambda: {(name, page): cost(who[name], page) for name, page in AT_MOST}


def test_a_page_costs_the_same_for_many_as_for_one(more, costs, bring, matter, worker_app, clock):
    more(0)
    few = costs()
    for number in range(1, 4):
        more(number)
    for _ in range(MANY):
        bring()
        say(worker_app, matter, clock)
    assert costs() == few
    assert {page: cost for page, cost in few.items() if cost > AT_MOST[page]} == {}
