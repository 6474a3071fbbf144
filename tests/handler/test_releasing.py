"""A masked copy to give out: chosen, looked through, made; what is masked is in it no more."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from intake.models import AccessLog, Event, Message
from tests import desk
from tests.handler.copying import Copy
from tests.papers import bytes_in, words_in

TEXT = "Jag heter Kim Berg. Grannen Sture slog mig i ansiktet i går. Ring 070-123 45 67.\nMvh Kim"
SECRET = ("Kim", "Berg", "Sture", "slog mig", "070-123", "kim@example.com")


@pytest.fixture
def reference(anna, bring):
    made = bring(text=TEXT, files=(("Sture.jpg", b"x"),))
    anna.act(made, "ta")
    anna.act(made, "anteckna", note="Grannen är känd här.")
    return made


def test_what_is_masked_is_nowhere_in_the_copy(anna, reference):
    pdf = Copy(anna, reference).tick("slog mig").add("Sture").make()
    said = " ".join("".join(words_in(pdf)).split())
    whole = bytes_in(pdf)
    for secret in SECRET:
        assert secret.lower() not in said.lower()
        for coded in (secret.encode(), secret.encode("utf-16-be"), secret.encode("utf-16-be").hex().encode()):
            assert coded not in whole
    assert "[maskerat, OSL 35:1]" in said
    assert "[utelämnat, TF 2:12]" in said
    assert "35 kap. 1 § offentlighets- och sekretesslagen" in said
    assert "överklaga till kammarrätten" in said
    assert "känd här" not in said
    assert reference not in said


def test_the_copy_is_tagged_and_can_be_shown_later_to_be_the_one(anna, reference, seen):
    pdf = Copy(anna, reference).make()
    assert b"/MarkInfo<</Marked true" in pdf
    event = seen.query(Event).filter(Event.what == "release_prepared").one()
    assert event.detail["digest"] == hashlib.sha256(pdf).hexdigest()
    assert event.detail["left_out"] == 1
    assert event.detail["masked"] > 0
    assert event.detail["provisions"] == ["35_1", "tf_2_12"]
    assert "Kim" not in str(event.detail)
    told = desk.text_of(anna.get(f"/arende/{reference}/lamna-ut")).replace(" ", "")
    assert event.detail["digest"] in told
    assert "Förberedde en kopia för utlämnande" in anna.page(reference).text


def test_the_same_choices_give_the_same_copy_again(anna, reference):
    assert Copy(anna, reference).make() == Copy(anna, reference).make()


def test_the_matter_itself_stays_as_it_was(anna, reference, seen):
    anna.page(reference)
    before = desk.text_of(anna.page(reference)).partition("Historik")[0]
    Copy(anna, reference).make()
    assert seen.query(Message).filter(Message.direction == "incoming").one().text == TEXT
    assert desk.text_of(anna.page(reference)).partition("Historik")[0] == before


def test_nothing_is_made_that_was_not_looked_through(anna, reference, seen):
    copy = Copy(anna, reference)
    assert copy.press("kopia").status_code == 409
    copy.press("granska")
    assert copy.press("kopia", found=[]).status_code == 409
    anna.act(reference, "anteckna", note="Något nytt.")
    assert copy.press("kopia").status_code == 409
    assert "Läs igenom granskningen" in copy.page.text
    assert seen.query(Event).filter(Event.what == "release_prepared").count() == 0


def test_a_masking_without_a_provision_is_asked_for_one_and_keeps_the_choices(anna, reference):
    copy = Copy(anna, reference).tick("slog mig")
    assert copy.press("granska", by="", words="Hemlig").status_code == 422
    assert "Välj en bestämmelse" in copy.page.text
    assert "Hemlig</textarea>" in copy.page.text
    assert copy.is_ticked(copy.chosen["mask"][0])


def test_where_nothing_is_withheld_nothing_is_said_of_appealing(anna, bring):
    copy = Copy(anna, bring(text="Hej."))
    copy.chosen |= {"found": [], "out": [], "by": ""}
    said = "".join(words_in(copy.make()))
    assert "Kim Berg" in said
    assert "överklaga" not in said
    assert "maskerat" not in said


def test_who_is_protected_is_masked_without_anybodys_choice(anna, bring, brought, seen):
    reference = brought(flags=["protected_identity"])
    seen.query(Message).update({"text": "Jag, Kim Berg, nås på kim@example.com. Cykeln är röd."})
    seen.commit()
    copy = Copy(anna, reference)
    assert "kim@example.com" not in copy.values(r"found-\d+")
    copy.chosen |= {"found": [], "out": [], "by": ""}
    said = "".join(words_in(copy.make()))
    assert "[maskerat, OSL 21:3]" in said
    assert "Cykeln är röd." in said
    assert [secret for secret in ("Kim", "Berg", "kim@") if secret in said] == []


def test_it_is_a_look_and_needs_a_late_proof_and_loses_no_choice(anna, reference, seen, clock):
    copy = Copy(anna, reference).tick("slog mig")
    copy.press("granska")
    clock.at += timedelta(minutes=15)
    assert copy.press("kopia").status_code == 403
    assert copy.is_ticked(copy.chosen["mask"][0])
    assert anna.prove().location.endswith("/lamna-ut")
    assert copy.press("kopia").status_code == 200
    looks = [row.what for row in seen.query(AccessLog).order_by(AccessLog.at)]
    assert looks.count("release") == 4


def test_what_stands_in_no_part_is_no_choice(anna, reference):
    copy = Copy(anna, reference)
    answer = copy.press("granska", mask=["99.0.0", "0.99.0", "0.0.99", "x"], out=["99", "-1"])
    assert answer.status_code == 200
    assert "[utelämnat" not in answer.text
