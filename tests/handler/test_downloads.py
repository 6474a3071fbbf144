"""Originals leave as downloads only, by an act that says what it means; from quarantine under lock."""

from __future__ import annotations

import io
import uuid

import pytest
import pyzipper
from sqlalchemy import select

from intake import storage, web
from intake.extensions import db
from intake.models import AccessLog, Attachment
from tests import desk
from tests.letters_home import deliver, letter, matters

PAGE = b"<script>alert(1)</script>"
NAME = 'räkning "1".html'


@pytest.fixture
def with_file(bring, worker_app):
    """Bring a matter with one file that was checked with this verdict; return where it lies."""

    def made(verdict, **changes):
        reference = bring(files=((NAME, PAGE),), **changes)
        return f"/arende/{reference}/fil/{desk.check_as(worker_app, reference, verdict)}"

    return made


def assert_is_download(answer):
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert "filename*=UTF-8''r%C3%A4kning" in answer.headers["Content-Disposition"]
    assert answer.headers["Content-Security-Policy"] == web.BYTES_POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Length"] == str(len(answer.data))
    return answer.data


def unlocked(data, word="karantan"):
    """Return the name and the bytes of what lies in a locked zip."""
    with pyzipper.AESZipFile(io.BytesIO(data)) as opened:
        (entry,) = opened.infolist()
        assert entry.wz_aes_strength == 3, "AES-256"
        opened.setpassword(word.encode())
        return entry.filename, opened.read(entry)


def looks(seen):
    seen.rollback()
    rows = (
        seen.query(AccessLog)
        .filter(AccessLog.matter_id.is_not(None), AccessLog.what.not_in(("matter", "view")))
        .order_by(AccessLog.at)
        .all()
    )
    return [(row.actor, row.what, row.reason) for row in rows]


@pytest.mark.parametrize("verdict", ["accept", "warn"])
def test_a_checked_original_takes_one_act_after_a_warning_and_is_logged(anna, with_file, seen, verdict):
    path = with_file(verdict)
    page = anna.get(path)
    assert page.mimetype == "text/html"
    assert "kan innehålla sådant som körs när det öppnas" in page.text
    assert PAGE.decode() not in page.text
    assert looks(seen) == []
    assert assert_is_download(anna.post(path, page=page, verdict=verdict)) == PAGE
    assert looks(seen) == [("Anna Lindgren", "file", None)]


@pytest.mark.parametrize(
    ("verdict", "told"),
    [("unchecked", "Vi vet inte än om den är farlig"), ("not_scanned", "inte genomsökt efter skadlig kod")],
)
def test_an_original_that_is_not_checked_says_so_first(anna, with_file, seen, verdict, told):
    path = with_file(verdict)
    asked = anna.get(path)
    assert told in asked.text
    assert assert_is_download(anna.post(path, page=asked, verdict=verdict)) == PAGE
    assert looks(seen) == [("Anna Lindgren", "file", verdict)]


def test_a_file_found_worse_since_the_page_was_shown_is_asked_about_again(anna, with_file, worker_app):
    path = with_file("unchecked")
    asked = anna.get(path)
    desk.check_as(worker_app, path.split("/")[2], "quarantine")
    answer = anna.post(path, page=asked, verdict="unchecked")
    assert answer.status_code == 422
    assert "Kontrollen har sagt något nytt" in answer.text
    assert "behörighet till filkarantänen" in answer.text


def test_a_click_without_a_token_opens_nothing(anna, with_file):
    answer = anna.client.post(with_file("unchecked"), data={"verdict": "unchecked"})
    assert (answer.status_code, answer.mimetype) == (422, "text/html")


def test_quarantine_is_explained_to_those_who_may_not_open_it(anna, with_file, seen):
    path = with_file("quarantine")
    asked = anna.get(path)
    assert "behörighet till filkarantänen" in asked.text
    assert '<button type="submit" class="secondary">Hämta' not in asked.text
    assert anna.post(path, page=asked, verdict="quarantine", reason="vill se").status_code == 403
    assert looks(seen) == []


