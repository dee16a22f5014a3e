"""The commands against a real server."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from phalanx.cli.exit_codes import Exit
from tests.api.cli.conftest import WORKED_EXAMPLE
from tests.api.cli.processes import Process, Server, run


@pytest.fixture
def new_server(tmp_path: Path) -> Iterator[Server]:
    """A server without clients."""
    with Server(tmp_path / "data") as running:
        yield running


def test_the_worked_example(new_server: Server, profiles: Path) -> None:
    server = new_server
    report = server.json("profiles", "import", str(profiles))
    assert report == {"users": 2, "strategies": 3, "subscriptions": 3, "instruments": 5}
    steps = [
        (("STRATEGY_A", "SELL", "GRASIM"), Exit.REFUSED),
        (("STRATEGY_B", "BUY", "MINDA"), Exit.OK),
        (("STRATEGY_D", "BUY", "INFY"), Exit.REFUSED),
        (("STRATEGY_A", "SELL", "MINDA"), Exit.OK),
    ]
    for words, exit_code in steps:
        rehearsed = server.run("signal", *words)
        assert (rehearsed.exit_code, "Nothing was sent" in rehearsed.stdout) == (exit_code, True)
        assert server.run("signal", *words, "--confirm").exit_code == exit_code
        if words[:2] == ("STRATEGY_B", "BUY"):
            (buy,) = server.items("open-buys", "--instrument", "MINDA")
            assert (buy["client"], buy["instrument"]) == ("Holland Proctor", "MINDA")
    assert server.items("open-buys") == []


def test_the_scope_of_a_sell_is_changed(new_server: Server, profiles: Path) -> None:
    server = new_server
    server.run("profiles", "import", str(profiles))
    follow = ("strategies", "subscriptions", "STRATEGY_A")
    (before,) = server.items(*follow)
    changed = server.run("strategies", "set", "STRATEGY_A", "PAPER-1", "--sell-scope", "strategy")
    (after,) = server.items(*follow)
    server.run("signal", "STRATEGY_B", "BUY", "MINDA", "--confirm")
    (buy,) = server.items("open-buys")

    others = server.run("signal", "STRATEGY_A", "SELL", "MINDA", "--confirm")
    assert (others.exit_code, "NO_OPEN_LOT" in others.stdout) == (Exit.REFUSED, True)
    assert [row["order_id"] for row in server.items("open-buys")] == [buy["order_id"]]
    own = server.run("signal", "STRATEGY_B", "SELL", "MINDA", "--confirm")
    assert own.exit_code == Exit.OK
    assert server.items("open-buys") == []

    assert (changed.exit_code, before["sell_scope"]) == (Exit.OK, "account")
    assert after == {**before, "sell_scope": "strategy"}
    unknown = server.run("strategies", "set", "STRATEGY_D", "PAPER-1", "--disable")
    assert (unknown.exit_code, "NOT_FOUND" in unknown.stderr) == (Exit.FAILURE, True)


def test_terms_of_a_subscription_are_changed_once(server: Server) -> None:
    words = ("strategies", "set", "STRATEGY_B", "PAPER-1", "--share", "2.5", "--disable")
    key = ("--idempotency-key", "k1")

    first, second = server.json(*words, *key), server.json(*words, *key)
    assert first == second
    assert isinstance(first, dict)
    assert (first["sizing"], first["enabled"]) == (
        {"method": "cash_share", "percent": "2.5"},
        False,
    )
    other = server.run(*words[:4], "--quantity", "lot", *key)
    assert (other.exit_code, "IDEMPOTENCY_KEY_REUSED" in other.stderr) == (Exit.FAILURE, True)
    too_much = server.run(*words[:4], "--share", "100.5")
    assert (too_much.exit_code, "INVALID_VALUE" in too_much.stderr) == (Exit.USAGE, True)


def test_lists(server: Server) -> None:
    server.run("signal", "STRATEGY_B", "BUY", "MINDA", "--confirm")

    assert [row["name"] for row in server.items("clients")] == list(WORKED_EXAMPLE)
    assert server.run("clients", "show", "1").stdout.splitlines()[1].split()[1] == "Holland"
    assert [row["strategy"] for row in server.items("strategies")] == [
        *("STRATEGY_A", "STRATEGY_B", "STRATEGY_D"),
    ]
    (position,) = server.items("positions", "--client", "1")
    assert (position["instrument"], position["quantity"]) == ("UNOMINDA", "1")
    (order,) = server.items("orders", "--status", "FILLED", "--strategy", "STRATEGY_B")
    assert (order["symbol"], order["side"], order["filled"]) == ("UNOMINDA", "BUY", "1")
    for command in ("clients", "strategies", "positions", "open-buys", "orders"):
        table = server.run(command)
        assert (table.exit_code, len(table.stdout.splitlines())) >= (Exit.OK, 2)


def test_profiles_come_back_as_they_went_in(server: Server, tmp_path: Path) -> None:
    exported = server.json("profiles", "export")
    assert isinstance(exported, dict)
    assert list(exported) == list(WORKED_EXAMPLE)
    file = tmp_path / "again.json"
    server.run("profiles", "export", "--out", str(file))
    generated = run("profiles", "generate", "--users", "30", "--seed", "4")
    (tmp_path / "more.json").write_text(generated.stdout)

    assert server.run("profiles", "import", str(file)).exit_code == Exit.OK
    assert server.json("profiles", "export") == exported
    report = server.json("profiles", "import", str(tmp_path / "more.json"))
    assert isinstance(report, dict)
    assert report["users"] == 30
    assert len(server.items("clients")) == 32


def working_order(server: Server) -> str:
    """A limit order that rests in Holland's book."""
    body = {
        "kind": "order",
        "client": 1,
        "instrument": "GRASIM",
        "side": "BUY",
        "type": "LIMIT",
        "quantity": "4",
        "price": "2500",
    }
    answer = httpx.post(f"{server.url}/api/v1/instructions", json=body).json()
    order_id = str(answer["outcomes"][0]["order_id"])
    wait_for_status(server, order_id, "NEW")
    return order_id


