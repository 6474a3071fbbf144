"""What every answer must carry, whatever its address and status: each fault is a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from flask.testing import FlaskClient

from intake import hosts

POLICY = ("default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'")
ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
# Which program answers, and in which version, is nobody's business.
NEVER = ("server", "via", "x-powered-by", "x-aspnet-version")
IS_TEXT = re.compile(r"text/|image/svg\+xml|application/(xml|javascript)")
YEAR_SECONDS = 31_536_000


class AtHome(FlaskClient):
    """A browser that asks a surface under its own name, by https when that is where it is found."""

    def open(self, *args, **kwargs):
        kwargs.setdefault("base_url", hosts.home_of(self.application.extensions["settings"]))
        return super().open(*args, **kwargs)


def faults(pairs: Iterable[tuple[str, str]], *, is_https: bool, is_static: bool = False) -> list[str]:
    """Return everything that is wrong with an answer's headers."""
    sent: dict[str, list[str]] = {}
    for name, value in pairs:
        sent.setdefault(name.lower(), []).append(value)
    found = [f"{name} stands there twice" for name in sent if len(sent[name]) > 1 and name != "set-cookie"]
    one = {name: values[0] for name, values in sent.items()}
    found += [f"{name} is {one.get(name)}" for name, value in ALWAYS.items() if one.get(name) != value]
    found += [f"{name} is told" for name in one if name in NEVER or name.startswith("access-control-")]
    for check in (_policy, _kind, _way):
        found += check(one)
    if not is_static and one.get("cache-control") != "no-store":
        found.append(f"it may be kept: {one.get('cache-control')}")
    found += _transport(one.get("strict-transport-security"), is_https=is_https)
    return found + [fault for cookie in sent.get("set-cookie", []) for fault in _cookie(cookie, is_https)]


def _policy(one: dict[str, str]) -> Iterator[str]:
    policy = one.get("content-security-policy", "")
    yield from (f"the policy leaves out {part}" for part in POLICY if part not in policy)
    yield from (f"the policy allows {part}" for part in ("unsafe", "*", "http", "data:") if part in policy)
    if "camera=()" not in one.get("permissions-policy", ""):
        yield "the camera may be used"


def _kind(one: dict[str, str]) -> Iterator[str]:
    kind = one.get("content-type", "")
    if IS_TEXT.match(kind) and "charset=utf-8" not in kind:
        yield f"the charset of {kind} is not told"


def _way(one: dict[str, str]) -> Iterator[str]:
    if not re.match(r"/(?![/\\])", one.get("location", "/")):
        yield f"it leads away, to {one['location']}"


def _transport(said: str | None, *, is_https: bool) -> Iterator[str]:
    if not is_https:
        yield from ["https is demanded where there is none"] if said else []
    elif (
        not said or int(re.match(r"max-age=(\d+)", said)[1]) < YEAR_SECONDS or "includeSubDomains" not in said
    ):
        yield f"the browser is not held to https: {said}"


def _cookie(cookie: str, is_https: bool) -> Iterator[str]:
    pair, *said = cookie.split("; ")
    needed = ["HttpOnly", "Path=/", "SameSite=Lax", *(["Secure"] if is_https else [])]
    yield from (f"a cookie is not {part}" for part in needed if part not in said)
    yield from (f"a cookie says {part}" for part in said if part.startswith("Domain"))
    if is_https and not pair.startswith("__Host-"):
        yield f"a cookie is called {pair.partition('=')[0]}"
    if len(pair) > 4096:
        yield f"a cookie holds {len(pair)} bytes"
