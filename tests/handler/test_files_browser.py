"""Files in a real browser: nothing that was sent runs in our origin, and the pages can be used by all."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw

from intake.sealing import verify
from tests import desk
from tests.browsers import Looker, opened, serving
from tests.handler.drawn import draw, inside
from tests.handler.test_browser import sign_in

pytestmark = pytest.mark.browser

# Each would tell of itself in the page's title, in a dialogue or by asking for /rann, if it ran.
_SCRIPT = "document.title='RANN';window.rann=1;alert(1);fetch('/rann')"
_SVG = '<svg xmlns="http://www.w3.org/2000/svg" onload="%s"><script>%s</script></svg>'
HOSTILE = {
    "sida.html": f"<!doctype html><script>{_SCRIPT}</script><body onload={_SCRIPT!r}>".encode(),
    "bild.svg": (_SVG % (_SCRIPT, _SCRIPT)).encode(),
    "blad.pdf": (
        b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R"
        b"/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>endobj\n"
        b"trailer<</Root 1 0 R>>\n%%EOF"
    ),
}


@pytest.fixture
def page(handler_app):
    with serving(handler_app) as base, opened(base) as page:
        page.app, page.ran = handler_app, []
        page.on("dialog", lambda dialog: (page.ran.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda sent: sent.url.endswith("/rann") and page.ran.append(sent.url))
        yield page


def sheet(words, width=1000, height=1400):
    made, data = Image.new("RGB", (width, height), "white"), io.BytesIO()
    ImageDraw.Draw(made).multiline_text((80, 80), words, "black", font_size=32)
    made.save(data, "PNG")
    return data.getvalue()


@pytest.mark.parametrize("verdict", ["accept", "quarantine"])
@pytest.mark.parametrize("name", HOSTILE)
def test_an_original_is_saved_and_nothing_in_it_runs(page, owner_app, worker_app, bring, name, verdict):
    seats = (("syd-kontaktcenter", "file_quarantine"), *desk.seats("syd"))
    password = desk.hire(owner_app, "anna.syd@example.se", *seats)
    reference = bring(files=((name, HOSTILE[name]),))
    desk.check_as(worker_app, reference, verdict)
    sign_in(page, password)
    page.goto(f"/arende/{reference}")
    page.get_by_role("link", name=name).click()
    page.get_by_role("heading", name="Originalet").wait_for()
    if verdict == "quarantine":
        page.fill("#reason", "Ska analyseras.")
    with page.expect_download() as saving:
        page.get_by_role("button", name="Hämta").click()
    ending = ".zip" if verdict == "quarantine" else ""
    assert saving.value.suggested_filename == name + ending
    is_bare = saving.value.path().read_bytes() == HOSTILE[name]
    assert is_bare == (verdict == "accept")
    assert page.title().startswith(name)
    assert page.ran == []


@pytest.mark.parametrize("name", HOSTILE)
def test_a_picture_that_is_none_runs_nothing_even_alone_in_the_window(
    page, owner_app, worker_app, bring, name
):
    password = desk.hire(owner_app, "anna.syd@example.se", *desk.seats("syd"))
    reference = bring(files=(("cykel.jpg", b"x"),))
    file = desk.check_as(worker_app, reference, "accept")
    draw(worker_app, file, HOSTILE[name])
    sign_in(page, password)
    page.goto(f"/arende/{reference}/fil/{file}")
    page.goto(f"/arende/{reference}/fil/{file}/bild/1")
    assert page.evaluate("window.rann") is None
    assert page.evaluate("document.contentType") == "image/jpeg"
    assert page.ran == []


def test_a_picture_is_seen_where_it_is_one_and_small_in_the_conversation(
    page, owner_app, worker_app, bring, tmp_path
):
    password = desk.hire(owner_app, "anna.syd@example.se", *desk.seats("syd"))
    reference = bring(files=(("cykel.jpg", b"x"),))
    file = desk.check_as(worker_app, reference, "accept")
    draw(worker_app, file, sheet("Cykel"), media_type="image/png", detected_type="image/jpeg")
    sign_in(page, password)
    looker = Looker(page, tmp_path)
    for name, path in (("matter", f"/arende/{reference}"), ("file", f"/arende/{reference}/fil/{file}")):
        page.goto(path)
        page.locator("img").scroll_into_view_if_needed()
        page.wait_for_function("document.querySelector('img').naturalWidth === 1000")
        looker.look(f"photo-{name}")
    assert looker.wrong == []


def test_axe_finds_nothing_on_the_pages_of_files(page, owner_app, worker_app, bring, tmp_path):
    seats = (("syd-kontaktcenter", "file_quarantine"), *desk.seats("syd"))
    password = desk.hire(owner_app, "anna.syd@example.se", *seats)
    reference = bring(files=(("bilder och avtal från i somras när cykeln försvann.zip", b"x" * 48_000),))
    path = f"/arende/{reference}/fil/{(file := desk.check_as(worker_app, reference, 'warn'))}"
    contents = [
        inside(
            "1", "avtal.pdf", "warn", "Innehåller script. Öppna det inte.", detected_type="application/pdf"
        ),
        inside("2", "ännu en låda.zip", detected_type="application/zip"),
        inside("2.1", "faktura.exe", "quarantine", "Programmet heter .exe."),
    ]
    text = "Köpeavtal\n\n" + "Cykeln är röd och säljs i befintligt skick. " * 20
    facts = {"position": "59.32930, 18.06860", "taken_at": "2026:07:14 18:03:22", "camera": "Pixel 9"}
    findings = [{"code": "x", "citizen": "", "handler": "Innehåller avtal.pdf: Innehåller script."}]
    sheets = (sheet(text.replace(". ", ".\n")), sheet("Sida 2"))
    told = {"contents": contents, "facts": facts, "findings": findings, "detected_type": "application/zip"}
    draw(worker_app, file, *sheets, media_type="image/png", text=text, **told)
    looker = Looker(page, tmp_path)
    sign_in(page, password)
    page.goto(path)
    looker.look("file-drawn")
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    looker.look("file-drawn-open")
    page.goto(f"{path}?del=2.1")
    looker.look("file-inside")
    desk.check_as(worker_app, reference, "quarantine")
    page.goto(path)
    page.get_by_role("button", name="Hämta som låst zip").click()
    looker.look("file-locked-wrong")
    desk.check_as(worker_app, reference, "unchecked")
    page.goto(path)
    looker.look("file-unchecked")
    page.goto(f"/arende/{reference}/exportera")
    page.get_by_role("button", name="Exportera").click()
    looker.look("export-wrong")
    page.fill("#reason", "Till åklagaren")
    with page.expect_download() as saving:
        page.get_by_role("button", name="Exportera").click()
    assert verify(saving.value.path()).faults == ()
    page.goto(f"/arende/{reference}/exportera")
    looker.look("export-made")
    assert looker.wrong == []
