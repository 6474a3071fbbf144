"""Every handlers' page keeps to the rules of ``pages.py``, filled in, empty and with errors."""

from __future__ import annotations

import re
from datetime import timedelta

from intake.handler import gate
from tests import desk, letters_home
from tests.handler import drawn, mail
from tests.project import pages


def handler_pages(anna, eva, cora, bring, worker_app, clock):
    """Return every page of the handlers' side, by a name for it."""
    stranger = desk.Desk(anna.client.application, "x@example.se", "<b>")
    shown = {"inloggning": stranger.get("/logga-in"), "inloggning med fel": stranger.sign_in()}
    shown["tom inkorg"], shown["konto"] = anna.get("/"), anna.get("/konto")
    shown["tangenter"] = anna.get("/tangenter")
    shown |= account_pages(anna, clock)
    reference = bring(subject='<b> & "', text="<b>Text", files=(("<b>.jpg", b"x"),), place_words="<b>vid ån")
    shown["ärende"], shown["inkorg"] = anna.page(reference), anna.get("/")
    shown |= new_matter_pages(anna)
    acts = ("fordela", "flytta", "svara", "komplettera", "drojsmal", "anteckna", "samtal", "avsluta")
    for act in (*acts, "sortera"):
        shown[f"{act} med fel"] = anna.act(reference, act)
    for verdict in ("unchecked", "quarantine"):
        path = f"/arende/{reference}/fil/{desk.check_as(worker_app, reference, verdict)}"
        shown[f"fil {verdict}"] = anna.get(path)
    shown |= file_pages(anna, bring, worker_app)
    shown |= warned_pages(anna, cora, bring)
    shown |= copy_pages(anna, reference)
    shown |= search_pages(anna)
    shown |= letter_pages(eva, worker_app, clock)
    shown |= handover_pages(anna, bring)
    shown |= away_pages(anna, eva, cora, clock)
    anna.act(reference, "ta")
    shown["för sent, med fel"] = anna.act(reference, "svara", page=shown["ärende"], text="<b>Svar")
    shown["förhandsgranskat"] = anna.act(reference, "forhandsgranska", text="<b>Svar", is_told="ja")
    anna.act(reference, "utkast", text="<b>Svar")
    shown["med utkast"] = anna.page(reference)
    anna.act(reference, "avsluta", outcome="no_action")
    shown["avslutat"], shown["okänd"] = anna.page(reference), anna.get("/finns/inte")
    anna.post("/logga-ut")
    shown["utloggad"] = anna.client.post(f"/arende/{reference}/svara", data={"text": "<b>Svar"})
    return {name: answer.text for name, answer in shown.items()}


def copy_pages(anna, reference):
    """Return a matter as it is printed, and a copy to give out as it is chosen and looked through."""
    path = f"/arende/{reference}/lamna-ut"
    shown = {"utskrift": anna.get(f"/arende/{reference}/skriv-ut"), "lämna ut": anna.get(path)}
    said = {"page": shown["lämna ut"], "words": "<b>", "mask-0-1-0": "0.1.0", "gor": "granska"}
    shown["lämna ut med fel"] = anna.post(path, **said)
    shown["lämna ut, granskad"] = anna.post(path, by="35_1", **said)
    return shown


def account_pages(anna, clock):
    """Return the pages of an account, of the second factor and of showing once more who it is."""
    halfway = desk.Desk(anna.client.application, anna.email, anna.password)
    halfway.show_password()
    shown = {"kod": halfway.get("/logga-in/kod"), "kod med fel": halfway.give_code("<b>")}
    account = anna.get("/konto")
    shown["konto, två inloggningar"] = account
    words = {"old_password": "a", "new_password": "b", "same_password": "c"}
    shown["konto med fel"] = anna.post("/konto/losenord", page=account, **words)
    shown["app"] = anna.get("/konto/app")
    shown["app med fel"] = anna.post("/konto/app", page=shown["app"], code="<b>")
    shown["nya koder"] = anna.get("/konto/koder")
    shown["koder"] = anna.post("/konto/koder", page=shown["nya koder"])
    clock.at += timedelta(minutes=15)
    shown["bekräfta först"] = anna.post("/konto/koder", page=account, note="<b>")
    shown["bekräfta"], shown["bekräfta med fel"] = anna.get("/bekrafta"), anna.prove("<b>", "<b>")
    anna.prove()
    return shown


