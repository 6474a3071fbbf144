"""The receipt on paper: a tagged PDF of ready words, whatever the words are."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zlib
from contextlib import nullcontext
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake import paper
from intake.errors import PaperFailed
from intake.paper import PaperDocument, PaperFile, PaperSection, can_print, make_pdf

RECEIPT = PaperDocument(
    authority_name="Exempelmyndigheten",
    is_demonstration=False,
    language="sv",
    direction="ltr",
    heading="Ditt ärende har kommit fram",
    lines=(("Kvittensnummer", "K7RX-3M9P"), ("Vi tog emot det", "söndag 22 november 2026 kl. 16.05")),
    sections=(PaperSection("Vad händer nu?", ("En handläggare läser det.",), ("Skriv upp numret.",)),),
    files=(PaperFile("bild.jpg", "2,3 MB", "0123456789abcdef" * 4),),
    files_heading="Filer som kom fram",
)
MARKUP = (
    """*fet* _kursiv_ #panic("x") #image("/etc/passwd") $x^2 [{( <märke> @ref `rå \\ "a" 'b' // /* = - +"""
)
ALPHABETS = {
    "ar": "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي،؛؟٠١٢٣٤٥٦٧٨٩",
    "en": "abcdefghijklmnopqrstuvwxyz0123456789’“”–…€£",
    "es": "áéíñóúü¿¡",
    "fa": "آابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی۰۱۲۳۴۵۶۷۸۹",
    "fi": "åäöšž",
    "pl": "ąćęłńóśźż",
    "se": "áčđŋšŧž",
    "so": "abcdefghijklmnopqrstuvwxyz",
    "sv": "åäöéàü”’–",
    "tr": "çğıöşüİ",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя’",
}
VALID = '#set document(title: "Titel"); Text'
ENDLESS = VALID + "#let a = 0; #for i in range(10000) { for j in range(10000) { a += 1 } }"
# Brackets inside a literal string of PDF are escaped or balanced.
LITERAL = r"\(((?:\\.|[^\\()]|\((?:\\.|[^\\()])*\))*)\)"
# Mostly letters, marks and signs that the fonts hold, next to whatever else there is.
HELD = "".join(filter(paper._PRINTABLE.match, map(chr, range(0x20, 0x10000))))
WORDS = st.text(st.sampled_from(HELD) | st.characters(), max_size=60)


def test_the_paper_is_a_tagged_pdf_that_says_so():
    pdf = make_pdf(RECEIPT)
    assert b"/MarkInfo<</Marked true" in pdf
    assert b"/StructTreeRoot" in pdf
    assert b"/Lang(sv)" in pdf
    assert b"/DisplayDocTitle true" in pdf
    assert "<pdfuaid:part>1</pdfuaid:part>" in _metadata(pdf)
    assert RECEIPT.heading in _metadata(pdf)


def test_headings_and_lists_are_tagged_as_such():
    pdf = make_pdf(RECEIPT)
    kinds = re.findall(rb"/S/(\w+)", pdf)
    assert kinds.count(b"H1") == 1
    assert kinds.count(b"H2") == 2
    assert kinds.count(b"L") == 2
    assert kinds.count(b"LI") == 2


def test_the_paper_says_what_was_received():
    words = _printed(make_pdf(replace(RECEIPT, lines=(*RECEIPT.lines, ("Statuskod", "AB2C-XY34-K7RX-3M9P")))))
    for said in ("Exempelmyndigheten", "K7RX-3M9P", "AB2C-XY34-K7RX-3M9P", "kl. 16.05", "bild.jpg", "2,3 MB"):
        assert said in words
    assert "0123456789abcdef" * 4 in words
    assert "1 (1)" in words


def test_only_what_must_be_copied_by_hand_is_large():
    sizes = _sizes(make_pdf(RECEIPT))
    assert sizes.count("20") == 1
    assert "20" not in _sizes(make_pdf(replace(RECEIPT, lines=(("Kanal", "Webben"),))))


def test_a_demonstration_says_so_on_every_page():
    many = tuple(PaperFile(f"bild {number}.jpg", "1 kB", "a" * 64) for number in range(40))
    pdf = make_pdf(replace(RECEIPT, is_demonstration=True, files=many))
    pages = len(re.findall(rb"/Type/Page/", pdf))
    assert pages > 1
    assert _printed(pdf).count("Demonstration.") == pages
    assert "Demonstration." not in _printed(make_pdf(RECEIPT))


def test_a_language_from_right_to_left_is_tagged_with_it():
    arabic = replace(RECEIPT, language="ar", direction="rtl", heading="لقد وصلت قضيتك")
    assert b"/Lang(ar)" in make_pdf(arabic)
    assert b"/Direction/R2L" in make_pdf(arabic)


