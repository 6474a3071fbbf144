"""Varied matters for trying and measuring, sent through the services that citizens and letters use."""

from __future__ import annotations

import io
import random
from email.message import EmailMessage
from email.policy import SMTP

from intake import codes, drafts, mailroom, uploads
from intake.answers import Answers
from intake.errors import NO_DEMONSTRATION, NotAllowed
from intake.extensions import settings

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
PHOTO_SHARE = 0.3


def send(count: int, seed: int | None = None) -> int:
    """Send matters by form and by letter, about two to one; return how many were accepted.

    Raises NotAllowed where people are served in earnest.
    """
    if settings().tables.authority.is_confirmed:
        raise NotAllowed(NO_DEMONSTRATION.format("matters"))
    dice = random.Random(seed)  # noqa: S311 (variety, not secrecy)
    for number in range(count):
        if number % 3 == 2:
            _send_letter(dice)
        else:
            _send_form(dice)
    return count


def _send_form(dice: random.Random) -> None:
    code, heading, text = dice.choice(STORIES)
    group = next(
        group.code
        for group in settings().tables.categories.groups
        if code in {choice.code for choice in group.choices}
    )
    name = dice.choice(NAMES)
    answers = Answers(
        group=group,
        choice=code,
        place="municipality",
        municipality=dice.choice(settings().tables.geography.municipalities).code,
        heading=heading,
        text=text,
        name=name,
        email=f"{name.split()[0].lower()}@example.com" if name else None,
        wants_receipt=bool(name),
    )
    key = codes.new_token()
    draft_id = drafts.begin(key, answers)
    if dice.random() < PHOTO_SHARE:
        photo = uploads.Upload("bild.png", len(PIXEL), "image/png", io.BytesIO(PIXEL))
        uploads.add_file(draft_id, key, photo)
    drafts.send(draft_id, key)


def _send_letter(dice: random.Random) -> None:
    _, subject, text = dice.choice(STORIES)
    place = dice.choice(settings().tables.geography.municipalities).name
    authority = settings().tables.authority
    box = dice.choice(["kontakt", *(region.code for region in authority.regions)])
    letter = EmailMessage(policy=SMTP)
    letter["From"] = "Kim Berg <kim@example.com>"
    letter["To"] = f"{box}@{authority.mail_domain}"
    letter["Subject"] = subject
    letter["Message-ID"] = f"<{codes.new_token()}@example.com>"
    letter.set_content(f"Hej!\n\n{text}\nDet gäller {place}.\n\nHälsningar\nKim")
    if dice.random() < 0.3:
        letter.add_attachment(PIXEL, maintype="image", subtype="png", filename="bild från mobilen.png")
    envelope = mailroom.Envelope("kim@example.com", (str(letter["To"]),), "demo", "demo")
    mailroom.receive(io.BytesIO(letter.as_bytes()), envelope)
