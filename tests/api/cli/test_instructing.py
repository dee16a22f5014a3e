"""Lists, baskets, exits and what follows them, from the command line to the books and back."""

import json
import signal
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from phalanx.cli.exit_codes import Exit
from tests.api.cli.processes import Process, Server
from tests.api.cli.terminal import Screening

BASKET = "account,instrument,side,quantity\nPAPER-1,TCS,BUY,3\nPAPER-2,INFY,BUY,2\n"


def held(server: Server) -> dict[tuple[str, str], str]:
    rows = server.items("positions")
    return {(row["account"], row["instrument"]): row["quantity"] for row in rows}


def test_a_priority_list_is_kept_previewed_and_bought(server: Server, tmp_path: Path) -> None:
    names = tmp_path / "nifty.txt"
    names.write_text("RELIANCE\nTCS\nINFY\n")
    assert server.run("lists", "put", "nifty", str(names)).exit_code == Exit.OK
    assert "RELIANCE" in server.run("lists", "export", "nifty").stdout
    buy = ("lists", "buy", "nifty", "--max-new", "2")

    shown = server.run(*buy)
    assert (shown.exit_code, held(server)) == (Exit.OK, {})
    preview = server.json(*buy)
    assert isinstance(preview, dict)
    fired = server.run(*buy, "--confirm", f"--preview={preview['token']}", "--wait")
    assert (fired.exit_code, "DONE: 4 filled of 4 orders" in fired.stdout) == (Exit.OK, True)
    planned = {
        (row["account"], row["symbol"]): row["quantity"]
        for row in preview["outcomes"]
        if row["quantity"] is not None
    }
    assert held(server) == planned

    again = server.run(*buy, "--confirm")
    assert again.exit_code == Exit.REFUSED or "INFY" in server.run("positions").stdout
    assert server.run("lists", "remove", "nifty").exit_code == Exit.OK
    assert server.run(*buy).exit_code == Exit.REFUSED


def test_a_basket_an_exit_and_what_follows_them(server: Server, tmp_path: Path) -> None:
    basket = tmp_path / "basket.csv"
    basket.write_text(BASKET)
    words = ("batch", str(basket), "--confirm", "--wait", "--note", "morning")
    assert server.run(*words).exit_code == Exit.OK
    assert held(server) == {("PAPER-1", "TCS"): "3", ("PAPER-2", "INFY"): "2"}
    (batch,) = server.items("instructions", "--kind", "batch")
    assert (batch["note"], batch["filled"]) == ("morning", 2)

    name = batch["instruction_id"]
    assert "2 filled" in server.run("instructions", "show", name).stdout
    rehearsed = server.run("instructions", "reverse", name)
    assert (rehearsed.exit_code, "SELL" in rehearsed.stdout) == (Exit.OK, True)
    assert server.run("instructions", "retry", name, "--confirm").exit_code == Exit.REFUSED
    repeated = server.run("instructions", "repeat", name, "--confirm", "--wait")
    assert repeated.exit_code == Exit.OK
    assert held(server)["PAPER-1", "TCS"] == "6"

    half = ("exit", "TCS", "--percent", "50")
    assert server.run(*half).exit_code == Exit.OK
    assert held(server)["PAPER-1", "TCS"] == "6"
    assert server.run(*half, "--confirm", "--wait").exit_code == Exit.OK
    assert held(server)["PAPER-1", "TCS"] == "3"
    assert server.run("exit", "--everything", "--confirm", "--wait").exit_code == Exit.OK
    assert set(held(server).values()) <= {"0"}
    assert server.run("exit", "TCS", "--confirm").exit_code == Exit.REFUSED