def wait_for_status(server: Server, order_id: str, status: str) -> dict[str, str]:
    deadline = time.monotonic() + 20
    orders: dict[str, dict[str, str]] = {}
    while time.monotonic() < deadline:
        orders = {row["order_id"]: row for row in server.items("orders")}
        if order_id in orders and orders[order_id]["status"] == status:
            return orders[order_id]
        time.sleep(0.05)
    raise AssertionError(f"{order_id} did not become {status}: {orders}")


def test_an_order_is_modified_and_canceled(server: Server) -> None:
    order_id = working_order(server)

    modified = server.run("orders", "modify", order_id, "--quantity", "6", "--price", "2510")
    assert modified.exit_code == Exit.OK
    order = wait_for_status(server, order_id, "NEW")
    assert (order["quantity"], order["price"]) in {("6", "2510"), ("4", "2500")}
    assert server.run("orders", "modify", order_id, "--price", "9" * 9).exit_code != Exit.OK
    assert server.run("orders", "cancel", order_id).exit_code == Exit.OK
    wait_for_status(server, order_id, "CANCELED")
    again = server.run("orders", "cancel", order_id)
    assert (again.exit_code, "ORDER_NOT_WORKING" in again.stderr) == (Exit.FAILURE, True)
    unknown = server.run("orders", "cancel", "ZZZZZZZZZZ")
    assert (unknown.exit_code, "UNKNOWN_ORDER" in unknown.stderr) == (Exit.FAILURE, True)


