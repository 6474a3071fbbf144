"""What handlers read: the Swedish words for codes, ages and events."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from config.languages import AnswerLanguage
from config.tables import Tables
from intake.matters import sending

STATUSES = {
    "received": "Inkommen",
    "quarantined": "I karantän",
    "registered": "Registrerad",
    "assigned": "Fördelad",
    "in_progress": "Under handläggning",
    "awaiting_citizen": "Väntar på komplettering",
    "handed_over": "Överlämnad",
    "answered": "Besvarad",
    "closed": "Avslutad",
    "reopened": "Återupptagen",
    "archived": "Arkiverad",
    "purged": "Gallrad",
}
PRIORITIES = {1: "Brådskande", 2: "Hög", 3: "Normal", 4: "Låg", 5: "Sist"}
CHANNELS = {"form": "webbformulär", "email": "e-post", "phone": "telefon", "paper": "brev", "api": "e-tjänst"}
PLACES = {"online": "På nätet, i telefonen eller på posten", "abroad": "Utomlands", "unknown": "Vet inte"}
FLAGS = {
    "emergency_now": "Pågående fara",
    "vulnerable": "Särskilt utsatt",
    "child": "Barn",
    "threat_to_person": "Hot mot person",
    "threat_to_staff": "Hot mot personal",
    "hate_crime": "Hatbrott",
    "discrimination": "Diskriminering",
    "spam": "Skräppost",
    "abusive": "Kränkande språk",
    "protected_identity": "Skyddade personuppgifter",
    "upload_failed": "Fil kom inte med",
    "attachment_mentioned": "Nämner en bilaga",
    "multi_topic": "Flera frågor",
    "wrong_authority": "Annan myndighet",
    "foreign_language": "Annat språk",
    "minority_language": "Minoritetsspråk",
    "secrecy": "Sekretess",
    "anonymous_wish": "Vill vara anonym",
}
NEEDS = {
    "unreadable": "Brevet kunde inte tolkas: läs originalet",
    "message_id_reused": "Ett annat brev har samma kännetecken",
    "possible_supplement": "Kan höra till ett tidigare ärende",
    "letter_bounced": "Ett svar kom i retur",
    "reply_not_sent": "Ett svar gick inte iväg",
    "notice_not_sent": "Ett mejl om att det finns ett svar gick inte iväg",
    "unknown_token": "Kom till en ärendeadress som inte finns",
    "taken_back": "Personen tar tillbaka ärendet",
    "maybe_robot": "Kan vara skickat av en maskin: ifyllt mycket fort, eller i ett fält som ingen ser",
    "many_in_short_time": "Många har skickats från samma håll",
    "danger_in_message": "Ett nytt meddelande tyder på fara nu",
    "alarm_not_sent": "Ett larm till jouren gick inte iväg",
    "alarm_unanswered": "Jouren har larmats utan att någon tagit ärendet",
    "file_missing": "En fil kom aldrig fram i sin helhet",
}
CONCERNS = {
    "self": "Den som skrev",
    "other": "Någon annan än den som skrev",
    "unsaid": "Vet inte eller vill inte säga",
}
INTERPRETERS = {
    "spoken": "Vill ha tolk",
    "sign": "Vill ha teckenspråkstolk",
    "other": "Behöver annan hjälp för att prata, till exempel skrivtolk eller dövblindtolk",
}
VERDICTS = {
    "unchecked": "väntar på kontroll",
    "not_scanned": "inte genomsökt",
    "accept": "kontrollerad",
    "warn": "kontrollerad, med varning",
    "quarantine": "i karantän",
    "refuse": "i karantän",
}
LETTER_STATES = {
    "owed": "Väntar på att skickas",
    "sending": "Skickas",
    "sent": "Skickat",
    "refused": "Togs inte emot av mottagarens e-postserver. Behöver en person.",
    "bounced": "Kom i retur. Behöver en person.",
    "task": "Det är osäkert om svaret kom fram. Behöver en person.",
}
# Why a letter of ours was held back, where it was not the receiver's server that refused it.
HELD_BACK = {
    sending.WANTED_NO_MORE: "Skickades inte: personen vill inte ha mejl dit längre. Behöver en person.",
    sending.DELICATE_NOW: "Skickades inte: ärendet har blivit för känsligt för mejl. Behöver en person.",
    sending.FILE_HELD: "Skickades inte: en av filerna får inte lämnas ut. Behöver en person.",
}
OPINIONS = {1: "Mycket dåligt", 2: "Dåligt", 3: "Varken bra eller dåligt", 4: "Bra", 5: "Mycket bra"}
OUTCOMES = {"answered": "Besvarat", "referred": "Hänvisat till någon annan", "no_action": "Ingen åtgärd"}
EVENTS = {
    "accepted": "Ärendet kom in",
    "message_added": "Ett nytt meddelande kom in",
    "placed_again": "Ärendet placerades på nytt",
    "parsed_again": "Brevet tolkades på nytt",
    "taken": "Tog ärendet",
    "assigned": "Fördelade ärendet",
    "released": "Lämnade tillbaka ärendet till inkorgen",
    "moved": "Flyttade ärendet",
    "replied": "Skrev ett svar",
    "noted": "Skrev en anteckning",
    "closed": "Avslutade ärendet",
    "reopened": "Ärendet öppnades igen",
    "sorted": "Ändrade ärendetyp och prioritet",
    "codes_revoked": "Spärrade statuskoderna",
    "needs_settled": "Noterade att det som behövde en person är åtgärdat",
    "receipt_sent": "En kvittens skickades",
    "receipt_refused": "En kvittens kunde inte skickas",
    "receipt_task": "En kvittens kunde inte skickas",
    "reply_sent": "Svaret skickades",
    "reply_refused": "Svaret togs inte emot",
    "reply_task": "Det är osäkert om svaret kom fram",
    "notice_sent": "Ett mejl om att det finns ett svar skickades",
    "notice_refused": "Ett mejl om att det finns ett svar skickades inte",
    "status_link_sent": "En ny länk till statussidan skickades",
    "status_link_refused": "En ny länk till statussidan skickades inte",
    "confirm_email_sent": "Ett mejl för att bekräfta en ny e-postadress skickades",
    "confirm_email_refused": "Ett mejl för att bekräfta en ny e-postadress skickades inte",
    "contact_changed": "Den som skrev ändrade hur vi når hen",
    "email_change_asked": "Den som skrev angav en ny e-postadress, som inte gäller förrän den är bekräftad",
    "email_changed": "En ny e-postadress bekräftades och gäller nu",
    "feedback_given": "Den som skrev svarade på hur kontakten har varit",
    "letter_bounced": "Ett svar kom i retur",
    "file_quarantined": "En fil sattes i karantän",
    "files_awaited": "Formuläret skickades medan filer var på väg eller lades samman",
    "file_arrived": "En fil som var på väg kom fram",
    "file_given_up": "En fil kom aldrig fram i sin helhet",
    "danger_seen": "Ett nytt meddelande tyder på fara nu",
    "alarm_began": "Larm: ärendet är brådskande och ingen har tagit det",
    "alarmed": "Jouren larmades",
    "alarm_raised": "Larmet gick vidare",
    "alarm_unanswered": "Larmet upphörde utan att någon tagit ärendet",
    "alarm_sent": "Ett larm till jouren skickades",
    "alarm_refused": "Ett larm till jouren skickades inte",
}


def age(since: datetime, now: datetime) -> str:
    """Say how long ago something came: ``12 minuter``, ``3 timmar``, ``2 dagar``."""
    minutes = max(0, int((now - since) / timedelta(minutes=1)))
    for size, one, many in ((1440, "1 dag", "dagar"), (60, "1 timme", "timmar"), (1, "1 minut", "minuter")):
        if minutes >= size:
            count = minutes // size
            return one if count == 1 else f"{count} {many}"
    return "nyss"


def say_confidence(confidence: float) -> str:
    """Say how sure the rule was."""
    if confidence >= 0.8:
        return "säker"
    return "ganska säker" if confidence >= 0.5 else "osäker"


def unit_name(tables: Tables, code: str) -> str:
    """Return a unit's name; its code when it has gone from authority.toml."""
    try:
        return tables.authority.unit(code).name
    except KeyError:
        return code


