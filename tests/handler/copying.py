"""The form of a masked copy in a browser, for whoever makes one."""

from __future__ import annotations

import html
import re

from tests import desk


class Copy:
    """The form of a copy in a browser: what stands in it is sent, as the person has changed it."""

    def __init__(self, person, reference):
        self.person, self.path = person, f"/arende/{reference}/lamna-ut"
        self.page = person.get(self.path)
        self.chosen = {"by": "35_1", "found": self.values(r"found-\d+"), "mask": []}
        self.chosen |= {"out": [value for value in self.values(r"out-\d+") if self.is_ticked(value)]}

        for name, options in re.findall(r'<select id="(by-\d+)"(.*?)</select>', self.page.text, re.S):
            self.chosen[name] = "".join(re.findall(r'value="(\w+)" selected', options))

    def values(self, name):
        return [html.unescape(each) for each in re.findall(rf'name="{name}" value="([^"]*)"', self.page.text)]

    def is_ticked(self, value):
        return f'value="{value}" checked' in self.page.text

    def tick(self, words):
        """Tick the passage in which these words stand."""
        (found,) = re.findall(rf'value="([\d.]+)"[^>]*>(?:(?!</label>).)*{words}', self.page.text)
        self.chosen["mask"].append(found)
        return self

    def add(self, words):
        """Write words to be masked."""
        self.chosen["words"] = words
        return self

    def press(self, button, **changes):
        self.chosen |= changes
        (seen,) = self.values("seen")
        said = {"seen": seen, "gor": button}
        for name, value in self.chosen.items():
            ticked = isinstance(value, list)
            said |= {f"{name}-{at}": each for at, each in enumerate(value)} if ticked else {name: value}
        answer = self.person.post(self.path, page=self.page, **said)
        if answer.mimetype == "text/html":
            self.page = answer
        return answer

    def make(self):
        assert self.press("granska").status_code == 200, desk.text_of(self.page)
        answer = self.press("kopia")
        assert answer.status_code == 200, desk.text_of(answer)
        return answer.data
