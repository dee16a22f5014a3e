"""The demo: people, signals, an end with Ctrl-C, and going on from there."""

import json
import signal
from collections import Counter
from pathlib import Path

from phalanx.cli.exit_codes import Exit
from tests.api.cli.processes import Process, Server, run


def demo(data: Path, *words: str) -> Server:
    return Server(data, "--interval", "0.2", *words, command="demo")


def cash(server: Server) -> dict[str, str]:
    return {row["name"]: row["available_funds"] for row in server.items("clients")}


def test_it_shows_what_becomes_of_its_signals(tmp_path: Path) -> None:
    with demo(tmp_path / "data") as server:
        people = server.line()
        assert people.startswith("200 paper clients, 9 strategies, 3098 instruments.")
        assert "curl -X POST" in server.line_with("/create_order")
        server.line_with("the kill is lifted")
        kinds = {row["kind"] for row in server.items("instructions")}
        assert kinds == {"priority_buy", "batch", "cancel", "exit", "signal"}
        line = server.line_with("accepted by")
        assert "STRATEGY_" in line
        assert "TAT p50" in server.line_with("TAT")
        assert server.end(signal.SIGINT) == Exit.OK
        assert server.line_with("Ended.").endswith("the next demo goes on from here.")

    assert server.err == []
    assert run("verify", str(server.data)).exit_code == Exit.OK


def test_the_next_one_goes_on(tmp_path: Path) -> None:
    with demo(tmp_path / "data", "--quiet") as server:
        first = cash(server)
        signalled = server.run("signal", "STRATEGY_B", "BUY", "MINDA", "--confirm")
        assert signalled.exit_code == Exit.PARTIAL
        assert server.end() == Exit.OK
    bought = json.loads(run("replay", str(tmp_path / "data"), "--json").stdout)
    with demo(tmp_path / "data", "--quiet") as server:
        again = cash(server)
        buys = server.items("open-buys")
        assert server.end() == Exit.OK

    assert len(first) == len(again) == 200
    assert len(set(first.values())) == 6
    spent = Counter(first[name] != again[name] for name in first)
    assert 0 < spent[True] < 100
    assert {row["order_id"] for row in buys} >= {row["order_id"] for row in bought["open_buys"]}


def test_json_lines(tmp_path: Path) -> None:
    words = ("demo", "--port", "0", "--data", "data", "--interval", "0.1", "--json")
    with Process(*words, folder=tmp_path) as process:
        ready, *told = (json.loads(process.line()) for _ in range(3))
        assert process.end() == Exit.OK

    assert all(set(line) == {"scene"} for line in told)
    assert (ready["ready"], ready["data"]) == (True, "data")


def test_a_kill_of_the_desks_is_left_alone(tmp_path: Path) -> None:
    with demo(tmp_path / "data", "--quiet") as server:
        assert server.run("kill", "--note", "lunch").exit_code == Exit.OK
        assert server.end() == Exit.OK
    with demo(tmp_path / "data") as server:
        assert "(lunch)" in server.line_with("a kill stands")
        server.line_with("rejected")
        assert [row["note"] for row in server.items("kill", "show")] == ["lunch"]
        assert server.end() == Exit.OK
