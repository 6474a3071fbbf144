"""Every handlers' page keeps to the rules of ``pages.py``, filled in, empty and with errors."""

from __future__ import annotations

import uuid

from intake.handler import bp, gate
from tests import desk, letters_home
from tests.handler import drawn, mail
from tests.project import pages

REFERENCE = "K7RX-3M9P"


def handler_pages(anna, eva, bring, worker_app, clock):
    """Return every page of the handlers' side, by a name for it."""
    stranger = desk.Desk(anna.client.application, "x@example.se", "<b>")
    shown = {"inloggning": stranger.get("/logga-in"), "inloggning med fel": stranger.sign_in()}
    shown["tom inkorg"], shown["konto"] = anna.get("/"), anna.get("/konto")
    shown["konto med fel"] = anna.post("/konto/losenord", page=shown["konto"], old="a", new="b", again="c")
    reference = bring(subject='<b> & "', text="<b>Text", files=(("<b>.jpg", b"x"),), place_words="<b>vid ån")
    shown["ärende"], shown["inkorg"] = anna.page(reference), anna.get("/")
    for act in ("fordela", "flytta", "svara", "komplettera", "drojsmal", "anteckna", "avsluta", "sortera"):
        shown[f"{act} med fel"] = anna.act(reference, act)
    for verdict in ("unchecked", "quarantine"):
        path = f"/arende/{reference}/fil/{desk.check_as(worker_app, reference, verdict)}"
        shown[f"fil {verdict}"] = anna.get(path)
    shown |= file_pages(anna, bring, worker_app)
    shown |= letter_pages(eva, worker_app, clock)
    anna.act(reference, "ta")
    shown["för sent, med fel"] = anna.act(reference, "svara", page=shown["ärende"], text="<b>Svar")
    anna.act(reference, "avsluta", outcome="no_action")
    shown["avslutat"], shown["okänd"] = anna.page(reference), anna.get("/finns/inte")
    anna.post("/logga-ut")
    shown["utloggad"] = anna.client.post(f"/arende/{reference}/svara", data={"text": "<b>Svar"})
    return {name: answer.text for name, answer in shown.items()}


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


def test_every_handlers_page_keeps_to_the_rules(anna, eva, bring, worker_app, clock):
    shown = handler_pages(anna, eva, bring, worker_app, clock)
    assert {name: faults for name, page in shown.items() if (faults := pages.faults(page))} == {}
    assert all("<b>" not in page for page in shown.values())
    assert all("Demonstration." in page for page in shown.values())
    for name, page in shown.items():
        assert pages.title_of(page).startswith("Fel: ") == ("med fel" in name), name


def test_every_route_but_the_sign_in_has_the_gate(handler_app):
    client, adapter = handler_app.test_client(), handler_app.url_map.bind("localhost")
    for rule in handler_app.url_map.iter_rules():
        if not rule.endpoint.startswith(f"{bp.name}."):
            continue
        filled = {name: REFERENCE if name == "reference" else uuid.UUID(int=0) for name in rule.arguments}
        path, is_open = adapter.build(rule.endpoint, filled), rule.endpoint in gate.PUBLIC
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            status = client.open(path, method=method).status_code
            assert status in ((200, 422) if is_open else (303, 403)), (method, path)


def test_every_post_needs_its_token(anna, bring):
    reference = bring()
    for act in ("ta", "slapp", "oppna", "atgardat", "anteckna", "svara"):
        answer = anna.client.post(
            f"/arende/{reference}/{act}", data={"version": "1", "text": "x", "note": "x"}
        )
        assert (answer.status_code, "för gammal" in answer.text) == (422, True), act
    anna.client.post("/logga-ut")
    assert anna.get("/konto").status_code == 200