def test_quarantine_opens_under_lock_for_its_role_in_that_unit_with_a_reason(sit, with_file, seen):
    filip = sit("filip@example.se", ("syd-kontaktcenter", "file_quarantine"), name="Filip Berg")
    path = with_file("quarantine")
    asked = filip.get(path)
    assert "<code>karantan</code>" in asked.text
    assert filip.post(path, page=asked, verdict="quarantine").status_code == 422
    answer = filip.post(path, page=asked, verdict="quarantine", reason="Ska analyseras.")
    locked = assert_is_download(answer)
    assert PAGE not in locked
    assert unlocked(locked) == (NAME, PAGE)
    assert "r%C3%A4kning%20%221%22.html.zip" in answer.headers["Content-Disposition"]
    assert looks(seen) == [("Filip Berg", "file", "quarantine: Ska analyseras.")]


def test_the_role_in_another_unit_opens_nothing_here(sit, with_file):
    both = (("syd-kontaktcenter", "handler"), ("nord-inkorg", "file_quarantine"))
    eva = sit("eva@example.se", *both, name="Eva Ny")
    path = with_file("quarantine")
    page = eva.get(path)
    assert eva.post(path, page=page, verdict="quarantine", reason="vill se").status_code == 403


@pytest.mark.parametrize("verdict", ["accept", "unchecked", "quarantine"])
def test_another_units_file_is_unknown(anna, with_file, bring, caplog, verdict):
    path = with_file(verdict, municipality="2480")
    own = bring()
    assert anna.get(path).status_code == 404
    assert anna.post(path, verdict=verdict, reason="x").status_code == 404
    assert "refused handler=" in caplog.text
    assert anna.get(f"/arende/{own}/fil/{path.rpartition('/')[2]}").status_code == 404
    assert anna.get(f"/arende/{own}/fil/{uuid.uuid4()}").status_code == 404


def test_missing_bytes_are_told_honestly_and_logged(anna, with_file, worker_app, seen, caplog):
    path = with_file("accept")
    with worker_app.app_context():
        storage.current().delete(db.session.scalars(select(Attachment.storage_key)).one())
    answer = anna.post(path, page=anna.get(path), verdict="accept")
    assert answer.status_code == 500
    assert "Filen saknas i lagret" in answer.text
    assert "are missing" in caplog.text
    assert looks(seen) == []


def test_the_raw_letter_takes_one_click_and_comes_as_it_came(sit, worker_app, seen):
    raw = letter(Message_ID="<1@example.com>")
    with worker_app.app_context():
        deliver(raw, "syd@example.se")
        reference = matters()[0].reference
    anna = sit("anna@example.se", *desk.seats("syd", kinds=("inkorg", "kontaktcenter", "utredning")))
    page = anna.page(reference)
    path = page.text.split('">Originalbrevet')[0].rpartition('href="')[2]
    asked = anna.get(path)
    assert "Hämta originalbrevet?" in asked.text
    answer = anna.post(path, page=asked, verdict="raw")
    assert answer.data.endswith(raw)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{reference}.eml"'
    assert [what.split(":")[0] for _, what, _ in looks(seen)] == ["letter"]


def test_a_raw_letter_with_a_quarantined_file_leaves_under_lock_and_for_its_role_only(sit, worker_app):
    raw = letter(files=(("a.exe", b"MZ"),))
    with worker_app.app_context():
        deliver(raw, "syd@example.se")
        reference = matters()[0].reference
    desk.check_as(worker_app, reference, "quarantine")
    anna = sit("anna@example.se", *desk.seats("syd"))
    path = anna.page(reference).text.split('">Originalbrevet')[0].rpartition('href="')[2]
    asked = anna.get(path)
    assert anna.post(path, page=asked, verdict="quarantine", reason="vill se").status_code == 403
    filip = sit("filip@example.se", *desk.seats("syd", role="file_quarantine"), name="Filip Berg")
    answer = filip.post(path, page=filip.get(path), verdict="quarantine", reason="Ska analyseras.")
    name, data = unlocked(answer.data)
    assert (name, data.endswith(raw)) == (f"{reference}.eml", True)
