"""Who connects: relays of ours, which may hold what they need, and strangers, who share and stay unnamed."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

from config.settings import Network
from intake import limits

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class Peers:
    """Counts the connections of each network, and says what each peer may have and be called.

    ``trusted`` are networks of our own machines. ``key`` hides strangers' addresses in the log.
    """

    def __init__(self, trusted: tuple[Network, ...], key: bytes, each_at_most: int) -> None:
        self._trusted = trusted
        self._key = key
        self._each_at_most = each_at_most
        self._open: Counter[str] = Counter()

    def is_trusted(self, address: str) -> bool:
        """Say whether an address is one of our own machines'."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)

    def enter(self, address: str) -> bool:
        """Count one more connection, and say whether its network may have it."""
        network = limits.network_of(address)
        self._open[network] += 1
        return self.is_trusted(address) or self._open[network] <= self._each_at_most

    def leave(self, address: str) -> None:
        """Count one connection less."""
        network = limits.network_of(address)
        self._open[network] -= 1
        if not self._open[network]:
            del self._open[network]

    def name(self, address: str) -> str:
        """Name a peer for the log: a machine of ours by its address, a stranger by a digest.

        A stranger's may be a citizen's own machine. The digest's key changes with the day, so that it
        tells who came twice, but neither from where nor again tomorrow.
        """
        if self.is_trusted(address):
            return address
        daily = hmac.digest(self._key, f"mail peer {datetime.now(UTC):%Y-%m-%d}".encode(), hashlib.sha256)
        network = limits.network_of(address).encode()
        return f"stranger {hmac.new(daily, network, hashlib.sha256).hexdigest()[:8]}"
