"""Packets out of a stream without marks."""

import pytest

from phalanx.market.feeds.broadcast.splitter import PacketSplitter
from tests.fakes.broadcast import HEARTBEAT, packet, trade

PACKETS = [trade(100 + number, scrip=number + 1) for number in range(4)]


@pytest.mark.parametrize("size", [1, 7, 29, 30, 31, 59, 61, 1_000])
def test_packets_come_whole_however_they_were_split(size: int) -> None:
    splitter, data = PacketSplitter(), b"".join(PACKETS)

    found = []
    for at in range(0, len(data), size):
        found += splitter.split(data[at : at + size])

    assert (found, splitter.skipped) == (PACKETS, 0)


def test_a_type_that_nobody_knows_is_a_packet_like_any_other() -> None:
    stream = [PACKETS[0], packet(b"X"), packet(b"z"), HEARTBEAT, PACKETS[1]]

    assert PacketSplitter().split(b"".join(stream)) == stream


def test_one_that_looks_odd_among_others_is_passed_over_alone() -> None:
    splitter, odd = PacketSplitter(), packet(b"A", exchange=b"Z")

    found = splitter.split(PACKETS[0] + odd + PACKETS[1] + odd + PACKETS[2] + odd)

    assert (found, splitter.skipped) == (PACKETS[:3], 60)
    assert splitter.split(PACKETS[3]) == PACKETS[3:]


@pytest.mark.parametrize("garbage", [b"\0", b"?" * 29, b"\xff" * 30, b"\0" * 1_000])
def test_after_garbage_two_packets_in_a_row_are_in_step_again(garbage: bytes) -> None:
    splitter = PacketSplitter()

    found = splitter.split(PACKETS[0] + garbage + b"".join(PACKETS[1:]))

    assert (found, splitter.skipped) == (PACKETS, len(garbage))


def test_one_packet_after_garbage_waits_for_the_next() -> None:
    splitter = PacketSplitter()

    assert splitter.split(b"?" * 31 + PACKETS[0]) == []
    assert splitter.split(PACKETS[1]) == PACKETS[:2]


def test_garbage_is_not_remembered() -> None:
    splitter = PacketSplitter()

    for _ in range(1_000):
        assert splitter.split(b"?" * 1_000) == []

    assert len(splitter._rest) < 60
    assert splitter.skipped == 1_000_000 - len(splitter._rest)
