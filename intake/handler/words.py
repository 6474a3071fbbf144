"""What handlers read: the Swedish words for codes, ages and events."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from config.languages import AnswerLanguage
from config.tables import Tables
from intake.matters.talks import WAYS as TALKS
from intake.words import in_day

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
CHANNELS = {
    "form": "webbformulär",
    "email": "e-post",
    "phone": "telefon",
    "visit": "besök",
    "paper": "brev på papper",
    "outgoing": "kontakt från oss",
    "api": "e-tjänst",
}
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
    "secrecy": "Ber om försiktighet",
    "secrecy_mark": "Sekretessmarkerat",
    "anonymous_wish": "Vill vara anonym",
}
NEEDS = {
    "unreadable": "Brevet kunde inte tolkas: läs originalet",
    "message_id_reused": "Ett annat brev har samma kännetecken",
    "possible_supplement": "Kan höra till ett tidigare ärende",
    "sender_forged": "Avsändaren stämmer inte: brevet kan vara förfalskat",
    "letter_bounced": "Ett brev från oss kom i retur",
    "receipt_not_sent": "Kvittensen gick inte iväg",
    "status_link_not_sent": "Mejlet med en ny länk gick inte iväg",
    "supplement_request_not_sent": "Begäran om komplettering gick inte iväg",
    "delay_not_sent": "Meddelandet om dröjsmål gick inte iväg",
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
    "overdue": "Svaret är försenat",
    "child_told": "Ett delärende har lämnat besked: tala om det för personen",
    "outcome_not_told": "Beskedet nådde inte huvudärendet",
    "handover_overdue": "Överlämningen har inte tagits emot i tid",
    "handover_refused": "Lämnades tillbaka av den enhet som fick det",
    "handover_to_decide": "Lämnades tillbaka två gånger: en nationell samordnare avgör",
    "incident_overdue": "Tiden att anmäla en personuppgiftsincident har gått ut",
    "supplement_overdue": "Kompletteringen har inte kommit i tid",
    "reminder_not_sent": "Påminnelsen om komplettering gick inte iväg",
    "late_not_sent": "Det automatiska meddelandet om dröjsmål gick inte iväg",
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
    "warn": "med varning",
    "quarantine": "i karantän",
    "refuse": "i karantän",
}
OPINIONS = {1: "Mycket dåligt", 2: "Dåligt", 3: "Varken bra eller dåligt", 4: "Bra", 5: "Mycket bra"}
# Which other matter an event is about stands under this name in its detail.
OTHER_MATTER = {
    "merged_into": "into",
    "merged_from": "from",
    "parted": "into",
    "parted_from": "from",
    "not_supplement": "of",
}
REOPENED_BY = {
    "new_message": "av ett nytt meddelande",
    "new_file": "av en fil som kom fram",
    "merged": "av ett ärende som sammanfördes med det",
    "parted": "när det delades upp igen",
    "reply_undone": "när det som var på väg ångrades",
    "child_told": "av ett besked från ett delärende",
}
MARKED_ACTS = {
    "take": "Ta dem",
    "assign": "Ge dem till en kollega",
    "pause": "Låt dem vila",
    "release": "Lämna tillbaka dem",
    "hand_over": "Lämna över dem till en annan enhet",
}
_MARKED = {"take": "tagits", "assign": "fördelats", "pause": "fått vila", "release": "lämnats tillbaka"}
SHOWN = {"": "Alla", "mina": "Mina", "lediga": "Lediga", "forsenade": "Försenade", "pausade": "Vilande"}
ORDERS = {"behov": "Behov", "frist": "Frist", "aldst": "Äldst först", "nyast": "Nyast först"}
OUTCOMES = {"answered": "Besvarat", "referred": "Hänvisat till någon annan", "no_action": "Ingen åtgärd"}
HANDING_ON = {
    "withheld": "Nej, inte än. Det stannar här.",
    "agreed": "Ja, personen har gått med på det",
    "lawful": "Ja, en bestämmelse gör att det får lämnas",
}
_HANDED_ON = {
    "withheld": "det som personen skrev stannar här",
    "agreed": "det som personen skrev får lämnas dit, eftersom personen har gått med på det",
    "lawful": "det som personen skrev får lämnas dit enligt lag",
}
EVENTS = {
    "accepted": "Ärendet kom in",
    "begun_by_hand": "Registrerade ärendet för hand",
    "receipt_printed": "Skrev ut en kvittens med en statuskod",
    "message_added": "Ett nytt meddelande kom in",
    "placed_again": "Ärendet placerades på nytt",
    "letter_registered": "Ett inkommet brev registrerades",
    "parsing_asked": "Bad om att ett brev tolkas på nytt",
    "parsed_again": "Brevet tolkades på nytt",
    "parsing_failed": "Brevet kunde inte tolkas på nytt; det som lästes förut står kvar",
    "taken": "Tog ärendet",
    "assigned": "Fördelade ärendet",
    "released": "Lämnade tillbaka ärendet till inkorgen",
    "handler_left": "Ärendet gick tillbaka till inkorgen, eftersom den som hade det inte arbetar kvar",
    "moved": "Flyttade ärendet",
    "handed_over": "Lämnade över ärendet",
    "handover_received": "Tog emot ärendet, som lämnades över",
    "handover_refused": "Lämnade tillbaka ärendet",
    "handover_raised": "Lämnade tillbaka ärendet för andra gången",
    "handover_undone": "Tog tillbaka ärendet, som inte hade tagits emot",
    "handover_overdue": "Överlämningen togs inte emot i tid",
    "paused": "Lät ärendet vila",
    "resumed": "Tog upp ärendet igen efter vilan",
    "replied": "Skrev ett svar",
    "noted": "Skrev en anteckning",
    "referred": "Hänvisade personen till",
    "handing_on_decided": "Noterade om",
    "secrecy_marked": "Sekretessmarkerade ärendet",
    "secrecy_lifted": "Hävde sekretessmarkeringen",
    "incident_reported": "Rapporterade en personuppgiftsincident",
    "incident_decided": "Beslutade om en personuppgiftsincident",
    "incident_closed": "Avslutade en personuppgiftsincident",
    "incident_overdue": "Tiden att anmäla en personuppgiftsincident gick ut",
    "talk_noted": "Skrev en tjänsteanteckning",
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
    "supplement_asked": "Begärde komplettering",
    "supplement_request_sent": "En begäran om komplettering skickades",
    "supplement_request_refused": "En begäran om komplettering skickades inte",
    "supplement_request_task": "Det är osäkert om en begäran om komplettering kom fram",
    "overdue": "Fristen för ett svar gick ut",
    "supplement_overdue": "Dagen för kompletteringen gick ut, och ärendet togs upp igen",
    "reminded": "Den som skrev påmindes om kompletteringen",
    "reminder_withheld": "Ingen påminnelse skickades: ett mejl kan vara en risk eller är inte önskat",
    "reminder_cancelled": "Ställde in påminnelsen om komplettering",
    "reminder_sent": "En påminnelse om komplettering skickades",
    "reminder_refused": "En påminnelse om komplettering skickades inte",
    "delay_told_by_itself": "Den som skrev fick av sig självt veta att svaret dröjer",
    "late_sent": "Ett automatiskt meddelande om dröjsmål skickades",
    "late_refused": "Ett automatiskt meddelande om dröjsmål skickades inte",
    "delay_told": "Meddelade dröjsmål",
    "reply_undone": "Ångrade det innan det skickades",
    "delay_sent": "Ett meddelande om dröjsmål skickades",
    "delay_refused": "Ett meddelande om dröjsmål skickades inte",
    "delay_task": "Det är osäkert om ett meddelande om dröjsmål kom fram",
    "sent_again": "Skickade ett brev igen",
    "letter_bounced": "Ett brev från oss kom i retur",
    "letter_delayed": "Mottagarens server har inte kunnat leverera ett brev från oss än",
    "letter_delivered": "Mottagarens server har levererat ett brev från oss",
    "letter_displayed": "Ett brev från oss har visats för mottagaren",
    "letter_deleted": "Ett brev från oss raderades utan att visas",
    "merged_into": "Sammanförde ärendet med",
    "merged_from": "Hit fördes det som stod i",
    "parted": "Delade upp ärendet igen: det hör inte längre ihop med",
    "parted_from": "Ärendet delades upp igen, och hit hör inte längre",
    "split": "Bröt ut en del till ett eget ärende",
    "split_from": "Skapades av en del av ett annat ärende",
    "split_undone": "Avslutade ärendet: det var skapat av misstag",
    "child_undone": "Ett delärende avslutades: det var skapat av misstag",
    "outcome_told": "Lämnade besked till huvudärendet",
    "child_told": "Lämnade besked från ett delärende",
    "linked": "Kopplade ihop ärendet med ett annat",
    "unlinked": "Tog bort en koppling till ett annat ärende",
    "not_supplement": "Bedömde att ärendet inte hör till",
    "file_quarantined": "En fil sattes i karantän",
    "file_released": "En fil är inte längre i karantän",
    "files_awaited": "Formuläret skickades medan filer var på väg eller lades samman",
    "file_arrived": "En fil som var på väg kom fram",
    "file_given_up": "En fil kom aldrig fram i sin helhet",
    "exported": "Exporterade hela ärendet",
    "release_prepared": "Förberedde en kopia för utlämnande",
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


def authority_name(tables: Tables, code: str) -> str:
    """Return another authority's name; its code when it has gone from authorities.toml."""
    found = tables.authorities.find(code)
    return found.name if found else code


