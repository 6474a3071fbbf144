"""Files in a real browser: cut lines, a reload and a killed server cost at most one part each."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from intake.extensions import db
from intake.models import DraftFile, Job, Upload
from tests.browsers import Looker, opened, serving
from tests.citizen import answers
from tests.journeys.service import free_ports
from workers import process, tasks

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
FILM_BYTES = 50 * 1024 * 1024
# Notes every part, and holds the answer to the first that begins where it is told to.
HOLD = """() => {
  const send = window.fetch;
  Object.assign(window, { parts: [], holdFrom: Infinity });
  window.fetch = async (address, options) => {
    const answer = send(address, options);
    if (options.method !== "PATCH") return answer;
    const offset = Number(options.headers["Upload-Offset"]);
    parts.push([offset, options.body.byteLength]);
    if (offset < holdFrom) return answer;
    holdFrom = Infinity;
    document.body.dataset.held = "";
    await Promise.all([answer.catch(() => {}), new Promise((done) => { window.release = done; })]);
    delete document.body.dataset.held;
    return answer;
  };
}"""


class Web:
    """The citizens' web process on a port of its own; it may be killed and started again."""

    def __init__(self, var, url):
        (self.port,) = free_ports(1)
        self.base = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "PATH": os.environ["PATH"], "INTAKE_VAR": str(var), "SURFACE": "citizen",
            "INTAKE_CITIZEN_PORT": str(self.port), "DATABASE_URL_CITIZEN": url,
            "SECRET_KEY_CITIZEN": "c" * 32, "ADDRESS_KEY": "a" * 32, "INTAKE_LOW_DISK_BYTES": "1000000",
        }  # fmt: skip

    def start(self):
        command = [sys.executable, "-m", "intake.serving"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        for line in self.process.stdout:
            if "serving citizen" in line:
                return
        raise AssertionError("the web process ended at once")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def web(database, settings):
    web = Web(settings.var, database.urls["citizen"])
    web.start()
    yield web
    web.kill()


@pytest.fixture
def page(make_app):
    with serving(make_app("citizen")) as base, opened(base) as page:
        yield page


class Line:
    """The line between a page and its server."""

    def __init__(self, page):
        self.session = page.context.new_cdp_session(page)
        self.session.send("Network.enable")

    def cut(self):
        self._be(offline=True)

    def mend(self):
        self._be(offline=False)

    def _be(self, *, offline):
        speeds = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.session.send("Network.emulateNetworkConditions", {"offline": offline, **speeds})


def to_files(page):
    """Begin a form and open its page with files; returns the form's address."""
    draft = answers.begin(page)
    page.goto(f"{draft}/filer")
    return draft


def add(page, *files):
    page.set_input_files("#files", list(files))


def row(page, state):
    """Wait until there is a file in a state."""
    found = page.locator(f"[data-list] > [data-state={state}]").first
    found.wait_for()
    return found


def text_file(name="anteckning.txt", words="Hej!"):
    return {"name": name, "mimeType": "text/plain", "buffer": words.encode()}


class Parts:
    """The parts that a page sends: each can be met on its way, while something breaks."""

    def __init__(self, page):
        self.page = page
        page.add_init_script(f"({HOLD})()")

    def hold_from(self, percent):
        self.page.evaluate("(at) => { holdFrom = at; }", percent * FILM_BYTES / 100)

    def meet(self, break_it):
        self.page.locator("body[data-held]").wait_for()
        break_it()
        self.page.evaluate("release()")

    def sent(self):
        """Return where each part of this page began and how long it was."""
        return self.page.evaluate("parts")


def test_fifty_megabytes_survive_three_cuts_a_reload_and_a_killed_server(
    web, worker_app, seen, tmp_path, monkeypatch
):
    film = tmp_path / "film.mp4"
    film.write_bytes(b"\0\0\0\x18ftypmp42" + os.urandom(FILM_BYTES - 12))
    with opened(web.base) as page:
        page.set_default_timeout(120_000)
        line, parts = Line(page), Parts(page)
        to_files(page)
        parts.hold_from(5)
        add(page, film)
        for following in (15, 30, 45):
            parts.meet(line.cut)
            assert "sparat" in row(page, "trouble").inner_text()
            parts.hold_from(following)
            line.mend()
        page.locator("body[data-held]").wait_for()
        sent = parts.sent()
        page.reload()
        assert "Välj samma fil igen, så fortsätter vi vid" in row(page, "waiting").inner_text()
        parts.hold_from(60)
        add(page, film)
        parts.meet(web.kill)
        row(page, "trouble")
        web.start()
        row(page, "done")
        sent += parts.sent()
    monkeypatch.setattr(process, "app", lambda: worker_app)
    with worker_app.app_context():
        tasks.finish_upload(str(db.session.scalars(select(Job.id).where(Job.kind == "finish_upload")).one()))
    file = seen.scalars(select(DraftFile)).one()
    assert (file.size_bytes, file.sha256) == (FILM_BYTES, hashlib.sha256(film.read_bytes()).hexdigest())
    again = [(lost, later) for lost, later in pairwise(sent) if later[0] < sum(lost)]
    assert len(again) <= 5
    assert all(later[0] >= lost[0] for lost, later in again)


def test_without_script_files_go_with_the_form(make_app, seen):
    with serving(make_app("citizen")) as base, opened(base, java_script_enabled=False) as page:
        to_files(page)
        assert "Högst 60 MB åt gången" in page.locator("main").inner_text()
        add(page, text_file("a.txt"), text_file("b.txt"))
        answers.press(page, "button:has-text('Lägg till och välj fler')")
        assert page.locator("[data-list] > li").count() == 2
        answers.press(page, "[data-list] > li:has-text('a.txt') button")
        assert page.locator("[data-list] > li").all_inner_texts()[0].startswith("b.txt")
    assert seen.scalars(select(DraftFile.name)).all() == ["b.txt"]


def test_files_go_up_by_themselves_and_each_end_is_said(page, seen):
    to_files(page)
    assert "Högst 200 MB per fil" in page.locator("main").inner_text()
    add(page, text_file("a.txt"), text_file("b.txt", "Nej!"))
    page.get_by_role("status").get_by_text("b.txt: Har kommit fram.").wait_for()
    assert page.locator("[data-state=done]").count() == 2
    assert seen.scalars(select(Upload.name).order_by(Upload.name)).all() == ["a.txt", "b.txt"]


def test_a_name_is_shown_and_said_without_what_is_not_seen_and_sent_as_it_is(page, seen):
    to_files(page)
    name = "foto\u202egpj\u200b\ufeff.txt"
    add(page, text_file(name))
    page.get_by_role("status").get_by_text("fotogpj.txt: Har kommit fram.").wait_for()
    assert row(page, "done").locator(".name").first.inner_text() == "fotogpj.txt"
    add(page, text_file(name))
    page.get_by_role("status").get_by_text("fotogpj.txt finns redan i listan.").wait_for()
    row(page, "done").get_by_role("button", name="Ta bort fotogpj.txt").wait_for()
    assert seen.scalars(select(Upload.name)).all() == [name]


def test_the_same_file_is_not_taken_twice(page):
    to_files(page)
    add(page, text_file())
    row(page, "done")
    add(page, text_file())
    page.get_by_role("status").get_by_text("anteckning.txt finns redan i listan.").wait_for()
    assert page.locator("[data-list] > li").count() == 1


def test_a_file_can_be_taken_out_again(page, seen):
    to_files(page)
    add(page, text_file())
    row(page, "done").get_by_role("button", name="Ta bort anteckning.txt").click()
    page.get_by_role("status").get_by_text("anteckning.txt är borttagen.").wait_for()
    assert page.locator("[data-list] > li").count() == 0
    assert page.locator("#files:focus").count() == 1
    assert seen.scalars(select(Upload.id)).all() == []


def test_a_refused_file_says_why_and_gives_the_address(page):
    draft = to_files(page)
    add(page, text_file("program.exe"), text_file("bra.txt", "Nej!"))
    refused = row(page, "failed")
    row(page, "done")
    assert "av en typ som inte kan tas emot" in refused.inner_text()
    link = refused.locator("a").get_attribute("href")
    assert link.startswith("mailto:arende+")
    assert link.endswith("?subject=Fil%20till%20ett%20%C3%A4rende")
    answers.press(page)
    assert not page.url.endswith(f"{draft}/filer")


def test_going_on_waits_for_the_files(page):
    draft = to_files(page)
    held = hold_parts(page)
    add(page, text_file())
    page.locator(answers.PRIMARY).first.click()
    assert "En fil är på väg upp." in page.locator("[data-choice]:focus").inner_text()
    while not held:
        page.evaluate("0")  # Lets the browser tell of the part that it has begun to send.
    with page.expect_navigation():
        held.pop().continue_()
    assert page.url.endswith(f"{draft}/kontakt")


def test_going_on_at_once_leaves_the_file_to_be_chosen_again(page, seen):
    draft = to_files(page)
    hold_parts(page)
    add(page, text_file())
    page.locator(answers.PRIMARY).first.click()
    answers.press(page, "[data-now]")
    assert page.url.endswith(f"{draft}/kontakt")
    page.unroute_all()
    page.goto(f"{draft}/filer")
    assert "Välj samma fil igen" in row(page, "waiting").inner_text()
    add(page, text_file("en annan.txt", "Hej då!"))
    row(page, "done")
    assert page.locator("[data-state=waiting]").count() == 1


def hold_parts(page):
    """Hold every part that the page sends; returns those that are held."""
    held = []
    route_parts(page, held.append)
    return held


def route_parts(page, take):
    """Let every part that the page sends come here first."""
    page.route(
        "**/uppladdningar/*",
        lambda route: take(route) if route.request.method == "PATCH" else route.continue_(),
    )


def test_a_part_that_is_too_large_on_the_way_is_sent_smaller(page):
    to_files(page)
    refused = []

    def refuse_large(route):
        if len(route.request.post_data_buffer) <= 128 * 1024:
            return route.continue_()
        refused.append(route)
        return route.fulfill(status=413)

    route_parts(page, refuse_large)
    add(page, text_file(words="Hej! " * 100_000))
    row(page, "done")
    assert refused


def test_a_stale_token_is_asked_for_anew(page):
    to_files(page)
    tokens = []

    def refuse_first(route):
        tokens.append(route.request.headers["x-csrftoken"])
        return route.continue_() if len(tokens) > 1 else route.fulfill(status=403)

    page.route("**/uppladdningar", refuse_first)
    add(page, text_file())
    row(page, "done")
    assert len(tokens) == 2


def test_a_file_that_was_changed_since_it_was_chosen_is_asked_for_again(page, tmp_path):
    note = tmp_path / "anteckning.txt"
    note.write_text("Hej! " * 100_000)
    to_files(page)

    def change_and_send(route):
        note.write_text("Nej!")
        route.continue_()

    route_parts(page, change_and_send)
    add(page, note)
    assert "Välj filen igen" in row(page, "waiting").inner_text()


def test_the_receipt_lets_the_same_file_go_on(page, seen):
    draft = to_files(page)
    hold_parts(page)
    add(page, text_file())
    row(page, "going")
    page.goto(f"{draft}/handelse")
    page.unroute_all()
    answers.walk(page, "kvitto")
    add(page, text_file("en annan.txt", "Hej då!"))
    page.get_by_text("en annan.txt är inte en av filerna i listan.").last.wait_for()
    add(page, text_file())
    row(page, "done")
    assert seen.scalars(select(Upload.received_at)).one() is not None


@pytest.mark.parametrize("state", ["going", "waiting", "trouble", "failed", "done", "choice"])
def test_the_list_looks_right_in_every_state(page, tmp_path, state):
    to_files(page)
    if state in ("going", "waiting", "choice"):
        hold_parts(page)
    if state == "trouble":
        route_parts(page, lambda route: route.abort())
    if state == "failed":
        add(page, text_file("program.exe"))
    else:
        with page.expect_request(lambda sent: sent.method == "PATCH"):
            add(page, text_file("foto-" + "x" * 80 + ".txt"))
    if state == "waiting":
        page.reload()
    if state == "choice":
        page.locator(answers.PRIMARY).first.click()
        page.locator("[data-choice]:focus").wait_for()
    else:
        row(page, state)
    looker = Looker(page, tmp_path)
    looker.look(f"filer-{state}")
    assert looker.wrong == []


def test_nothing_is_left_in_the_browser(page):
    to_files(page)
    add(page, text_file())
    row(page, "done")
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert page.evaluate("indexedDB.databases().then((found) => found.length)") == 0


def test_a_port_that_was_killed_can_be_used_again(web):
    web.kill()
    web.start()
    with closing(socket.create_connection(("127.0.0.1", web.port))) as line:
        assert line.getpeername()[1] == web.port
