"""Requests that lie, break off, stand still or are far too large, before the real server (cases 1-9)."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from intake.models import Draft, DraftFile, Matter
from tests.citizen.person import STORY, value, words
from tests.hostile.front_door import PARTS, Answer, Browser, chunked, form, heard, said, served

TOO_LARGE = 70 << 20
FILM = os.urandom(2 << 20)


@pytest.fixture
def server(make_app, settings):
    with served(make_app("citizen"), settings) as server:
        yield server


@pytest.fixture
def browser(server):
    """A browser with a form in which a text is written."""
    browser = Browser(server.effective_port).begin()
    browser.post("handelse", {"csrf_token": browser.token("handelse"), "text": STORY})
    return browser


def assert_text_is_there(browser):
    assert value(browser.get("handelse").text, "text") == STORY


def count(seen, table):
    return seen.scalar(select(func.count()).select_from(table))


def open_nameless_files():
    """Return which files this process, the server's, has open that have no name in any folder."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(descriptor.readlink()))
    return sorted(name for name in found if name.endswith("(deleted)"))


class TestCase1Empty:
    def test_an_empty_file_is_told_at_its_field_and_the_text_is_kept(self, browser, seen):
        answer = browser.add(("tom.pdf", b""))
        assert answer.status == 422
        told = words(answer.text)
        assert "Filen ”tom.pdf” är tom. Din text är sparad. Välj filen igen eller fortsätt utan den." in told
        assert count(seen, DraftFile) == 0
        assert_text_is_there(browser)


class TestCases2And3TooLarge:
    """The page is read to its end however much is still sent: the connection is not reset."""

    def assert_is_told(self, browser, answer):
        assert answer.status == 413
        told = words(answer.text)
        assert "Filerna är för stora för att skickas på en gång" in told
        assert "Inget av det är sparat. Det du hade sparat förut finns kvar." in told
        assert "Skicka din text nu" in told
        assert f'href="{browser.draft}/filer"' in answer.text
        assert "default-src 'none'" in answer.headers("content-security-policy")[0]
        assert_text_is_there(browser)

    def test_by_its_length(self, browser, seen):
        head = browser.head("POST", "filer", **said(PARTS, TOO_LARGE))
        self.assert_is_told(browser, browser.ask(head + bytes(TOO_LARGE)))
        assert count(seen, DraftFile) == 0

    def test_in_chunks(self, browser, seen):
        head = browser.head("POST", "filer", Content_Type=PARTS, Transfer_Encoding="chunked")
        self.assert_is_told(browser, browser.ask(head + chunked(bytes(TOO_LARGE))))
        assert count(seen, DraftFile) == 0

    def test_who_never_ends_is_cut_off(self, browser, monkeypatch):
        monkeypatch.setattr("intake.serving.THROWN_AWAY_BYTES", 1 << 20)
        line = browser.open(browser.head("POST", "filer", **said(PARTS, 1 << 40)))
        with line, pytest.raises(ConnectionError):
            line.sendall(bytes(200 << 20))


class TestCase2SmallEnoughForMail:
    @pytest.fixture
    def settings(self, settings):
        files = replace(settings.tables.files, max_request_bytes=1_000_000, max_file_bytes=900_000)
        return replace(settings, tables=replace(settings.tables, files=files))

    def test_what_mail_can_carry_is_told_the_address_of_the_form(self, browser):
        head = browser.head("POST", "filer", **said(PARTS, 6_000_000))
        answer = browser.ask(head + bytes(6_000_000))
        assert answer.status == 413
        assert "Du kan mejla filen till adressen här." in words(answer.text)
        assert "arende+" in answer.text
        assert "arende+" not in Browser(browser.port).ask(head.replace(browser.cookie.encode(), b"")).text


