"""Who connects: a network counts as one, and a stranger's address is nowhere."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from workers.peers import LOOPBACK, Peers

RELAY = ip_network("10.0.0.0/29")


@pytest.fixture
def peers() -> Peers:
    return Peers((*LOOPBACK, RELAY), b"k" * 32, each_at_most=2)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.5"])
def test_our_own_machines_come_as_often_as_they_like(address: str, peers: Peers) -> None:
    assert all(peers.enter(address) for _ in range(50))
    assert peers.name(address) == address


@pytest.mark.parametrize("address", ["10.0.0.8", "203.0.113.7", "2001:db8::1", "fe80::1%eth0", ""])
def test_strangers_share_and_stay_unnamed(address: str, peers: Peers) -> None:
    assert [peers.enter(address) for _ in range(3)] == [True, True, False]
    assert peers.name(address).startswith("stranger ")
    assert not address or address not in peers.name(address)


def test_one_network_is_one_stranger(peers: Peers) -> None:
    assert [peers.enter(f"2001:db8::{number}") for number in range(3)] == [True, True, False]
    assert peers.name("2001:db8::1") == peers.name("2001:db8::2") != peers.name("2001:db8:0:1::1")


def test_whoever_leaves_makes_room(peers: Peers) -> None:
    for _ in range(10):
        assert peers.enter("203.0.113.7")
        peers.leave("203.0.113.7")


def test_another_key_gives_other_names(peers: Peers) -> None:
    assert peers.name("203.0.113.7") != Peers((), b"x" * 32, 2).name("203.0.113.7")
