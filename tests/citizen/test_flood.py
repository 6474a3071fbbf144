"""One sender on the net cannot take all the room, and can still send."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intake.citizen.flood import Counts
from tests.citizen.person import STORY, value


class TestFlood:
    @pytest.fixture
    def settings(self, settings):
        return replace(settings, flood_requests=30)

    def test_who_asks_far_too_often_is_held_back_and_loses_no_text(self, person):
        person.begin()
        token = person.token("handelse")
        data = {"csrf_token": token, "text": STORY}
        answers = [person.client.post(person.at("handelse"), data=data) for _ in range(40)]
        assert answers[0].status_code == 303
        assert answers[-1].status_code == 429
        assert value(answers[-1].text, "text") == STORY

    def test_sending_is_never_held_back(self, person):
        person.begin().tell()
        token = person.token("granska")
        while person.client.get("/").status_code == 200:
            pass
        answer = person.client.post(person.at("skicka"), data={"csrf_token": token})
        assert answer.location == "/kvitto"

    def test_another_sender_is_not_held_back(self, citizen):
        while citizen.get("/").status_code == 200:
            pass
        assert citizen.get("/", environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 200


def test_a_new_window_begins_from_nothing():
    counts = Counts()
    assert [counts.add("a", 1), counts.add("a", 9), counts.add("b", 9), counts.add("a", 10)] == [1, 2, 1, 1]
