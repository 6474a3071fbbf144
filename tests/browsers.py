"""A real browser before a real server, and a look at pages in every size and colour."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from werkzeug.serving import make_server

from tests.needs import need

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LOOKS = ((1280, "light"), (1280, "dark"), (375, "light"), (375, "dark"), (320, "light"))


@contextmanager
def serving(app) -> Iterator[str]:
    """Serve an app on a port of its own; gives the address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


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


class Looker:
    """Looks at pages in every size and colour and keeps what was wrong; ``folder`` gets pictures."""

    def __init__(self, page, folder: Path | None = None) -> None:
        from axe_playwright_python.sync_playwright import Axe

        self.page, self.folder, self.axe = page, folder, Axe()
        self.wrong: list[str] = []

    def look(self, name: str = "") -> None:
        """Look at the page that is open; ``name`` names it when its address does not."""
        name = name or self.page.url
        for width, scheme in LOOKS:
            self.page.set_viewport_size({"width": width, "height": 800})
            self.page.emulate_media(color_scheme=scheme)
            if self.folder:
                self.page.screenshot(path=self.folder / f"{name}-{width}-{scheme}.png", full_page=True)
            wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            if wide > 0:
                self.wrong.append(f"{name} is {wide} px too wide at {width}")
            for violation in self.axe.run(self.page).response["violations"]:
                self.wrong.append(f"{name} {width} {scheme}: {violation['id']}")
