"""The organisation's OpenID provider, asked over the net: itself, its keys, and what a code is worth."""

from __future__ import annotations

import json
import ssl
from base64 import b64encode
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any, cast
from urllib.parse import quote_plus, urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from authlib.oauth2.auth import encode_client_secret_post
from authlib.oauth2.rfc6749.parameters import prepare_token_request
from flask import current_app
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from config.settings import SignInProvider
from intake.access import oidc
from intake.access.oidc import Answer, AnswerRefused, Identity, Provider, Started
from intake.errors import NotFound, ProviderAway
from intake.extensions import now, settings

TIMEOUT_SECONDS = 5
MOST_BYTES = 1_000_000
# So long a key that the provider has withdrawn is still believed.
KNOWN_FOR = timedelta(minutes=10)
# One that hangs must not hold a thread for everybody who knocks.
AWAY_FOR = timedelta(seconds=10)
FORM = "application/x-www-form-urlencoded"
MEMORY = "sign_in_provider"


@dataclass(frozen=True)
class _Known:
    provider: Provider
    keys: KeySet


@dataclass(frozen=True)
class _Memory:
    """What a provider last said of itself, or why it said nothing, and how long that counts."""

    found: _Known | str
    until: datetime


def client() -> SignInProvider:
    """Return whom we ask and what we are called there; raise NotFound when nobody signs in that way."""
    asked = settings().sign_in_provider
    if asked is None:
        raise NotFound("no provider signs people in here")
    return asked


def current() -> Provider:
    """Return what the provider says of itself, asked anew every ten minutes; raise ProviderAway."""
    return _known().provider


def redeem(answer: Answer, started: Started, redirect_uri: str) -> Identity:
    """Return who came back with an answer; raise AnswerRefused or ProviderAway.

    A key that we have not heard of is asked for once: providers change theirs.
    """
    known = _known()
    code = oidc.check_answer(answer, known.provider, started)
    said = _tokens(known.provider, code, started, redirect_uri)
    token, access_token = said.get("id_token"), said.get("access_token")
    if not isinstance(token, str):
        raise AnswerRefused("no ID token")
    try:
        identity = oidc.read_identity(token, known.keys, client(), started, now())
    except oidc.UnknownKey:
        _ask_anew()
        identity = oidc.read_identity(token, _known().keys, client(), started, now())
    return replace(identity, access_token=access_token if isinstance(access_token, str) else None)


def find_email(identity: Identity) -> str | None:
    """Find the verified address of a person, in the ID token or asked for; ProviderAway or AnswerRefused."""
    address = current().userinfo_endpoint
    if identity.email or not identity.access_token or not address:
        return identity.email
    said = _get(address, {"Authorization": f"Bearer {identity.access_token}"})
    # Only the same subject makes it the same person (OpenID Connect Core 5.3.2).
    if said.get("sub") != identity.subject:
        raise AnswerRefused("sub of userinfo")
    return oidc.verified_email(said)


def _known() -> _Known:
    memory = cast("_Memory | None", current_app.extensions.get(MEMORY))
    if memory is None or now() >= memory.until:
        memory = _ask_anew()
    if isinstance(memory.found, str):
        raise ProviderAway(memory.found)
    return memory.found


def _ask_anew() -> _Memory:
    try:
        memory = _Memory(_discover(client().issuer), now() + KNOWN_FOR)
    except ProviderAway as away:
        memory = _Memory(str(away), now() + AWAY_FOR)
    current_app.extensions[MEMORY] = memory
    return memory


def _discover(issuer: str) -> _Known:
    try:
        provider = oidc.read_provider(_get(f"{issuer.rstrip('/')}/.well-known/openid-configuration"), issuer)
        keys = oidc.read_keys(_get(provider.jwks_uri))
    except (ValueError, KeyError, TypeError, JoseError) as error:
        raise ProviderAway(f"it makes no sense: {type(error).__name__} {error}") from error
    return _Known(provider, keys)


def _get(address: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    status, said = _ask(address, headers or {})
    if status != 200:
        raise ProviderAway(f"{urlsplit(address).path}: HTTP {status}")
    return said


def _tokens(provider: Provider, code: str, started: Started, redirect_uri: str) -> dict[str, Any]:
    """Give the code, with the proof that it was we who asked, for tokens; it is worth them once."""
    body = prepare_token_request(
        "authorization_code", code=code, redirect_uri=redirect_uri, code_verifier=started.verifier
    )
    headers = {"Content-Type": FORM}
    if provider.takes_secret_in_body:
        _, headers, body = encode_client_secret_post(client(), "POST", provider.token_endpoint, headers, body)
    else:
        headers["Authorization"] = _in_header(client())
    status, said = _ask(provider.token_endpoint, headers, body)
    if status == 400 and said.get("error") == "invalid_grant":
        raise AnswerRefused("code")
    if status != 200:
        # What is left is a fault of ours or of the provider's, such as a secret that has run out.
        raise ProviderAway(f"tokens: HTTP {status} {oidc.word_of(said.get('error'))}")
    return said


def _in_header(asker: SignInProvider) -> str:
    """Say who we are as RFC 6749 2.3.1 does: each half encoded, since either may hold a colon."""
    halves = f"{quote_plus(asker.client_id)}:{quote_plus(asker.client_secret)}"
    return f"Basic {b64encode(halves.encode()).decode()}"


def _ask(address: str, headers: dict[str, str], body: str | None = None) -> tuple[int, dict[str, Any]]:
    """Return the status and the JSON object that an address answers with; a redirect is followed nowhere.

    Certificates are checked against those that the machine trusts, and proxies are found in its environment.
    """
    opener = OpenerDirector()
    for way in (ProxyHandler(), HTTPHandler(), HTTPSHandler(context=ssl.create_default_context())):
        opener.add_handler(way)
    request = Request(  # noqa: S310 (the opener knows http and https alone)
        address, body.encode() if body else None, {"Accept": "application/json", **headers}
    )
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            said = json.loads(answer.read(MOST_BYTES))
            status = int(answer.status)
    except (OSError, HTTPException, ValueError, RecursionError) as error:
        raise ProviderAway(f"{urlsplit(address).path}: {type(error).__name__}") from error
    if not isinstance(said, dict):
        raise ProviderAway("it answered with no object")
    return status, said