def category_name(tables: Tables, code: str) -> str:
    """Return a category's name; its code when it has gone from categories.toml."""
    try:
        return tables.categories.get(code).name
    except KeyError:
        return code


def say_place(tables: Tables, municipality: str | None, place: str | None) -> str:
    """Say where the matter is about, as far as it was said in a way that we know."""
    if municipality:
        return tables.geography.municipality(municipality).name
    return PLACES.get(place or "", "")


def find_language(tables: Tables, code: str | None) -> AnswerLanguage | None:
    """Return a language that an answer can be asked for in; None for one in the person's own words."""
    return next((language for language in tables.answer_languages if language.code == code), None)


def say_event(what: str, detail: Mapping[str, Any], names: Mapping[uuid.UUID, str], tables: Tables) -> str:
    """Say in one sentence what was done."""
    said = EVENTS.get(what, what)
    if what == "accepted":
        return f"{said} via {CHANNELS.get(detail['channel'], '?')} till {unit_name(tables, detail['unit'])}"
    if what == "placed_again":
        return f"{said}: {unit_name(tables, detail['unit'])}"
    if what == "alarmed":
        return f"{said}, gång {detail['step']}"
    if what == "alarm_raised":
        return f"{said} till {unit_name(tables, detail['to'])}"
    if what == "moved":
        return f"{said} från {unit_name(tables, detail['from'])} till {unit_name(tables, detail['to'])}"
    if what == "assigned":
        return f"{said} till {names.get(uuid.UUID(detail['to']), 'en kollega')}"
    if what == "closed":
        return f"{said}: {OUTCOMES.get(detail['outcome'], detail['outcome']).lower()}"
    if what == "reopened" and detail.get("why") == "new_message":
        return f"{said} av ett nytt meddelande"
    if what == "reopened" and detail.get("why") == "new_file":
        return f"{said} av en fil som kom fram"
    if what == "sorted":
        return f"{said}: {_choice(tables, detail['was'])} → {_choice(tables, detail['now'])}"
    return said


def _choice(tables: Tables, chosen: Mapping[str, Any]) -> str:
    name, priority = category_name(tables, chosen["category"]), PRIORITIES[chosen["priority"]]
    return f"{name} ({priority.lower()})"
