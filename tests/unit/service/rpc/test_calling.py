"""Who calls, and how long an item of a stream is waited for."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("grpc", reason="grpc is not on this machine: pip install 'satseek[grpc]'")

from satseek.embed.patience import Patience, current_patience, waiting
from satseek.errors import Abandoned
from satseek.service.access.forwarding import Proxies
from satseek.service.calling import Caller
from satseek.service.rpc.calling import calling, current_caller, waiting_for_one
from satseek.service.rpc.intercepting import _address, _shorter


def test_outside_of_a_call_nobody_calls() -> None:
    with pytest.raises(LookupError):
        current_caller()
    caller = Caller()
    with calling(caller):
        assert current_caller() is caller


def test_an_item_is_waited_for_no_longer_than_its_stream() -> None:
    with waiting(Patience(5)), waiting_for_one(60) as one:
        assert (one.left() or 0) <= 5
    with waiting(Patience()), waiting_for_one(60) as one:
        assert 59 < (one.left() or 0) <= 60
    with waiting(Patience(60)), waiting_for_one(1) as one:
        assert (one.left() or 0) <= 1


def test_giving_a_stream_up_gives_its_items_up() -> None:
    whole = Patience()
    with waiting(whole), waiting_for_one(60) as one:
        whole.give_up()
        assert one.given_up
        with pytest.raises(Abandoned):
            current_patience().check()


def test_cancelling_an_item_gives_it_up_in_whatever_thread_it_is_computed() -> None:
    seen: list[Patience] = []

    async def work() -> None:
        with waiting_for_one(60) as one:
            seen.append(one)
            await asyncio.sleep(60)

    async def check() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(check())
    assert seen[0].given_up


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.0.0.7:50312", "10.0.0.7"),
        ("ipv6:%5B::1%5D:50312", "::1"),
        ("ipv6:[2001:db8::7]:1", "2001:db8::7"),
        ("unix:/run/x", "-"),
        ("", "-"),
    ],
)
def test_addresses_are_read_from_peers(peer: str, address: str) -> None:
    assert address == _address(peer)


PROXIES = "10.0.0.1, 10.2.0.0/16, fd00::/8, no address"


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("fd00::7", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", ["6.6.6.6, 203.0.113.9", "10.2.3.4"], "203.0.113.9"),  # who forges is behind
        ("10.0.0.1", ["10.2.0.9, 10.2.3.4"], "10.2.0.9"),  # a client within
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [" , "], "10.0.0.1"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.2", ["203.0.113.9"], "10.0.0.2"),
        ("-", ["203.0.113.9"], "-"),
    ],
)
def test_a_proxy_that_is_trusted_tells_who_calls(
    peer: str, forwarded: list[str], client: str
) -> None:
    assert client == Proxies.of(PROXIES).client(peer, forwarded)


def test_as_it_comes_this_machine_is_trusted_and_with_a_star_everybody() -> None:
    usual, everybody = Proxies.of(None), Proxies.of("*")
    assert ["9.9.9.9", "9.9.9.9"] == [
        one.client("127.0.0.1", ["9.9.9.9"]) for one in (usual, everybody)
    ]
    assert ["8.8.8.8", "9.9.9.9"] == [
        one.client("8.8.8.8", ["9.9.9.9"]) for one in (usual, everybody)
    ]


@pytest.mark.parametrize(
    ("left", "most", "expected"),
    [(None, None, None), (3.0, None, 3.0), (None, 4.0, 4.0), (3.0, 4.0, 3.0), (-1.0, 4.0, 0.0)],
)
def test_the_sooner_deadline_counts(
    left: float | None, most: float | None, expected: float | None
) -> None:
    assert expected == _shorter(left, most)
