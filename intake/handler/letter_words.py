"""What handlers read about letters: ways, senders, what came of them, and what to do about an alarm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from intake.handler.messages import LetterOut
from intake.mailroom.watch import Alarm
from intake.matters import sending
from intake.matters.work import NOT_ARRIVED
from intake.words import in_swedish

WAYS = {
    "smtp": "e-post (SMTP)",
    "lmtp": "e-post (LMTP)",
    "imap": "hämtat ur en brevlåda",
    "pipe": "inlämnat av e-postservern",
    "handler": "registrerat av en handläggare",
}
LETTER_JOBS = {"parse_letter": "Läsa ett brev", "send_letter": "Skicka ett brev"}
OUT_STATES = {
    "owed": "väntar",
    "sending": "skickas",
    "refused": "togs inte emot av mottagaren",
    "bounced": "i retur",
    "task": "osäkra",
}
LETTER_STATES = {
    "owed": "Väntar på att skickas",
    "sending": "Skickas",
    "sent": "Skickat",
    "refused": "Togs inte emot av mottagarens e-postserver.",
    "bounced": "Kom i retur.",
    "task": "Det är osäkert om brevet kom fram.",
}
# Why a letter of ours was held back, where it was not the receiver's server that refused it.
HELD_BACK = {
    sending.WANTED_NO_MORE: "Skickades inte: personen vill inte ha mejl dit längre.",
    sending.DELICATE_NOW: "Skickades inte: ärendet har blivit för känsligt för mejl.",
    sending.FILE_HELD: "Skickades inte: en av filerna får inte lämnas ut.",
    sending.NOT_ITS_OWN: "Skickades inte: texten hör till ett annat ärende.",
    sending.OWN_ADDRESS: "Skickades inte: adressen är en av våra egna.",
    sending.WAITS_NO_MORE: "Skickades inte: någon hade redan tagit ärendet.",
    sending.FORM_MAY_COME: "Skickades inte: ett formulär kan vara på väg till ärendet.",
    "daily cap": "Skickades inte: adressen har fått så många brev som den får på en dag.",
}
NEEDS_NOBODY = (sending.WAITS_NO_MORE, sending.FORM_MAY_COME, "daily cap")
TELLINGS = {"answer": "Svar", "question": "Fråga", "delay": "Besked", "other": "Meddelande"}
# A letter that carries the whole of what was written is called what that is.
WHOLE = {"answer": "Svaret", "question": "Frågan", "delay": "Beskedet", "other": "Meddelandet"}
LETTERS = {
    "receipt": "Kvittensen",
    "reply": "Svaret",
    "notice": "Mejlet om att det finns ett svar",
    "status_link": "Mejlet med en ny länk till statussidan",
    "confirm_email": "Mejlet som bekräftar en ny e-postadress",
    "supplement_request": "Begäran om komplettering",
    "delay": "Meddelandet om dröjsmål",
    "reminder": "Påminnelsen om komplettering",
    "late": "Det automatiska meddelandet om dröjsmål",
    "alarm": "Larmet till jouren",
}
REPORTS = {
    "failed": "Leveransbesked: kom inte fram",
    "delayed": "Leveransbesked: försenat, servern försöker igen",
    "delivered": "Leveransbesked: kom fram",
    "displayed": "Läskvitto: visades för mottagaren",
    "deleted": "Läskvitto: raderades utan att visas",
    "unclear": "Från en e-postserver, utan tydligt besked: läs det",
}
# The commonest codes (RFC 3463, RFC 5321), by their beginning; the longest that fits is taken.
DIAGNOSES = {
    "5.1.1": "adressen finns inte",
    "5.1.2": "mottagarens domän finns inte eller tar inte emot mejl",
    "5.1.3": "adressen är fel skriven",
    "5.1.6": "mottagaren har flyttat till en annan adress",
    "5.1.10": "mottagarens domän tar inte emot mejl",
    "5.2.1": "brevlådan är avstängd",
    "5.2.2": "brevlådan är full",
    "5.2.3": "brevet är för stort för mottagaren",
    "5.3.4": "brevet är för stort för mottagarens server",
    "5.4": "mottagarens server gick inte att nå",
    "5.7": "mottagarens server avvisade brevet",
    "550": "adressen finns inte, eller så avvisades brevet",
    "552": "brevlådan är full",
    "553": "adressen är fel skriven",
    "554": "mottagarens server avvisade brevet",
    "4.2.2": "brevlådan var full länge, och servern gav upp",
    "4": "mottagarens server svarade inte på länge, och servern gav upp",
}
# What became of a letter in a mailbox that is not a letter of ours.
NOT_RECEIVED = {
    "seen": "sett, inte hämtat än",
    "gone": "borta ur brevlådan innan det hämtades",
}
ALARMS = {
    "silence": "Inget brev har kommit in på länge.",
    "waiting": "Brev väntar för länge på att läsas.",
    "stuck": "Brev har fastnat.",
    "mailbox": "En brevlåda går inte att tömma.",
    "repeated": "Brev hämtas om och om igen.",
    "too_large": "Brev i en brevlåda är större än vi tar emot.",
}
ALARM_CURES = {
    "silence": "Skicka ett eget brev hit. Kommer det inte fram, titta på e-postservern framför oss.",
    "waiting": "Breven är sparade. Se efter att arbetarna, kön och utskicket av jobb är i gång.",
    "stuck": "Breven är sparade. Jobben står nedan, med fel. Åtgärda felet och försök igen.",
    "mailbox": "Breven ligger kvar i brevlådan. Se efter att den som hämtar är i gång, och vad felet säger.",
    "repeated": "Brevet är sparat men kan inte flyttas, eller kan inte hämtas. Titta på det i brevlådan.",
    "too_large": "Ingen läser dem här. Läs dem i brevlådan, se till att de blir skötta, och flytta dem.",
}
RESULTS = {"pass": "godkänd", "fail": "underkänd", "softfail": "tveksam", "none": "saknas"}


@dataclass(frozen=True)
class SenderWords:
    """What is known of a sender's address: said shortly, and what that means; ``is_bad`` is a warning."""

    short: str
    means: str
    is_bad: bool = False


