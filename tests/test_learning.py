"""The second reader: what labelled matters teach is kept as a table, and its words can be told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from click.testing import CliRunner

from config.reading import TableError
from config.tables import read_tables
from intake.cli import main
from intake.evaluation import BadMatter
from intake.learning import learn
from intake.routing import Facts, compile_rules, place
from intake.routing.decide import read_text
from intake.routing.learned import Learned

TABLES = read_tables()
RULES = compile_rules(TABLES)
TAUGHT = {
    "tillstand": ("Blåbärspannkakan ska förnyas", "Var förnyar jag min blåbärspannkaka?"),
    "lokal": ("Tuffsnurran väsnas varje natt", "Tuffsnurrorna på torget väsnas"),
    "insyn": ("Vi granskar mjölkkannans utgifter", "Svar om mjölkkannan önskas"),
}


def matters():
    for category, texts in TAUGHT.items():
        for text in texts:
            expected = {"category": category, "region": None, "priority": 3, "flags": []}
            yield {"channel": "email", "subject": "", "body": text, "expected": expected}


def opinion(learned, text):
    read = read_text("", text, RULES)
    return learned.opinion(read.reading, read.findings, read.names)


@pytest.fixture(scope="module")
def learned():
    return Learned.read(learn(matters(), RULES))


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("En blåbärspannkakas giltighet", "tillstand"),
        ("Hela gatan hör tuffsnurran", "lokal"),
        ("Mjölkkannorna igen", "insyn"),
    ],
)
def test_what_was_taught_is_known_in_other_forms(learned, text, category):
    said = opinion(learned, text)
    assert max(said.categories, key=said.categories.get) == category
    assert sum(said.categories.values()) == pytest.approx(1)


def test_the_words_that_weighed_are_told_as_they_were_written(learned):
    assert opinion(learned, "Hela gatan hör Tuffsnurran").words("lokal")[0] == "Tuffsnurran"


def test_a_word_of_one_matter_alone_teaches_nothing(learned):
    assert "<utgifter>" not in learned._pieces


def test_a_name_of_a_place_says_nothing():
    here, there = (opinion(RULES.learned, f"Det är mycket bråk i {name} nu") for name in ("Rinkeby", "Lund"))
    assert here.categories == there.categories
    assert here.flags == there.flags


CALM = "Parkeringen vid torget har fått nya skyltar och det är bra för alla som handlar där. "


@pytest.mark.parametrize("before", [0, 6, 12])
def test_danger_is_seen_in_the_midst_of_a_long_calm_text(before):
    text = CALM * before + "Han står i hallen och slår på min dörr nu, hjälp mig. " + CALM * (12 - before)
    assert "emergency_now" in place(Facts("email", "", text), RULES).flags
    assert "emergency_now" not in place(Facts("email", "", CALM * 12), RULES).flags


@pytest.mark.parametrize("first", ["", "\t0\tanmalan=1"])
def test_a_table_that_does_not_fit_the_categories_stops_the_start(first):
    with pytest.raises(TableError, match="learn it again"):
        compile_rules(replace(TABLES, weights=(first,) if first else ()))


def test_an_empty_text_is_undecided():
    assert place(Facts("email", "", ""), RULES).is_undecided


def test_two_categories_are_too_few():
    few = [row for row in matters() if row["expected"]["category"] != "lokal"]
    with pytest.raises(BadMatter, match="three categories"):
        list(learn(few, RULES))


def test_the_table_that_is_shipped_knows_every_category():
    shipped = opinion(RULES.learned, "Min cykel är stulen")
    assert shipped.categories.keys() == set(TABLES.categories.codes)
    assert shipped.flags.keys() == {rule.code for rule in RULES.learned_flags}


@pytest.mark.parametrize("line", ["no tabs", "piece\tmany\tlokal=1", "piece\t1\tlokal=x"])
def test_a_line_that_cannot_be_read_stops_the_start(line):
    with pytest.raises(TableError, match=r"weights\.tsv line 2"):
        compile_rules(replace(TABLES, weights=("\t0\tlokal=1", line)))


def test_a_file_that_teaches_too_little_is_told(tmp_path):
    path = tmp_path / "few.jsonl"
    path.write_text("", encoding="utf-8")
    done = CliRunner().invoke(main, ["learn", str(path)])
    assert (done.exit_code, "three categories" in done.stderr) == (1, True)
