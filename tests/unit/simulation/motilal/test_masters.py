"""The masters have everything that is odd about the live ones."""

import csv
import io

from tests.fakes.motilal import Caller

SCRIPS = "/rest/report/v3/getscripsbyexchangename"
FROM_1970_TO_1980_S = 315_532_800


async def scrips(
    caller: Caller, exchange: str, what: str = "getscripmastercsv"
) -> list[dict[str, str]]:
    """As anybody may read them: without a session."""
    for header in ("Authorization", "accesstoken", "ApiKey"):
        caller.http.headers.pop(header, None)
    answer = await caller.http.get(f"/{what}", params={"name": exchange})
    assert answer.headers["content-type"] == "text/csv"
    return list(csv.DictReader(io.StringIO(answer.text)))


async def test_shares_have_their_series_where_options_have_their_type(caller: Caller) -> None:
    rows = {row["scripcode"]: row for row in await scrips(caller, "NSE")}

    assert rows["1660"]["scripname"] == "ITC EQ"
    assert rows["1660"]["optiontype"] == "EQ"
    assert rows["1660"]["instrumentname"].strip() == ""
    assert len(rows["1660"]["instrumentname"]) == 8
    assert [rows[code]["scripshortname"] for code in ("685", "990001")] == ["CHOLAFIN", "CHOLAFIN"]
    assert [rows[code]["optiontype"] for code in ("685", "990001", "990003")] == ["EQ", "D1", "NA"]
    assert rows["1660"]["expirydate"] == "0"


async def test_an_expiry_is_in_seconds_since_1980(caller: Caller) -> None:
    (put, future) = await scrips(caller, "NSEFO")

    assert int(put["expirydate"]) + FROM_1970_TO_1980_S == 1_798_554_600  # 2026-12-29 14:30 UTC
    assert put["scripname"] == "BANKNIFTY 29-Dec-2026 PE 52300"
    assert (put["marketlot"], put["maxqtyperorder"]) == ("25", "900")
    assert put["instrumentname"] == "OPTIDX  "
    assert future["strikeprice"] == "-1"


async def test_a_commodity_expires_a_day_late_for_who_thinks_of_india(caller: Caller) -> None:
    (gold,) = await scrips(caller, "MCX")

    assert (int(gold["expirydate"]) + FROM_1970_TO_1980_S) % 86_400 == 86_399


async def test_a_code_of_one_exchange_is_another_scrip_on_another(caller: Caller) -> None:
    shares = {row["scripcode"] for row in await scrips(caller, "NSE")}
    (currency,) = await scrips(caller, "NSECD")

    assert currency["scripcode"] in shares
    assert currency["ticksize"] == "0.000"


async def test_bsefo_has_a_column_more_and_names_of_its_own(caller: Caller) -> None:
    (option,) = await scrips(caller, "BSEFO")

    assert option["scripshortname"] == "BSX"
    assert option["ultoken"]


async def test_an_exchange_that_is_not_known_has_a_header_only(caller: Caller) -> None:
    assert await scrips(caller, "NYSE") == []


async def test_the_indices(caller: Caller) -> None:
    rows = await scrips(caller, "NSE", "getindexdatacsv")

    assert [(row["indexcode"], row["indexname"]) for row in rows] == [
        ("26000", "Nifty 50"),
        ("26009", "Nifty Bank"),
    ]


async def test_the_json_form_has_the_circuits_and_no_freeze_quantity(caller: Caller) -> None:
    (put, _) = await caller.rows(SCRIPS, exchangename="NSEFO")

    assert (put["lowercircuitprice"], put["uppercircuitprice"]) == (0.05, 900)
    assert (put["scripcode"], put["strikeprice"], put["exchange"]) == (35020, 52300, 2)
    assert "maxqtyperorder" not in put
    assert await caller.code(SCRIPS, exchangename="NYSE") == "MO1051"


async def test_a_master_is_read_not_posted(caller: Caller) -> None:
    answer = await caller.http.post("/getscripmastercsv", params={"name": "NSE"})

    assert answer.json()["errorcode"] == "MO2001"
