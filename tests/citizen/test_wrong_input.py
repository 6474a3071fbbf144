"""What bad input gets: a clear message at the right place, and nothing lost."""

from __future__ import annotations

import io
import uuid
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from intake.models import Draft, DraftFile, Matter
from tests.citizen.person import STORY, hidden, value, words


def test_a_page_without_an_answer_says_so_on_top_and_at_the_field(person):
    person.begin()
    answer = person.fill("amne")
    assert answer.status_code == 422
    assert "<title>Fel: Vad gäller det?" in answer.text
    assert "Det finns fel i formuläret" in answer.text
    assert '<a href="#group">' in answer.text
    assert 'id="group-fel"' in answer.text


def test_an_unknown_municipality_is_told_with_near_names(person):
    person.begin()
    answer = person.fill("plats", place="municipality", municipality="Malmo", place_words="vid torget")
    assert answer.status_code == 422
    assert "Menade du Malmö" in words(answer.text)
    assert value(answer.text, "place_words") == "vid torget"


@pytest.mark.parametrize("written", ["malmö", "Malmö kommun", "211 34", "21134"])
def test_a_municipality_is_known_by_name_and_postcode(person, written, seen):
    person.begin()
    assert person.fill("plats", place="municipality", municipality=written).status_code == 303
    assert seen.scalars(select(Draft.answers)).one()["municipality"] == "1280"


def test_a_place_on_the_net_needs_no_municipality(person):
    person.begin()
    assert person.fill("plats", place="online", municipality="struntprat").status_code == 303


def test_an_empty_story_without_files_is_asked_for(person):
    person.begin()
    answer = person.fill("handelse", heading="Cykeln")
    assert answer.status_code == 422
    assert value(answer.text, "heading") == "Cykeln"


def test_a_text_that_is_too_long_is_kept_in_its_field(person):
    person.begin()
    text = "å" * 600_000
    answer = person.fill("handelse", text=text)
    assert answer.status_code == 422
    assert "Högst 20\u00a0000 tecken får plats. Nu är det 600\u00a0000" in answer.text
    assert value(answer.text, "text") == text


def test_a_text_beyond_all_bounds_is_413_with_a_way_back(person):
    person.begin()
    answer = person.fill("handelse", text="a" * 5_000_000)
    assert answer.status_code == 413
    assert "Texten är för lång" in answer.text
    assert f'href="{person.at("handelse")}"' in answer.text


@pytest.mark.parametrize(
    "written", ["kim@example.com\r\nBcc: alla@example.com", "kim", "kim@", "k im@example.com", "a@b@c.se"]
)
def test_an_address_that_is_none_is_refused_at_its_field(person, written):
    person.begin()
    answer = person.fill("kontakt", email=written, phone="070 123 45 67")
    assert answer.status_code == 422
    assert 'aria-describedby="email-hjalp email-fel" aria-invalid="true"' in answer.text
    assert value(answer.text, "phone") == "070 123 45 67"


def test_a_receipt_needs_an_address(person):
    person.begin()
    assert "vart bekräftelsen ska" in person.fill("kontakt", wants_receipt="ja").text


def test_nul_and_other_control_characters_are_left_out(person, seen):
    person.begin()
    person.fill("handelse", text="Hej\x00 på\x08 dig\r\nrad två", heading="Ru\nbrik\x00")
    answers = seen.scalars(select(Draft.answers)).one()
    assert (answers["text"], answers["heading"]) == ("Hej på dig\nrad två", "Ru brik")


@pytest.mark.parametrize("token", [None, "strunt"])
@pytest.mark.parametrize(
    ("page", "field", "written"),
    [("handelse", "text", STORY), ("kontakt", "name", "Kim"), ("plats", "place_words", "vid torget")],
)
def test_a_stale_token_shows_the_filled_form_again(person, token, page, field, written):
    person.begin()
    data = {field: written} | ({"csrf_token": token} if token else {})
    answer = person.client.post(person.at(page), data=data)
    assert answer.status_code == 422
    assert "Det du skrev finns kvar här" in answer.text
    assert value(answer.text, field) == written
    data["csrf_token"] = hidden(answer.text, "csrf_token")
    data.setdefault("place", "online")
    assert person.client.post(person.at(page), data=data).status_code == 303


def test_no_form_does_anything_without_its_token(person, seen):
    person.begin().tell().add((b"hej", "bild.jpg"))
    file_id = seen.scalars(select(DraftFile.id)).one()
    before = seen.scalars(select(Draft.answers)).one()
    for page in ("amne", "vem", "plats", "handelse", "filer", "kontakt", "skicka", "rensa"):
        assert person.client.post(person.at(page), data={"text": "x", "group": "tipsa"}).status_code == 422
    assert person.client.post(person.at(f"filer/{file_id}/ta-bort")).status_code == 422
    seen.expire_all()
    assert seen.scalars(select(Draft.answers)).one() == before
    assert seen.scalars(select(DraftFile.id)).one() == file_id
    assert seen.scalar(select(func.count()).select_from(Matter)) == 0


