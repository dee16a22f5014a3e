import pytest

from phalanx.api.baskets import read_basket
from phalanx.api.problems import Problem
from phalanx.domain.accounts import Mode
from phalanx.domain.instructions import BatchRequest, BatchRow
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdType, Product, Side, TimeInForce

HEADER = "client,account,instrument,side,product,type,quantity,price,stop_price,time_in_force\n"


def test_a_row_is_a_row_of_a_batch() -> None:
    content = f"\ufeff{HEADER}7,,TCS,BUY,,,10,,,\n,P-1,NSE:2885,SELL,MTF,SL,2.5,99.5,100,IOC\n"

    found = read_basket(content.encode(), Mode.PAPER)

    first = BatchRow(7, "", "TCS", Side.BUY, Product.DELIVERY, OrdType.MARKET, whole(10))
    second = BatchRow(
        0,
        "P-1",
        "NSE:2885",
        Side.SELL,
        Product.MTF,
        OrdType.STOP_LIMIT,
        250_000_000,
        9_950_000_000,
        TimeInForce.IOC,
        whole(100),
    )
    assert found == BatchRequest((first, second), Mode.PAPER)


def test_names_may_come_as_exports_write_them() -> None:
    (row,) = read_basket(b"quantity,instrument,side,account\n1,'=A1,BUY,'-P\n").rows

    assert (row.instrument, row.account) == ("=A1", "-P")


def test_columns_that_are_not_needed_may_be_left_out() -> None:
    (row,) = read_basket(b"quantity,instrument,side,account\n1,=HYPERLINK(1),BUY,P\n").rows

    assert (row.instrument, row.account, row.quantity) == ("=HYPERLINK(1)", "P", whole(1))


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        (",,TCS,BUY,,,10,,,", "EMPTY_FIELD", "account"),
        ("x,,TCS,BUY,,,10,,,", "BAD_TEXT", "client"),
        ("0,,TCS,BUY,,,10,,,", "BAD_TEXT", "client"),
        ("9007199254740992,,TCS,BUY,,,10,,,", "BAD_NUMBER", "client"),
        ("7,,,BUY,,,10,,,", "EMPTY_FIELD", "instrument"),
        ("7,,TCS,,,,10,,,", "EMPTY_FIELD", "side"),
        ("7,,TCS,buy,,,10,,,", "BAD_TEXT", "side"),
        ("7,,TCS,HOLD,,,10,,,", "BAD_TEXT", "side"),
        ("7,,TCS,BUY,CASH,,10,,,", "BAD_TEXT", "product"),
        ("7,,TCS,BUY,,ICEBERG,10,,,", "BAD_TEXT", "type"),
        ("7,,TCS,BUY,,,,,,", "EMPTY_FIELD", "quantity"),
        ("7,,TCS,BUY,,,0,,,", "NOT_POSITIVE", "quantity"),
        ("7,,TCS,BUY,,,1e3,,,", "BAD_NUMBER", "quantity"),
        ("7,,TCS,BUY,,,NaN,,,", "BAD_NUMBER", "quantity"),
        ("7,,TCS,BUY,,,10,5,,", "PRICE_NOT_ALLOWED", "price"),
        ("7,,TCS,BUY,,LIMIT,10,,,", "EMPTY_FIELD", "price"),
        ("7,,TCS,BUY,,STOP,10,,,", "EMPTY_FIELD", "stop_price"),
        ("7,,TCS,BUY,,LIMIT,10,5,5,", "PRICE_NOT_ALLOWED", "stop_price"),
        ("7,,TCS,BUY,,,10,,,GTC", "BAD_TEXT", "time_in_force"),
    ],
)
def test_a_row_s_fault_is_named_with_its_line(row: str, code: str, column: str) -> None:
    content = f"{HEADER}7,,TCS,BUY,,,10,,,\n{row}\n"

    with pytest.raises(Problem) as refused:
        read_basket(content.encode())

    assert (refused.value.code, refused.value.field) == (code, column)
    assert (refused.value.line, refused.value.status) == (3, 422)


def test_somebody_must_be_named() -> None:
    with pytest.raises(Problem) as refused:
        read_basket(b"instrument,side,quantity\nTCS,BUY,1\n")

    assert (refused.value.code, refused.value.field) == ("MISSING_COLUMN", "account")
