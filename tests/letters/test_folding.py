"""A letter's blocks: what is said stays in sight, what is quoted can be folded away, nothing is lost."""

import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from intake.letters import parse
from intake.letters.folding import Block, fold

QUOTE = "> Hej!\n> Din anmälan är mottagen.\n> Polisen"
OUTLOOK = "Från: Polisen <arende@polisen.example>\nSkickat: den 12 november 2026 10:21\n"
OUTLOOK += "Till: Anna <anna@example.com>\nÄmne: Ditt ärende\n\nDin anmälan är mottagen.\n"
PIECES = [
    "Hej\n", "> citat \n", ">> djupare\n", "-- \n", "\n", "Den 12 nov. 2026 kl. 10:21 skrev X <x@y.se>:\n",
    "rad \n", " > eget\n", OUTLOOK, "________________________________\n", "Skickat från min iPhone\n",
    "-----Original Message-----\n", "> Vidarebefordrat brev:\n", "Se nedan\n", "wrote:\n",
    "\N{NO-BREAK SPACE}\n",
]  # fmt: skip


def kinds(text, flow=None):
    return [(block.kind, block.text.strip()) for block in fold(text, flow)]


@pytest.mark.parametrize(
    "attribution",
    [
        "Den 12 nov. 2026 kl. 10:21 skrev Polisen <arende@polisen.example>:",
        "Den tors 12 nov. 2026 kl 10:21 skrev Polisen <\narende@polisen.example>:",
        "12 nov. 2026 kl. 10:21 skrev Polisen <arende@polisen.example>:",
        "2026-11-12 10:21 skrev Polisen:",
        "On Thu, Nov 12, 2026 at 10:21 AM Polisen <arende@polisen.example>\nwrote:",
        "On Thu, Nov 12, 2026 at 10:21 AM Polisen\n<arende@polisen.example> wrote:",
        "to 12. marrask. 2026 klo 10.21 Polisen (arende@polisen.example) kirjoitti:",
        "tor. 12. nov. 2026 kl. 10:21 skrev Polisen <arende@polisen.example>:",
        "Den 12/11/2026 kl. 10.21 skrev Polisen:",
        "Am Do., 12. Nov. 2026 um 10:21 Uhr schrieb Polisen <arende@polisen.example>:",
        "-----Ursprungligt meddelande-----",
        "-----Original Message-----\nFrom: Polisen\nSent: Thursday 10:21\nTo: Anna\nSubject: Case",
    ],
)
def test_a_quote_below_an_answer_is_folded_with_its_head(attribution):
    assert kinds(f"Tack!\n\n{attribution}\n\n{QUOTE}\n") == [
        ("said", "Tack!"),
        ("quoted", f"{attribution}\n\n{QUOTE}"),
    ]


@pytest.mark.parametrize(
    "head",
    [
        OUTLOOK,
        f"________________________________\n{OUTLOOK}",
        f"-----Ursprungligt meddelande-----\n{OUTLOOK}",
        "-----Original Message-----\n\nYour report.\n",
        "From: Police <a@b>\nSent: November 12\nTo: Anna <a@b>;\n Bo <b@c>\nSubject: Case\n\nText\n",
        "Fra: Politi\nSendt: 12. november 2026\nTil: Anna\nEmne: Sak\n\nTekst\n",
        "Von: Polizei\nGesendet: Donnerstag\nAn: Anna\nBetreff: Fall\n\nText\n",
        "Lähettäjä: Poliisi\nLähetetty: torstai\nVastaanottaja: Anna\nAihe: Asia\n\nTeksti\n",
        "*From:* Police <a@b>\n*Date:* 12 November\n*To:* Anna\n*Subject:* Case\n\nText\n",
        "Den 12 nov. 2026 kl. 10:21 skrev Polisen <a@polisen.example>:\n\nDin anmälan är mottagen.\n",
    ],
)
def test_what_stands_below_outlooks_headers_is_quoted_to_the_end(head):
    assert kinds(f"Jag vill lägga till en sak.\n\n{head}") == [
        ("said", "Jag vill lägga till en sak."),
        ("quoted", head.strip()),
    ]


def test_an_answer_below_the_quote_stays_said():
    assert kinds(f"{QUOTE}\n\nTack, men cykeln var röd.\n") == [
        ("quoted", QUOTE),
        ("said", "Tack, men cykeln var röd."),
    ]


def test_answers_between_long_quotes_stay_said():
    found = kinds(f"{QUOTE}\nJa.\n{QUOTE}\nNej.\n")
    assert found == [("quoted", QUOTE), ("said", "Ja."), ("quoted", QUOTE), ("said", "Nej.")]


def test_a_short_quote_before_an_answer_is_read_with_it():
    text = "Den 12 nov. 2026 skrev Polisen:\n> Vilken färg?\nRöd.\n> Vilken storlek?\n> Vilket märke?\nStor."
    assert kinds(text) == [("said", text)]


def test_a_short_quote_at_the_end_is_folded_when_its_head_tells_that_it_is_one():
    text = "Röd.\n\nDen 12 nov. 2026 skrev Polisen:\n> Vilken färg?"
    assert kinds(text)[1] == ("quoted", "Den 12 nov. 2026 skrev Polisen:\n> Vilken färg?")
    assert kinds("Det kostade\n> 500 kr") == [("said", "Det kostade\n> 500 kr")]


@pytest.mark.parametrize("text", [QUOTE, OUTLOOK, f"{OUTLOOK}\nMitt svar står här nere.\n", "-- \nAnna"])
def test_a_letter_where_nothing_else_is_said_is_said(text):
    assert kinds(text) == [("said", text.strip())]