def say_sender(found: Mapping[str, Any] | None) -> SenderWords:
    """Say what a relay that we trust found out about a letter's sender; None is nothing."""
    if found is None:
        return SenderWords(
            "Avsändaren: inte kontrollerad",
            "Ingen server som vi litar på har prövat adressen. Vem som helst kan skriva en adress som inte är"
            " ens egen.",
        )
    if found.get("dmarc") == "fail":
        return SenderWords(
            "Avsändaren stämmer inte: brevet kan vara förfalskat",
            "Domänens egna regler (DMARC) godkänner inte brevet. Lita inte på adressen, och lämna inte ut"
            " något till den utan att ha prövat på annat sätt vem som skrev. Inget automatiskt svar har"
            " skickats.",
            is_bad=True,
        )
    if found.get("dmarc") == "pass":
        return SenderWords(
            "Avsändarens server bekräftar adressen (DMARC godkänd)",
            "Brevet kom från den domän som står i adressen. Det säger inte vilken person som skrev.",
        )
    checks = [f"{name.upper()} {_say_result(found.get(name))}" for name in ("dmarc", "spf", "dkim")]
    return SenderWords(
        f"Avsändaren: inte bekräftad ({', '.join(checks)})",
        "Domänen säger inte vad som ska gälla för adressen, så den kan vara påhittad.",
    )


def _say_result(result: str | None) -> str:
    return RESULTS.get(result or "none", "oklar")


def say_way(way: str) -> str:
    """Say by which way a letter came in."""
    return WAYS.get(way, way)


def say_alarm(alarm: Alarm) -> str:
    """Say in Swedish what an alarm is about."""
    said = ALARMS[alarm.kind]
    if alarm.mailbox:
        return f"{said} Den heter {alarm.mailbox}."
    return said if alarm.count == 1 else f"{said} De är {alarm.count}."


def say_diagnosis(diagnosis: str | None) -> str:
    """Say why a letter of ours was refused or came back; the code alone where nobody knows its words."""
    if not diagnosis:
        return ""
    # An enhanced code stands last, after the plain one if there is both.
    parts = diagnosis.split()[-1].split(".")
    for length in range(len(parts), 0, -1):
        if words := DIAGNOSES.get(".".join(parts[:length])):
            return f"{words} ({diagnosis})"
    return f"kod {diagnosis}"


def say_letter(letter: LetterOut, telling: str = "answer") -> str:
    """Say which letter of ours one is, and how far it came and when."""
    name = WHOLE[telling] if letter.kind == "reply" else LETTERS[letter.kind]
    at = letter.bounced_at if letter.state == "bounced" else letter.sent_at
    said = (HELD_BACK.get(letter.why or "") or LETTER_STATES[letter.state]).rstrip(".")
    said = f"{name}: {said} {in_swedish(at)}." if at else f"{name}: {said}."
    if letter.again_at:
        return f"{said} Skickades igen {in_swedish(letter.again_at)}."
    return f"{said} Behöver en person." if needs_person(letter) else said


def needs_person(letter: LetterOut) -> bool:
    """Say whether somebody must still see to a letter of ours."""
    is_over = letter.state not in NOT_ARRIVED or letter.is_replaced
    return not is_over and letter.why not in NEEDS_NOBODY


def say_report(report: Mapping[str, Any]) -> str:
    """Say what a letter reports on one of ours."""
    said, status = REPORTS.get(report["kind"], report["kind"]), report.get("status")
    return f"{said}: {say_diagnosis(status)}" if status and report["kind"] in ("failed", "delayed") else said


def shown(text: str) -> str:
    """Return a text without the blanks around it and at the ends of its lines, which nobody sees."""
    return "\n".join(line.rstrip() for line in text.strip("\n").split("\n"))


def say_lines(text: str) -> str:
    """Say how many lines a text has as it is shown."""
    count = shown(text).count("\n") + 1
    return "1 rad" if count == 1 else f"{count} rader"
