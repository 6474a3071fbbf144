"""What a person answers on the pages of the form, found by the fields' names, so that pages may move."""

from __future__ import annotations

from urllib.parse import urlsplit

PRIMARY = "#formular button[type=submit]"
BEGIN = "form[action$='/borja'] button"
STORY = "Min cykel stals utanför stationen i går kväll. Den är röd.\n\n" + "Det här har hänt. " * 40
# A group of choices that is not named here gets its first choice, and a field its emptiness.
CHOSEN = {"group": "utsatt", "choice": "brott", "place": "municipality"}
WRITTEN = {
    "municipality": "Malmö",
    "text": STORY,
    "heading": "Cykel " + "å" * 60,
    "email": "kim@example.com",
}
PHOTO = {"name": "foto-" + "x" * 80 + ".jpg", "mimeType": "image/jpeg", "buffer": b"x" * 2000}
PAGES_AT_MOST = 15


def step(page) -> str:
    """Return the last part of the page's address."""
    return urlsplit(page.url).path.rpartition("/")[2]


def begin(page, root: str = "") -> str:
    """Press Börja on the first page; returns the address of the new draft."""
    page.goto(f"{root}/")
    press(page, BEGIN)
    return urlsplit(page.url).path.removesuffix("/amne")


def press(page, button: str = PRIMARY) -> None:
    """Press a button and wait for what it leads to."""
    with page.expect_navigation():
        page.locator(button).first.click()


def walk(page, until: str, *files: dict) -> None:
    """Answer page after page until one that is named; the files are added where they are asked for."""
    for _ in range(PAGES_AT_MOST):
        if step(page) == until:
            return
        here = page.url
        answer(page, *files)
        press(page)
        if page.url == here and page.locator("#hjalp").count():
            press(page)
        assert page.url != here, page.locator(".summary").inner_text()
    raise AssertionError(f"the form never came to {until}, but to {page.url}")


def answer(page, *files: dict) -> None:
    """Fill in what the page asks for and is not filled in."""
    for group in page.locator("#formular fieldset:has(input[type=radio])").all():
        if group.is_visible() and not group.locator("input:checked").count():
            name = group.locator("input[type=radio]").first.get_attribute("name")
            wanted = f"[value={CHOSEN[name]}]" if name in CHOSEN else ""
            group.locator(f"input[type=radio]{wanted}").first.check()
    for name, words in WRITTEN.items():
        field = page.locator(f"#formular [name={name}]:not([type=hidden])")
        if field.count() and field.is_visible() and not field.input_value():
            field.fill(words)
    chooser = page.locator("#formular input[type=file]")
    if files and chooser.count():
        chooser.set_input_files(list(files))
