"""Sign-in by the organisation, at a real provider: who is let in, as whom, and what others are told."""

from __future__ import annotations

import html
import logging
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwk
from sqlalchemy import select, update

from config.settings import SignInProvider
from intake import access, limits
from intake.access import oidc, provider, sessions
from intake.models import Handler, HandlerSession
from tests import desk, oidc_provider
from tests.browsers import Looker, opened, serving
from tests.markup import judge

START, ANSWER = "/logga-in/sso", "/logga-in/sso/svar"
ANNA = {"sub": "u-anna", "email": "Anna.Syd@Example.se", "email_verified": True}
STRANGER = {"sub": "u-stranger", "email": "ingen@example.se", "email_verified": True}


class Visitor:
    """Somebody's browser, here and at the provider."""

    def __init__(self, app):
        self.client, self.there = app.test_client(), oidc_provider.Browser()

    def come_back(self, start=START, **person):
        """Go to the provider and back as far as our door; return the address that opens it."""
        sent = self.client.get(start)
        assert sent.status_code == 303, sent.text
        return self.there.sign_in(sent.location, **person).removeprefix(oidc_provider.HOME)

    def sign_in(self, start=START, **person):
        return self.client.get(self.come_back(start, **person))

    def is_in(self):
        return self.client.get("/").status_code == 200


@pytest.fixture(scope="session")
def issuer():
    with oidc_provider.provider() as address:
        yield address


@pytest.fixture
def serve(make_app, settings, clock):
    """Make the handlers' side, where people sign in by a provider; the two keep the same time."""
    clock.at = datetime.now(UTC)

    def make(issuer, *acr, secret=oidc_provider.SECRET):
        us = SignInProvider(issuer, oidc_provider.US, secret, acr, "kontot")
        return make_app("handler", chosen=replace(settings, sign_in_provider=us))

    return make


@pytest.fixture
def app(serve, issuer):
    return serve(issuer)


@pytest.fixture
def visitor(app):
    return Visitor(app)


@pytest.fixture(autouse=True)
def hired(owner_app):
    desk.hire(owner_app, "anna.syd@example.se", *desk.seats("syd"))


def query_of(address):
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def test_somebody_with_an_account_here_is_let_in_without_a_password(visitor):
    assert visitor.sign_in(**ANNA).location == "/"
    assert "Anna Lindgren" in visitor.client.get("/").text


def test_after_the_sign_in_one_comes_to_the_page_one_asked_for(visitor, bring):
    reference = bring()
    visitor.client.get(f"/arende/{reference}")
    assert visitor.sign_in(**ANNA).location == f"/arende/{reference}"


def test_the_first_time_one_is_known_by_a_verified_address_and_then_for_ever(visitor, app, seen, issuer):
    visitor.sign_in(**ANNA)
    assert seen.scalars(select(Handler.subject)).all() == [f"{issuer} u-anna"]
    renamed = ANNA | {"email": "anna.ny@example.se", "email_verified": False}
    again = Visitor(app)
    assert again.sign_in(**renamed).location == "/"


def test_whoever_gets_an_address_later_is_not_the_one_who_had_it(visitor, app):
    visitor.sign_in(**ANNA)
    successor = Visitor(app)
    assert successor.sign_in(**ANNA | {"sub": "u-other"}).status_code == 403
    assert not successor.is_in()


def test_a_link_that_is_forgotten_is_made_anew(visitor, app, owner_app):
    visitor.sign_in(**ANNA)
    with owner_app.app_context():
        access.forget_factor("anna.syd@example.se", by="test")
    assert not visitor.is_in()
    assert Visitor(app).sign_in(**ANNA | {"sub": "u-new"}).location == "/"


@pytest.mark.parametrize("verified", [False, None, "true"])
def test_an_address_that_nobody_has_verified_opens_nothing(visitor, verified):
    assert visitor.sign_in(**ANNA | {"email_verified": verified}).status_code == 403
    assert not visitor.is_in()


def test_nobody_learns_who_has_an_account_here(app, seen, clock):
    unknown = Visitor(app).sign_in(**STRANGER)
    unverified = Visitor(app).sign_in(**ANNA | {"email_verified": False})
    seen.execute(update(Handler).values(disabled_at=clock()))
    seen.commit()
    disabled = Visitor(app).sign_in(**ANNA)
    assert unknown.status_code == unverified.status_code == disabled.status_code == 403
    assert unknown.text == unverified.text == disabled.text
    assert "öppnar inget konto" in desk.text_of(unknown)


def test_whoever_is_disabled_later_is_out_and_stays_out(visitor, app, seen, clock):
    visitor.sign_in(**ANNA)
    seen.execute(update(Handler).values(disabled_at=clock()))
    seen.commit()
    assert not visitor.is_in()
    assert Visitor(app).sign_in(**ANNA).status_code == 403