class TestCase4Dropped:
    def test_half_an_upload_leaves_nothing_and_can_be_sent_again(self, browser, settings, seen):
        body = browser.files(("film.mp4", FILM))
        head = browser.head("POST", "filer", **said(PARTS, len(body)), Connection="close")
        before = open_nameless_files()
        with browser.open(head + body[: len(body) // 2]) as line:
            line.shutdown(socket.SHUT_WR)
            assert heard(line) == b""
        assert open_nameless_files() == before
        assert (count(seen, DraftFile), count(seen, Matter)) == (0, 0)
        assert list((settings.var / "files").rglob("draft*")) == []
        assert_text_is_there(browser)
        assert browser.ask(head + body).status == 303
        assert "film.mp4" in browser.get("filer").text


class TestCase5NoEnd:
    def test_a_body_without_its_last_boundary_is_told_as_cut_off(self, browser, seen):
        body = form({"csrf_token": browser.token("filer")}, ("film.mp4", FILM), is_closed=False)
        answer = browser.send(body)
        assert answer.status == 400
        told = words(answer.text)
        assert "Sändningen avbröts" in told
        assert "Det du redan hade sparat finns kvar." in told
        assert "Gå tillbaka och försök igen." in told
        assert count(seen, DraftFile) == 0
        assert_text_is_there(browser)


class TestCase6ManyParts:
    def test_1500_parts_are_told_as_too_many(self, browser, seen):
        answer = browser.add(*((f"{number}.txt", b"x") for number in range(1500)))
        assert answer.status == 413
        told = words(answer.text)
        assert "Det var för många delar på en gång" in told
        assert "Inget av det är sparat. Det du hade sparat förut finns kvar." in told
        assert "lägg till några filer åt gången" in told
        assert count(seen, DraftFile) == 0
        assert_text_is_there(browser)


class TestCase7LongText:
    def test_600_kb_of_text_are_told_their_length_and_stand_in_the_field(self, browser):
        text = "a" * 600_000
        answer = browser.post("handelse", {"csrf_token": browser.token("handelse"), "text": text})
        assert answer.status == 422
        assert "Högst 20\u00a0000 tecken får plats. Nu är det 600\u00a0000. Korta texten lite." in answer.text
        assert value(answer.text, "text") == text


class TestCase8Stalled:
    def test_thirty_half_sent_uploads_hold_nobody_up(self, browser, server, seen):
        body = browser.files(("film.mp4", FILM))
        head = browser.head("POST", "filer", **said(PARTS, len(body)), Connection="close")
        with ExitStack() as lines:
            half = head + body[: len(body) // 2]
            stalled = [lines.enter_context(browser.open(half)) for _ in range(30)]
            assert browser.get("/").status == 200
            other = Browser(browser.port).begin()
            assert other.add(("bild.txt", b"hej")).status == 303
            assert len(server.active_channels) >= len(stalled)
            stalled[0].sendall(body[len(body) // 2 :])
            assert Answer(heard(stalled[0])).status == 303
        assert count(seen, DraftFile) == 2


SMUGGLED = b"POST /borja HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class TestCase9TwoLengths:
    @pytest.mark.parametrize(
        "headers",
        [
            {"Transfer_Encoding": "chunked", "Content_Length": "4"},
            {"Content_Length": "4", "Transfer_Encoding": "chunked"},
            {"Content_Length": f"{5 + len(SMUGGLED)}", "Transfer_Encoding": "chunked"},
            {"Content_Length": "5", "content_length": "6"},
            {
                "version": "1.0",
                "Connection": "keep-alive",
                "Transfer_Encoding": "chunked",
            },
            {"Transfer_Encoding": "chunked, identity"},
            {"Content_Length": "+5"},
        ],
    )
    def test_it_is_refused_once_and_the_connection_closed(self, browser, seen, headers):
        before = count(seen, Draft)
        answer = browser.ask(browser.head("POST", "/folj", **headers) + b"0\r\n\r\n" + SMUGGLED)
        seen.rollback()
        assert (answer.count, count(seen, Draft)) == (1, before)
        assert answer.status in (400, 501)
        assert "Vi kunde inte läsa det som skickades" in answer.text
        assert "Inget är skickat till oss. Det du hade sparat förut finns kvar." in words(answer.text)

    def test_chunks_alone_are_read_and_may_be_followed(self, browser, seen):
        before = count(seen, Draft)
        first = browser.head("POST", "/borja", Transfer_Encoding="chunked")
        answer = browser.ask(first + b"0\r\n\r\n" + SMUGGLED)
        seen.rollback()
        assert (answer.count, count(seen, Draft)) == (2, before + 2)
