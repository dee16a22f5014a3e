"""The data files that come with Phalanx: instruments, their last closes, their other names, the calendar."""

from pathlib import Path

import phalanx

INSTRUMENTS = "nse_instruments.csv"
CLOSES = "nifty_closes.csv"
ALIASES = "aliases.csv"
DAYS = "nse_days.csv"
CLOSING_AUCTION = "closing_auction.csv"

_PACKAGE = Path(phalanx.__file__).resolve().parent


def shipped_file(name: str, package: Path = _PACKAGE) -> Path:
    """Where a shipped file lies: in the installed package, or in ``data/`` of an editable checkout.

    Raises FileNotFoundError when it is in neither, naming both places.
    """
    # A wheel carries data/ inside the package; in a checkout the package is src/phalanx.
    places = (package / "data", package.parent.parent / "data")
    for place in places:
        path = place / name
        if path.is_file():
            return path
    raise FileNotFoundError(f"{name} is neither in {places[0]} nor in {places[1]}")
