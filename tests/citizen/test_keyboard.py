"""The form by keyboard alone: every page can be filled in and left, and the focus is seen all the way."""

from __future__ import annotations

import pytest

from tests.browsers import opened, serving
from tests.citizen import answers

pytestmark = pytest.mark.browser

TABS_AT_MOST = 80
# Where the focus is, whether it can be seen, and whether something lies over it (WCAG 2.4.7 and 2.4.11).
HERE = """([primary, begin]) => {
  const element = document.activeElement, style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  const [left, right] = [Math.max(box.left, 0), Math.min(box.right, innerWidth)];
  const [top, bottom] = [Math.max(box.top, 0), Math.min(box.bottom, innerHeight)];
  const over = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  const rings = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return {
    kind: element.matches("input, button") ? element.type : element.localName,
    name: element.name || "", id: element.id, words: element.textContent.trim(),
    value: element.value || "", isChosen: element.checked === true, inForm: !!element.closest("#formular"),
    isButton: element === document.querySelector(primary) || element === document.querySelector(begin),
    isSeen: rings && left < right && top < bottom,
    isCovered: !(over && (element.contains(over) || over.contains(element))),
  };
}"""


class Keys:
    """A person without a mouse."""

    def __init__(self, page):
        self.page = page

    def here(self):
        return self.page.evaluate(HERE, [answers.PRIMARY, answers.BEGIN])

    def tab(self, key="Tab"):
        """Press Tab and see where it led."""
        self.page.keyboard.press(key)
        here = self.here()
        if here["kind"] != "body":
            assert here["isSeen"], f"the focus is not seen on {here}"
            assert not here["isCovered"], f"something lies over {here}"
        return here

    def to_button(self, answer=None):
        """Press Tab as far as the page's first button, and answer what there is on the way."""
        self.page.wait_for_load_state()
        here = self.here()
        for _ in range(TABS_AT_MOST):
            if here["isButton"]:
                return
            if answer and here["inForm"]:
                answer(here)
            here = self.tab()
        raise AssertionError(f"Tab never came to the button of {self.page.url}")

    def press(self, answer=None):
        """Answer the page, if so asked, and press its button."""
        self.to_button(answer)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def answer(self, here):
        """Answer the field that has the focus, if it is one and is not filled in."""
        if here["kind"] == "radio":
            self.choose(here)
        elif here["kind"] == "file":
            with self.page.expect_file_chooser() as chooser:
                self.page.keyboard.press("Enter")
            chooser.value.set_files([answers.PHOTO])
        elif here["name"] in answers.WRITTEN and not here["value"]:
            self.page.keyboard.type(answers.WRITTEN[here["name"]][:60])

    def choose(self, here):
        """Choose among the group's choices with Space and the arrows."""
        if not here["isChosen"]:
            self.page.keyboard.press("Space")
        wanted = answers.CHOSEN.get(here["name"])
        for _ in range(TABS_AT_MOST):
            now = self.here()
            if now["isChosen"] and wanted in (None, now["value"]):
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"the arrows never came to {wanted}")

    def follow_error(self):
        """Go from the summary of errors, where the focus must be, to the first field that is wrong."""
        self.page.locator(".summary:focus").wait_for()
        link = self.tab()
        assert link["kind"] == "a"
        self.page.keyboard.press("Enter")
        self.page.locator("#formular :focus").wait_for()
        return self.here()


@pytest.fixture
def page(make_app):
    # Without motion a page has scrolled to what has the focus as soon as it has it.
    with serving(make_app("citizen")) as base, opened(base, reduced_motion="reduce") as page:
        # Only what is listened for from the start is sure to be heard.
        page.on("filechooser", lambda _: None)
        page.goto("/")
        yield page


@pytest.fixture
def keys(page):
    return Keys(page)


def test_the_whole_form_goes_by_keyboard_alone(page, keys):
    keys.press()
    for _ in range(answers.PAGES_AT_MOST):
        if answers.step(page) == "kvitto":
            break
        keys.press(keys.answer)
    assert answers.step(page) == "kvitto"
    assert answers.PHOTO["name"] in page.locator("main").inner_text()


def test_every_error_takes_the_focus_and_leads_to_its_field(page, keys):
    keys.press()
    wrong = []
    for _ in range(2 * answers.PAGES_AT_MOST):
        if answers.step(page) == "kvitto":
            break
        keys.press()
        if page.locator(".summary").count():
            wrong.append(answers.step(page))
            assert keys.follow_error()["inForm"]
            keys.press(keys.answer)
    assert wrong[:2] == ["amne", "utsatt"]
    assert "handelse" in wrong


def test_the_same_error_once_more_takes_the_focus_again(page, keys):
    keys.press()
    for _ in range(2):
        keys.press()
        assert keys.follow_error()["name"] == "group"


def test_shift_tab_goes_the_same_way_back(page, keys):
    keys.press()
    keys.to_button()
    button = keys.here()
    there = [keys.tab("Shift+Tab") for _ in range(3)]
    assert [keys.tab() for _ in range(3)] == [*there[1::-1], button]


def test_the_first_tab_skips_to_the_content(page, keys):
    assert keys.tab()["kind"] == "a"
    page.keyboard.press("Enter")
    page.locator("main:focus").wait_for()