def handover_pages(anna, bring):
    """Return the pages of handing over, within one's own units: each side of it, and who was late."""
    reference = bring(subject="<b>Överlämnas")
    asked = anna.get(f"/arende/{reference}/lamna-over")
    shown = {"lämna över": asked, "inget överlämnat": anna.get("/overlamnade")}
    words = {"receiver": "syd-utredning", "why": "<b>Skäl"}
    shown["lämna över med fel"] = anna.post(f"/arende/{reference}/lamna-over/granska", page=asked)
    shown["granska"] = anna.post(f"/arende/{reference}/lamna-over/granska", page=asked, **words)
    before = anna.page(reference)
    anna.post(f"/arende/{reference}/lamna-over", page=asked, **words)
    shown["överlämnade"], shown["överlämnat"] = anna.get("/overlamnade"), anna.page(reference)
    shown["överlämnat i inkorgen"] = anna.get("/?enhet=syd-utredning")
    shown["lämna tillbaka med fel"] = anna.act(reference, "lamna-tillbaka")
    shown["överlämnat två gånger, med fel"] = anna.post(
        f"/arende/{reference}/lamna-over", page=asked, receiver="syd-inkorg", why="<b>Skäl"
    )
    anna.act(reference, "lamna-tillbaka", reason="<b>Skäl")
    anna.act(reference, "lamna-over", receiver="nord-inkorg", why="<b>Skäl")
    shown["hos en annan enhet"] = anna.page(reference)
    shown["en kollega hann före"] = anna.act(reference, "svara", page=before, text="<b>Svar")
    return shown | several_pages(anna, bring)


def several_pages(anna, bring):
    """Return an inbox with several rows, and the pages of handing them over at once."""
    ticked = [bring(subject=f"<b>Ärende {number}") for number in range(3)]
    shown = {"inkorg, flera rader": (inbox := anna.get("/"))}
    anna.act(ticked[2], "avsluta", outcome="no_action")
    asked = anna.post("/markerade?visa=lediga", page=inbox, gor="hand_over", ref=ticked)
    shown["lämna över flera"] = anna.get(asked.location)
    seen = re.search(r'name="ticked" value="([^"]+)"', shown["lämna över flera"].text)[1]
    path, words = "/markerade/lamna-over/granska", {"page": shown["lämna över flera"], "ticked": seen}
    shown["lämna över flera med fel"] = anna.post(path, **words)
    words |= {"receiver": "syd-utredning", "why": "<b>Skäl"}
    shown["granska flera"] = anna.post(path, **words)
    return shown


def away_pages(anna, eva, cora, clock):
    """Return the pages on which somebody is away: of the account, a coordinator and a colleague."""
    anna.post("/konto/borta", page=anna.get("/konto"), until=f"{clock.at.date()}")
    unit = cora.get("/enheter/syd-inkorg").text
    path = re.search(r'href="(/enheter/syd-inkorg/[^"/]+)">Anna', unit)[1]
    return {"borta": anna.get("/konto"), "person": cora.get(path), "inkorg, borta": eva.get("/")}


def warned_pages(anna, cora, bring):
    """Return the pages that warn: of words, of secrecy, and of what went wrong with personal data."""
    reference = bring(text="<b>Text")
    shown = {"tänk efter": anna.act(reference, "anteckna", note="<b>En rättshaverist.")}
    shown["tänk efter, svar"] = anna.act(reference, "forhandsgranska", text="<b>Hej kund", is_told="ja")
    shown["märk med fel"] = anna.act(reference, "sekretess", secrecy_reason="<b>")
    anna.act(reference, "sekretess", provision="35_1", secrecy_reason="<b>Adressen")
    shown["märkt"] = anna.page(reference)
    shown["exportera märkt"] = anna.get(f"/arende/{reference}/exportera")
    shown["häv med fel"] = anna.act(reference, "sekretess/hav")
    path = f"/arende/{reference}/incidenter"
    shown["inga incidenter"], shown["tom lista"] = cora.get(path), cora.get("/incidenter")
    shown["incident med fel"] = anna.post(path, page=shown["inga incidenter"])
    said = {"kind": "lost_access", "noticed": "2026-11-22T10:00", "happened": "<b>", "persons": "<b>"}
    for _ in range(2):
        anna.post(path, page=anna.get(path), **said)
    shown["incidenter"], shown["incident"] = cora.get(path), cora.page(reference)
    shown["beslut med fel"] = cora.post(f"{path}/beslut", page=shown["incidenter"])
    incident = re.search(r'name="incident" value="([^"]+)"', shown["incidenter"].text)[1]
    said = {"incident": incident, "decision": "notify", "decision_reason": "<b>"}
    cora.post(f"{path}/beslut", page=shown["incidenter"], **said)
    shown["beslutad"], shown["incidentlista"] = cora.get(path), cora.get("/incidenter")
    cora.post(f"{path}/avsluta", page=shown["beslutad"], incident=incident, done="<b>")
    shown["avslutad incident"] = cora.get(path)
    return shown