def test_groups_limits_and_settings_decide(server: Server) -> None:
    server.run("groups", "put", "core", "PAPER-1=2", "client:2")
    assert server.run("groups", "export").stdout.count("core,") == 2
    words = ("batch", "TCS", "--side", "BUY", "--method", "multiplier", "--quantity", "4")
    assert server.run("limits", "set", "account", "PAPER-2", "--restrict", "TCS").exit_code == 0

    fired = server.run(*words, "--group", "core", "--confirm", "--wait")
    assert (fired.exit_code, "RESTRICTED" in fired.stdout) == (Exit.PARTIAL, True)
    assert held(server) == {("PAPER-1", "TCS"): "8"}
    assert server.run("limits", "remove", "account", "PAPER-2").exit_code == Exit.OK
    assert server.items("limits") == []

    changed = server.json("settings", "set", "quantity_max=5")
    assert isinstance(changed, dict)
    assert changed["quantity_max"] == "5"
    assert server.run(*words, "--group", "core", "--confirm").exit_code == Exit.PARTIAL


def test_a_rejecting_broker_is_a_failure_when_it_is_waited_for(server: Server) -> None:
    server.run("accounts", "set", "PAPER-1", "--reject-bps", "10000")
    words = ("batch", "TCS", "--side", "BUY", "--method", "fixed_quantity", "--quantity", "1")

    some = server.run(*words, "--confirm", "--wait")
    assert (some.exit_code, "1 rejected" in some.stdout) == (Exit.PARTIAL, True)
    every = server.run(*words, "--account", "PAPER-1", "--confirm", "--wait")
    assert every.exit_code == Exit.FAILURE


def test_an_order_is_filled_by_hand(server: Server) -> None:
    server.run("accounts", "set", "PAPER-1", "--fill-duration-ms", "600000", "--slices", "2")
    words = ("batch", "TCS", "--side", "BUY", "--each", "PAPER-1=10")
    fired = server.json(*words, "--confirm")
    assert isinstance(fired, dict)
    order_id = fired["outcomes"][0]["order_id"]
    with_lines = ("watch", "--backlog", "--topics", "orders", "--server", server.url)
    with Process(*with_lines, folder=server.data) as watching:
        watching.line_with("NEW")
        assert server.run("orders", "fill", order_id, "4").exit_code == Exit.OK
        assert "filled 4" in watching.line_with("PARTIALLY_FILLED")
    assert server.run("orders", "fill", order_id, "7").exit_code != Exit.OK


def test_clients_and_positions_come_from_files(server: Server, tmp_path: Path) -> None:
    clients, lots = tmp_path / "clients.csv", tmp_path / "lots.csv"
    clients.write_text("name,cash,group\nNew One,50000,core\n")
    lots.write_text("client,instrument,quantity,cost,date\n3,TCS,10,,2026-01-05\n")

    assert server.json("clients", "import", str(clients)) is not None
    assert [row["name"] for row in server.items("clients")][-1] == "New One"
    report = server.json("positions", "import", str(lots))
    assert isinstance(report, dict)
    assert (report["adopted"], report["unknown_costs"]) == (1, 1)
    assert server.run("positions", "import", str(lots)).exit_code == Exit.FAILURE
    assert held(server) == {("PAPER-3", "TCS"): "10"}
    text = server.run("positions", "--csv").stdout
    assert len(text.splitlines()) == 2


def test_the_live_logger_draws_what_happens(server: Server, tmp_path: Path) -> None:
    server.run("lists", "put", "nifty", "RELIANCE", "TCS", "INFY")
    with Screening("watch", "--server", server.url, folder=tmp_path) as watching:
        watching.wait_for("nothing yet")
        assert server.run("lists", "buy", "nifty", "--confirm", "--wait").exit_code == Exit.OK
        for text in ("firing", "RELIANCE", "2/2", "6 filled", "hops, ms", "recent      p50"):
            watching.wait_for(text)
        server.run("kill", "--note", "lunch")
        watching.wait_for("new orders are stopped for everybody: lunch")
        server.run("kill", "lift")
        watching.wait_for("kill:all lifted")
        assert watching.end(signal.SIGINT) == Exit.INTERRUPTED

    # The other screen is left behind, and the last picture stays.
    left = watching.drawn.rpartition(b"\x1b[?1049l")[2]
    assert b"PHALANX" in left
    assert b"6 filled" in left


