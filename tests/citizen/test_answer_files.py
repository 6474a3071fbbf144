"""The files of an answer: given out to whoever has the code, once they are checked, and to nobody else."""

from __future__ import annotations

import re
import uuid

import pytest
from sqlalchemy import select, update

from intake import storage, web
from intake.extensions import db
from intake.models import Attachment, StatusCode
from tests import desk
from tests.citizen import followed
from tests.citizen.person import Person, words
from tests.project import pages

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
LARGE = PDF + b"x" * 500_000
NAME = "öppettider lördag.pdf"


@pytest.fixture
def matter(make_app, clock, worker_app, person):
    return followed.begin(make_app, clock, worker_app, person)


@pytest.fixture
def answered(matter, worker_app):
    """Answer with a file that was checked with this verdict; the person has the page open."""

    def answer(verdict="accept", **given):
        assert matter.reply((NAME, PDF), **given).status_code == 303
        desk.check_as(worker_app, matter.reference, verdict)
        matter.open()
        return matter

    return answer


def fetch(matter, path, **more):
    # Read whole, so that the file is closed as by a browser that has it all.
    return matter.person.client.get(path, buffered=True, **more)


def path_of(seen):
    seen.rollback()
    return f"/arende/fil/{seen.scalars(select(Attachment.id)).one()}"


@pytest.mark.parametrize("verdict", ["accept", "warn", "not_scanned"])
def test_a_checked_file_is_saved_as_it_was_sent(answered, verdict):
    matter = answered(verdict)
    answer = fetch(matter, matter.file())
    assert (answer.status_code, answer.data) == (200, PDF)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert "filename*=UTF-8''%C3%B6ppettider" in answer.headers["Content-Disposition"]
    assert answer.headers["Content-Security-Policy"] == web.BYTES_POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Length"] == str(len(PDF))


class Sipped:
    """A stream that lets nobody have much of it at a time."""

    def __init__(self, stream):
        self.stream, self.close = stream, stream.close

    def read(self, size=-1):
        assert 0 < size < len(LARGE)
        return self.stream.read(size)


def test_the_bytes_are_never_whole_in_memory(matter, worker_app, monkeypatch):
    whole = storage.FolderStorage.open
    matter.reply((NAME, LARGE))
    desk.check_as(worker_app, matter.reference, "accept")
    matter.open()
    monkeypatch.setattr(storage.FolderStorage, "open", lambda *which: Sipped(whole(*which)))
    assert fetch(matter, matter.file()).data == LARGE


def test_a_file_that_is_not_checked_yet_is_told_to_come_back_for(answered, seen):
    matter = answered("unchecked")
    assert "Kontrolleras. Kom tillbaka om en stund." in words(matter.person.get("/arende").text)
    assert matter.file() == ""
    answer = fetch(matter, path_of(seen))
    assert (answer.status_code, pages.faults(answer.text)) == (409, [])
    assert "Filen kontrolleras" in words(answer.text)
    assert PDF not in answer.data


@pytest.mark.parametrize("verdict", ["quarantine", "refuse"])
def test_a_file_in_quarantine_is_never_given_out(answered, seen, verdict):
    matter = answered(verdict)
    assert "Kan inte hämtas här." in words(matter.person.get("/arende").text)
    assert matter.file() == ""
    answer = fetch(matter, path_of(seen))
    assert (answer.status_code, pages.faults(answer.text)) == (403, [])
    assert PDF not in answer.data


def test_a_file_found_worse_after_the_page_was_shown_is_not_given_out(answered, worker_app):
    matter = answered()
    path = matter.file()
    desk.check_as(worker_app, matter.reference, "quarantine")
    assert fetch(matter, path).status_code == 403


def test_the_page_with_files_keeps_to_the_rules(answered):
    matter = answered()
    assert pages.faults(matter.person.get("/arende").text) == []


def test_the_code_is_asked_for_at_each_look(answered, seen, clock):
    matter = answered()
    path = matter.file()
    seen.execute(update(StatusCode).values(revoked_at=clock()))
    seen.commit()
    assert fetch(matter, path).location == "/folj?slut=1"


def test_nobody_gets_a_file_without_the_code(answered, seen, citizen):
    answered()
    assert fetch(followed.Followed(None, "", "", Person(citizen.application.test_client()), None),
                 path_of(seen)).location == "/"  # fmt: skip


def test_another_matters_code_opens_no_file_of_this(answered, seen, worker_app, clock):
    matter = answered()
    path = matter.file()
    other, code = followed.bring(worker_app, clock)[1:]
    matter.person.client.post("/folj", data={"reference": other, "code": code})
    assert fetch(matter, path).status_code == 404
    assert fetch(matter, f"/arende/fil/{uuid.uuid4()}").status_code == 404


def test_what_is_not_told_here_is_not_given_out(answered, seen):
    matter = answered(is_told="")
    assert fetch(matter, path_of(seen)).status_code == 404


def test_what_the_person_sent_is_not_given_out(matter, seen, worker_app, clock):
    reference, code = followed.bring(worker_app, clock, files=((NAME, PDF),))[1:]
    desk.check_as(worker_app, reference, "accept")
    matter.person.client.post("/folj", data={"reference": reference, "code": code})
    assert fetch(matter, path_of(seen)).status_code == 404


def test_another_site_cannot_make_a_browser_save_it(answered):
    matter = answered()
    path = matter.file()
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
        assert fetch(matter, path, headers={"Sec-Fetch-Site": site}).status_code == status


def test_missing_bytes_are_told_honestly_and_logged(answered, worker_app, caplog):
    matter = answered()
    path = matter.file()
    with worker_app.app_context():
        storage.current().delete(db.session.scalars(select(Attachment.storage_key)).one())
    answer = fetch(matter, path)
    assert (answer.status_code, pages.faults(answer.text)) == (503, [])
    assert "Felet ligger hos oss, inte hos dig." in words(answer.text)
    assert "could not be read" in caplog.text


def test_it_is_fetched_in_another_language_too(answered):
    matter = answered()
    page = matter.person.client.get("/en/arende").text
    path = re.search(r'href="(/en/arende/fil/[^"]+)"', page)[1]
    assert fetch(matter, path).data == PDF
