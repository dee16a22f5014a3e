"""How instruments are called on the broadcast, and whose a packet is."""

import pytest

from phalanx.market.feeds.broadcast.registrations import Registrations, Scrip, scrip_of


@pytest.mark.parametrize(
    ("key", "scrip"),
    [
        ("NSE:2885", Scrip(b"N", b"C", 2885)),
        ("NSEFO:40001", Scrip(b"N", b"D", 40_001)),
        ("BSE:500325", Scrip(b"B", b"C", 500_325)),
        ("BSEFO:800001", Scrip(b"G", b"D", 800_001)),
        ("MCX:1", Scrip(b"M", b"D", 1)),
        ("NSECD:1", Scrip(b"C", b"D", 1)),
        ("NCDEX:2147483647", Scrip(b"D", b"D", 2_147_483_647)),
    ],
)
def test_every_exchange_has_its_letter_and_segment(key: str, scrip: Scrip) -> None:
    assert scrip_of(key) == scrip


@pytest.mark.parametrize(
    "key",
    [
        "LOCAL:7",
        "NSE:ABC",
        "NSE:0",
        "NSE:-1",
        "NSE:007",
        "NSE:2147483648",
        "NSE:٣",
        "NSE",
        "NSE:1 ",
    ],
)
def test_for_others_the_broadcast_has_no_word(key: str) -> None:
    assert scrip_of(key) is None
    assert Registrations(5).add(key) is None


def test_there_are_as_many_as_the_limit_says() -> None:
    registrations = Registrations(2)

    taken = [registrations.add(f"NSE:{number}") is not None for number in (1, 2, 3)]
    assert (taken, len(registrations)) == ([True, True, False], 2)

    assert registrations.remove("NSE:1") == Scrip(b"N", b"C", 1)
    assert registrations.remove("NSE:1") is None
    assert registrations.add("NSE:3") is not None
    assert [one.number for one in registrations] == [2, 3]


def test_one_letter_of_two_markets_is_whose_we_asked_for() -> None:
    registrations = Registrations(5)
    registrations.add("NSEFO:40001")
    registrations.add("NSE:2885")

    assert registrations.find(b"N", 40_001) == "NSEFO:40001"
    assert registrations.find(b"N", 2885) == "NSE:2885"
    assert registrations.find(b"B", 2885) is None
    assert registrations.find(b"N", 1) is None


def test_two_that_sound_alike_are_not_taken_both() -> None:
    registrations = Registrations(5)
    registrations.add("NSE:888801")

    assert registrations.add("NSEFO:888801") is None
    assert "NSEFO:888801" not in registrations

    registrations.remove("NSE:888801")
    assert registrations.add("NSEFO:888801") is not None
    assert registrations.find(b"N", 888_801) == "NSEFO:888801"
