"""Parting: what went into another matter comes back, and nothing else does."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from intake.errors import NotAllowed
from intake.extensions import db
from intake.matters import merging
from intake.models import Attachment, Matter
from tests.file_samples import PDF
from tests.letters_home import address_of, deliver, letter
from tests.matters.mailing import key_to
from tests.matters.standing import events, fresh, is_whole, opened, texts


def test_exactly_what_went_comes_back(kept, bring, merge, do):
    gone = bring(files=(("kvitto.pdf", PDF),))
    merge(gone, kept)
    deliver(letter("Nytt."), address_of(gone))
    do(merging.part_again, gone)
    assert (len(texts(gone)), texts(kept)[-1]) == (1, "Nytt.")
    assert (fresh(gone).status, fresh(gone).merged_into_id) == ("reopened", None)
    assert db.session.scalars(select(Attachment.matter_id)).one() == gone.id
    assert is_whole()


def test_its_code_opens_its_own_again(kept, gone, merge, do, citizen_app):
    key = key_to(gone)
    merge(gone, kept)
    do(merging.part_again, gone)
    assert opened(citizen_app, key) == gone.id


def test_those_that_went_into_it_before_go_with_it(kept, gone, bring, merge, do):
    first = bring()
    merge(first, gone)
    merge(gone, kept)
    do(merging.part_again, gone)
    assert (len(texts(kept)), len(texts(gone))) == (1, 2)
    do(merging.part_again, first)
    assert (len(texts(gone)), len(texts(first))) == (1, 1)
    assert is_whole()


def test_one_in_the_middle_can_be_parted_out_first(kept, gone, bring, merge, do):
    first = bring()
    merge(first, gone)
    merge(gone, kept)
    do(merging.part_again, first)
    do(merging.part_again, gone)
    assert [len(texts(one)) for one in (kept, gone, first)] == [1, 1, 1]
    assert is_whole()


def test_an_urgent_one_that_nobody_has_wakes_those_on_duty(kept, bring, merge, do):
    gone = bring(priority=1)
    merge(gone, kept)
    do(merging.part_again, gone)
    assert events(gone)[-1] == "alarm_began"


def test_nothing_is_taken_from_behind_a_wall(kept, gone, merge, do):
    merge(gone, kept)
    db.session.execute(update(Matter).where(Matter.id == kept.id).values(unit_id="su"))
    db.session.commit()
    with pytest.raises(NotAllowed, match="sekretessgräns"):
        do(merging.part_again, gone)


def test_what_is_not_merged_is_not_parted(gone, do):
    with pytest.raises(NotAllowed, match="inte sammanfört"):
        do(merging.part_again, gone)


def test_it_can_be_merged_once_more_the_other_way(kept, gone, merge, do):
    merge(gone, kept)
    do(merging.part_again, gone)
    merge(kept, gone)
    assert (len(texts(gone)), texts(kept)) == (2, [])
