"""What comes in before a day's work: two hundred matters by form, mail, paper letter, telephone and visit."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP

from intake import outbox
from tests.citizen.person import Person, hidden
from tests.file_samples import JPEG
from tests.journeys.citizen import Citizen, through
from tests.journeys.day.house import House
from tests.letters_home import receive

SEED = 20261123
FORMS, LETTERS, REGISTERED, BROUGHT = 70, 64, 56, 10
ALL = FORMS + LETTERS + REGISTERED + BROUGHT
# Each matter bears one of these, so that a search finds all that somebody sees and is not cut.
SIGNS = ("gnistregn", "vattenhjul")
TOWNS = {"Malmö": 5, "Lund": 2, "Umeå": 2, "Luleå": 1, "Solna": 1}
# The group and the choice of a form's first pages, and the story that is told.
STORIES = (
    ("utsatt", "brott", "Min cykel stals utanför stationen i {town}."),
    ("utsatt", "brott", "Någon har brutit sig in i vårt förråd i {town}."),
    ("utsatt", "lurad", "Jag betalade för en telefon på nätet som aldrig kom."),
    ("tipsa", "tips", "Jag vet vem som säljer stulna däck i {town}."),
    ("trygghet", "ordning", "Det kör mopeder på gångvägen i {town} varje kväll."),
    ("arende", "lage", "Jag undrar hur det går med min anmälan om skadegörelse i {town}."),
    ("insyn", "handling", "Jag vill ha en kopia av beslutet om mitt hittegods i {town}."),
    ("annat", "fraga", "När har ni öppet på lördagar i {town}?"),
    ("annat", "pass", "Hur lång tid tar det att få ett pass i {town}?"),
)
INBOXES = {
    "Malmö": "syd",
    "Lund": "syd-kontaktcenter",
    "Umeå": "nord",
    "Luleå": "nord-utredning",
    "Solna": "kontakt",
}
PROTECTED = "Jag har skyddad identitet. Min granne i {town} har klottrat på dörren."
# What nobody in this house but those behind the wall may see.
INTERNAL = ("utsatt", "anstalld", "En polis i Malmö tog emot pengar av min granne.")
URGENT = (
    "Han slår henne just nu i lägenheten bredvid i Malmö, hon skriker på hjälp!",
    "Det brinner i trappan i Umeå just nu och folk skriker på hjälp!",
)
BIKE = "Min cykel stals i Malmö."
SCAM = "Ring inte 070-123 45 67, de lurar pengar av folk i Malmö."
CODE = re.compile(r"(?:[2-9A-Y]{4}-){3}[2-9A-Y]{4}")


@dataclass(frozen=True)
class Came:
    """Something that came in, as whoever brought it knows it: ``code`` opens what a form has become."""

    reference: str
    way: str
    sender: str
    text: str
    code: str = ""


def sender_of(number: int) -> str:
    return f"person{number}@example.com"


def letter(number: int, subject: str, text: str, files: tuple[tuple[str, bytes], ...] = ()) -> bytes:
    """Write a letter from one of the persons."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = sender_of(number), "kontakt@example.se", subject
    message["Message-ID"] = f"<{number}.{abs(hash_of(subject + text))}@example.com>"
    message.set_content(text)
    for name, data in files:
        message.add_attachment(data, maintype="application", subtype="pdf", filename=name)
    return message.as_bytes()


def hash_of(words: str) -> int:
    """Return a number that is the same in every run."""
    return random.Random(words).getrandbits(48)


