"""The second reader: what labelled matters teach is kept as a table, and its words can be told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from click.testing import CliRunner

from config.tables import TableError, read_tables
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
    return learned.opinion(*read_text("", text, RULES)[:2])


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


def test_the_command_prints_the_table(tmp_path):
    path = tmp_path / "few.jsonl"
    path.write_text("", encoding="utf-8")
    done = CliRunner().invoke(main, ["learn", str(path)])
    assert (done.exit_code, "three categories" in done.stderr) == (1, True)
