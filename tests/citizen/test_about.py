"""The pages of openness tell what the law asks for, are true of the code, and say who has reviewed them."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import html5lib
import pytest

from config.openness import PAGES, Exempt, Review, Way, read_openness
from config.reading import TableError
from config.tables import FOLDER, SupportLine
from tests.citizen.person import words

DRAFT = "Utkast, inte granskat"
STATIC = Path(__file__).parents[2] / "intake/static"


@pytest.fixture
def told(settings):
    return settings.tables.openness


@pytest.fixture
def show(make_app, settings, told):
    """Show a page, with some of its facts written otherwise."""

    def show(path, **facts):
        app = make_app("citizen")
        tables = replace(settings.tables, openness=replace(told, **facts))
        app.extensions["settings"] = replace(app.extensions["settings"], tables=tables)
        answer = app.test_client().get(path)
        assert answer.status_code == 200
        return answer.text

    return show


def links(page):
    return {link.get("href") for link in html5lib.parse(page, namespaceHTMLElements=False).iter("a")}


def main_of(page):
    return words(page.partition("<main")[2].partition(">")[2].partition("</main>")[0])


class TestEveryPage:
    """What holds for all of them."""

    def test_the_foot_of_the_first_page_leads_to_all(self, show):
        assert links(show("/")) >= {f"/{name}" for name in PAGES}

    @pytest.mark.parametrize("name", PAGES)
    def test_it_ends_with_draft_until_somebody_has_reviewed_it(self, show, told, name):
        assert main_of(show(f"/{name}")).endswith(DRAFT)
        review = Review("Kim Ek", date(2026, 11, 2))
        page = main_of(show(f"/{name}", reviews=told.reviews | {name: review}))
        assert page.endswith("Granskat av Kim Ek den 2 november 2026")
        assert DRAFT not in page.removesuffix(DRAFT) or name == "sprak"

    @pytest.mark.parametrize("name", PAGES)
    def test_it_promises_nothing_that_nobody_can_keep(self, show, name):
        page = main_of(show(f"/{name}")).lower()
        for promise in ("krypter", "anonymt", "inget kan försvinna", "inom en vecka", "arbetsdag"):
            assert promise not in page

    @pytest.mark.parametrize("name", PAGES)
    def test_it_sets_no_cookie(self, make_app, name):
        assert "Set-Cookie" not in make_app("citizen").test_client().get(f"/{name}").headers

    def test_its_links_stay_in_the_language_of_the_page(self, citizen):
        assert "/en/kontaktvagar" in links(citizen.get("/en/tillganglighet").text)


class TestAccessibility:
    """The statement of accessibility."""

    def test_it_tells_every_point_that_the_law_asks_for(self, show, told, settings):
        page = show("/tillganglighet")
        said, statement = main_of(page), told.accessibility
        for point in (
            settings.tables.authority.name,
            statement.service,
            "delvis förenlig",
            "självskattning",
            "inte prövad med personer som använder hjälpmedel",
            "Bedömningen gjordes den 22 november 2026",
            "ändrades senast den 22 november 2026",
            "(12 §): inget.",
            "inte gäller (9 §): inget.",
            "sätt som fungerar för dig (15 §)",
            statement.supervisor,
        ):
            assert point in said
        assert {"https://www.digg.se/tdosanmalan", "/", "tel:11414"} <= links(page)

    def test_it_lists_every_fault_with_its_reason_and_criteria(self, show, told):
        said = main_of(show("/tillganglighet"))
        for fault in told.accessibility.faults:
            assert fault.need in said
            assert f"{fault.what}Varför: {fault.why}" in said.replace(" Varför", "Varför")
            assert all(number in said for number in fault.criteria)

    def test_it_tells_what_is_exempt_and_why(self, show, told):
        exempt = (Exempt("En gammal karta", "Den görs om i vår"),)
        statement = replace(told.accessibility, burdens=exempt)
        said = main_of(show("/tillganglighet", accessibility=statement))
        assert "En gammal karta" in said
        assert "Den görs om i vår" in said
        assert "(12 §): inget." not in said

    @pytest.mark.parametrize(("day", "is_old"), [(22, False), (23, True)])
    def test_it_says_itself_when_the_assessment_is_over_a_year_old(self, show, clock, day, is_old):
        clock.at = datetime(2027, 11, day, 12, tzinfo=UTC)
        assert ("Bedömningen är äldre än ett år" in show("/tillganglighet")) == is_old


class TestPrivacy:
    """Personal data, law by law."""

    def test_it_tells_of_each_law_what_belongs_there(self, show, settings):
        said = main_of(show("/personuppgifter"))
        of_crime, of_administration = said.split("Andra ärenden")[:2]
        assert "brottsdatalagen (2018:1177)" in of_crime
        assert "Någon har lurat mig" in of_crime
        assert "artikel 6.1 e" in of_administration
        assert "Jag har en fråga" in of_administration
        assert f"{settings.tables.authority.name} är personuppgiftsansvarig" in said

    def test_it_tells_how_to_complain_and_to_learn_who_has_read(self, show, told):
        page = show("/personuppgifter")
        assert told.privacy.supervisor_url in links(page)
        assert f"mailto:{told.privacy.officer}" in links(page)
        assert "Vill du veta vem som har öppnat ditt ärende?" in page


class TestCookies:
    """The one cookie."""

    def test_its_name_is_the_one_that_is_set(self, make_app):
        client = make_app("citizen").test_client()
        name = client.post("/borja").headers["Set-Cookie"].partition("=")[0]
        assert f"<code>{name}</code>" in client.get("/kakor").text

    def test_over_https_it_tells_that_the_cookie_is_bound_to_it(self, make_app):
        app = make_app("citizen")
        app.config.update(SESSION_COOKIE_NAME="__Host-intake_citizen", SESSION_COOKIE_SECURE=True)
        said = main_of(app.test_client().get("/kakor").text)
        assert "__Host-intake_citizen" in said
        assert "bara över https" in said

    def test_no_script_keeps_anything_that_the_page_is_silent_about(self, show):
        used = {
            store
            for script in STATIC.glob("*.js")
            for store in re.findall(
                r"localStorage|sessionStorage|indexedDB|document\.cookie", script.read_text()
            )
        }
        page = show("/kakor")
        assert [store for store in used if store not in page] == []


class TestChannels:
    """The ways to us."""

    def test_every_inbox_has_its_address_there(self, show, settings):
        expected = {"mailto:kontakt@example.se"}
        expected |= {f"mailto:{region.code}@example.se" for region in settings.tables.authority.regions}
        shown = {link for link in links(show("/kontaktvagar")) if link.startswith("mailto:")}
        assert shown == expected

    def test_it_says_what_a_way_cannot_do(self, show):
        said = main_of(show("/kontaktvagar"))
        assert "Du når ingen handläggare direkt" in said
        assert "högst 20 MB" in said

    def test_a_way_is_shown_only_when_it_is_known(self, show):
        assert "Texttelefon" not in show("/kontaktvagar")
        way = Way("Texttelefon", "Ring 020.", "https://example.se/text", "example.se", date(2026, 11, 1))
        said = main_of(show("/kontaktvagar", ways=(way,)))
        assert "Texttelefon" in said
        assert "example.se, läst 1 november 2026" in said

    def test_the_lines_that_help_are_those_of_the_authority(self, make_app, settings):
        line = SupportLine("Stödlinjen", "020 12 34", "när du behöver prata", "example.se", "2026-10-01")
        authority = replace(settings.tables.authority, support=(line,))
        app = make_app("citizen")
        tables = replace(settings.tables, authority=authority)
        app.extensions["settings"] = replace(app.extensions["settings"], tables=tables)
        said = main_of(app.test_client().get("/kontaktvagar").text)
        assert "Stödlinjen, när du behöver prata" in said
        assert "example.se, läst 2026-10-01" in said

    def test_an_address_that_is_not_known_is_not_shown(self, show):
        assert "Skicka brev" in show("/kontaktvagar")
        assert "Skicka brev" not in show("/kontaktvagar", letter=())


class TestLanguages:
    """Easy Swedish, and the languages with a page of their own."""

    def test_easy_swedish_has_one_short_sentence_a_line(self, show):
        page = show("/lattlast").partition('<div lang="sv">')[2].partition("</div>")[0]
        lines = [words(line) for line in re.split(r"<br>|</(?:p|li|h1|h2|a)>", page)]
        assert len(lines) > 40
        assert [line for line in lines if len(line.split()) > 12 or re.search(r"[.?!] [A-ZÅÄÖ]", line)] == []

    def test_easy_swedish_is_swedish_in_every_language(self, citizen):
        assert '<div lang="sv">\n<h1>Lättläst</h1>' in citizen.get("/en/lattlast").text

    def test_the_list_leads_to_every_page_and_to_the_whole_forms(self, show, told):
        found = links(show("/sprak"))
        assert {f"/sprak/{language.code}" for language in told.languages} <= found
        assert {"/", "/en/", "/lattlast"} <= found

    def test_every_national_minority_language_has_a_page(self, told):
        named = {language.swedish for language in told.languages if language.kind != "other"}
        sami = {"nordsamiska", "lulesamiska", "sydsamiska"}
        assert named == {"finska", "meänkieli", "romani chib", "jiddisch"} | sami

    def test_a_page_that_waits_for_its_translation_tells_the_rights_in_swedish(self, show, told):
        for language in told.languages:
            said = main_of(show(f"/sprak/{language.code}"))
            assert "Texten väntar på översättning." in said
            assert (f"Du har rätt att använda {language.swedish}" in said) == (language.kind == "area")
            assert said.endswith(DRAFT)

    def test_a_translated_page_shows_its_text_and_its_own_reviewer(self, show, told):
        arabic = replace(
            told.find_language("ar"), text="واحد <b>\n\nاثنان", review=Review("Kim Ek", date(2026, 11, 2))
        )
        page = show("/sprak/ar", languages=(arabic,))
        assert '<div lang="ar" dir="rtl">\n<p>واحد &lt;b&gt;</p>\n<p>اثنان</p>' in page
        assert "väntar på översättning" not in page
        assert main_of(page).endswith("Granskat av Kim Ek den 2 november 2026")

    def test_a_language_without_a_page_is_not_found(self, citizen):
        assert citizen.get("/sprak/xx").status_code == 404

    def test_a_film_is_shown_when_there_is_one(self, show):
        assert "teckenspråk</a>" not in show("/sprak")
        assert "https://example.se/film" in links(show("/sprak", film_url="https://example.se/film"))


ARABIC = (
    'code = "ar"\nname = "العربية"\nswedish = "arabiska"\nlang = "ar"\ndirection = "rtl"\nkind = "other"\n'
)


@pytest.mark.parametrize(
    ("file", "old", "new", "why"),
    [
        ("pages", 'kakor = { reviewed_by = ""', 'kakor = { reviewed_by = "Kim"', "both reviewed_by"),
        ("pages", "kakor = {", "annat = {", r"\[reviews.kakor\] is missing"),
        ("pages", ARABIC + 'text = ""', ARABIC + 'text = "x"', "nobody has reviewed"),
        ("pages", 'direction = "rtl"', 'direction = "left"', "ltr or rtl"),
        ("pages", 'kind = "minority"', 'kind = "minoritet"', "must be one of"),
        ("pages", 'code = "fit"', 'code = "fi"', "same code"),
        ("pages", "film_url =", "film =", "'film_url' is missing"),
        ("pages", 'offices_url = ""', 'offices_url = "www.example.se"', "https://"),
        ("accessibility", 'conformity = "delvis"', 'conformity = "ja"', "one of helt, delvis, inte"),
        ("accessibility", 'conformity = "delvis"', 'conformity = "helt"', "faults are listed"),
        ("accessibility", "assessed_at = 2026-11-22", 'assessed_at = "i november"', "must be a day"),
        ("accessibility", "updated_at = 2026-11-22", "updated_at = 2026-11-21", "before assessed_at"),
        ("accessibility", "why = ", "varför = ", "cannot be read as TOML"),
    ],
)
def test_a_fact_that_cannot_be_true_stops_the_start(tmp_path, file, old, new, why):
    for name in ("pages", "accessibility"):
        shutil.copy(FOLDER / f"{name}.toml", tmp_path)
    table = tmp_path / f"{file}.toml"
    assert old in table.read_text()
    table.write_text(table.read_text().replace(old, new, 1))
    with pytest.raises(TableError, match=why) as complaint:
        read_openness(tmp_path)
    assert f"{file}.toml" in str(complaint.value)
