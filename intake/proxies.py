"""Who really asks, behind proxies of ours: found from the right, and believed from no one else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from config.settings import Network

Address = IPv4Address | IPv6Address

# A proxy may add the port it was asked from: 192.0.2.1:4711, [2001:db8::1]:4711.
_HOP = re.compile(r"\[(?P<six>[^\]]+)\](:\d+)?|(?P<four>[\d.]+)(:\d+)?|(?P<bare>[\da-fA-F:.]+(%.+)?)")
# Nobody here reads any of them; taken away, nobody ever will by mistake.
_WORDS_OF_OTHERS = ("HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_X_CLIENT_IP", "HTTP_TRUE_CLIENT_IP")


class BehindProxies:
    """Sets REMOTE_ADDR and the scheme by what trusted proxies say, and takes such words away.

    Each proxy adds the address that asked it to the right end of X-Forwarded-For. So the first from
    the right that is no proxy of ours is who asks, and what stands left of it is that one's own claim.
    """

    def __init__(self, app: WSGIApplication, trusted: tuple[Network, ...]) -> None:
        self.app, self.trusted = app, trusted

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        peer = _address(environ.get("REMOTE_ADDR", ""))
        if peer is not None and self._is_ours(peer):
            environ["REMOTE_ADDR"] = str(self._who_asks(peer, environ.get("HTTP_X_FORWARDED_FOR", "")))
            scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
            if scheme in ("http", "https"):
                environ["wsgi.url_scheme"] = scheme
        for name in [name for name in environ if name.startswith("HTTP_X_FORWARDED")]:
            del environ[name]
        for name in _WORDS_OF_OTHERS:
            environ.pop(name, None)
        return self.app(environ, start_response)

    def _who_asks(self, peer: Address, hops: str) -> Address:
        """Walk from the right past our own; a hop that is no address ends the walk at who wrote it."""
        for hop in reversed(hops.split(",")):
            before = _address(hop)
            if before is None:
                break
            peer = before
            if not self._is_ours(peer):
                break
        return peer

    def _is_ours(self, address: Address) -> bool:
        return any(address in network for network in self.trusted)


def _address(hop: str) -> Address | None:
    found = _HOP.fullmatch(hop.strip())
    if found is None:
        return None
    try:
        address = ip_address(found["six"] or found["four"] or found["bare"])
    except ValueError:
        return None
    # A socket that takes both kinds tells an IPv4 address in IPv6's clothes.
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