def test_another_site_can_neither_begin_nor_leave_for_a_person(person, seen):
    person.begin().tell()
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert person.client.post("/borja", headers=elsewhere).status_code == 403
    person.client.post("/lamna", headers=elsewhere)
    assert person.get("granska").status_code == 200
    assert seen.scalar(select(func.count()).select_from(Draft)) == 1


def test_a_text_to_a_draft_that_is_gone_is_given_back(person, clock):
    person.begin().tell()
    token = person.token("handelse")
    clock.at = clock.at.replace(day=25)
    answer = person.client.post(person.at("handelse"), data={"csrf_token": token, "text": "En lång text"})
    assert answer.status_code == 404
    assert value(answer.text, "text") == "En lång text"
    anew = person.client.post("/borja", data={"text": "En lång text"})
    person.draft = anew.location.partition("/amne")[0]
    assert value(person.get("handelse").text, "text") == "En lång text"


def test_nothing_to_send_is_told_on_the_check_page(person, seen):
    person.begin()
    answer = person.send()
    assert answer.status_code == 422
    assert "Det finns inget att skicka än" in answer.text
    assert seen.scalar(select(func.count()).select_from(Matter)) == 0


def test_an_unknown_address_is_a_kind_404(citizen):
    for path in ("/finns-inte", "/skriv/inte-ett-id/amne"):
        answer = citizen.get(path)
        assert (answer.status_code, "Sidan finns inte" in answer.text) == (404, True)


def test_a_broken_body_is_told_as_such(person):
    person.begin()
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nhalva'
    answer = person.client.post(person.at("filer"), data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400
    assert "Sändningen avbröts" in answer.text
    assert f'href="{person.at("filer")}"' in answer.text


def test_a_dropped_upload_is_never_an_empty_form(person, seen):
    person.begin()
    whole = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nhalva\r\n--x--'
    answer = person.client.post(
        person.at("filer"),
        input_stream=io.BytesIO(whole[:-9]),
        content_length=len(whole),
        content_type="multipart/form-data; boundary=x",
    )
    assert answer.status_code == 400
    assert "Sändningen avbröts" in answer.text
    assert seen.scalar(select(func.count()).select_from(DraftFile)) == 0


def test_too_many_parts_are_413(person):
    person.begin()
    data = {f"f{number}": "x" for number in range(1500)}
    answer = person.client.post(person.at("filer"), data=data, content_type="multipart/form-data")
    assert answer.status_code == 413


@pytest.fixture
def small_limits(settings):
    """Limits so small that a test can pass them."""
    files = replace(
        settings.tables.files,
        max_request_bytes=40_000,
        max_file_bytes=20_000,
        mail_way_out_bytes=50_000,
        max_files=2,
    )
    return replace(settings, tables=replace(settings.tables, files=files))


class TestSmallLimits:
    """What happens at the limits, tried with small ones."""

    @pytest.fixture
    def settings(self, small_limits):
        return small_limits

    def test_a_body_that_mail_can_carry_gets_the_address(self, person):
        person.begin()
        answer = person.add((b"x" * 45_000, "bild.jpg"))
        assert answer.status_code == 413
        assert "arende+" in answer.text

    def test_a_body_that_mail_cannot_carry_never_gets_it(self, person):
        person.begin()
        answer = person.add((b"x" * 60_000, "film.mp4"))
        assert answer.status_code == 413
        assert "arende+" not in answer.text
        assert "Skicka din text nu" in answer.text

    def test_a_stranger_gets_no_address(self, person, make_app):
        person.begin()
        stranger = make_app("citizen").test_client()
        data = {"files": (io.BytesIO(b"x" * 45_000), "bild.jpg")}
        answer = stranger.post(person.at("filer"), data=data, content_type="multipart/form-data")
        assert (answer.status_code, "arende+" in answer.text) == (404, False)

    def test_a_body_without_length_is_413_too(self, person):
        person.begin()
        head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'
        answer = person.client.post(
            person.at("filer"),
            input_stream=io.BytesIO(head + b"x" * 60_000),
            headers={"Transfer-Encoding": "chunked"},
            content_type="multipart/form-data; boundary=x",
            environ_overrides={"wsgi.input_terminated": True},
        )
        assert answer.status_code == 413
        assert "arende+" not in answer.text

    def test_a_file_too_large_is_refused_at_its_field(self, person):
        person.begin()
        answer = person.add((b"x" * 21_000, "bild.jpg"))
        assert answer.status_code == 422
        assert "är större än" in answer.text

    def test_more_files_than_fit_are_refused_and_the_others_kept(self, person, seen):
        person.begin()
        answer = person.add((b"a", "a.txt"), (b"b", "b.txt"), (b"c", "c.txt"))
        assert answer.status_code == 422
        assert "c.txt” får inte plats" in answer.text
        assert seen.scalars(select(DraftFile.name).order_by(DraftFile.id)).all() == ["a.txt", "b.txt"]


def test_a_form_that_is_gone_gives_every_answer_back(citizen):
    posted = {"text": STORY, "svar_suspect": "En man i röd jacka", "svar_okand": "x"}
    answer = citizen.post(f"/skriv/{uuid.uuid4()}/handelse", data=posted)
    assert answer.status_code == 404
    saved = value(answer.text, "text")
    assert saved.startswith(STORY)
    assert saved.endswith("\nEn man i röd jacka")
