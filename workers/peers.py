"""Who connects: relays of ours, which have room of their own, and strangers, who share and stay unnamed."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

from config.settings import Network
from intake import limits as networks
from workers import replies
from workers.conversation import Limits

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class Peers:
    """Counts the connections of each network, and says what each peer may have and be called.

    ``trusted`` are networks of our own machines. ``key`` hides strangers' addresses in the log.
    """

    def __init__(self, trusted: tuple[Network, ...], key: bytes, limits: Limits) -> None:
        self._trusted = trusted
        self._key = key
        self._limits = limits
        self._open: Counter[str] = Counter()
        self._trusted_open = 0

    def is_trusted(self, address: str) -> bool:
        """Say whether an address is one of our own machines'."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)

    def enter(self, address: str) -> str | None:
        """Count one more connection, or return the reply that sends it away uncounted.

        Strangers never fill the room that is kept for machines of ours, however many they are.
        """
        network, is_trusted = networks.network_of(address), self.is_trusted(address)
        strangers = self._open.total() - self._trusted_open
        if self._open.total() >= self._limits.connections:
            return replies.TOO_MANY_CONNECTIONS
        if not is_trusted and strangers >= self._limits.connections_of_strangers:
            return replies.TOO_MANY_CONNECTIONS
        if not is_trusted and self._open[network] >= self._limits.connections_of_one:
            return replies.TOO_MANY_FROM_ONE
        self._open[network] += 1
        self._trusted_open += is_trusted
        return None

    def leave(self, address: str) -> None:
        """Count one connection less of those that were counted."""
        network = networks.network_of(address)
        self._open[network] -= 1
        self._trusted_open -= self.is_trusted(address)
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
        network = networks.network_of(address).encode()
        return f"stranger {hmac.new(daily, network, hashlib.sha256).hexdigest()[:8]}"
