"""A daily master takes the place of what is known of its exchanges, or of nothing."""

import msgspec
import pytest

from phalanx.domain.instruments import Instrument, InstrumentIndex
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.market import daily
from phalanx.market.daily import MasterSource, read_daily, replaced
from phalanx.market.master import read_instruments
from phalanx.market.table import ImportCode, ImportFault
from phalanx.market.upsert import write_instruments
from tests.unit.market.motilal_master.scrip_master import FUTURE, INFY, csv_of

MOTILAL = MasterSource.MOTILAL


def _stock(symbol: str, token: str, exchange: str = "NSE") -> Instrument:
    key = f"{exchange}:{token}"
    return Instrument(key, exchange, token, symbol, "EQ", whole(1), parse_fixed("0.05"))


A, B, C, D = (_stock(symbol, token) for symbol, token in zip("ABCD", "1234", strict=True))
OF_BSE = _stock("A", "500", "BSE")
BEFORE = InstrumentIndex([A, B, C, OF_BSE], {"AY": "A"}, "ab" * 32)


def _refusal(content: bytes) -> ImportFault:
    with pytest.raises(ImportFault) as caught:
        read_daily(content, MOTILAL)
    return caught.value


def test_an_exchange_is_replaced_and_others_stay() -> None:
    dearer = msgspec.structs.replace(B, tick_size=whole(1))
    after = replaced(BEFORE, [D, dearer, A], {"AY": "A"})

    assert list(after.index) == [A, dearer, D, OF_BSE]
    assert after.report.added == (D,)
    assert after.report.changed == ((B, dearer),)
    assert after.report.removed == (C,)
    assert after.content is not None
    assert read_instruments(after.content) == list(after.index)
    assert after.index.resolve("AY") == A


def test_what_is_gone_and_held_stays_and_is_not_tradable() -> None:
    after = replaced(BEFORE, [A, B, D], {}, held={"NSE:3", "NSE:1", "BSE:7"})

    gone = msgspec.structs.replace(C, tradable=False)
    assert after.index.get("NSE:3") == gone
    assert after.report.changed == ((C, gone),)
    assert not after.report.removed


def test_a_new_token_has_the_symbol_of_the_one_that_is_gone_and_held() -> None:
    anew = _stock("C", "9")
    after = replaced(BEFORE, [A, B, anew], {}, held={"NSE:3"})

    assert after.index.resolve("C") == anew
    gone = after.index.get("NSE:3")
    assert gone is not None
    assert (gone.symbol, gone.tradable) == ("C 2", False)


def test_what_is_gone_keeps_its_second_name_until_it_is_held_no_more() -> None:
    anew = _stock("C", "9")
    first = replaced(BEFORE, [A, B, anew], {}, held={"NSE:3"}).index

    assert replaced(first, [A, B, anew], {}, held={"NSE:3"}).content is None
    assert replaced(first, [A, B, anew], {}).report.removed[0].symbol == "C 2"


def test_the_same_again_changes_nothing() -> None:
    after = replaced(BEFORE, [C, B, A], {})

    assert after.content is None
    assert after.index is BEFORE


def test_the_order_of_the_file_is_no_change() -> None:
    one, other = replaced(BEFORE, [A, B, D], {}), replaced(BEFORE, [D, B, A], {})

    assert one.content == other.content
    assert one.index.sha256 == other.index.sha256


def test_a_symbol_of_several_exchanges_means_that_of_the_nse_whichever_came_first() -> None:
    first = replaced(InstrumentIndex(()), [OF_BSE], {}).index
    both = replaced(first, [A], {}).index

    assert both.resolve("A") == A


@pytest.mark.parametrize(("kept", "is_refused"), [(6, False), (5, True)])
def test_an_exchange_that_lost_more_than_a_third_is_refused(kept: int, is_refused: bool) -> None:
    listed = [_stock(f"S{at}", str(at)) for at in range(9)]
    before = InstrumentIndex([*listed, OF_BSE])

    if not is_refused:
        assert len(replaced(before, listed[:kept], {}).report.removed) == 3
        return
    with pytest.raises(ImportFault) as caught:
        replaced(before, listed[:kept], {})
    assert caught.value.code is ImportCode.MASTER_REFUSED
    assert caught.value.detail == "5 instruments of NSE, and 9 are in force"
    accepted = replaced(before, listed[:kept], {}, accept_fewer=True)
    assert len(accepted.report.removed) == 4


def test_two_tokens_with_one_symbol_are_refused() -> None:
    with pytest.raises(ImportFault) as caught:
        replaced(BEFORE, [A, B, _stock("A", "9")], {})

    assert caught.value.code is ImportCode.DUPLICATE_KEY


def test_a_few_rows_that_are_no_instruments_are_left_out_and_told() -> None:
    bad = {**INFY, "marketlot": "0"}
    read = read_daily(csv_of(INFY, *[bad] * daily.LEFT_OUT_MAX), MOTILAL)

    assert [one.symbol for one in read.instruments] == ["INFY"]
    assert read.flaws.left_out == daily.LEFT_OUT_MAX


def test_one_row_in_a_hundred_may_be_no_instrument() -> None:
    good = [{**FUTURE, "scripcode": str(at), "scripshortname": f"G{at}"} for at in range(2_079)]
    bad = {**INFY, "marketlot": "0"}

    assert read_daily(csv_of(*good, *[bad] * 21), MOTILAL).flaws.left_out == 21
    fault = _refusal(csv_of(*good[:-1], *[bad] * 21))
    assert fault.code is ImportCode.MASTER_REFUSED
    assert fault.detail == (
        "21 of 2099 rows are no instruments; the first: NOT_POSITIVE, line 2080, marketlot"
    )


def test_a_file_of_no_instruments_at_all_is_refused() -> None:
    assert _refusal(csv_of()).code is ImportCode.EMPTY_FILE
    assert _refusal(csv_of({**INFY, "marketlot": "0"})).code is ImportCode.EMPTY_FILE
    assert _refusal(b"").code is ImportCode.EMPTY_FILE


def test_our_own_form_is_exact() -> None:
    content = write_instruments([A, B])

    assert read_daily(content, MasterSource.PHALANX).instruments == [A, B]
    with pytest.raises(ImportFault, match="BAD_NUMBER, line 3"):
        read_daily(content.replace(b"B,2,NSE,EQ,1,", b"B,2,NSE,EQ,x,"), MasterSource.PHALANX)
