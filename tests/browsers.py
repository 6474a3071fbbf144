"""A real browser before a real server, and what is looked for on a page whatever its size and colour."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from werkzeug.serving import make_server

from tests.needs import need

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LOOKS = ((1280, "light"), (1280, "dark"), (375, "light"), (375, "dark"), (320, "light"))
# WCAG 1.4.10 asks for no sideways scroll down to this width: 1280 at 400 %, or a small phone.
NARROWEST = 320
# The one rule of WCAG 2.2 that axe has, and it is off unless asked for.
AXE = {"rules": {"target-size": {"enabled": True}}, "resultTypes": ["violations"]}

# Axe asks for the fill of a text before its colour. Under forced colours Chromium paints the system's colour
# but answers with the page's there; nothing of ours sets a fill, so axe is sent on to the painted colour.
_PAINTED = """
const read = CSSStyleDeclaration.prototype.getPropertyValue;
CSSStyleDeclaration.prototype.getPropertyValue = function (name) {
  return name === "-webkit-text-fill-color" ? "" : read.call(this, name);
};"""

_AXE_FAULTS = """async (options) => {
  const found = await axe.run(document, options);
  return found.violations.map((each) => each.id + " at " + each.nodes.map((node) => node.target).join(", "));
}"""

_CUT = """() => {
  const cut = [];
  for (const element of document.body.querySelectorAll("*")) {
    const style = getComputedStyle(element), {clientWidth, clientHeight} = element;
    // What is there for the ear alone is one pixel large, and what is not shown has no size. A field to
    // write in scrolls within itself.
    if (clientWidth <= 1 || clientHeight <= 1 || element.closest("svg, input:not([type=file])")) continue;
    const hides = (way) => ["hidden", "clip"].includes(way);
    const spills = element.matches("button, .button") && style.display !== "inline";
    const wide = element.scrollWidth > clientWidth + 1 && (spills || hides(style.overflowX));
    const high = element.scrollHeight > clientHeight + 1 && (spills || hides(style.overflowY));
    if (wide || high) cut.push(element.tagName.toLowerCase() + " " + element.textContent.trim().slice(0, 40));
  }
  return cut;
}"""


# A number or code must read from the left in a page that is written from the right: 114 14 is not 14 114.
_TURNED = """() => {
  const place = (node, at) => {
    const range = document.createRange();
    range.setStart(node, at);
    range.setEnd(node, at + 1);
    return range.getBoundingClientRect();
  };
  const turned = [];
  for (const element of document.querySelectorAll("a[href^='tel:'], code, .code")) {
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT), nodes = [];
    while (texts.nextNode()) if (texts.currentNode.data.trim()) nodes.push(texts.currentNode);
    if (!nodes.length) continue;
    const [first, last] = [nodes[0], nodes[nodes.length - 1]];
    const begins = place(first, first.data.search(/\\S/)), ends = place(last, last.data.trimEnd().length - 1);
    if (begins.top === ends.top && begins.left > ends.left) turned.push(element.textContent.trim());
  }
  return turned;
}"""


@contextmanager
def serving(app) -> Iterator[str]:
    """Serve an app on a port of its own; gives the address."""
    server = make_server("127.0.0.1", 0, _whole(app), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _whole(app):
    """Answer with whole bodies: this server leaves a file open when the browser hangs up midway."""

    def answer(environ, start_response) -> Iterable[bytes]:
        body = app(environ, start_response)
        try:
            return [b"".join(body)]
        finally:
            if hasattr(body, "close"):
                body.close()

    return answer


@contextmanager
def opened(base: str, **options):
    """Open a page in a browser; what it asks of other hosts is answered here and never sent."""
    need(CHROMIUM is not None, "no Chromium is installed here (Debian's package is called chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(base_url=base, **options)
        page.route(
            re.compile(rf"^(?!{re.escape(base)})"), lambda route: route.fulfill(body="<title>Ute</title>")
        )
        yield page
        browser.close()


def picture(page, name: str, folder: Path | None = None) -> None:
    """Save a picture of the whole page in the folder that INTAKE_TEST_PICTURES names, or in ``folder``."""
    named = os.environ.get("INTAKE_TEST_PICTURES") or folder
    if named:
        file = re.sub(r"[^\w.-]+", "-", name).strip("-")
        page.screenshot(path=Path(named) / f"{file}.png", full_page=True)


def axe_faults(page) -> list[str]:
    """Return what axe finds on the page as it is now, each rule with where; axe is put in once a load."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(f"() => {{{_PAINTED}}}")
        page.evaluate(_axe())
    return page.evaluate(_AXE_FAULTS, AXE)


@cache
def _axe() -> str:
    from axe_playwright_python.base import AXE_SCRIPT

    return AXE_SCRIPT


def too_wide(page) -> int:
    """Return how many pixels of the page lie beside the window."""
    return page.evaluate("Math.max(0, document.documentElement.scrollWidth - innerWidth)")


def cut_off(page) -> list[str]:
    """Return what is cut off by its own box, or spills out of its button (WCAG 1.4.4 and 1.4.12)."""
    return page.evaluate(_CUT)


def turned(page) -> list[str]:
    """Return the numbers and codes that are shown with their end first."""
    return page.evaluate(_TURNED)


def faults(page) -> list[str]:
    """Return everything that a browser can see is wrong with the page as it is now."""
    width = page.viewport_size["width"]
    wide = too_wide(page) if width >= NARROWEST else 0
    found = [f"{wide} px too wide"] if wide else []
    found += [f"cut off: {what}" for what in cut_off(page)]
    found += [f"shown with its end first: {what}" for what in turned(page)]
    return found + axe_faults(page)


class Looker:
    """Looks at pages in every size and colour and keeps what was wrong; ``folder`` gets pictures."""

    def __init__(self, page, folder: Path | None = None) -> None:
        self.page, self.folder = page, folder
        self.wrong: list[str] = []

    def look(self, name: str = "") -> None:
        """Look at the page that is open; ``name`` names it when its address does not."""
        name = name or self.page.url
        for width, scheme in LOOKS:
            self.page.set_viewport_size({"width": width, "height": 800})
            self.page.emulate_media(color_scheme=scheme)
            picture(self.page, f"{name}-{width}-{scheme}", self.folder)
            self.wrong += [f"{name} {width} {scheme}: {fault}" for fault in faults(self.page)]