@pytest.mark.parametrize("language", sorted(paper._LANGUAGES))
def test_the_letters_of_a_language_that_can_be_printed_are_printed(language):
    letters = ALPHABETS[language] + ALPHABETS[language].upper()
    pdf = make_pdf(
        replace(RECEIPT, language=language, lines=((letters, letters),), missing_signs_note="SAKNAS")
    )
    assert can_print(language)
    assert "SAKNAS" not in _printed(pdf)


def test_a_language_without_letters_is_known_beforehand():
    assert not can_print("ti")
    assert not can_print("yi")


def test_every_character_that_is_let_through_has_a_glyph():
    parts = [HELD[at : at + 60] for at in range(0, len(HELD), 60)]
    assert len(HELD) > 2000
    # PDF/UA refuses a text with any other, in the regular font of a label as in the bold of a value.
    assert make_pdf(replace(RECEIPT, lines=tuple((part, part) for part in parts)))
    assert make_pdf(replace(RECEIPT, direction="rtl", lines=tuple((part, part) for part in parts)))


def test_markup_is_printed_as_it_is():
    file = replace(RECEIPT.files[0], name=MARKUP, size=MARKUP)
    section = PaperSection(MARKUP, (MARKUP,), (MARKUP,))
    hostile = replace(
        RECEIPT,
        authority_name=MARKUP,
        heading=MARKUP,
        lines=((MARKUP, MARKUP),),
        sections=(section,),
        files=(file,),
        files_heading=MARKUP,
    )
    printed = _printed(make_pdf(hostile)).replace(" ", "")
    assert printed.count(MARKUP.replace(" ", "")) == 10


def test_invisible_characters_cannot_turn_or_break_a_name():
    names = ("faktura\u202egpj.exe", "rad ett\nrad två\x00.pdf", "\u200f\u2066bild\ufeff.png")
    files = tuple(replace(RECEIPT.files[0], name=name) for name in names)
    printed = _printed(make_pdf(replace(RECEIPT, files=files)))
    for said in ("fakturagpj.exe", "rad ett rad två□.pdf", "bild.png"):
        assert said in printed


def test_a_character_without_glyph_is_a_square_and_the_paper_says_so():
    note = "En ruta står för ett tecken som inte kan skrivas ut här."
    named = replace(RECEIPT, files=(replace(RECEIPT.files[0], name="😀 报告.jpg"),), missing_signs_note=note)
    assert "□ □□.jpg" in _printed(make_pdf(named))
    assert note in _printed(make_pdf(named))
    assert note not in _printed(make_pdf(replace(RECEIPT, missing_signs_note=note)))


def test_an_address_can_be_copied_from_the_paper():
    address = "arende+abcdefghij234567klmn@meddelanden.exempelmyndigheten.example.se"
    section = PaperSection("Vill du lägga till något?", (f"Mejla till {address}.",))
    assert address in _printed(make_pdf(replace(RECEIPT, sections=(section,))))


def test_lines_of_a_text_stay_lines():
    one, two = (
        make_pdf(replace(RECEIPT, sections=(PaperSection("Text", (words,)),)))
        for words in ("ett två", "ett\ntvå")
    )
    assert len(_heights(two)) == len(_heights(one)) + 1


@settings(max_examples=25, deadline=None)
@given(WORDS, WORDS, WORDS, st.sampled_from(["ltr", "rtl"]))
def test_any_words_become_a_paper(heading, paragraph, name, direction):
    section = PaperSection(paragraph, (heading, paragraph), (name,))
    files = (PaperFile(name, heading, name),)
    receipt = replace(RECEIPT, heading=f"K {heading}", direction=direction, sections=(section,), files=files)
    assert make_pdf(receipt).startswith(b"%PDF-")


def test_the_same_values_give_the_same_bytes():
    assert make_pdf(RECEIPT) == make_pdf(replace(RECEIPT))
    assert make_pdf(RECEIPT) != make_pdf(replace(RECEIPT, heading="Annat"))


def test_a_child_that_takes_too_long_is_ended(template):
    template(ENDLESS)
    with pytest.raises(PaperFailed, match="skriva ut sidan"):
        make_pdf(RECEIPT, seconds=0.5)


def test_a_child_without_a_parent_ends_itself():
    order = {"template": ENDLESS, "receipt": {}, "seconds": 0, "memory_bytes": paper.MEMORY_BYTES}
    child = [sys.executable, "-I", paper.__file__]
    done = subprocess.run(child, input=json.dumps(order).encode(), capture_output=True, check=False)
    assert done.returncode < 0


def test_a_child_that_takes_too_much_memory_is_ended(template):
    template(f"{VALID} #let a = range(10000000)")
    assert make_pdf(RECEIPT, memory_bytes=2 * 1024**3)
    with pytest.raises(PaperFailed):
        make_pdf(RECEIPT, memory_bytes=256 * 1024**2)


