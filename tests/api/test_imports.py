"""Clients and opening positions from CSV: all of a file or nothing, each line answered."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from phalanx.desk.recovery import event_at
from phalanx.domain.events import LotAdopted
from phalanx.domain.instructions import Door
from phalanx.domain.instruments import InstrumentIndex
from phalanx.domain.orders import Product
from tests.api.conftest import WORKED_EXAMPLE, Site, open_site

CLIENTS = "/api/v1/clients/import"
POSITIONS = "/api/v1/positions/import"
HEADER = "client,instrument,quantity,cost,date\n"
TWO = HEADER + "Holland Proctor,RELIANCE,10,1250.05,2025-06-13\n2,EICHER,25,,2024-11-01\n"


async def send(site: Site, path: str, content: str, key: str | None = None) -> Any:  # noqa: ANN401
    headers = {"content-type": "text/csv"} | ({} if key is None else {"idempotency-key": key})
    return await site.http.post(path, content=content.encode(), headers=headers)


async def sent(site: Site, path: str, content: str, key: str | None = None) -> Any:  # noqa: ANN401
    answer = await send(site, path, content, key)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refused(site: Site, path: str, content: str) -> tuple[int, str, int | None]:
    """What a file gets; nothing may have been journaled for it."""
    seq = site.system.desk.state.seq
    answer = await send(site, path, content)
    assert site.system.desk.state.seq == seq, "something was journaled"
    return answer.status_code, answer.json()["code"], answer.json().get("line")


class TestClients:
    async def test_are_made_with_their_cash(self, site: Site) -> None:
        report = await sent(site, CLIENTS, "name,cash\nAnn,250000.50\nBo,0\n")

        assert report == {
            "added": 2,
            "unchanged": 0,
            "items": [
                {
                    "line": 2,
                    "name": "Ann",
                    "client_id": 1,
                    "account": "PAPER-1",
                    "status": "ADDED",
                    "cash": "250000.5",
                    "group": None,
                },
                {
                    "line": 3,
                    "name": "Bo",
                    "client_id": 2,
                    "account": "PAPER-2",
                    "status": "ADDED",
                    "cash": "0",
                    "group": None,
                },
            ],
        }
        assert (await site.get("/api/v1/accounts/PAPER-1"))["cash"] == "250000.5"

    async def test_that_are_there_keep_their_cash(self, example: Site) -> None:
        report = await sent(example, CLIENTS, "name,cash\nOaklee Wagner,5\nAnn,7\n")

        assert (report["added"], report["unchanged"]) == (1, 1)
        oaklee, ann = report["items"]
        assert (oaklee["status"], oaklee["client_id"], oaklee["cash"]) == ("UNCHANGED", 2, None)
        assert (ann["status"], ann["client_id"], ann["cash"]) == ("ADDED", 3, "7")
        assert (await example.get("/api/v1/accounts/PAPER-2"))["cash"] == "1000000"

    async def test_join_groups_that_are_made_when_they_are_missing(self, example: Site) -> None:
        member = {"account": "PAPER-1", "multiplier": "2"}
        await example.send("PUT", "/api/v1/groups/core", {"members": [member]})

        await sent(
            example,
            CLIENTS,
            "group,name,cash\ncore,Holland Proctor,1\ncore,Ann,7\nnew,Bo,7\n,Cy,7\n",
        )

        core = await example.get("/api/v1/groups/core")
        new = await example.get("/api/v1/groups/new")
        assert [(m["client"], m["multiplier"]) for m in core["members"]] == [
            ("Holland Proctor", "2"),
            ("Ann", "1"),
        ]
        assert [m["client"] for m in new["members"]] == ["Bo"]
        assert (await example.get("/api/v1/groups"))["total"] == 2

    async def test_twice_are_imported_once(self, site: Site) -> None:
        content = "name,cash,group\nAnn,5,core\n"
        await sent(site, CLIENTS, content)
        seq = site.system.desk.state.seq

        again = await sent(site, CLIENTS, content)

        assert (again["added"], again["unchanged"]) == (0, 1)
        assert site.system.desk.state.seq == seq

    async def test_repeat_their_first_report_under_their_key(self, example: Site) -> None:
        content = "name,cash,group\nOaklee Wagner,5,core\nAnn,5,core\n"
        first = await sent(example, CLIENTS, content, "k")
        await sent(example, CLIENTS, "name,cash\nBo,5\n")

        again = await send(example, CLIENTS, content, "k")
        other = await send(example, CLIENTS, "name,cash\nAnn,6\n", "k")

        assert (again.json(), again.headers["idempotent-replayed"]) == (first, "true")
        assert (first["added"], first["unchanged"]) == (1, 1)
        assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"

    @pytest.mark.parametrize(
        ("content", "code", "line"),
        [
            ("", "EMPTY_FILE", None),
            ("name\nAnn\n", "MISSING_COLUMN", 1),
            ("name,cash,age\nAnn,1,30\n", "UNKNOWN_COLUMN", 1),
            ("name,cash\nAnn,5\nBo,-1\n", "NOT_POSITIVE", 3),
            ("name,cash\nAnn,1e5\n", "BAD_NUMBER", 2),
            ("name,cash\nAnn,\n", "EMPTY_FIELD", 2),
            ("name,cash\n,5\n", "EMPTY_FIELD", 2),
            ("name,cash\nAnn,5\n\nAnn,5\n", "DUPLICATE_KEY", 4),
            ("name,cash\nA\x07nn,5\n", "BAD_TEXT", 2),
            (f"name,cash\n{'a' * 129},5\n", "FIELD_TOO_LONG", 2),
            ("name,cash,group\nAnn,5,a/b\n", "BAD_TEXT", 2),
            ("name,cash\nAnn,5,6\n", "WRONG_FIELD_COUNT", 2),
            ("name,cash\n" + "Ann,5\n" * 10_001, "TOO_MANY_ROWS", None),
        ],
    )
    async def test_in_a_bad_file_are_not_made(
        self, site: Site, content: str, code: str, line: int | None
    ) -> None:
        assert await refused(site, CLIENTS, content) == (422, code, line)


class TestPositions:
    async def test_become_lots_each_with_its_answer(self, example: Site) -> None:
        report = await sent(example, POSITIONS, TWO)

        first, second = report["items"]
        assert (report["adopted"], report["unknown_costs"]) == (2, 1)
        assert first == {
            "line": 2,
            "trade_id": first["trade_id"],
            "client": "Holland Proctor",
            "client_id": 1,
            "account": "PAPER-1",
            "instrument": "RELIANCE",
            "symbol": "RELIANCE",
            "exchange": "NSE",
            "token_id": "2885",
            "product": "DELIVERY",
            "quantity": "10",
            "cost": "1250.05",
            "cost_known": True,
            "date": "2025-06-13",
        }
        assert (second["instrument"], second["symbol"]) == ("EICHER", "EICHERMOT")
        assert (second["cost"], second["cost_known"], second["account"]) == (None, False, "PAPER-2")

    async def test_are_held_with_their_cost_and_their_day(self, example: Site) -> None:
        report = await sent(example, POSITIONS, TWO)

        held, _ = (await example.get("/api/v1/positions"))["items"]
        first, second = await example.get("/api/v1/open-buys")
        assert (held["quantity"], held["sellable"], held["average_price"]) == (
            "10",
            "10",
            "1250.05",
        )
        assert first["opened_at"] == "2025-06-13T00:00:00.000000+05:30"
        assert (first["order_id"], second["order_id"]) == tuple(
            one["trade_id"] for one in report["items"]
        )
        assert (second["strategy"], second["instrument"]) == (None, "EICHER")
        assert (await example.get("/api/v1/accounts/PAPER-1"))["cash"] == "1000000"

    async def test_name_a_client_or_an_account_and_a_product(self, example: Site) -> None:
        header = "account,client,instrument,quantity,cost,date,product\n"
        rows = (
            "PAPER-2,,RELIANCE,1,5,2025-06-13,MTF\n"
            "PAPER-1,1,RELIANCE,2,5,2025-06-13,INTRADAY\n"
            ",Oaklee Wagner,RELIANCE,3,5,2025-06-13,\n"
        )
        report = await sent(example, POSITIONS, header + rows)

        assert [(one["account"], one["product"]) for one in report["items"]] == [
            ("PAPER-2", "MTF"),
            ("PAPER-1", "INTRADAY"),
            ("PAPER-2", "DELIVERY"),
        ]

    async def test_are_events_that_tell_who_asked(self, example: Site) -> None:
        desk = example.system.desk
        seq = desk.state.seq
        await sent(example, POSITIONS, TWO, "k")

        event = event_at(desk._ports.journal, seq + 1)
        assert desk.state.seq == seq + 2
        assert isinstance(event, LotAdopted)
        assert (event.origin.door, event.origin.idempotency_key) == (Door.IMPORT, "k")
        assert (event.product, event.called, event.cost_known) == (
            Product.DELIVERY,
            "RELIANCE",
            True,
        )

    async def test_that_are_there_already_are_not_doubled(self, example: Site) -> None:
        await sent(example, POSITIONS, TWO)
        seq = example.system.desk.state.seq

        again = await send(example, POSITIONS, TWO)

        assert (again.status_code, again.json()["code"]) == (409, "POSITIONS_EXIST")
        assert example.system.desk.state.seq == seq
        wanted = await sent(example, f"{POSITIONS}?again=true", TWO)
        assert wanted["adopted"] == 2
        held, _ = (await example.get("/api/v1/positions"))["items"]
        assert held["quantity"] == "20"

    async def test_that_were_sold_from_since_are_not_doubled_either(self, example: Site) -> None:
        await sent(example, POSITIONS, TWO)
        sell = {"kind": "exit", "instrument": "RELIANCE", "quantity": 4}
        await example.send("POST", "/api/v1/instructions", sell)

        async def sold() -> bool:
            held, _ = (await example.get("/api/v1/positions"))["items"]
            return bool(held["quantity"] == "6")

        await example.until(sold)

        again = await send(example, POSITIONS, TWO)

        assert (again.status_code, again.json()["code"]) == (409, "POSITIONS_EXIST")

    @pytest.mark.parametrize(
        "row",
        [
            "1,RELIANCE,11,1250.05,2025-06-13\n",
            "1,RELIANCE,10,1250.05,2025-06-12\n",
            "2,RELIANCE,10,1250.05,2025-06-13\n",
            "1,TCS,10,1250.05,2025-06-13\n",
        ],
    )
    async def test_of_which_one_is_new_are_adopted(self, example: Site, row: str) -> None:
        await sent(example, POSITIONS, TWO)

        assert (await sent(example, POSITIONS, TWO + row))["adopted"] == 3

    async def test_that_are_twice_in_a_file_are_two(self, example: Site) -> None:
        await sent(example, POSITIONS, TWO)
        line = TWO.splitlines(keepends=True)[1]

        assert (await sent(example, POSITIONS, HEADER + line + line))["adopted"] == 2

    async def test_repeat_their_first_report_under_their_key(self, example: Site) -> None:
        first = await sent(example, POSITIONS, TWO, "k")
        seq = example.system.desk.state.seq

        again = await send(example, POSITIONS, TWO, "k")
        other = await send(example, f"{POSITIONS}?again=true", TWO, "k")

        assert (again.json(), again.headers["idempotent-replayed"]) == (first, "true")
        assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"
        assert example.system.desk.state.seq == seq

    async def test_repeat_their_first_report_whatever_the_names_mean_by_now(
        self, example: Site
    ) -> None:
        first = await sent(example, POSITIONS, TWO, "k")
        example.system.desk.use_instruments(InstrumentIndex(()))

        again = await send(example, POSITIONS, TWO, "k")

        assert again.headers.get("idempotent-replayed") == "true", again.text
        ids = [one["trade_id"] for one in first["items"]]
        assert [one["trade_id"] for one in again.json()["items"]] == ids

    async def test_of_today_are_taken_and_of_tomorrow_are_not(self, example: Site) -> None:
        now = example.system.desk.clock.now() // 1_000_000_000 + 19_800
        today = date.fromordinal(date(1970, 1, 1).toordinal() + now // 86_400)
        later = date.fromordinal(today.toordinal() + 2)

        future = await refused(example, POSITIONS, f"{HEADER}1,TCS,1,5,{later}\n")
        report = await sent(example, POSITIONS, f"{HEADER}1,TCS,1,5,{today}\n")

        assert future == (422, "BAD_DATE", 2)
        assert report["items"][0]["date"] == str(today)

    async def test_of_a_lot_are_whole_lots(self, example: Site) -> None:
        master = (
            "symbol,token_id,exchange,instrument_type,lot_size,tick_size\nLOTS,T1,NSE,EQ,25,0.05\n"
        )
        await sent(example, "/api/v1/instruments", master)

        found = await refused(example, POSITIONS, HEADER + "1,LOTS,30,5,2025-06-13\n")

        assert found == (422, "LOT_MULTIPLE", 2)

    @pytest.mark.parametrize(
        ("row", "code"),
        [
            ("9,TCS,1,5,2025-06-13", "UNKNOWN_CLIENT"),
            ("Nobody,TCS,1,5,2025-06-13", "UNKNOWN_CLIENT"),
            (",TCS,1,5,2025-06-13", "EMPTY_FIELD"),
            ("1,NOSUCH,1,5,2025-06-13", "UNKNOWN_INSTRUMENT"),
            ("1,,1,5,2025-06-13", "EMPTY_FIELD"),
            ("1,TCS,,5,2025-06-13", "EMPTY_FIELD"),
            ("1,TCS,0,5,2025-06-13", "NOT_POSITIVE"),
            ("1,TCS,-1,5,2025-06-13", "NOT_POSITIVE"),
            ("1,TCS,0.5,5,2025-06-13", "LOT_MULTIPLE"),
            ("1,TCS,ten,5,2025-06-13", "BAD_NUMBER"),
            ("1,TCS,1,free,2025-06-13", "BAD_NUMBER"),
            ("1,TCS,1,-5,2025-06-13", "NOT_POSITIVE"),
            ("1,TCS,90000000,90000000,2025-06-13", "NUMBER_TOO_LARGE"),
            ("1,TCS,1,5,", "EMPTY_FIELD"),
            ("1,TCS,1,5,2025-6-13", "BAD_DATE"),
            ("1,TCS,1,5,13.06.2025", "BAD_DATE"),
            ("1,TCS,1,5,20250613", "BAD_DATE"),
            ("1,TCS,1,5,2025-02-30", "BAD_DATE"),
            ("1,TCS,1,5,1969-12-31", "BAD_DATE"),
        ],
    )
    async def test_in_a_bad_line_refuse_the_whole_file(
        self, example: Site, row: str, code: str
    ) -> None:
        good = "2,TCS,1,5,2025-06-13\n"

        assert await refused(example, POSITIONS, HEADER + good + row + "\n") == (422, code, 3)

    @pytest.mark.parametrize(
        ("content", "code", "line"),
        [
            ("", "EMPTY_FILE", None),
            ("instrument,quantity,cost,date\nTCS,1,5,2025-06-13\n", "MISSING_COLUMN", 1),
            ("client,instrument,quantity,date\n1,TCS,1,2025-06-13\n", "MISSING_COLUMN", 1),
            (
                "account,client,instrument,quantity,cost,date\nPAPER-2,1,TCS,1,5,2025-06-13\n",
                *("UNKNOWN_ACCOUNT", 2),
            ),
            (
                "account,instrument,quantity,cost,date\nNOBODY,TCS,1,5,2025-06-13\n",
                *("UNKNOWN_ACCOUNT", 2),
            ),
            (
                "client,instrument,quantity,cost,date,product\n1,TCS,1,5,2025-06-13,CASH\n",
                *("BAD_TEXT", 2),
            ),
            (HEADER + "1,TCS,1,5,2025-06-13\n" * 20_001, "TOO_MANY_ROWS", None),
        ],
    )
    async def test_in_a_bad_file_are_not_adopted(
        self, example: Site, content: str, code: str, line: int | None
    ) -> None:
        assert await refused(example, POSITIONS, content) == (422, code, line)

    async def test_come_as_csv_and_with_a_query_that_is_known(self, example: Site) -> None:
        other = await example.send("POST", POSITIONS, {})
        query = await send(example, f"{POSITIONS}?twice=true", TWO)

        assert (other.status_code, other.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
        assert (query.status_code, query.json()["code"]) == (422, "UNKNOWN_FIELD")


async def test_names_may_come_as_exports_write_them(site: Site) -> None:
    await sent(site, CLIENTS, "name,cash\n'=Ann,5\n'Bo,5\n")
    report = await sent(site, POSITIONS, HEADER + "'=Ann,TCS,1,5,2025-06-13\n")

    assert [one["name"] for one in await site.get("/api/v1/clients")] == ["=Ann", "'Bo"]
    assert report["items"][0]["client"] == "=Ann"


async def test_reports_are_the_same_after_a_restart(tmp_path: Path) -> None:
    clients = "name,cash,group\nOaklee Wagner,5,core\nAnn,5,core\n"

    async def ask(site: Site) -> list[str]:
        answers = [
            await send(site, CLIENTS, clients, "clients"),
            await send(site, POSITIONS, TWO, "positions"),
        ]
        return [answer.text for answer in answers]

    async with open_site(tmp_path) as site:
        await site.profiles(WORKED_EXAMPLE)
        first = await ask(site)
        await site.signal("STRATEGY_D", "ACC", "BUY")
    async with open_site(tmp_path) as site:
        seq = site.system.desk.state.seq
        assert await ask(site) == first
        assert site.system.desk.state.seq == seq
        assert (await site.get("/api/v1/positions"))["items"][0]["average_price"] == "1250.05"
