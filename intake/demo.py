"""Varied matters for trying and measuring, sent through the services that citizens and letters use."""

from __future__ import annotations

import hashlib
import io
import random
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP

from intake import codes, mailroom, storage
from intake.extensions import db, now, settings
from intake.matters import arrive
from intake.models import Draft, MailAddress, new_id

STORIES = (
    ("brott", "Cykel stulen", "Min röda cykel stals utanför stationen i natt. Låset låg avklippt på marken."),
    (
        "lurad",
        "Falskt bud",
        "Jag betalade 4 200 kr i förskott för en soffa som aldrig kom. Annonsen är borta.",
    ),
    (
        "natet",
        "Falskt konto",
        "Någon har gjort ett konto med mitt namn och mina bilder och skriver till vänner.",
    ),
    (
        "nara",
        "Rädd för mitt ex",
        "Mitt ex skriver hela dagarna att han vet var jag bor. Han har slagit mig förut.",
    ),
    (
        "tips",
        "Misstänkt bil",
        "En vit skåpbil utan skyltar står vid lagret varje natt och folk lastar om lådor.",
    ),
    (
        "narkotika",
        "Försäljning i parken",
        "Det säljs narkotika vid lekplatsen varje eftermiddag. Barnen ser allt.",
    ),
    (
        "ordning",
        "Fortkörning",
        "Bilar kör minst sjuttio på vår gata där det är trettio. Det finns en skola här.",
    ),
    ("komplettera", "Fler uppgifter", "Jag glömde skriva att även en kamera är borta. Kvittot bifogas."),
    (
        "handling",
        "Begäran om handling",
        "Jag vill ta del av protokollet från regionpolisrådets möte i februari.",
    ),
    (
        "bemotande",
        "Dåligt bemött",
        "Jag fick vänta i två timmar och blev sedan snäst av. Det kändes inte bra.",
    ),
    ("pass", "Hittad plånbok", "Jag hittade en plånbok vid busshållplatsen. Vart lämnar jag den?"),
    ("fraga", "Fråga om öppettider", "När har servicekontoret öppet i helgen?"),
)
NAMES = ("Kim Berg", "Alex Lind", "Robin Sjö", "Mika Ek", None)
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000"
    "0500017a5eab3f0000000049454e44ae426082"
)


def send(count: int, seed: int | None = None) -> int:
    """Send matters by form and by letter, about two to one; return how many were accepted."""
    dice = random.Random(seed)  # noqa: S311 (variety, not secrecy)
    for number in range(count):
        if number % 3 == 2:
            _send_letter(dice)
        else:
            _send_form(dice)
    return count


def _send_form(dice: random.Random) -> None:
    choice, subject, text = dice.choice(STORIES)
    categories = {
        choice.code: choice.category
        for group in settings().tables.categories.groups
        for choice in group.choices
    }
    municipality = dice.choice(settings().tables.geography.municipalities)
    name = dice.choice(NAMES)
    at, draft_id = now(), new_id()
    token = codes.new_token()
    draft = Draft(
        id=draft_id,
        browser_key_hash=hashlib.sha256(draft_id.bytes).hexdigest(),
        answers={},
        address_token=token,
        created_at=at,
        changed_at=at,
        expires_at=at + timedelta(hours=24),
    )
    db.session.add_all([draft, MailAddress(id=new_id(), token=token, draft_id=draft_id, created_at=at)])
    db.session.commit()
    submission = arrive.Submission(
        channel="form",
        subject=subject,
        text=text,
        received_at=at,
        sender_name=name,
        sender_email=f"{name.split()[0].lower()}@example.com" if name else None,
        files=(_photo(),) if dice.random() < 0.3 else (),
        category=categories.get(choice),
        place="municipality",
        municipality=municipality.code,
        wants_receipt=bool(name),
    )
    arrive.accept(draft_id, submission, hashlib.sha256(f"{draft_id}{text}".encode()).hexdigest())


def _photo() -> arrive.IncomingFile:
    stored = storage.current().put(storage.new_key("draft"), io.BytesIO(PIXEL))
    return arrive.IncomingFile("bild.png", stored.key, stored.size_bytes, stored.sha256, "image/png")


def _send_letter(dice: random.Random) -> None:
    _, subject, text = dice.choice(STORIES)
    place = dice.choice(settings().tables.geography.municipalities).name
    authority = settings().tables.authority
    box = dice.choice(["kontakt", *(region.code for region in authority.regions)])
    letter = EmailMessage(policy=SMTP)
    letter["From"] = "Kim Berg <kim@example.com>"
    letter["To"] = f"{box}@{authority.mail_domain}"
    letter["Subject"] = subject
    letter["Message-ID"] = f"<{new_id()}@example.com>"
    letter.set_content(f"Hej!\n\n{text}\nDet gäller {place}.\n\nHälsningar\nKim")
    if dice.random() < 0.3:
        letter.add_attachment(PIXEL, maintype="image", subtype="png", filename="bild från mobilen.png")
    envelope = mailroom.Envelope("kim@example.com", (str(letter["To"]),), "demo", "demo")
    mailroom.receive(io.BytesIO(letter.as_bytes()), envelope)