def test_a_template_that_breaks_gives_no_paper(template):
    template(f"{VALID} #panic()")
    with pytest.raises(PaperFailed):
        make_pdf(RECEIPT)


def test_the_child_can_read_no_file_even_beside_itself(template, tmp_path, monkeypatch):
    (tmp_path / "secret.txt").write_text("hemligt")
    monkeypatch.setattr(paper, "TemporaryDirectory", lambda **_: nullcontext(tmp_path))
    template(VALID)
    assert make_pdf(RECEIPT)
    template(f'{VALID} #read("secret.txt")')
    with pytest.raises(PaperFailed):
        make_pdf(RECEIPT)


def test_an_answer_that_is_no_pdf_is_no_paper(monkeypatch):
    monkeypatch.setattr(paper.sys, "executable", "/bin/echo")
    with pytest.raises(PaperFailed):
        make_pdf(RECEIPT)


def test_the_child_imports_nothing_of_ours_and_no_flask():
    told = subprocess.run(
        [sys.executable, "-I", "-X", "importtime", paper.__file__],
        input=b"{",
        capture_output=True,
        check=False,
    ).stderr.decode()
    assert "typing" in told
    assert not re.search(r"\| +(flask|intake)\b", told, re.IGNORECASE)


@pytest.fixture
def template(tmp_path, monkeypatch):
    """Put another template in the place of ours."""

    def put(markup: str) -> None:
        path = tmp_path / "other.typ"
        path.write_text(markup)
        monkeypatch.setattr(paper, "_TEMPLATE", path)

    return put


def _metadata(pdf: bytes) -> str:
    found = re.search(rb"<\?xpacket begin.*?<\?xpacket end", pdf + b"".join(_streams(pdf)), re.S)
    assert found
    return found[0].decode()


def _sizes(pdf: bytes) -> list[str]:
    return re.findall(r"/f\d+ ([\d.]+) Tf", "".join(page for page, _ in _pages(pdf)))


def _heights(pdf: bytes) -> set[str]:
    return set(re.findall(r"1 0 0 -1 [\d.]+ ([\d.]+) cm", "".join(page for page, _ in _pages(pdf))))


def _printed(pdf: bytes) -> str:
    """Return the text of all pages, each run of glyphs after the other, without what the layout adds."""
    words = []
    for content, fonts in _pages(pdf):
        glyphs: dict[str, str] = {}
        for font, literal, digits in re.findall(rf"/(f\d+) [\d.]+ Tf|{LITERAL}|<([0-9A-F]+)>", content):
            glyphs = fonts[font] if font else glyphs
            shown = digits or _unescaped(literal).hex().upper()
            words.append("".join(glyphs[shown[at : at + 4]] for at in range(0, len(shown), 4)))
        words.append("\n")
    return "".join(words)


def _pages(pdf: bytes) -> list[tuple[str, dict[str, dict[str, str]]]]:
    """Return each page's content, and what each glyph of each of its fonts stands for."""
    pages = []
    for resources, contents in re.findall(rb"/Type/Page/Resources (\d+) .*?/Contents (\d+) ", pdf):
        fonts = dict(re.findall(rb"/(f\d+) (\d+) 0 R", _object(pdf, resources)))
        maps = {font.decode(): _glyphs(pdf, _object(pdf, number)) for font, number in fonts.items()}
        content = _streams(_object(pdf, contents))[0].decode("latin-1")
        pages.append((re.sub(r"<<.*?>>BDC", "", content, flags=re.S), maps))
    return pages


def _glyphs(pdf: bytes, font: bytes) -> dict[str, str]:
    number = re.search(rb"/ToUnicode (\d+)", font)
    assert number
    table = _streams(_object(pdf, number[1]))[0].decode()
    pairs = re.findall(r"^<([0-9A-F]{4})> <([0-9A-F]+)>$", table, re.M)
    return {glyph: bytes.fromhex(text).decode("utf-16-be") for glyph, text in pairs}


def _object(pdf: bytes, number: bytes) -> bytes:
    found = re.search(rb"\n%s 0 obj\n(.*?)\nendobj" % number, pdf, re.S)
    assert found
    return found[1]


def _streams(pdf: bytes) -> list[bytes]:
    found = re.findall(rb"FlateDecode[^\n]*>>\s*stream\r?\n(.*?)\r?\nendstream", pdf, re.S)
    return [zlib.decompress(stream) for stream in found]


def _unescaped(literal: str) -> bytes:
    names = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}

    def plain(found: re.Match[str]) -> str:
        return chr(int(found[1], 8)) if found[1].isdigit() else names.get(found[1], found[1])

    return re.sub(r"\\([0-7]{3}|.)", plain, literal, flags=re.S).encode("latin-1")
