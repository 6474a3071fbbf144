"""Who connects: a network counts as one, and a stranger's address is nowhere."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from workers import replies
from workers.conversation import Limits
from workers.peers import LOOPBACK, Peers

RELAY = ip_network("10.0.0.0/29")


@pytest.fixture
def peers() -> Peers:
    return at_most(connections_of_one=2)


def at_most(**limits: int) -> Peers:
    return Peers((*LOOPBACK, RELAY), b"k" * 32, Limits(1000, **limits))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.5"])
def test_our_own_machines_come_as_often_as_they_like(address: str, peers: Peers) -> None:
    assert {peers.enter(address) for _ in range(50)} == {None}
    assert peers.name(address) == address


@pytest.mark.parametrize("address", ["10.0.0.8", "203.0.113.7", "2001:db8::1", "fe80::1%eth0", ""])
def test_strangers_share_and_stay_unnamed(address: str, peers: Peers) -> None:
    assert [peers.enter(address) for _ in range(3)] == [None, None, replies.TOO_MANY_FROM_ONE]
    assert peers.name(address).startswith("stranger ")
    assert not address or address not in peers.name(address)


def test_one_network_is_one_stranger(peers: Peers) -> None:
    assert [bool(peers.enter(f"2001:db8::{number}")) for number in range(3)] == [False, False, True]
    assert peers.name("2001:db8::1") == peers.name("2001:db8::2") != peers.name("2001:db8:0:1::1")


def test_whoever_leaves_makes_room(peers: Peers) -> None:
    for _ in range(10):
        assert peers.enter("203.0.113.7") is None
        peers.leave("203.0.113.7")


def test_strangers_together_leave_room_for_relays_of_ours() -> None:
    peers = at_most(connections=50, connections_of_strangers=30)
    sent_away = [peers.enter(f"203.0.113.{number}") for number in range(200)]
    assert sent_away == [None] * 30 + [replies.TOO_MANY_CONNECTIONS] * 170
    assert [peers.enter("10.0.0.5") for _ in range(20)] == [None] * 20
    assert peers.enter("10.0.0.5") == peers.enter("127.0.0.1") == replies.TOO_MANY_CONNECTIONS
    peers.leave("203.0.113.1")
    assert peers.enter("127.0.0.1") is None


def test_another_key_gives_other_names(peers: Peers) -> None:
    assert peers.name("203.0.113.7") != Peers((), b"x" * 32, Limits(1000)).name("203.0.113.7")
