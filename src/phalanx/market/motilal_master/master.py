"""A scrip master of Motilal Oswal as instruments."""

from phalanx.domain.instruments import Instrument, InstrumentKey
from phalanx.market.flaws import Flaws
from phalanx.market.master import EXCHANGES_MAX
from phalanx.market.motilal_master.contract import read_contract
from phalanx.market.motilal_master.rows import read_rows
from phalanx.market.motilal_master.symbols import Lined, distinct
from phalanx.market.table import ImportCode, ImportFault, Row


def read_master(content: bytes, flaws: Flaws) -> list[Instrument]:
    """The instruments of a scrip master, CSV or JSON, of one exchange or of several.

    A token is unique within its exchange only. What is no instrument is told to ``flaws``. Raises
    ImportFault, as `rows.read_rows` does, and TOO_MANY_EXCHANGES.
    """
    listed: list[Lined] = []
    lines: dict[InstrumentKey, int] = {}
    exchanges: set[str] = set()
    for row in read_rows(content, flaws):
        try:
            instrument = read_contract(row, flaws)
            _check_new(row, instrument, lines)
        except ImportFault as fault:
            flaws.leave_out(fault)
            continue
        exchanges.add(instrument.exchange)
        if len(exchanges) > EXCHANGES_MAX:
            detail = f"more than {EXCHANGES_MAX}"
            raise row.fault(ImportCode.TOO_MANY_EXCHANGES, "exchangename", detail)
        listed.append((row.line, instrument))
    return distinct(listed, flaws)


def _check_new(row: Row, instrument: Instrument, lines: dict[InstrumentKey, int]) -> None:
    first = lines.setdefault(instrument.key, row.line)
    if first != row.line:
        detail = f"{instrument.key} is on line {first} already"
        raise row.fault(ImportCode.DUPLICATE_KEY, "scripcode", detail)
