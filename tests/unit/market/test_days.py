"""Files of the trading calendar: what they may say, and what is said about those that do not."""

from datetime import date

import pytest

from phalanx.domain.sessions import DayChange, DayKind, Phase, PhaseWindow, clock_s
from phalanx.market.days import read_days, read_stocks, shipped_calendar
from phalanx.market.master import read_index
from phalanx.market.shipped import INSTRUMENTS, shipped_file
from phalanx.market.table import ImportCode, ImportFault

EPOCH = date(1970, 1, 1).toordinal()
HEADER = "date,phase,from,to,note\n"
OVERLAY = f"""{HEADER}\
2026-11-08,PRE_OPEN,18:00,18:08,Muhurat
2026-11-08,CONTINUOUS,18:15,19:15,
2026-09-15,HOLIDAY,,,Elections
2026-11-21,NORMAL,,,Budget
"""


def number(text: str) -> int:
    return date.fromisoformat(text).toordinal() - EPOCH


def test_a_file_has_holidays_ordinary_days_and_special_sessions() -> None:
    muhurat = (
        PhaseWindow(Phase.PRE_OPEN, clock_s(18, 0), clock_s(18, 8)),
        PhaseWindow(Phase.CONTINUOUS, clock_s(18, 15), clock_s(19, 15)),
    )
    assert read_days(OVERLAY.encode()) == (
        DayChange(number("2026-09-15"), DayKind.HOLIDAY, note="Elections"),
        DayChange(number("2026-11-08"), DayKind.SPECIAL, muhurat, "Muhurat"),
        DayChange(number("2026-11-21"), DayKind.NORMAL, note="Budget"),
    )


@pytest.mark.parametrize("content", [b"", b"\n\n", HEADER.encode()])
def test_an_empty_file_is_refused(content: bytes) -> None:
    with pytest.raises(ImportFault, match="EMPTY_FILE"):
        read_days(content)


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        ("2026-02-30,HOLIDAY,,,", ImportCode.BAD_DATE, "date"),
        (",HOLIDAY,,,", ImportCode.EMPTY_FIELD, "date"),
        ("2026-11-23,,,,", ImportCode.EMPTY_FIELD, "phase"),
        ("2026-11-23,CLOSED,,,", ImportCode.BAD_TEXT, "phase"),
        ("2026-11-23,holiday,,,", ImportCode.BAD_TEXT, "phase"),
        ("2026-11-23,HOLIDAY,09:00,,", ImportCode.BAD_TEXT, "from"),
        ("2026-11-23,NORMAL,,16:00,", ImportCode.BAD_TEXT, "to"),
        ("2026-11-23,CONTINUOUS,,10:00,", ImportCode.EMPTY_FIELD, "from"),
        ("2026-11-23,CONTINUOUS,9:15,10:00,", ImportCode.BAD_TEXT, "from"),
        ("2026-11-23,CONTINUOUS,09:15,24:00,", ImportCode.BAD_TEXT, "to"),
        ("2026-11-23,CONTINUOUS,10:00,10:00,", ImportCode.BAD_RANGE, "to"),
        ("2026-11-22,HOLIDAY,,,", ImportCode.DUPLICATE_KEY, "date"),
        ("2026-11-22,CONTINUOUS,09:15,10:00,", ImportCode.DUPLICATE_KEY, "date"),
        ("2026-11-23,HOLIDAY,,," + "x" * 65, ImportCode.FIELD_TOO_LONG, "note"),
    ],
)
def test_what_is_wrong_with_a_line_is_said_with_its_place(
    row: str, code: ImportCode, column: str
) -> None:
    with pytest.raises(ImportFault) as caught:
        read_days(f"{HEADER}2026-11-22,NORMAL,,,\n{row}\n".encode())
    assert (caught.value.code, caught.value.line, caught.value.column) == (code, 3, column)


def test_windows_of_a_day_are_not_over_one_another() -> None:
    rows = "2026-11-22,CONTINUOUS,09:15,10:00,\n2026-11-22,POST_CLOSE,09:59,11:00,\n"
    with pytest.raises(ImportFault) as caught:
        read_days((HEADER + rows).encode())
    assert (caught.value.code, caught.value.line) == (ImportCode.BAD_RANGE, 3)


def test_a_special_day_cannot_be_a_whole_one_too() -> None:
    rows = "2026-11-22,CONTINUOUS,09:15,10:00,\n2026-11-22,NORMAL,,,\n"
    with pytest.raises(ImportFault, match="DUPLICATE_KEY, line 3"):
        read_days((HEADER + rows).encode())


def test_days_and_their_windows_are_bounded() -> None:
    minutes = "".join(f"2026-11-22,CONTINUOUS,09:{m:02},09:{m + 1:02},\n" for m in range(17))
    with pytest.raises(ImportFault, match="TOO_MANY_ROWS, line 18"):
        read_days((HEADER + minutes).encode())
    days = (date.fromordinal(EPOCH + day).isoformat() for day in range(1_001))
    with pytest.raises(ImportFault, match="more than 1000 days"):
        read_days((HEADER + "".join(f"{day},HOLIDAY,,,\n" for day in days)).encode())


def test_a_stock_is_named_once() -> None:
    assert read_stocks(b"symbol\nINFY\nM&M\n") == ("INFY", "M&M")
    with pytest.raises(ImportFault, match="DUPLICATE_KEY, line 3"):
        read_stocks(b"symbol\nINFY\nINFY\n")


def test_the_shipped_calendar_has_the_sixteen_weekday_holidays_of_2026() -> None:
    calendar = shipped_calendar()
    days = calendar.changed(2026, {})
    assert len(days) == 16
    assert {change.kind for change in days} == {DayKind.HOLIDAY}
    assert calendar.knows(2026, {})
    assert not calendar.knows(2027, {})
    assert not calendar.session_day(number("2026-01-15"), {}).trades


def test_every_shipped_stock_with_a_closing_auction_is_an_instrument() -> None:
    index = read_index(shipped_file(INSTRUMENTS).read_bytes())
    stocks = shipped_calendar().closing_auction
    assert len(stocks) == 49
    assert [one for one in stocks if index.resolve(one) is None] == []