def test_the_live_logger_waits_for_a_server_that_goes(tmp_path: Path) -> None:
    with (
        Server(tmp_path / "data") as server,
        Screening("watch", "--server", server.url, folder=tmp_path) as watching,
    ):
        watching.wait_for("live")
        assert server.end() == Exit.OK
        watching.wait_for("connecting again")
        assert watching.end(signal.SIGTERM) == Exit.OK


def test_watching_since_an_event_tells_everything_once(server: Server, tmp_path: Path) -> None:
    server.run("signal", "STRATEGY_B", "BUY", "MINDA", "--confirm", "--wait")
    words = ("watch", "--since", "0", "--json", "--filter", "account=PAPER-1", "--topics", "orders")
    with Process(*words, "--server", server.url, folder=tmp_path) as watching:
        entries = [json.loads(watching.line())["entry"] for _ in range(2)]
        server.run("signal", "STRATEGY_B", "SELL", "MINDA", "--confirm")
        sold = json.loads(watching.line_with('"SELL"'))
        assert watching.end(signal.SIGINT) == Exit.INTERRUPTED

    assert entries == ["PLACED", "FILL"]
    assert sold["topic"] == "orders"


def test_an_instrument_is_watched_by_any_of_its_names(server: Server, tmp_path: Path) -> None:
    server.run("signal", "STRATEGY_B", "BUY", "MINDA", "--confirm", "--wait")
    server.run("batch", "TCS", "--side", "BUY", "--each", "PAPER-1=1", "--confirm", "--wait")
    words = ("watch", "--since", "0", "--json", "--topics", "orders", "--filter")
    for name in ("instrument=MINDA", "instrument=unominda"):
        with Process(*words, name, "--server", server.url, folder=tmp_path) as watching:
            logged = [json.loads(watching.line())["symbol"] for _ in range(2)]
            server.run("batch", "TCS", "--side", "BUY", "--each", "PAPER-1=1", "--confirm")
            server.run("batch", "UNOMINDA", "--side", "BUY", "--each", "PAPER-1=1", "--confirm")
            found = {json.loads(watching.line())["symbol"]}
            assert watching.end(signal.SIGINT) == Exit.INTERRUPTED
        assert {*logged, *found} == {"UNOMINDA"}


def test_every_kind_is_held_until_its_time(server: Server) -> None:
    server.run("lists", "put", "nifty", "RELIANCE")
    at = (datetime.now(UTC) + timedelta(days=2)).isoformat(timespec="seconds")
    for words in (
        ("lists", "buy", "nifty"),
        ("batch", "TCS", "--side", "BUY", "--each", "PAPER-1=1"),
        ("exit", "--everything"),
        ("signal", "STRATEGY_B", "BUY", "MINDA"),
    ):
        assert f"planned at {at}" in server.run(*words, "--at", at).stdout
        fired = server.run(*words, "--at", at, "--confirm")
        assert (fired.exit_code, fired.stdout[:11]) == (Exit.OK, "held until ")

    waiting = server.items("instructions", "--status", "HELD")
    assert [row["kind"] for row in waiting] == ["signal", "exit", "batch", "priority_buy"]


def test_a_follow_up_with_nothing_to_do_is_refused(server: Server) -> None:
    server.run("signal", "STRATEGY_B", "BUY", "MINDA", "--confirm", "--wait")
    (row,) = server.items("instructions")
    words = ("instructions", "retry", str(row["instruction_id"]))

    assert server.run(*words).exit_code == Exit.REFUSED
    assert server.run(*words, "--confirm").exit_code == Exit.REFUSED


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("orders",), Exit.INTERRUPTED),
        (("lists", "buy", "nifty", "--confirm"), Exit.INTERRUPTED),
        (("signal", "S", "BUY", "X", "--confirm"), Exit.UNKNOWN),
    ],
)
def test_ctrl_c_tells_a_question_from_a_change(
    words: tuple[str, ...], code: Exit, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Process(*words, "--server", url, folder=tmp_path) as asking:
            connection, _ = silent.accept()
            with connection:
                assert connection.recv(65_536)
                assert asking.end(signal.SIGINT) == code
            said = "".join(asking.err)

    assert "Traceback" not in said
    assert ("--idempotency-key" in said) == (code is Exit.UNKNOWN)