class Night:
    """What comes in while nobody is at work, and by whose hands the rest comes in the morning."""

    def __init__(self, house: House) -> None:
        self.house, self.rng = house, random.Random(SEED)
        self.count = 0
        # What came, by reference; what handlers have made of it since; and how much was added to it later.
        self.came: dict[str, Came] = {}
        self.made: set[str] = set()
        self.added = 0

    def tell(self, story: str) -> str:
        """Return a story with a town in it, and with a sign to search for."""
        self.count += 1
        town = self.rng.choices(list(TOWNS), list(TOWNS.values()))[0]
        return f"{story.format(town=town)} {SIGNS[self.count % 2].capitalize()} nummer {self.count}."

    def falls(self) -> None:
        """Let everything come in that comes while nobody is at work."""
        self.stuck = self.breaks_down()
        self.forms()
        self.house.work()
        self.letters()

    def forms(self) -> None:
        """Let forms come in, page by page; every second person wants a receipt by mail."""
        special = [
            ("utsatt", "brott", PROTECTED),
            INTERNAL,
            *(("utsatt", "brott", story) for story in URGENT),
        ]
        for group, choice, story in [self.rng.choice(STORIES) for _ in range(FORMS - 6)] + special:
            self.form(group, choice, self.tell(story))
        self.hasty = self.form("utsatt", "brott", self.tell(BIKE), seconds=0)
        self.pictured = self.form("utsatt", "brott", self.tell(BIKE), picture=JPEG)

    def form(self, group: str, choice: str, text: str, *, seconds: int = 20, picture: bytes = b"") -> Came:
        """Let one form come in, written by a browser of its own in so many seconds."""
        browser = self.house.citizen_app.test_client()
        browser.environ_base["REMOTE_ADDR"] = f"198.51.100.{self.count % 250 + 1}"
        person, sender = Citizen(through(browser)), sender_of(self.count)
        person.begin(group, choice, municipality=town_in(text))
        person.tell(text)
        if picture:
            assert person.add_file("bild.jpg", picture).status == 303
        self.house.clock.at += timedelta(seconds=seconds)
        wants_receipt = self.count % 2 == 0
        person.finish(sender if self.count % 5 else "", wants_receipt=wants_receipt)
        assert person.send().status == 303
        reference = person.receipt()
        code = CODE.search(person.ask("GET", "/kvitto", b"", {}).text)
        came = Came(reference, "form", sender if self.count % 5 else "", text, code[0] if code else "")
        if came.sender and wants_receipt:
            self.house.owes("receipt", came.sender)
        return self.keep(came)

    def letters(self) -> None:
        """Let letters come in by the mailroom, some with a file; each is answered with a receipt."""
        self.alike = [self.letter("Lurad", self.tell(SCAM), "syd-kontaktcenter") for _ in range(2)]
        for _ in range(LETTERS - 3):
            group, _choice, story = self.rng.choice(STORIES)
            text = self.tell(story)
            files = (("kvitto.pdf", b"%PDF-1.4\n%%EOF\n"),) if self.count % 20 == 3 else ()
            self.letter(group.capitalize(), text, INBOXES[town_in(text)], files)

    def letter(
        self, subject: str, text: str, to: str, files: tuple[tuple[str, bytes], ...] = (), number: int = 0
    ) -> Came:
        """Let one letter come in that becomes a matter of its own."""
        sender = sender_of(number or self.count)
        with self.house.worker_app.app_context():
            receive(letter(number or self.count, subject, text, files), f"{to}@example.se", sender=sender)
        self.house.work()
        self.house.owes("receipt", sender)
        return self.keep(Came(self.house.newest(), "email", sender, text))

    def supplement(self, came: Came, text: str) -> bytes:
        """Write what somebody mails later to a matter of theirs."""
        self.added += 1
        return letter(int(re.sub(r"\D", "", came.sender)), "Sv: Ditt ärende", text)

    def follow(self, came: Came, text: str) -> None:
        """Let somebody open a matter by its code and add to it on the status page."""
        browser = self.house.citizen_app.test_client()
        person = Person(browser)
        opened = browser.post("/folj", data={"reference": came.reference, "code": came.code})
        assert opened.location == "/arende", opened.status_code
        token = hidden(person.get("/arende").text, "csrf_token")
        begun = browser.post("/arende/lagg-till", data={"csrf_token": token})
        person.draft = begun.location.removesuffix("/handelse")
        person.fill("handelse", text=text)
        assert person.send().status_code == 303
        self.added += 1

    def names(self, kept: Came) -> str:
        """Let a letter come in that names another matter in its subject; return what it became."""
        text = self.tell("En sak till om det som hände i Malmö.")
        number = int(re.sub(r"\D", "", kept.sender))
        return self.letter(f"Ang. {kept.reference}", text, "syd-kontaktcenter", number=number).reference

    def breaks_down(self) -> Came:
        """Let a receipt find a post office that breaks down until the job gives up."""
        self.house.post.breaks_at.add(sender_of(self.count + 1))
        came = self.letter("Fråga", self.tell("När har ni öppet i Malmö?"), "syd-kontaktcenter")
        for _ in range(outbox.MAX_ATTEMPTS):
            self.house.clock.at += outbox.LONGEST_WAIT
            self.house.work()
        self.house.post.breaks_at.clear()
        return came

    def keep(self, came: Came) -> Came:
        """Remember that something came in, and return it."""
        assert came.reference not in self.came
        self.came[came.reference] = came
        return came


def town_in(text: str) -> str:
    """Return which town a story names; what names none is told from Malmö."""
    return next((town for town in TOWNS if town in text), "Malmö")