def test_an_answer_is_taken_once(visitor, app):
    address = visitor.come_back(**ANNA)
    before = visitor.client.get_cookie("intake_handler").value
    assert visitor.client.get(address).location == "/"
    thief = app.test_client()
    assert thief.get(address).status_code == 400
    thief.set_cookie("intake_handler", before)
    assert thief.get(address).status_code == 400


def test_an_answer_belongs_to_the_browser_that_asked(visitor, app):
    """Else somebody could be signed in as somebody else without knowing it."""
    lured = Visitor(app)
    lured.client.get(START)
    answer = lured.client.get(visitor.come_back(**ANNA))
    assert answer.status_code == 400
    assert "Börja om" in answer.text
    assert not lured.is_in()


def test_a_sign_in_that_waited_too_long_is_begun_anew(visitor, clock):
    address = visitor.come_back(**ANNA)
    clock.at += timedelta(minutes=16)
    assert visitor.client.get(address).status_code == 400


def test_two_tabs_do_not_disturb_each_other(visitor):
    first, second = visitor.come_back(**ANNA), visitor.come_back()
    assert visitor.client.get(first).location == "/"
    assert visitor.client.get(second).location == "/"
    assert visitor.is_in()


@pytest.mark.parametrize("wrong", [{"code": "x"}, {"code": ""}, {"iss": "https://x"}, {"iss": ""}], ids=str)
def test_an_answer_that_was_changed_on_its_way_opens_nothing(visitor, wrong):
    answer = visitor.client.get(f"{ANSWER}?{urlencode(query_of(visitor.come_back(**ANNA)) | wrong)}")
    assert answer.status_code == 403
    assert not visitor.is_in()


def test_a_code_that_another_service_was_given_opens_nothing(visitor, issuer):
    mine = query_of(visitor.come_back(**ANNA))
    other = SignInProvider(issuer, "other", oidc_provider.SECRET, (), "kontot")
    known = oidc.read_provider(visitor.there.get_json(f"{issuer}/.well-known/openid-configuration"), issuer)
    asked = oidc.address_to_ask(known, other, oidc.start(datetime.now(UTC)), f"{oidc_provider.HOME}{ANSWER}")
    theirs = query_of(visitor.there.sign_in(asked))
    answer = visitor.client.get(f"{ANSWER}?{urlencode(mine | {'code': theirs['code']})}")
    assert answer.status_code == 403
    assert not visitor.is_in()


def test_whoever_turns_back_can_begin_anew(visitor):
    answer = visitor.sign_in(sub="u-anna", turns_back=True)
    assert answer.status_code == 403
    assert "avbröts" in desk.text_of(answer)
    assert visitor.sign_in(**ANNA).location == "/"


def test_where_more_than_a_password_is_demanded_nothing_less_opens(serve, issuer):
    visitor = Visitor(serve(issuer, "mfa"))
    weak = visitor.sign_in(**ANNA)
    assert weak.status_code == 403
    assert "säkrare sätt" in desk.text_of(weak)
    assert f"{START}?om=ja" in weak.text
    assert visitor.sign_in(f"{START}?om=ja", **ANNA | {"acr": "mfa"}).location == "/"


def test_a_provider_that_is_away_is_told_of_and_nothing_breaks(serve):
    answer = serve("http://127.0.0.1:9").test_client().get(START)
    assert answer.status_code == 503
    assert "svarar inte just nu" in desk.text_of(answer)
    assert answer.headers["Retry-After"]


def test_a_provider_that_goes_away_meanwhile_is_told_of_too(serve):
    with oidc_provider.provider() as issuer:
        visitor = Visitor(serve(issuer))
        address = visitor.come_back(**ANNA)
    assert visitor.client.get(address).status_code == 503
    assert not visitor.is_in()


def test_a_provider_that_changed_its_keys_is_believed(visitor, app):
    visitor.sign_in(**ANNA)
    memory = app.extensions[provider.MEMORY]
    old = replace(memory.found, keys=jwk.KeySet.generate_key_set("RSA", 2048, count=1))
    app.extensions[provider.MEMORY] = replace(memory, found=old)
    assert Visitor(app).sign_in(**ANNA).location == "/"


def test_a_secret_that_has_run_out_is_our_fault_and_is_told_as_one(serve, issuer):
    visitor = Visitor(serve(issuer, secret="an old one"))
    assert visitor.sign_in(**ANNA).status_code == 503