def test_a_kill_stops_new_orders_until_it_is_lifted(server: Server) -> None:
    words = ("signal", "STRATEGY_B", "BUY", "MINDA", "--confirm")

    assert server.run("kill", "--note", "lunch").exit_code == Exit.OK
    assert "lunch" in server.run("kill", "show").stdout
    refused = server.run(*words)
    assert (refused.exit_code, "KILL_ALL" in refused.stdout) == (Exit.REFUSED, True)
    assert server.run("kill", "lift").exit_code == Exit.OK
    assert server.run("kill", "show").stdout == "no kill stands\n"
    assert server.run(*words).exit_code == Exit.OK
    assert server.run("kill", "--account", "NOBODY").exit_code == Exit.FAILURE
    assert server.run("kill", "lift").exit_code == Exit.FAILURE


def test_the_same_key_is_the_same_signal(server: Server) -> None:
    words = ("signal", "STRATEGY_B", "BUY", "MINDA", "--confirm", "--idempotency-key", "k1")

    first, second = server.json(*words), server.json(*words)
    assert first == second
    assert len(server.items("orders")) == 1
    other = server.run("signal", "STRATEGY_D", "BUY", "ACC", *words[4:])
    assert (other.exit_code, "IDEMPOTENCY_KEY_REUSED" in other.stderr) == (Exit.FAILURE, True)


def test_an_unknown_outcome_becomes_known_by_its_key(server: Server) -> None:
    words = ("signal", "STRATEGY_B", "BUY", "MINDA", "--confirm")
    server.send(signal.SIGSTOP)
    try:
        silent = server.run(*words, "--timeout", "0.3", "--json")
    finally:
        server.send(signal.SIGCONT)
    error = json.loads(silent.stderr)
    assert (silent.exit_code, error["code"]) == (Exit.UNKNOWN, "OUTCOME_UNKNOWN")

    repeated = server.run(*words, "--idempotency-key", error["idempotency_key"])
    assert repeated.exit_code == Exit.OK
    assert len(server.items("orders")) == 1


