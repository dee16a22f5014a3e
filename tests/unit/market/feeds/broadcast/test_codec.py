"""The bytes of the broadcast: what we say, and what is said to us."""

import struct

import pytest

from phalanx.domain.time import SECOND
from phalanx.market.feeds.broadcast.codec import (
    Circuit,
    DayRates,
    Depth,
    IndexRate,
    OpenInterest,
    Trade,
    decode,
    heartbeat_answer,
    login,
    register,
)

LOGIN = bytes.fromhex(
    "51 6f00 06"  # 'Q', 111 bytes follow, a code of 6
    "414130303137 202020202020202020"  # AA0017, to 15
    "06 414130303137 202020202020202020202020202020202020202020202020"  # again, to 30
    "010101 07 56455220322e30 202020"  # 1, 1, 1, a version of 7: VER 2.0, to 10
    "0000000001"
) + bytes(45).replace(b"\0", b" ")


def test_a_login_is_these_114_bytes() -> None:
    assert login("AA0017") == LOGIN
    assert len(LOGIN) == 114


def test_a_login_on_a_later_connection_differs_by_one_byte() -> None:
    assert login("AA0017", again=True) == b"q" + LOGIN[1:]


@pytest.mark.parametrize("code", ["", "A" * 16, "ÄA17"])
def test_a_code_that_has_no_place_in_a_login_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="1 to 15 plain characters"):
        login(code)


def test_a_registration_is_these_10_bytes() -> None:
    assert register(b"N", b"C", 2885) == bytes.fromhex("44 0700 4e 43 450b0000 01")
    assert register(b"G", b"D", 1, wanted=False) == bytes.fromhex("44 0700 47 44 01000000 00")


def test_a_heartbeat_is_answered_with_3_bytes() -> None:
    assert heartbeat_answer() == b"1\x00\x00"


HEAD = "4e 450b0000 80a53a58"
"""NSE, 2885, and 1,480,238,464 s after 1980-01-01 in India."""
AT = (1_480_238_464 + 315_513_000) * SECOND


@pytest.mark.parametrize(
    ("kind", "body", "meaning"),
    [
        (
            "41",
            "00a0aa44 05000000 40420f00 0080aa44 00000000",
            Trade(1365.0, 5, 1_000_000, 1364.0, 0),
        ),
        *(
            (
                f"{level:02x}",
                "0080aa44 64000000 0300 00a0aa44 c8000000 0400",
                Depth(1364.0, 100, 3, 1365.0, 200, 4),
            )
            for level in b"BCDEF"
        ),
        (
            "47",
            "0080aa44 00a0aa44 0060aa44 0040aa44 01020304",
            DayRates(1364.0, 1365.0, 1363.0, 1362.0),
        ),
        ("48", "0080aa44" + "ff" * 16, IndexRate(1364.0)),
        ("57", "00a0aa44 0080aa44" + "00" * 12, Circuit(1365.0, 1364.0)),
        ("6d", "01000000 02000000 03000000" + "00" * 8, OpenInterest(1, 2, 3)),
        ("31", "00" * 20, None),
        ("58", "aa" * 20, None),
        ("00", "00" * 20, None),
    ],
)
def test_a_packet_means_what_its_type_says(kind: str, body: str, meaning: object) -> None:
    found = decode(bytes.fromhex(HEAD + kind + body))

    assert (found.exchange, found.scrip, found.time) == (b"N", 2885, AT)
    assert (found.type, found.body) == (bytes.fromhex(kind), meaning)


def test_time_counts_from_midnight_of_1980_in_india() -> None:
    first = decode(struct.pack("=ciic20s", b"N", 1, 0, b"A", b""))

    # 1979-12-31T18:30:00Z
    assert first.time == 315_513_000 * SECOND