def test_a_proof_is_given_anew_by_the_same_person(visitor, seen):
    visitor.sign_in(**ANNA)
    seen.execute(update(HandlerSession).values(proven_at=datetime(2020, 1, 1, tzinfo=UTC)))
    seen.commit()
    with pytest.raises(AssertionError, match="asks who it is"):
        visitor.come_back(f"{START}?igen=ja")
    answer = visitor.sign_in(f"{START}?igen=ja", **ANNA | {"sub": "u-other"})
    assert answer.status_code == 403
    assert seen.scalar(select(HandlerSession.proven_at)).year == 2020
    seen.rollback()
    assert visitor.sign_in(f"{START}?igen=ja", **ANNA).status_code == 303
    assert seen.scalar(select(HandlerSession.proven_at)).year > 2020


def test_who_is_signed_in_already_is_not_asked_again(visitor):
    visitor.sign_in(**ANNA)
    assert visitor.client.get(START).location == "/"


def test_signing_out_ends_both_sign_ins(visitor):
    visitor.sign_in(**ANNA)
    words = {"csrf_token": desk.token_in(visitor.client.get("/konto"))}
    page = visitor.client.post("/logga-ut", data=words, follow_redirects=True)
    assert not visitor.is_in()
    leaving = html.unescape(re.search(r'content="0; url=([^"]+)"', page.text)[1])
    assert f'class="button" href="{html.escape(leaving)}"' in page.text
    assert "Do you want to sign-out" in visitor.there.ask("GET", leaving).text
    assert query_of(leaving)["post_logout_redirect_uri"] == f"{oidc_provider.HOME}/logga-in"


def test_a_real_browser_goes_on_to_the_provider_when_one_signs_out(visitor, app):
    """A form that leads to another host is stopped by our own policy, so that a page has to lead there."""
    visitor.sign_in(**ANNA)
    cookie = {"name": "intake_handler", "value": visitor.client.get_cookie("intake_handler").value}
    with serving(app) as base, opened(base) as page:
        page.context.add_cookies([cookie | {"url": base}])
        page.goto("/")
        page.get_by_role("button", name="Logga ut").click()
        page.wait_for_url("**/session/end?**")


def test_the_pages_of_the_sign_in_are_sound_and_look_right(visitor, app, tmp_path):
    shown = {"sign-in": "/logga-in", "problem": f"{ANSWER}?state=x", "leaving": f"{START}/ut"}
    sound = {name: visitor.client.get(path).text for name, path in shown.items()}
    assert judge(sound, tmp_path) == []
    with serving(app) as base, opened(base) as page:
        looker = Looker(page, tmp_path)
        for name in ("sign-in", "problem"):
            page.goto(shown[name])
            looker.look(name)
    assert looker.wrong == []


def test_signing_out_works_while_the_provider_is_away(serve):
    with oidc_provider.provider() as issuer:
        visitor = Visitor(serve(issuer))
        visitor.sign_in(**ANNA)
    visitor.client.application.extensions.pop(provider.MEMORY)
    words = {"csrf_token": desk.token_in(visitor.client.get("/konto"))}
    assert visitor.client.post("/logga-ut", data=words, follow_redirects=True).request.path == "/logga-in"
    assert not visitor.is_in()


def test_one_network_cannot_try_for_ever(visitor, app):
    with app.app_context():
        limits.hit("sign_in.network", "127.0.0.1", window=sessions.WINDOW, by=sessions.TRIES_BY_NETWORK)
    assert visitor.sign_in(**ANNA).status_code == 429


def test_the_log_tells_what_happened_but_not_to_whom(visitor, caplog):
    caplog.set_level(logging.INFO, "intake.security")
    visitor.sign_in(**STRANGER)
    visitor.sign_in(f"{START}?om=ja", **ANNA)
    assert "outcome=unknown by=provider" in caplog.text
    assert "subject_linked" in caplog.text
    assert "outcome=ok by=provider" in caplog.text
    assert not any(words in caplog.text for words in ("u-anna", "u-stranger", "ingen@", "anna.syd"))


def test_nobody_gets_in_by_a_password_where_the_organisation_signs_in(visitor, owner_app):
    password = desk.hire(owner_app, "eva@example.se", *desk.seats("syd"), name="Eva Ljung")
    page = visitor.client.get("/logga-in")
    assert "Logga in med kontot" in desk.text_of(page)
    assert "password" not in page.text
    words = {"email": "eva@example.se", "password": password, "csrf_token": desk.token_in(page)}
    assert visitor.client.post("/logga-in", data=words).status_code in (403, 404)
    assert not visitor.is_in()


def test_without_a_provider_there_is_no_such_way_in(handler_app):
    for path in (START, ANSWER):
        assert handler_app.test_client().get(path).status_code == 404
