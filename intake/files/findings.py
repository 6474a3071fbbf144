"""Everything that can be found in a file: its code, how it weighs, and the words for citizen and handler.

A finding's words are data of the service: the analysers name codes and values only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from intake.errors import to_translate

# What a finding alone makes of a file. ``note`` tells a fact and changes nothing; ``refuse`` holds only
# where a person can be told before sending, and is ``quarantine`` of what was received.
Weight = Literal["note", "warn", "quarantine", "refuse"]
Word = Literal["accept", "warn", "quarantine", "refuse"]
_BY_WEIGHT: Mapping[Weight, Word] = {
    "note": "accept", "warn": "warn", "quarantine": "quarantine", "refuse": "refuse",
}  # fmt: skip
WORSE: tuple[Word, ...] = ("accept", "warn", "quarantine", "refuse")

VALUE_CHARACTERS = 200

ARRIVED = to_translate("Filen har kommit fram.")
WITH_CARE = to_translate("Filen har kommit fram. Vi öppnar den med särskild försiktighet.")
SPECIAL = to_translate("Filen har kommit fram. Den kontrolleras särskilt innan någon öppnar den.")
WITH_PASSWORD = to_translate(
    "Filen har kommit fram, men den är skyddad med lösenord. Utan lösenordet kan vi inte läsa den."
)
DAMAGED = to_translate(
    "Filen har kommit fram, men den verkar vara skadad. Allt i den går kanske inte att läsa."
)
PLACED = to_translate(
    "Filen har kommit fram. Den berättar var eller när den är gjord, och det sparas med den."
)
EMPTY = to_translate("Filen är tom.")
# What a sender can do something about.
UNREADABLE = (WITH_PASSWORD, DAMAGED, EMPTY)


@dataclass(frozen=True)
class Finding:
    """One thing that was found, in words for the citizen and for the handler.

    ``path`` is where it was found, when that is within the file that is told of.
    """

    code: str
    citizen: str
    handler: str
    path: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of finding; ``handler`` may hold fields such as ``{what}``."""

    weight: Weight
    citizen: str
    handler: str