@pytest.mark.parametrize(
    "text",
    [
        "Jag fick detta:\n\n---------- Forwarded message ---------\n" + OUTLOOK,
        "Jag fick detta:\n\nVidarebefordrat brev:\n\n" + OUTLOOK,
        "Jag fick detta:\n\n> Start på vidarebefordrat brev:\n>\n" + QUOTE,
        "Jag fick detta:\n\n-------- Vidarebefordrat meddelande --------\n" + QUOTE,
    ],
)
def test_what_is_forwarded_is_said(text):
    assert kinds(text) == [("said", text.strip())]


def test_answers_among_lines_without_marks_are_said_when_the_sender_points_there():
    text = f"Se mina svar nedan i rött.\n\n{OUTLOOK}Den var röd.\n"
    assert kinds(text) == [("said", text.strip())]


@pytest.mark.parametrize(
    "text",
    [
        "Den 12 november 2026 skrev Kalle till mig:\nJag ska döda dig.",
        "Den 12 november skrev Kalle detta:\n\n> Jag ska döda dig.\n\nJag är rädd.",
        "Han ringde från: 070-123\nSkickat: en bild\nKom hit.",
        "Från: Anna\nTill: Polisen\n\nHej, jag vill anmäla.",
        "Jag gick till affären\n--\noch sedan hem, där han stod.",
    ],
)
def test_what_is_doubtful_is_said(text):
    assert kinds(text) == [("said", text)]


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nAnna Svensson\n070-123 45 67",
        "Skickat från min iPhone",
        "Skickat från Outlook för Android<https://aka.ms/AAb9ysg>",
        "Hämta Outlook för iOS <https://aka.ms/o0ukef>",
        "Sent from my iPhone",
        "Sent from Yahoo Mail",
        "Lähetetty iPhonesta",
        "Sendt fra min iPhone",
        "Von meinem iPhone gesendet",
        "Skickat från min iPad\n\nHämta Outlook för iOS",
    ],
)
def test_a_signature_is_told_apart(signature):
    assert kinds(f"Tack!\n\n{signature}\n") == [("said", "Tack!"), ("signature", signature)]


def test_a_signature_above_the_quote_is_told_apart():
    text = f"Tack!\n\nSkickat från min iPhone\n\n{QUOTE}"
    assert kinds(text) == [("said", "Tack!"), ("signature", "Skickat från min iPhone"), ("quoted", QUOTE)]


@pytest.mark.parametrize(
    "text",
    [
        "Skickat från min iPhone är bilden som jag talade om, och den visar allt.",
        "Skickat från min iPhone\nSka jag komma in?",
        "Hej\n-- \n" + "Det här hände sedan.\n" * 20,
    ],
)
def test_what_only_looks_like_a_signature_is_said(text):
    assert kinds(text) == [("said", text.strip())]


def test_flowed_lines_are_joined_into_paragraphs():
    text = "Det här är ett \nlångt stycke.\nNytt stycke.\n\n Hej \n\nSlut"
    assert fold(text, "flowed") == (
        Block("said", "Det här är ett långt stycke.\nNytt stycke.\n\nHej \n\nSlut"),
    )


def test_flowed_quotes_are_joined_only_at_their_own_depth():
    text = "Ja \n>> djupast \n>> rad\n> grund \n> rad\n> sist\n"
    assert kinds(text, "flowed") == [("said", "Ja"), ("quoted", ">> djupast rad\n> grund rad\n> sist")]


def test_a_signature_line_is_never_joined():
    found = kinds("Tack \n-- \nAnna \nSvensson", "flowed")
    assert found == [("said", "Tack"), ("signature", "-- \nAnna Svensson")]


def test_the_space_at_the_joint_is_dropped_when_the_sender_says_so():
    assert kinds("bok \nstav", "delsp") == [("said", "bokstav")]
    assert kinds("bok \nstav", "flowed") == [("said", "bok stav")]
    assert kinds("bok \nstav") == [("said", "bok \nstav")]


def test_a_mark_typed_by_the_sender_is_no_quote():
    text = "Jag skrev så:\n > ett\n > två\n > tre"
    assert kinds(text, "flowed") == [("said", text)]


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
@example("")
@example("\n")
def test_the_blocks_together_are_the_whole_text(text):
    assert "\n".join(block.text for block in fold(text, None)) == text


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join), st.sampled_from(["flowed", "delsp"]))
def test_joined_lines_lose_no_words(text, flow):
    shown = "".join(block.text for block in fold(text, flow))
    assert re.sub(r"[\s>]", "", shown) == re.sub(r"[\s>]", "", text)


@given(st.lists(st.sampled_from(PIECES)).map("".join), st.sampled_from([None, "flowed", "delsp"]))
def test_neighbours_differ_in_kind(text, flow):
    found = [block.kind for block in fold(text, flow)]
    assert all(one != following for one, following in pairwise(found))


def test_the_longest_texts_are_split_in_linear_time():
    for piece in (
        "> a\n",
        "\n",
        ">\n\n",
        "a:\n",
        "From: a\n",
        "-- \n",
        "-",
        "> ",
        "skrev 10:21 a@b:\n",
        "_____\n",
    ):
        text = piece * (200_000 // len(piece))
        assert "\n".join(block.text for block in fold(text, None)) == text


def test_every_letter_of_the_corpora_keeps_its_words(corpora, tmp_path):
    for count, file in enumerate(sorted((corpora / "mail").rglob("*.eml"))):
        letter = parse(file, tmp_path / str(count))
        shown = "".join(block.text for block in fold(letter.text, letter.flow))
        assert re.sub(r"[\s>]", "", shown) == re.sub(r"[\s>]", "", letter.text), file