def new_matter_pages(anna):
    """Return the pages of new matters: empty, with errors, and a matter that was begun by hand."""
    shown = {"nytt ärende": anna.get("/nytt-arende"), "ta kontakt": anna.get("/ta-kontakt")}
    for path in ("nytt-arende", "ta-kontakt"):
        shown[f"{path} med fel"] = anna.post(f"/{path}", page=shown["nytt ärende"], who='<b> & "')
    page = re.search(r'name="page" value="([^"]+)"', shown["ta kontakt"].text)[1]
    words = {"email": "kim@example.com", "who": "<b>Kim", "subject": "<b>", "text": "<b>Hej"}
    where = {"unit": "syd-inkorg", "category": "fraga"}
    token = desk.token_in(shown["ta kontakt"])
    sent = anna.client.post("/ta-kontakt", data={"csrf_token": token, "page": page} | words | where)
    shown["tagen kontakt"] = anna.get(sent.location)
    reference = sent.location.split("?")[0].rpartition("/")[2]
    anna.act(reference, "samtal", talk_way="visit", talk_said="<b>Hej", talk_with="<b>Kim")
    shown["med samtal"] = anna.page(reference)
    return shown


def search_pages(anna):
    """Return the pages of a search: empty, with and without hits, asking why, and too old."""
    shown = {"sök": anna.get("/sok")}
    shown["sökt"] = anna.post("/sok", page=shown["sök"], q="text")
    shown["sökt förgäves"] = anna.post("/sok", page=shown["sök"], q="<b>finns inte")
    shown["sök person"] = anna.post("/sok", page=shown["sök"], q="<b>Kim Berg")
    shown["sök person med fel"] = anna.post("/sok", page=shown["sök"], q="<b>Kim Berg", reason="")
    shown["sök med fel"] = anna.client.post("/sok", data={"q": "<b>Kim Berg"})
    return shown


def file_pages(anna, bring, worker_app):
    """Return the pages of a file that was drawn and holds others, and of taking out its matter."""
    reference = bring(files=(("<b>.zip", b"x"),))
    path = f"/arende/{reference}/fil/{(file := desk.check_as(worker_app, reference, 'warn'))}"
    contents = [drawn.inside("1", "<b>.zip", "warn", "Fynd <b>"), drawn.inside("1.1", "<b>.jpg")]
    facts = {"position": "59.32930, 18.06860", "taken_at": "<b>", "camera": "<b>"}
    drawn.draw(worker_app, file, drawn.photo(), drawn.photo(), text="<b>Text", contents=contents, facts=facts)
    drawn.draw(worker_app, file, drawn.photo(), inner="1.1", contents=contents)
    shown = {"fil": anna.get(path), "fil i fil": anna.get(f"{path}?del=1.1"), "bilder": anna.page(reference)}
    shown["fil med fel"] = anna.post(path, page=shown["fil"], verdict="unchecked")
    out = f"/arende/{reference}/exportera"
    shown["exportera"] = anna.get(out)
    shown["exportera med fel"] = anna.post(out, page=shown["exportera"])
    anna.post(out, page=shown["exportera"], reason="<b>Till åklagaren")
    shown["exporterat"], shown["sett"] = anna.get(out), anna.get(path)
    return shown


def letter_pages(eva, worker_app, clock):
    """Return the pages that are about letters: a matter of one, registering one, and the mailroom in need."""
    with worker_app.app_context():
        mail.mailroom_in_need(clock)
        reference = letters_home.matters()[0].reference
    shown = {"brev": eva.page(reference), "postrummet": eva.get("/postrum")}
    shown["postrummet, sökt"] = eva.get("/postrum?adress=ingen")
    shown["postrummet med fel"] = eva.get("/postrum?fran=igår")
    shown["registrera"] = eva.get("/registrera-brev")
    shown["registrera med fel"] = eva.post("/registrera-brev", page=shown["registrera"])
    return shown


def test_every_handlers_page_keeps_to_the_rules(anna, eva, cora, bring, worker_app, clock):
    shown = handler_pages(anna, eva, cora, bring, worker_app, clock)
    assert {name: faults for name, page in shown.items() if (faults := pages.faults(page))} == {}
    assert all("<b>" not in page for page in shown.values())
    assert all("Demonstration." in page for page in shown.values())
    for name, page in shown.items():
        assert pages.title_of(page).startswith("Fel: ") == ("med fel" in name), name


def test_every_route_but_the_sign_in_has_the_gate(handler_app):
    client = handler_app.test_client()
    for rule, path in desk.addresses(handler_app):
        is_open = rule.endpoint in gate.PUBLIC
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            status = client.open(path, method=method).status_code
            assert status in ((200, 404, 422) if is_open else (303, 403)), (method, path)


def test_every_post_needs_its_token(anna, bring):
    reference = bring()
    for act in ("ta", "slapp", "oppna", "atgardat", "anteckna", "svara"):
        answer = anna.client.post(
            f"/arende/{reference}/{act}", data={"version": "1", "text": "x", "note": "x"}
        )
        assert (answer.status_code, "för gammal" in answer.text) == (422, True), act
    anna.client.post("/logga-ut")
    assert anna.get("/konto").status_code == 200