def say_place(tables: Tables, municipality: str | None, place: str | None) -> str:
    """Say where the matter is about, as far as it was said in a way that we know."""
    if municipality:
        return tables.geography.municipality(municipality).name
    return PLACES.get(place or "", "")


def find_language(tables: Tables, code: str | None) -> AnswerLanguage | None:
    """Return a language that an answer can be asked for in; None for one in the person's own words."""
    return next((language for language in tables.answer_languages if language.code == code), None)


def news(count: int) -> str:
    """Say how many matters are new in the inbox."""
    return "1 nytt ärende" if count == 1 else f"{'Minst ' if count == 100 else ''}{count} nya ärenden"


def marked(count: int, act: str) -> str:
    """Say how many matters an act on several was done to."""
    return f"{'1 ärende' if count == 1 else f'{count} ärenden'} har {_MARKED[act]}."


def handed_over(count: int, unit: str) -> str:
    """Say how many matters were handed over to a unit, and where they can be taken back."""
    many = "1 ärende är överlämnat" if count == 1 else f"{count} ärenden är överlämnade"
    return f"{many} till {unit} och väntar på att tas emot. Under Överlämnade kan ni ta tillbaka dem."


def say_event(what: str, detail: Mapping[str, Any], names: Mapping[uuid.UUID, str], tables: Tables) -> str:
    """Say in one sentence what was done."""
    said = EVENTS.get(what, what)
    if what == "accepted":
        return f"{said} via {CHANNELS.get(detail['channel'], '?')} till {unit_name(tables, detail['unit'])}"
    if what == "begun_by_hand":
        return f"{said}, {CHANNELS.get(detail['channel'], '?')}, i {unit_name(tables, detail['unit'])}"
    if what == "placed_again":
        return f"{said}: {unit_name(tables, detail['unit'])}"
    if what == "alarmed":
        return f"{said}, gång {detail['step']}"
    if what == "alarm_raised":
        return f"{said} till {unit_name(tables, detail['to'])}"
    if what in ("referred", "handing_on_decided"):
        told = f"{said} {authority_name(tables, detail['authority'])}: {_HANDED_ON[detail['handing_on']]}"
        return f"{told}. Avslutade ärendet" if "outcome" in detail else told
    if what == "split_from":
        return f"{said}, till {unit_name(tables, detail['unit'])}"
    if what == "paused":
        return f"{said} till {detail['until']}"
    if what in ("moved", "handed_over", "handover_refused", "handover_raised", "handover_overdue"):
        return f"{said} från {unit_name(tables, detail['from'])} till {unit_name(tables, detail['to'])}"
    if what in ("handover_received", "handover_undone"):
        return f"{said} från {unit_name(tables, detail['from'])}"
    if what == "assigned":
        return f"{said} till {names.get(uuid.UUID(detail['to']), 'en kollega')}"
    if what == "closed":
        return f"{said}: {OUTCOMES.get(detail['outcome'], detail['outcome']).lower()}"
    if what == "reopened" and detail.get("why") in REOPENED_BY:
        return f"{said} {REOPENED_BY[detail['why']]}"
    if what == "letter_registered":
        return f"{said} av {names.get(uuid.UUID(detail['handler']), 'en kollega')}"
    if what == "incident_decided":
        return (
            f"{said}: {'den ska anmälas' if detail['decision'] == 'notify' else 'den behöver inte anmälas'}"
        )
    if what == "secrecy_marked" and detail.get("why") == "merged":
        return f"{said}, som ett ärende som sammanfördes med det"
    if what == "talk_noted":
        return f"{said}: {TALKS[detail['way']].lower()}"
    if what in ("exported", "release_prepared"):
        mark = "sigill" if what == "exported" else "SHA-256"
        return f"{said}, {mark} {detail['digest'][:12]}…"
    if what == "supplement_asked" and detail.get("deadline"):
        return f"{said} senast den {in_day(date.fromisoformat(detail['deadline']))}"
    if what in OTHER_MATTER:
        return f"{said} {detail[OTHER_MATTER[what]]}"
    if what == "sorted":
        return f"{said}: {_choice(tables, detail['was'])} → {_choice(tables, detail['now'])}"
    return said


def _choice(tables: Tables, chosen: Mapping[str, Any]) -> str:
    name, priority = category_name(tables, chosen["category"]), PRIORITIES[chosen["priority"]]
    return f"{name} ({priority.lower()})"
