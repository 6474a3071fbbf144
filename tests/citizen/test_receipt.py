"""The receipt's page: what it tells, and to whom."""

from __future__ import annotations

import hashlib
import shutil
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from config.reading import TableError
from config.tables import FOLDER, read_tables
from intake import drafts, ledger
from intake.answers import Answers
from intake.extensions import db
from intake.models import Attachment, MailAddress, Message, Upload
from tests.browsers import opened, serving
from tests.citizen.person import words
from tests.citizen.sender import KEY, QUESTION, THEFT, VIOLENCE, Sender
from tests.project import pages


@pytest.fixture
def sender(make_app):
    return Sender(make_app("citizen"))


class TestPage:
    """What the page tells."""

    def test_it_tells_that_it_came_and_when_and_how_to_follow_it(self, sender):
        accepted = sender.send(**THEFT)
        said = sender.says()
        assert "Ditt ärende har kommit fram" in said
        assert "Vi tog emot det 22 november 2026 kl. 16.05" in said
        assert f"Kvittensnummer{accepted.reference}" in said
        assert f"Statuskod{accepted.status_code}" in said
        assert 'href="/folj"' in sender.page().text

    def test_it_keeps_to_the_rules_of_every_page(self, sender):
        sender.send((b"hej", "<b>.jpg"), here_bytes=40, **VIOLENCE)
        assert pages.faults(sender.page().text) == []
        assert pages.faults(sender.client.post("/kvitto").text) == []
        assert "<b>" not in sender.page().text

    def test_files_stand_there_with_size_and_digest(self, sender):
        sender.send((b"innehall", "brev.txt"), **THEFT)
        said = sender.says()
        assert "brev.txt (8 byte)" in said
        assert hashlib.sha256(b"innehall").hexdigest() in said

    def test_it_survives_a_reload_and_another_process(self, sender, make_app):
        accepted = sender.send(**THEFT)
        sender.says()
        sender.client.application = make_app("citizen")
        assert accepted.status_code in sender.says()

    def test_after_a_day_it_is_gone_and_says_how_to_follow(self, sender, clock):
        accepted = sender.send(**THEFT)
        clock.at += timedelta(hours=24, minutes=1)
        gone = sender.page()
        assert gone.status_code == 404
        assert "Det du har skickat finns kvar hos oss" in words(gone.text)
        assert 'class="button" href="/folj"' in gone.text
        assert accepted.reference not in gone.text

    def test_another_browser_finds_nothing(self, sender):
        sender.send(**THEFT)
        stranger = Sender(sender.app)
        stranger.show(sender.draft_id, key="x" * 43)
        assert stranger.page().status_code == 404
        assert stranger.page("/kvitto.pdf").status_code == 404
        assert stranger.client.post("/kvitto").status_code == 404

    def test_a_form_that_is_not_sent_has_no_receipt(self, sender):
        with sender.app.app_context():
            draft_id = drafts.begin(KEY, Answers(**THEFT))
        sender.show(draft_id)
        assert sender.page().status_code == 404

    def test_more_can_be_mailed_to_the_matters_own_address(self, sender, seen):
        accepted = sender.send(**THEFT)
        token = seen.scalar(select(MailAddress.token))
        assert f'href="mailto:arende+{token}@example.se?subject=%C3%84rende%20{accepted.reference}"' in (
            sender.page().text
        )

    def test_it_can_be_taken_away_and_left_quickly(self, sender):
        sender.send(**VIOLENCE)
        page = sender.page().text
        assert 'action="/lamna"' in page
        assert f'action="/skriv/{sender.draft_id}/rensa"' in page


@pytest.mark.parametrize(
    ("answers", "told", "untold"),
    [
        ({}, "Du har inte lämnat några kontaktuppgifter", "mejla dig"),
        ({"email": "kim@example.com"}, "kan mejla dig", "bekräftelse med e-post"),
        ({"email": "kim@example.com", "phone": "070"}, "kan mejla eller ringa dig", "kontaktuppgifter"),
        ({"phone": "070", "call_words": "Efter fem"}, "vad du har skrivit om när och hur", "mejla dig"),
        ({"email": "kim@example.com", "wants_receipt": True}, "bekräftelse med e-post", "mejlar dig inte"),
        ({"email": "kim@example.com", "may_email": False}, "Vi mejlar dig inte", "Handläggaren kan mejla"),
    ],
)
def test_what_happens_next_fits_how_the_person_may_be_reached(sender, answers, told, untold):
    sender.send(**QUESTION, **answers)
    next_part = sender.says().partition("Vad händer nu?")[2].partition("Vill du lägga till")[0]
    assert told in next_part
    assert untold not in next_part


def test_of_a_matter_of_crime_no_more_is_said_than_the_law_lets_be_shown(sender):
    sender.send(**THEFT)
    assert "kan vi bara visa att det har kommit fram och är registrerat" in sender.says()
    sender.send(**QUESTION)
    assert "följa hur långt ärendet har kommit" in sender.says()


