"""`phalanx groups`: accounts with a multiplier each, as words or from a file."""

import json
from pathlib import Path

import httpx
import pytest

from phalanx.cli.exit_codes import Exit
from tests.unit.cli.doubles import FakeServer, rows, run

PATH = "/api/v1/groups"
MEMBERS = [
    {"account": "PAPER-1", "client": "Ann", "client_id": 1, "multiplier": "1"},
    {"account": "PAPER-2", "client": "Bo", "client_id": 2, "multiplier": "1.5"},
]
GROUP = {"name": "core", "members": MEMBERS}


def test_the_list_and_one_of_them(server: FakeServer) -> None:
    server.answer("GET", PATH, body={"items": [GROUP], "total": 1, "as_of": 1})
    server.answer("GET", f"{PATH}/core", body=GROUP)

    assert rows(run("groups").stdout)[1] == ["core", "2", "PAPER-1,", "PAPER-2×1.5"]
    assert rows(run("groups", "show", "core").stdout)[2] == ["PAPER-2", "Bo", "2", "1.5"]
    assert json.loads(run("groups", "show", "core", "--json").stdout) == GROUP


@pytest.mark.parametrize(
    ("words", "members"),
    [
        (("PAPER-1",), [{"account": "PAPER-1"}]),
        (
            ("PAPER-1=2", "client:7", "client:8=0.5"),
            [
                {"account": "PAPER-1", "multiplier": "2"},
                {"client": 7},
                {"client": 8, "multiplier": "0.5"},
            ],
        ),
    ],
)
def test_put(words: tuple[str, ...], members: list[object], server: FakeServer) -> None:
    server.answer("PUT", f"{PATH}/core", body=GROUP)
    result = run("groups", "put", "core", *words, "--idempotency-key", "k")

    assert json.loads(server.last.content) == {"members": members}
    assert server.last.headers["idempotency-key"] == "k"
    assert rows(result.stdout)[1] == ["PAPER-1", "Ann", "1", "1"]


@pytest.mark.parametrize(
    ("text", "members"),
    [
        (
            "account,multiplier\nPAPER-1,2\n\nPAPER-2,\n",
            [{"account": "PAPER-1", "multiplier": "2"}, {"account": "PAPER-2"}],
        ),
        ("Client\n7\n", [{"client": 7}]),
        ("PAPER-1\nclient:7=2\n", [{"account": "PAPER-1"}, {"client": 7, "multiplier": "2"}]),
        (
            # What `groups export` writes.
            "group,account,client,client_id,multiplier\ncore,PAPER-1,Ann,1,1.5\n",
            [{"account": "PAPER-1", "multiplier": "1.5"}],
        ),
    ],
)
def test_put_a_file(text: str, members: list[object], server: FakeServer, tmp_path: Path) -> None:
    server.answer("PUT", f"{PATH}/core", body=GROUP)
    file = tmp_path / "core.csv"
    file.write_text(text)
    run("groups", "put", "core", str(file))
    from_file = server.last.content
    run("groups", "put", "core", "-", text=text)

    assert json.loads(from_file) == json.loads(server.last.content) == {"members": members}


@pytest.mark.parametrize("word", ["client:", "client:x", "PAPER-1=x", "PAPER-1=0", "client:7=-1"])
def test_what_cannot_be_meant_is_not_sent(word: str, server: FakeServer) -> None:
    assert run("groups", "put", "core", word).exit_code == Exit.USAGE
    assert server.requests == []


@pytest.mark.parametrize("text", ["", "\n", "account,multiplier\n", "client\n\n"])
def test_a_file_without_a_member_empties_no_group(text: str, server: FakeServer) -> None:
    result = run("groups", "put", "core", "-", "--json", text=text)

    assert (result.exit_code, json.loads(result.stderr)["code"]) == (Exit.FAILURE, "EMPTY_FILE")
    assert server.requests == []


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ("account,multiplier\nPAPER-1,2\n\nPAPER-2,x\n", 4, "INVALID_NUMBER"),
        ("client\n7\nseven\n", 3, "USAGE"),
        ("PAPER-1\nPAPER-2=x\n", 2, "INVALID_NUMBER"),
    ],
)
def test_a_member_that_cannot_be_meant_is_said_with_its_line(
    text: str, line: int, code: str, server: FakeServer
) -> None:
    document = json.loads(run("groups", "put", "core", "-", "--json", text=text).stderr)

    assert (document["code"], document["line"]) == (code, line)
    assert server.requests == []
    assert run("groups", "put", "core", "-", text=text).stderr.startswith(f"error: line {line}: ")


def test_an_account_that_the_server_does_not_know_is_said_with_its_line(
    server: FakeServer,
) -> None:
    problem = {"code": "UNKNOWN_ACCOUNT", "detail": "no account X", "field": "members[1]"}
    server.answer("PUT", f"{PATH}/core", 422, problem)
    result = run("groups", "put", "core", "-", text="account\nPAPER-1\n\nX\n")

    assert result.stderr == "error: line 4: no account X [UNKNOWN_ACCOUNT]\n"


def test_a_name_comes_back_as_it_was_exported(server: FakeServer) -> None:
    server.answer("PUT", f"{PATH}/core", body=GROUP)
    run("groups", "put", "core", "-", text="account,multiplier\n'=cmd(),1\n")

    assert json.loads(server.last.content)["members"][0]["account"] == "=cmd()"


def test_remove(server: FakeServer) -> None:
    server.answer("DELETE", f"{PATH}/core", body={"name": "core", "removed": True})

    assert run("groups", "remove", "core").stdout == "group core is removed\n"
    assert json.loads(run("groups", "remove", "core", "--json").stdout)["removed"] is True


def test_export(server: FakeServer, tmp_path: Path) -> None:
    text = "group,account\r\ncore,'=1+1\r\n"
    server.handle("GET", PATH, lambda _: httpx.Response(200, text=text))
    out = tmp_path / "out.csv"

    assert run("groups", "export").stdout == "group,account\ncore,'=1+1\n"
    assert dict(server.last.url.params) == {"format": "csv"}
    assert run("groups", "export", "--out", str(out)).stdout == ""
    assert out.read_text() == "group,account\ncore,'=1+1\n"
    assert run("groups", "--csv").stdout == "group,account\ncore,'=1+1\n"


def test_a_name_stays_inside_its_part_of_the_path(server: FakeServer) -> None:
    assert run("groups", "remove", "../kill").exit_code == Exit.FAILURE
    assert server.last.url.raw_path == b"/api/v1/groups/..%2Fkill"
