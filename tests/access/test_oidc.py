"""What is believed of an answer from the organisation's sign-in: each token here is wrong in one thing."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwk, jwt

from config.settings import Settings, SettingsError, SignInProvider
from intake.access import oidc

AT = datetime(2026, 11, 22, 15, 5, tzinfo=UTC)
ISSUER = "https://konto.example.se"
US = SignInProvider(ISSUER, "intake", "secret", (), "kontot")
STRICT = SignInProvider(ISSUER, "intake", "secret", ("mfa", "card"), "kontot")
KEY = jwk.RSAKey.generate_key(2048, {"kid": "first"})
OTHER = jwk.RSAKey.generate_key(2048, {"kid": "first"})
# Among them keys that are of no use: one of tomorrow, and one that would be everybody's.
STRANGE = [{"kty": "AKP", "kid": "next"}, {"kty": "oct", "kid": "shared", "k": "c2VjcmV0"}, "no key"]
KEYS = oidc.read_keys({"keys": [*STRANGE, KEY.as_dict(private=False)]})
STARTED = oidc.start(AT)
PROOF = oidc.start(AT, is_proof=True)
HERE = "https://arenden.example.se/logga-in/sso/svar"
SAID = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
    "end_session_endpoint": f"{ISSUER}/leave?lang=sv",
    "authorization_response_iss_parameter_supported": True,
}
PROVIDER = oidc.read_provider(SAID, ISSUER)


def claims(**changes):
    at = int(AT.timestamp())
    said = {"iss": ISSUER, "sub": "u-1", "aud": "intake", "exp": at + 300, "iat": at, "nonce": STARTED.nonce}
    return {name: value for name, value in (said | changes).items() if value is not None}


def token(key=KEY, header=None, **changes):
    return jwt.encode({"alg": "RS256", "kid": "first"} | (header or {}), claims(**changes), key)


def read(said, client=US, started=STARTED, at=AT):
    return oidc.read_identity(said, KEYS, client, started, at)


def asked(**changes):
    address = oidc.address_to_ask(PROVIDER, STRICT, **{"started": STARTED, "redirect_uri": HERE} | changes)
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def answer(**changes):
    return oidc.Answer(**{"state": STARTED.state, "code": "c", "issuer": ISSUER, "error": None} | changes)


def test_a_token_that_is_right_says_who_it_is():
    found = read(token(email="Anna.Lind@Example.se", email_verified=True))
    assert (found.key, found.email) == (f"{ISSUER} u-1", "anna.lind@example.se")


@pytest.mark.parametrize("verified", [None, False, "true", 1])
def test_an_address_that_was_not_verified_is_none(verified):
    assert read(token(email="anna@example.se", email_verified=verified)).email is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://other.example.se"},
        {"iss": None},
        {"aud": "other"},
        {"aud": "other", "azp": "intake"},
        {"aud": None},
        {"aud": ["intake", "other"]},
        {"aud": ["intake", "other"], "azp": "other"},
        {"azp": "other"},
        pytest.param({"nonce": oidc.start(AT).nonce}, id="another nonce"),
        {"nonce": None},
        {"exp": int((AT - timedelta(minutes=2)).timestamp())},
        {"exp": None},
        {"exp": "2099"},
        {"iat": int((AT + timedelta(minutes=2)).timestamp())},
        {"nbf": int((AT + timedelta(minutes=2)).timestamp())},
        {"sub": None},
        {"sub": ""},
        {"sub": "u-1\x00"},
        {"sub": "u" * 256},
        {"sub": 1},
    ],
    ids=str,
)
def test_a_token_that_is_wrong_in_one_thing_is_refused(wrong):
    with pytest.raises(oidc.AnswerRefused):
        read(token(**wrong))


def test_a_clock_may_be_a_little_wrong():
    assert read(token(), at=AT - timedelta(seconds=50)).subject == "u-1"
    assert read(token(), at=AT + timedelta(seconds=350)).subject == "u-1"


def test_a_token_for_us_among_others_names_who_asked_for_it():
    assert read(token(aud=["other", "intake"], azp="intake")).subject == "u-1"


@pytest.mark.parametrize("header", [{}, {"jwk": OTHER.as_dict(private=False)}, {"jku": "https://x/keys"}])
def test_a_signature_by_anybody_else_is_refused(header):
    with pytest.raises(oidc.AnswerRefused):
        read(token(OTHER, header))


def test_a_key_that_is_not_known_is_told_apart():
    with pytest.raises(oidc.UnknownKey):
        read(token(header={"kid": "second"}))


def forged(alg, shared=None):
    """Write a token by hand, as somebody does who has no key, perhaps signed by a secret that is shared."""
    head = urlsafe_b64encode(json.dumps({"alg": alg, "kid": "first"}).encode()).rstrip(b"=")
    words = head + b"." + token().split(".")[1].encode()
    seal = hmac.digest(shared, words, "sha256") if shared else b""
    return (words + b"." + urlsafe_b64encode(seal).rstrip(b"=")).decode()


@pytest.mark.parametrize("alg", ["none", "None", "RS256", "", None, 7])
def test_a_token_without_a_signature_is_refused(alg):
    with pytest.raises(oidc.AnswerRefused):
        read(forged(alg))


@pytest.mark.parametrize("shared", [b"secret", KEY.as_pem(private=False)], ids=["secret", "public key"])
def test_a_signature_by_what_others_know_too_is_refused(shared):
    """Nor by the public key, used as if it were a secret (CVE-2015-9235)."""
    with pytest.raises(oidc.AnswerRefused):
        read(forged("HS256", shared))


@pytest.mark.parametrize("words", ["", "x", "a.b.c", "å.ä.ö", "e30.e30.", "." * 5], ids=str)
def test_what_is_no_token_is_refused(words):
    with pytest.raises(oidc.AnswerRefused):
        read(words)


def test_what_was_signed_cannot_be_changed():
    head, body, seal = token().split(".")
    for forged in (f"{head}.{body[:-2]}AA.{seal}", f"{head}.{body}.{seal[:-4]}AAAA"):
        with pytest.raises(oidc.AnswerRefused):
            read(forged)


def test_a_way_to_sign_in_that_is_demanded_must_have_been_used():
    assert read(token(acr="card"), STRICT).subject == "u-1"
    for weak in (None, "password", ["card"]):
        with pytest.raises(oidc.TooWeak):
            read(token(acr=weak), STRICT)


def test_a_proof_must_be_new():
    at = AT.timestamp()
    assert read(token(nonce=PROOF.nonce, auth_time=at + 5), started=PROOF).subject == "u-1"
    for stale in (None, at - 120, "now"):
        with pytest.raises(oidc.AnswerRefused):
            read(token(nonce=PROOF.nonce, auth_time=stale), started=PROOF)


def test_the_provider_is_asked_with_secrets_of_this_browser_alone():
    first, again = asked(), asked(started=oidc.start(AT))
    assert first["code_challenge_method"] == "S256"
    assert first["redirect_uri"] == HERE
    assert first["acr_values"] == "mfa card"
    assert first["scope"] == "openid email"
    assert STARTED.verifier not in str(first)
    assert all(first[name] != again[name] for name in ("state", "nonce", "code_challenge"))


def test_only_a_proof_or_a_wish_makes_a_person_sign_in_there_again():
    assert "prompt" not in asked()
    assert asked(is_anew=True)["prompt"] == "login"
    assert (asked(started=PROOF)["prompt"], asked(started=PROOF)["max_age"]) == ("login", "0")


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "x"},
        {"state": None},
        {"issuer": None},
        {"issuer": "https://x"},
        {"code": None},
        {"code": ""},
    ],
    ids=str,
)
def test_an_answer_that_is_wrong_in_one_thing_is_refused(wrong):
    assert oidc.check_answer(answer(), PROVIDER, STARTED) == "c"
    with pytest.raises(oidc.AnswerRefused):
        oidc.check_answer(answer(**wrong), PROVIDER, STARTED)


def test_a_provider_that_never_names_itself_need_not_but_another_name_is_refused():
    silent = oidc.read_provider(SAID | {"authorization_response_iss_parameter_supported": False}, ISSUER)
    assert oidc.check_answer(answer(issuer=None), silent, STARTED) == "c"
    with pytest.raises(oidc.AnswerRefused):
        oidc.check_answer(answer(issuer="https://x"), silent, STARTED)


def test_an_error_is_told_by_its_name_alone():
    with pytest.raises(oidc.NotGiven, match=r"^access_denied$"):
        oidc.check_answer(answer(code=None, error="access_denied"), PROVIDER, STARTED)
    with pytest.raises(oidc.NotGiven, match=r"^handlerx$"):
        oidc.check_answer(answer(error="\nhandler=x<"), PROVIDER, STARTED)


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": f"{ISSUER}/"},
        {"token_endpoint": "http://konto.example.se/token"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
    ids=str,
)
def test_a_provider_that_says_something_unsafe_of_itself_will_not_do(wrong):
    with pytest.raises(ValueError, match="it "):
        oidc.read_provider(SAID | wrong, ISSUER)
    with pytest.raises(ValueError, match="it "):
        oidc.read_provider(["no object"], ISSUER)


def test_one_signs_out_there_too_where_that_can_be_done():
    address = oidc.address_to_leave(PROVIDER, US, "https://arenden.example.se/logga-in")
    assert address.startswith(
        f"{ISSUER}/leave?lang=sv&client_id=intake&post_logout_redirect_uri=https%3A%2F%2F"
    )
    without = oidc.read_provider(SAID | {"end_session_endpoint": None}, ISSUER)
    assert oidc.address_to_leave(without, US, HERE) is None


def settings(**changes):
    said = {"OIDC_ISSUER": ISSUER, "OIDC_CLIENT_ID": "intake", "OIDC_CLIENT_SECRET": "hush"}
    return Settings.from_mapping(said | changes).sign_in_provider


def test_the_settings_belong_together_and_hide_the_secret():
    assert settings(OIDC_ACR="mfa card").acr == ("mfa", "card")
    assert "hush" not in repr(settings())
    assert Settings.from_mapping({}).sign_in_provider is None
    with pytest.raises(SettingsError, match="OIDC_CLIENT_SECRET: not set"):
        settings(OIDC_CLIENT_SECRET="")


@pytest.mark.parametrize(
    "issuer", ["http://konto.example.se", "konto.example.se", f"{ISSUER}?a=b", "https://"]
)
def test_only_an_issuer_that_nobody_can_listen_to_will_do(issuer):
    assert settings(OIDC_ISSUER="http://127.0.0.1:9000").issuer == "http://127.0.0.1:9000"
    with pytest.raises(SettingsError, match="OIDC_ISSUER"):
        settings(OIDC_ISSUER=issuer)