class TestUploads:
    """Files that are not here yet."""

    def test_a_file_in_part_says_how_much_is_here_and_can_be_gone_on_with(self, sender):
        sender.send(here_bytes=62, **THEFT)
        said = sender.says()
        assert "film.mp4" in said
        assert "62 %" in said
        assert "upload.js" in sender.page().text
        assert f"/skriv/{sender.draft_id}/uppladdningar" in sender.page().text

    def test_a_whole_file_comes_soon_and_needs_no_browser(self, sender):
        sender.send(here_bytes=100, **THEFT)
        assert "film.mp4: alla delar är här. Filen kommer strax." in sender.says()
        assert "upload.js" not in sender.page().text

    def test_a_file_that_became_whole_after_sending_stands_among_those_that_came(self, sender, seen, clock):
        accepted = sender.send((b"hej", "brev.txt"), here_bytes=100, **THEFT)
        seen.execute(update(Upload).values(composed_at=clock()))
        message_id = seen.scalar(select(Message.id))
        seen.add(
            Attachment(
                matter_id=accepted.matter_id, message_id=message_id, position=1, name="film.mp4",
                storage_key="film", size_bytes=100, sha256="ab" * 32, declared_type="", findings=[],
                created_at=clock(),
            )
        )  # fmt: skip
        seen.commit()
        said = sender.says()
        assert f"film.mp4 (100 byte)SHA-256: {'ab' * 32}" in said
        assert "brev.txt" in said
        assert "kommer strax" not in said

    @pytest.mark.parametrize("goes_first", ["the file", "the receipt"])
    def test_with_the_receipt_goes_what_the_form_knew_of_them(
        self, sender, seen, worker_app, clock, goes_first
    ):
        sender.send(here_bytes=100, **THEFT)
        upload_id = seen.scalar(select(Upload.id))

        def finish():
            values = {"upload": upload_id, "at": clock()}
            said = "SELECT name FROM finish_upload(:upload, 'draft/a', 100, 'x', :at)"
            assert db.session.scalars(text(said), values).all() == ["film.mp4"]
            db.session.commit()

        def expire():
            clock.at += timedelta(hours=25)
            assert ledger.expire_drafts() == 1

        with worker_app.app_context():
            for step in (finish, expire) if goes_first == "the file" else (expire, finish):
                step()
        assert seen.scalars(select(Upload)).all() == []


class TestSupplement:
    """The receipt of something more to a matter that stands."""

    def test_it_says_that_it_was_added_and_names_the_same_matter(self, sender):
        first = sender.send(**QUESTION)
        second = sender.send((b"hej", "brev.txt"), supplements_id=first.matter_id, text="En sak till.")
        said = sender.says()
        assert "Det nya har kommit fram till ditt ärende" in said
        assert first.reference == second.reference
        assert f"Kvittensnummer{first.reference}" in said
        assert "brev.txt" in said

    def test_it_does_not_say_again_what_was_asked_the_first_time(self, sender):
        first = sender.send(email="kim@example.com", **QUESTION)
        sender.send(supplements_id=first.matter_id, text="En sak till.")
        assert "kontaktuppgifter" not in sender.says()


class TestSupport:
    """Somebody to talk to, for what the matter is about."""

    def test_the_lines_of_the_category_are_told_of(self, sender):
        sender.send(**VIOLENCE)
        assert "Kvinnofridslinjen 020-50 50 50" in sender.says()
        assert 'href="tel:020505050"' in sender.page().text
        assert "samtalslista" in sender.says()

    def test_other_matters_tell_of_112_alone(self, sender):
        sender.send(**QUESTION)
        said = sender.says()
        assert "112" in said
        assert "114 14" in said
        assert "Kvinnofridslinjen" not in said

    def test_a_line_that_nobody_has_read_a_source_for_is_not_told_of(self, sender):
        sender.send(**VIOLENCE)
        assert "Välj att sluta" not in sender.says()
        lines = read_tables().authority.support_by_category
        assert "Välj att sluta" in [line.name for line in lines]
        assert all(line.source for line in lines if line.read_at)

    def test_a_line_for_a_category_that_is_not_there_stops_the_start(self, tmp_path):
        folder = shutil.copytree(FOLDER, tmp_path / "config", ignore=shutil.ignore_patterns("*.py*"))
        table = folder / "authority.toml"
        table.write_text(table.read_text().replace('["unga", "nara_relation"]', '["ungar"]'))
        with pytest.raises(TableError, match="Bris vuxentelefon names no category"):
            read_tables(folder)


def test_what_is_printed_is_the_receipt_without_the_frame_in_ink_on_white(sender):
    accepted = sender.send((b"hej", "brev.txt"), **THEFT)
    with serving(sender.app) as base, opened(base, color_scheme="dark") as page:
        name = sender.app.config["SESSION_COOKIE_NAME"]
        page.context.add_cookies([{"name": name, "value": sender.client.get_cookie(name).value, "url": base}])
        page.goto("/kvitto")
        page.emulate_media(media="print")
        printed = page.locator("body").inner_text()
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    for kept in (accepted.reference, accepted.status_code, "brev.txt", "Vad händer nu?", "Demonstration."):
        assert kept in printed
    for left_out in ("Lämna sidan", "Kakor", "English", "Spara som PDF", "Ta bort kvittot"):
        assert left_out not in printed
    assert ground == "rgb(255, 255, 255)"