def test_produce(server: Server) -> None:
    words = ("produce", "--interval", "0", "--count", "50", "--seed", "1", "--concurrency", "4")
    result = server.run(*words, "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]

    assert result.exit_code == Exit.OK
    assert len(lines) == 51
    assert lines[-1]["sent"] == lines[-1]["accepted"] + lines[-1]["rejected"] == 50
    assert lines[-1]["accepted"] > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_produce_stops_with_its_summary(
    server: Server, tmp_path: Path, number: signal.Signals
) -> None:
    words = ("produce", "--interval", "0.05", "--server", server.url)
    with Process(*words, folder=tmp_path) as process:
        process.line()
        code = process.end(number)
        summary = process.line_with("sent in")

    assert (code, process.err) == (Exit.OK, [])
    assert "round trip p50" in summary


def test_watch(server: Server, tmp_path: Path) -> None:
    with Process("watch", "--server", server.url, "--backlog", folder=tmp_path) as process:
        process.line_with("term")
        server.run("signal", "STRATEGY_B", "BUY", "MINDA", "--confirm")
        assert "BUY 1 UNOMINDA" in process.line_with("FILLED")
        assert process.end(signal.SIGINT) == Exit.INTERRUPTED
    assert process.err == []


def test_watch_outlives_the_server(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        words = ("watch", "--server", server.url, "--backlog", "--json")
        with Process(*words, folder=tmp_path) as process:
            process.line_with("term")
            assert server.end() == Exit.OK
            while not process.err:
                time.sleep(0.02)
            assert "connecting again" in process.err[0]
            assert process.end(signal.SIGTERM) == Exit.OK


def test_verify_and_replay_look_at_a_folder_that_is_in_use(server: Server) -> None:
    before = json.loads(run("replay", str(server.data), "--json").stdout)
    server.run("signal", "STRATEGY_B", "BUY", "MINDA", "--confirm")
    wait_until_filled(server)
    now = json.loads(run("replay", str(server.data), "--json").stdout)
    past = run("replay", str(server.data), "--until", str(before["seq"]), "--json")

    assert (before["positions"], before["open_buys"]) == ([], [])
    assert [row["instrument"] for row in now["positions"]] == ["UNOMINDA"]
    assert now["open_buys"][0]["order_id"] == server.items("open-buys")[0]["order_id"]
    assert json.loads(past.stdout) == before
    by_time = run("replay", str(server.data), "--until", now["time"], "--json")
    assert json.loads(by_time.stdout) == now
    assert "no open buys" in run("replay", str(server.data), "--until", "1").stdout
    beyond = run("replay", str(server.data), "--until", "999999")
    assert (beyond.exit_code, "NO_SUCH_SEQ" in beyond.stderr) == (Exit.FAILURE, True)
    report = json.loads(run("verify", str(server.data), "--json").stdout)
    assert (report["ok"], report["snapshot_agrees"]) == (True, None)


def wait_until_filled(server: Server) -> None:
    deadline = time.monotonic() + 20
    while not server.items("orders", "--status", "FILLED") and time.monotonic() < deadline:
        time.sleep(0.05)


def test_verify_compares_with_the_snapshot(server: Server) -> None:
    server.run("signal", "STRATEGY_B", "BUY", "MINDA", "--confirm")
    assert server.end() == Exit.OK

    report = json.loads(run("verify", str(server.data), "--json").stdout)
    assert (report["ok"], report["snapshot_agrees"], len(report["snapshots"])) == (True, True, 1)
    assert run("verify", str(server.data)).stdout.endswith("sound\n")


@pytest.mark.parametrize("words", ["is missing", "was altered"])
def test_a_folder_that_lost_its_instruments_is_not_sound(
    server: Server, tmp_path: Path, words: str
) -> None:
    assert server.end() == Exit.OK
    (file,) = (server.data / "instruments").glob("*.csv")
    if words == "is missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes() + b"\n")

    verified = run("verify", str(server.data))
    problem = json.loads(run("verify", str(server.data), "--json").stdout)["problem"]
    with Process("serve", "--port", "0", "--data", str(server.data), folder=tmp_path) as again:
        assert again.end(None) == Exit.FAILURE

    assert (verified.exit_code, verified.stdout.endswith("NOT SOUND\n")) == (Exit.FAILURE, True)
    assert problem["code"] == "INSTRUMENTS_LOST"
    said = "".join(again.err)
    for text in (verified.stdout, problem["message"], said):
        assert f"{file} {words}" in text
        assert "restore that file" in text


@pytest.mark.parametrize(
    "words",
    [("produce", "--json"), ("produce",), ("watch", "--json"), ("demo",), ("demo", "--json")],
    ids=" ".join,
)
def test_a_reader_that_goes_ends_a_stream_quietly(
    server: Server, tmp_path: Path, words: tuple[str, ...]
) -> None:
    pace = ("--interval", "0.1")
    there = {
        "produce": (*pace, "--server", server.url),
        "watch": ("--server", server.url, "--backlog"),
        "demo": (*pace, "--port", "0", "--data", "demo"),
    }[words[0]]
    command = [sys.executable, "-m", "phalanx.cli", *words, *there]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        # What `watch` would say next.
        server.run("signal", "STRATEGY_B", "BUY", "MINDA", "--confirm")
        said = process.stderr.read()
        assert process.wait(30) == Exit.FAILURE
    assert said == ""


def test_there_is_nothing_to_verify(tmp_path: Path) -> None:
    for command in ("verify", "replay"):
        result = run(command, str(tmp_path / "nothing"), "--json")
        assert (result.exit_code, json.loads(result.stderr)["code"]) == (1, "JOURNAL_MISSING")
    assert list(tmp_path.iterdir()) == []


def test_doctor_finds_the_server(server: Server) -> None:
    result = server.run("doctor", "--data", str(server.data), "--json")
    details = {check["name"]: check["detail"] for check in json.loads(result.stdout)["checks"]}

    assert result.exit_code == Exit.OK
    assert details["lock"] == f"held by process {server.pid}"
    assert details["server"] == f"ready at {server.url}"