KINDS: Mapping[str, Kind] = {
    "file_empty": Kind("refuse", EMPTY, "Filen är tom."),
    "inner_empty": Kind("note", ARRIVED, "Filen är tom."),
    "file_type_not_listed": Kind("refuse", SPECIAL, "{what} står inte på listan över tillåtna filtyper."),
    "file_too_large": Kind("refuse", SPECIAL, "Filen är större än {most}."),
    "content_disagrees": Kind(
        "quarantine", SPECIAL, "Filen heter .{extension} men innehållet ser inte ut som det ({detected})."
    ),
    # Names and text.
    "name_deceptive": Kind("warn", WITH_CARE, "Filnamnet kan vilseleda: {why}."),
    "name_cleaned": Kind("note", ARRIVED, "Osynliga tecken eller en sökväg togs bort ur filnamnet."),
    "active_text": Kind("quarantine", SPECIAL, "I filen står {what}, fast den heter något annat."),
    "script_text": Kind("warn", WITH_CARE, "Texten ser ut att vara {what}. Den visas bara som text."),
    "formulas": Kind("warn", WITH_CARE, "I tabellen står {what}. Öppna den inte i ett kalkylprogram."),
    "second_opinion_differs": Kind(
        "warn", WITH_CARE, "En andra kontroll tar innehållet för något annat ({what})."
    ),
    "other_picture": Kind(
        "warn", WITH_CARE, "Filen heter .{extension} men är en annan sorts bild ({detected})."
    ),
    "not_analysable": Kind("quarantine", SPECIAL, "Gick inte att analysera: {why}."),
    "file_encrypted": Kind(
        "warn",
        WITH_PASSWORD,
        "Filen är skyddad med lösenord och kan varken läsas eller kontrolleras. Be avsändaren om en "
        "fil utan lösenord.",
    ),
    # Archives, and every other file that is a zip.
    "archive_too_large": Kind("refuse", SPECIAL, "Filen packas inte upp: {why}."),
    "archive_damaged": Kind("quarantine", DAMAGED, "Filen är skadad: {why}."),
    "archive_hides": Kind(
        "warn", WITH_CARE, "Mellan filerna i arkivet ligger något som inte står i innehållsförteckningen."
    ),
    "archive_unsafe_path": Kind("quarantine", SPECIAL, "En fil i arkivet vill ut ur sin mapp: {name}"),
    "archive_link": Kind("quarantine", SPECIAL, "Arkivet innehåller en länk i stället för en fil: {name}"),
    "archive_nested": Kind("quarantine", SPECIAL, "Arkivet ligger för djupt i andra arkiv för att öppnas."),
    "archive_locked_unlisted": Kind(
        "quarantine", SPECIAL, "En låst fil i arkivet har en filtyp som inte står på listan: {name}"
    ),
    # Pictures, sound and film.
    "image_too_large": Kind("quarantine", SPECIAL, "Bilden har fler än {most} bildpunkter och visas inte."),
    "image_unreadable": Kind("quarantine", SPECIAL, "Bilden går inte att läsa."),
    "image_unusual": Kind("warn", WITH_CARE, "Bilden är av ett ovanligt slag som inte kan visas här."),
    "image_truncated": Kind("warn", DAMAGED, "Bilden är avbruten eller skadad; allt går inte att visa."),
    "image_many_frames": Kind("warn", ARRIVED, "Filen består av fler än {most} bilder."),
    "image_has_position": Kind("note", PLACED, "Filen berättar var den är gjord."),
    "script_in_picture": Kind("warn", WITH_CARE, "I bildens beskrivning står ett skript eller en webbsida."),
    "media_unreadable": Kind("quarantine", SPECIAL, "Filen är inte ljud eller film som går att läsa."),
    "media_damaged": Kind("warn", DAMAGED, "Inspelningen är avbruten eller skadad: {why}."),
    "media_playlist": Kind("quarantine", SPECIAL, "I filen ligger en spellista, som kan hämta annat."),
    "media_points_elsewhere": Kind("warn", WITH_CARE, "Filmen visar något som ligger på annat håll: {where}"),
    # What lies after or around a file's own content.
    "hidden_content": Kind("quarantine", SPECIAL, "I filen ligger något annat gömt: {what}."),
    "trailing_data": Kind("warn", WITH_CARE, "Efter filens slut ligger {size} byte som inte hör till den."),
    # PDF.
    "pdf_script_by_itself": Kind("warn", WITH_CARE, "Innehåller skript som körs när filen öppnas."),
    "pdf_script": Kind("warn", WITH_CARE, "Innehåller skript som gör mer än vad blanketter brukar göra."),
    "pdf_form_script": Kind("note", ARRIVED, "Innehåller skript som räknar eller rättar det som fylls i."),
    "pdf_opens_address": Kind("warn", WITH_CARE, "Öppnar en webbadress av sig själv: {target}"),
    "pdf_odd_link": Kind("warn", WITH_CARE, "Har en länk med ett ovanligt mål: {target}"),
    "pdf_launches": Kind("warn", WITH_CARE, "Vill starta ett program eller öppna något annat: {target}"),
    "pdf_link_to_file": Kind("note", ARRIVED, "Har en länk till en fil som inte följde med: {target}"),
    "pdf_submits": Kind("warn", WITH_CARE, "Skickar det som fylls i till {target}"),
    "pdf_form_by_mail": Kind("note", ARRIVED, "Är en blankett som skickas med en knapp."),
    "pdf_imports": Kind("warn", WITH_CARE, "Vill hämta in uppgifter från en annan fil: {target}"),
    "pdf_reaches_out": Kind("warn", WITH_CARE, "Vill hämta något på annat håll: {target}"),
    "pdf_external_stream": Kind("warn", WITH_CARE, "En del av innehållet ligger på annat håll: {target}"),
    "pdf_font_trick": Kind("warn", WITH_CARE, "Ett typsnitt är gjort för att lura läsaren att köra kod."),
    "pdf_function_trick": Kind("warn", WITH_CARE, "En formel är gjord för att lura läsaren att köra kod."),
    "pdf_markup": Kind("warn", WITH_CARE, "En kommentar i filen innehåller kod för webbsidor."),
    "pdf_xml_entities": Kind(
        "warn", WITH_CARE, "Uppgifter i filen är skrivna så att den som läser dem kan luras att hämta annat."
    ),
    "pdf_xfa": Kind("note", ARRIVED, "Är en dynamisk blankett (XFA), som bara vissa program visar rätt."),
    "pdf_xfa_acts": Kind(
        "warn", WITH_CARE, "Är en dynamisk blankett (XFA) som skickar, hämtar eller kör något av sig själv."
    ),
    "pdf_rich_media": Kind("warn", WITH_CARE, "Innehåller interaktivt innehåll (film, 3D eller webbsida)."),
    "pdf_media": Kind("note", ARRIVED, "Innehåller ljud eller film."),
    "pdf_portfolio": Kind("note", ARRIVED, "Är en samling av flera filer."),
    "pdf_attachment": Kind("note", ARRIVED, "Har en bifogad fil: {name}"),
    "pdf_odd_attachment": Kind("warn", WITH_CARE, "Har en bifogad fil av en ovanlig typ: {name}"),
    "pdf_doubled": Kind("warn", WITH_CARE, "Samma uppgift står två gånger; program kan läsa den olika."),
    "pdf_damaged": Kind("warn", DAMAGED, "Filen är skadad och kan inte läsas som PDF."),
    "pdf_mended": Kind("note", ARRIVED, "Filen har fel som programmen rättar när den öppnas."),
    "pdf_begins_late": Kind("note", ARRIVED, "Före filens början ligger något som inte hör till den."),
    "pdf_partly_read": Kind("warn", WITH_CARE, "Filen är så stor att bara en del av den är kontrollerad."),
    "pdf_bomb": Kind("quarantine", SPECIAL, "En del av filen packas upp till orimlig storlek."),
    # Office documents and rich text.
    "office_unreadable": Kind("quarantine", DAMAGED, "Dokumentet går inte att öppna: {why}."),
    "office_damaged": Kind("warn", DAMAGED, "Dokumentet är avbrutet eller skadat; allt går inte att läsa."),
    "office_macros": Kind("warn", WITH_CARE, "Dokumentet innehåller makron ({what})."),
    "office_macros_run": Kind(
        "quarantine", SPECIAL, "Dokumentet innehåller makron som startar av sig själva ({what})."
    ),
    "office_remote": Kind("warn", WITH_CARE, "Dokumentet hämtar något utifrån när det öppnas: {what}"),
    "office_link": Kind("warn", WITH_CARE, "En länk i dokumentet leder inte till en vanlig sida: {what}"),
    "office_dde": Kind("warn", WITH_CARE, "Dokumentet vill tala med ett annat program (DDE): {what}"),
    "office_object": Kind("warn", WITH_CARE, "I dokumentet ligger en fil som går att öppna: {name}"),
    "office_active": Kind("warn", WITH_CARE, "Dokumentet innehåller styrdelar utöver det vanliga: {what}."),
    "office_exploit": Kind(
        "quarantine", SPECIAL, "Dokumentet är byggt för att utnyttja ett fel i Office: {what}."
    ),
    "xml_doctype": Kind(
        "quarantine", SPECIAL, "Delen {part} har en dokumenttyp (DOCTYPE), som Office aldrig skriver."
    ),
    "malware": Kind("quarantine", SPECIAL, "Skadlig kod: {signature}."),
    "scanner_remark": Kind(
        "warn", WITH_CARE, "Virusskannern anmärkte: {signature}. Öppna filen med försiktighet."
    ),
    "more_findings": Kind("note", ARRIVED, "Och {count} iakttagelser till."),
    "unchecked": Kind("note", ARRIVED, "Väntar på kontroll: virusskannern svarar inte."),
    "scan_incomplete": Kind("note", WITH_CARE, "Virusskannern kunde inte gå igenom hela filen."),
}


def finding(code: str, **values: object) -> Finding:
    """Return a finding with its words filled in; KeyError for a code that is not listed."""
    kind = KINDS[code]
    plain = {name: _plain(each) for name, each in values.items()}
    return Finding(code, kind.citizen, kind.handler.format(**plain))


def _plain(value: object) -> str:
    """Return a value as it can stand in a sentence: what a file says of itself may hold anything."""
    visible = "".join(char if char.isprintable() else " " for char in str(value)[:VALUE_CHARACTERS])
    return visible.encode("utf-8", "replace").decode()


def weigh(found: Iterable[Finding], *, is_received: bool) -> Word:
    """Return the verdict that findings make together; nothing that was received is refused."""
    words: list[Word] = [_BY_WEIGHT[KINDS[each.code].weight] for each in found]
    return worst(words, is_received=is_received)


def is_locking(codes: Iterable[str]) -> bool:
    """Say whether any of these findings locks what was received."""
    return any(code in KINDS and KINDS[code].weight in ("quarantine", "refuse") for code in codes)


def worst(words: Iterable[Word], *, is_received: bool) -> Word:
    """Return the worst of several verdicts."""
    found: Word = max(words, key=WORSE.index, default="accept")
    return "quarantine" if is_received and found == "refuse" else found
