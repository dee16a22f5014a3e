"""`phalanx lists`: instruments, most wanted first, as words or from a file."""

import json
from pathlib import Path

import httpx
import pytest

from phalanx.cli.exit_codes import Exit
from tests.unit.cli.doubles import FakeServer, rows, run

PATH = "/api/v1/priority-lists"
RANKS = [
    {"instrument": "RELIANCE", "symbol": "RELIANCE", "exchange": "NSE", "token_id": "2885"}
    | {"rank": 1},
    {"instrument": "L&T", "symbol": "LT", "exchange": "NSE", "token_id": "11483", "rank": 2},
]
LIST = {"name": "nifty", "instruments": RANKS}


def test_the_list_and_one_of_them(server: FakeServer) -> None:
    server.answer("GET", PATH, body={"items": [LIST], "total": 1, "as_of": 1})
    server.answer("GET", f"{PATH}/nifty", body=LIST)

    assert rows(run("lists").stdout)[1] == ["nifty", "2", "RELIANCE,", "L&T"]
    assert rows(run("lists", "show", "nifty").stdout)[2] == ["2", "L&T", "LT", "NSE", "11483"]


@pytest.mark.parametrize(
    ("text", "instruments"),
    [
        ("RELIANCE\nL&T\n\n", ["RELIANCE", "L&T"]),
        ("rank,instrument\n2,L&T\n1,RELIANCE\n", ["RELIANCE", "L&T"]),
        ("instrument\n'=cmd()\n", ["=cmd()"]),
        ("\ufeffSYMBOL\nTCS\n", ["TCS"]),
        ("NSE:2885, the first one\n", ["NSE:2885"]),
    ],
)
def test_put(text: str, instruments: list[str], server: FakeServer, tmp_path: Path) -> None:
    server.answer("PUT", f"{PATH}/nifty", body=LIST)
    file = tmp_path / "nifty.txt"
    file.write_text(text)

    for words in ((str(file),), ("-",), tuple(instruments)):
        result = run("lists", "put", "nifty", *words, text=text)
        assert json.loads(server.last.content) == {"instruments": instruments}
        assert rows(result.stdout)[1][:2] == ["1", "RELIANCE"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        *((b"", "EMPTY_FILE"), (b"instrument,rank\n", "EMPTY_FILE"), (b"\xff", "NOT_UTF8")),
        *((b'"a"b"\n', "BAD_FILE"), (b"instrument,rank\nTCS,2\n", "BAD_RANK")),
    ],
)
def test_a_file_with_a_fault_is_not_sent(content: bytes, code: str, server: FakeServer) -> None:
    Path("list.csv").write_bytes(content)
    result = run("lists", "put", "nifty", "list.csv", "--json")

    assert (result.exit_code, json.loads(result.stderr)["code"]) == (Exit.FAILURE, code)
    assert server.requests == []


def test_a_name_that_the_server_does_not_know_is_said_with_its_line(server: FakeServer) -> None:
    problem = {"code": "UNKNOWN_INSTRUMENT", "detail": "no instrument NOPE"}
    problem["field"] = "instruments[0]"
    server.answer("PUT", f"{PATH}/nifty", 422, problem)
    text = "rank,instrument\n2,TCS\n1,NOPE\n"

    plain = run("lists", "put", "nifty", "-", text=text)
    document = json.loads(run("lists", "put", "nifty", "-", "--json", text=text).stderr)

    assert plain.stderr == "error: line 3: no instrument NOPE [UNKNOWN_INSTRUMENT]\n"
    assert (document["line"], document["field"]) == (3, "instruments[0]")


def test_remove_and_export(server: FakeServer) -> None:
    server.answer("DELETE", f"{PATH}/nifty", body={"name": "nifty", "removed": True})
    text = "instrument,symbol\r\nL&T,LT\r\n"
    server.handle("GET", f"{PATH}/nifty", lambda _: httpx.Response(200, text=text))

    assert run("lists", "remove", "nifty").stdout == "list nifty is removed\n"
    assert run("lists", "export", "nifty").stdout == "instrument,symbol\nL&T,LT\n"
    assert dict(server.last.url.params) == {"format": "csv"}
    assert run("lists", "show", "nifty", "--csv").stdout == "instrument,symbol\nL&T,LT\n"
