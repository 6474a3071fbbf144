"""Sign-in by the organisation's OpenID provider: what we ask it, and what of its answer is believed.

OpenID Connect Core 1.0 by code, with PKCE (RFC 7636) and the provider's name in its answer (RFC 9207).
Values in, values out: ``intake.access.provider`` asks over the net, ``intake.access.linking`` knows who
it is. Authlib and joserfc know the formats; what is demanded stands here.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from config.settings import LOOPBACK, SignInProvider
from intake.errors import NotAllowed

# Signatures by the provider's private key. "none", and those by a secret that we share, prove nothing here.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
SKEW_SECONDS = 60
SUBJECT_CHARACTERS = 255


class AnswerRefused(NotAllowed):
    """What the provider, or somebody in its name, answered is not believed; the message is for the log."""


class UnknownKey(AnswerRefused):
    """A token is signed by a key that we have not heard of; the provider may have changed its keys."""


class TooWeak(AnswerRefused):
    """The person has signed in, but not in one of the ways that are demanded."""


class NotGiven(AnswerRefused):
    """The provider let nobody in, or the person turned back."""


@dataclass(frozen=True)
class Provider:
    """What a provider says of itself (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    names_itself: bool
    takes_secret_in_body: bool


@dataclass(frozen=True)
class Started:
    """A sign-in that one browser has begun; ``is_proof`` when a person proves once more who it is."""

    state: str
    nonce: str
    verifier: str
    at: datetime
    is_proof: bool


@dataclass(frozen=True)
class Answer:
    """What the browser brought back from the provider."""

    state: str | None
    code: str | None
    issuer: str | None
    error: str | None


@dataclass(frozen=True)
class Identity:
    """Who the provider says that it is.

    ``email`` is there only when it was verified, in lower case. With ``access_token`` the provider can be
    asked for more.
    """

    issuer: str
    subject: str
    email: str | None
    access_token: str | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """Return the one name that this person has for ever: a subject is unique at its issuer alone."""
        return f"{self.issuer} {self.subject}"


def read_provider(said: object, issuer: str) -> Provider:
    """Return what a provider says of itself; raise ValueError when it will not do."""
    if not isinstance(said, Mapping) or said.get("issuer") != issuer:
        raise ValueError("it calls itself by another name than OIDC_ISSUER")
    needed = {name: _address(said, name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    if missing := [name for name, address in needed.items() if address is None]:
        raise ValueError(f"it has no {', '.join(missing)} that can be used")
    # Only the secret in the header is known by everyone (RFC 6749 2.3.1).
    methods = said.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return Provider(
        issuer=issuer,
        **{name: address or "" for name, address in needed.items()},
        userinfo_endpoint=_address(said, "userinfo_endpoint"),
        end_session_endpoint=_address(said, "end_session_endpoint"),
        names_itself=said.get("authorization_response_iss_parameter_supported") is True,
        takes_secret_in_body="client_secret_basic" not in methods,
    )


def read_keys(said: Mapping[str, Any]) -> KeySet:
    """Return a provider's keys of the kinds that sign as we demand; others are passed over (RFC 7517 5)."""
    known = [key for key in said["keys"] if isinstance(key, dict) and key.get("kty") in ("RSA", "EC")]
    return KeySet.import_key_set({"keys": known})


def start(at: datetime, *, is_proof: bool = False) -> Started:
    """Begin a sign-in: three secrets of 256 random bits, each known to the browser and us."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Started(state, nonce, verifier, at, is_proof)


def address_to_ask(
    provider: Provider, client: SignInProvider, started: Started, redirect_uri: str, *, is_anew: bool = False
) -> str:
    """Return the address that a browser is sent to.

    ``is_anew``: whoever is signed in there already does it again, and may be somebody else. A proof is
    always given anew, and the provider must say when.
    """
    asked: dict[str, str | None] = {
        "nonce": started.nonce,
        "code_challenge": create_s256_code_challenge(started.verifier),
        "code_challenge_method": "S256",
        "acr_values": " ".join(client.acr) or None,
        "prompt": "login" if is_anew or started.is_proof else None,
        "max_age": "0" if started.is_proof else None,
    }
    url = prepare_grant_uri(
        provider.authorization_endpoint,
        client.client_id,
        "code",
        redirect_uri=redirect_uri,
        scope="openid email",
        state=started.state,
        **asked,
    )
    return str(url)


def address_to_leave(provider: Provider, client: SignInProvider, back: str) -> str | None:
    """Return where a browser signs out of the provider too and comes back, or None where it cannot.

    OpenID Connect RP-Initiated Logout 1.0; the provider may ask the person first.
    """
    if provider.end_session_endpoint is None:
        return None
    asked = [("client_id", client.client_id), ("post_logout_redirect_uri", back)]
    return str(add_params_to_uri(provider.end_session_endpoint, asked))


def check_answer(answer: Answer, provider: Provider, started: Started) -> str:
    """Return the code of an answer to what was started; raise NotGiven or AnswerRefused.

    An answer in another provider's name is a mix-up (RFC 9207 2.4, ASVS 10.2.2).
    """
    if not hmac.compare_digest((answer.state or "").encode(), started.state.encode()):
        raise AnswerRefused("state")
    if answer.issuer != provider.issuer and (provider.names_itself or answer.issuer is not None):
        raise AnswerRefused("issuer of the answer")
    if answer.error is not None:
        raise NotGiven(word_of(answer.error))
    if not answer.code:
        raise AnswerRefused("no code")
    return answer.code


def read_identity(
    token: str, keys: KeySet, client: SignInProvider, started: Started, at: datetime
) -> Identity:
    """Return who an ID token is about, once everything in it is as it must be (OpenID Connect Core 3.1.3.7).

    Raises UnknownKey, TooWeak, or AnswerRefused that names what was wrong.
    """
    claims = _claims(token, keys, client, started, at)
    subject = claims["sub"]
    if not subject.isprintable() or not 0 < len(subject) <= SUBJECT_CHARACTERS:
        raise AnswerRefused("sub")
    if client.acr and claims.get("acr") not in client.acr:
        raise TooWeak("acr")
    if started.is_proof:
        proven = claims.get("auth_time")
        if not isinstance(proven, int | float) or proven < started.at.timestamp() - SKEW_SECONDS:
            raise AnswerRefused("auth_time")
    return Identity(client.issuer, subject, verified_email(claims))


def verified_email(claims: Mapping[str, Any]) -> str | None:
    """Return the address that a provider has verified, in lower case, or None."""
    email = claims.get("email")
    is_good = claims.get("email_verified") is True and isinstance(email, str) and email.isprintable()
    return email.strip().lower() or None if is_good and isinstance(email, str) else None


def _claims(token: str, keys: KeySet, client: SignInProvider, started: Started, at: datetime) -> CodeIDToken:
    known = {
        "iss": {"essential": True, "value": client.issuer},
        "aud": {"essential": True, "value": client.client_id},
    }
    params = {"nonce": started.nonce, "client_id": client.client_id}
    try:
        # Providers put words of their own into the header; what is critical must be known all the same.
        read = jwt.decode(token, keys, registry=JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False))
        claims = CodeIDToken(read.claims, read.header, known, params)
        claims.validate(now=int(at.timestamp()), leeway=SKEW_SECONDS)
    except InvalidKeyIdError as error:
        raise UnknownKey("key") from error
    except JoseError as error:
        raise AnswerRefused(f"{error.error} {getattr(error, 'claim', '')}".strip()) from error
    except (ValueError, TypeError) as error:
        raise AnswerRefused(f"unreadable ({type(error).__name__})") from error
    return claims


def _address(said: Mapping[str, Any], name: str) -> str | None:
    """Return an address that a provider names, if nobody between can read or change what goes there."""
    address = said.get(name)
    if not isinstance(address, str):
        return None
    parts = urlsplit(address)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    return address if parts.hostname and is_safe else None


def word_of(error: object) -> str:
    """Return the name of an error as it may stand in a log: one short word of letters."""
    return (
        "".join(char for char in str(error)[:40] if char.isascii() and (char.isalpha() or char == "_"))
        or "error"
    )
