"""Random profiles: who trades which instruments under which strategies, from a seed."""

import random
from collections.abc import Sequence

import msgspec

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.profiles.people import people
from phalanx.domain.profiles import Profiles

INSTRUMENTS = (
    "ACC", "ADANIENT", "BIRLASOFT", "COFORGE", "DMART", "EICHER", "GRASIM",
    "HINDALCO", "INFY", "JSW", "L&T", "MINDA", "NTPC", "POWERGRID",
)  # fmt: skip
STRATEGIES_PER_USER_MAX = 4
INSTRUMENTS_PER_STRATEGY_MAX = 5


class Details(msgspec.Struct, frozen=True):
    """The names that random profiles and random orders are made of."""

    users: tuple[str, ...]
    strategies: tuple[str, ...]
    instruments: tuple[str, ...]


class RawDetails(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A raw details file: ``{"USERS": […], "STRATEGIES": […], "INSTRUMENTS": […]}``."""

    USERS: list[str]
    STRATEGIES: list[str]
    INSTRUMENTS: list[str]


def made_up_details(users: int, strategies: int, seed: int) -> Details:
    """People from the list, ``STRATEGY_A`` onwards, and fourteen well-known instruments."""
    names = tuple(f"STRATEGY_{letters(number)}" for number in range(strategies))
    return Details(tuple(people(users, seed)), names, INSTRUMENTS)


def read_details(content: bytes) -> Details:
    """The names of a raw details file. Raises Failure BAD_DETAILS."""
    try:
        raw = msgspec.json.decode(content, type=RawDetails)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Failure(Exit.USAGE, "BAD_DETAILS", f"not a raw details file: {error}") from None
    details = Details(
        tuple(dict.fromkeys(raw.USERS)),
        tuple(dict.fromkeys(raw.STRATEGIES)),
        tuple(dict.fromkeys(raw.INSTRUMENTS)),
    )
    if not (details.users and details.strategies and details.instruments):
        raise Failure(Exit.USAGE, "BAD_DETAILS", "a raw details file names at least one of each")
    return details


def random_profiles(details: Details, seed: int) -> Profiles:
    """Every user with one to four strategies, each with one to five instruments."""
    dice = random.Random(f"profiles/{seed}")
    return {user: _profile(details, dice) for user in details.users}


def _profile(details: Details, dice: random.Random) -> dict[str, list[str]]:
    count = dice.randint(1, min(STRATEGIES_PER_USER_MAX, len(details.strategies)))
    return {
        strategy: _some(details.instruments, INSTRUMENTS_PER_STRATEGY_MAX, dice)
        for strategy in sorted(dice.sample(details.strategies, count))
    }


def _some(names: Sequence[str], most: int, dice: random.Random) -> list[str]:
    return dice.sample(names, dice.randint(1, min(most, len(names))))


def letters(number: int) -> str:
    """A, B, …, Z, AA, AB, …: the name of the column ``number`` of a spreadsheet, from 0."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
