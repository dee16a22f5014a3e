"""The server as a process: how it starts, how it refuses to, how it ends."""

import json
import resource
import signal
import socket
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from phalanx.cli.exit_codes import Exit
from tests.api.cli.conftest import WORKED_EXAMPLE
from tests.api.cli.processes import Process, Server, run


def snapshots(data: Path) -> list[str]:
    return sorted(path.name for path in (data / "journal" / "snapshots").iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_with_a_snapshot(tmp_path: Path, number: signal.Signals) -> None:
    with Server(tmp_path / "data") as server:
        assert httpx.get(f"{server.url}/health/ready").status_code == 200
        code = server.end(number)

    assert (code, len(snapshots(server.data))) == (Exit.OK, 1)
    log = [
        json.loads(line) for line in (server.data / "logs/phalanx.jsonl").read_text().splitlines()
    ]
    assert "".join(server.err).count("\n") == len(log), server.err
    beside = [line for line in log if line["logger"] == "phalanx.journal.scrub"]
    assert [line["event"] for line in log if line not in beside] == ["serving", "stopped"]
    assert {line["level"] for line in log} == {"info"}


def test_it_says_nothing_about_itself_in_its_answers(server: Server) -> None:
    assert "server" not in httpx.get(f"{server.url}/health/live").headers


def test_one_process_per_data_folder(server: Server, tmp_path: Path) -> None:
    with Process("serve", "--port", "0", "--data", str(server.data), folder=tmp_path) as second:
        code = second.end(None)

    assert code == Exit.FAILURE
    assert f"is in use by process {server.pid} [JOURNAL_LOCKED]" in second.err[-1]
    assert server.run("clients").exit_code == Exit.OK


def test_a_taken_port_is_said_with_another_to_choose(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        with Process("demo", "--port", port, "--data", "data", folder=tmp_path) as process:
            code = process.end(None)

    assert code == Exit.FAILURE
    assert f"port {port} of 127.0.0.1 is taken" in process.err[0]
    assert "make demo PORT=" in process.err[0]
    assert not (tmp_path / "data").exists()


def test_profiles_are_upserted_at_every_start(tmp_path: Path, profiles: Path) -> None:
    data = tmp_path / "data"
    words = ("--profiles", str(profiles))
    with Server(data, *words) as server:
        cash = {row["name"]: row["available_funds"] for row in server.items("clients")}
        assert server.end() == Exit.OK
    more = {**WORKED_EXAMPLE, "Asha Rao": {"STRATEGY_B": ["MINDA"]}}
    profiles.write_text(json.dumps(more))
    with Server(data, *words) as server:
        again = {row["name"]: row["available_funds"] for row in server.items("clients")}

    assert set(cash.values()) == {1_000_000}
    assert again == {**cash, "Asha Rao": 1_000_000}


def test_instruments_are_upserted(tmp_path: Path) -> None:
    file = tmp_path / "instruments.csv"
    header = "symbol,token_id,exchange,instrument_type,lot_size,tick_size\n"
    file.write_text(f"{header}ACMEX,A1,NSE,EQ,1,0.05\n")
    with Server(tmp_path / "data", "--instruments", str(file)) as server:
        for symbol in ("ACMEX", "RELIANCE"):
            found = server.items("instruments", "search", symbol)
            assert [row["symbol"] for row in found] == [symbol]
        file.write_text(f"{header}ACMEX,A1,NSE,EQ,1,0.05\nBOLTX,B2,NSE,EQ,5,0.05\n")
        imported = server.json("instruments", "import", str(file))

        assert isinstance(imported, dict)
        assert (imported["added"], imported["changed"], imported["removed"]) == (1, 0, 0)


def test_instruments_that_contradict_the_master_stop_the_start(tmp_path: Path) -> None:
    file = tmp_path / "instruments.csv"
    header = "symbol,token_id,exchange,instrument_type,lot_size,tick_size\n"
    file.write_text(f"{header}RELIANCE,A1,NSE,EQ,1,0.05\n")
    words = ("serve", "--port", "0", "--data", str(tmp_path / "data"), "--instruments", str(file))
    result = run(*words)

    assert (result.exit_code, "DUPLICATE_KEY" in result.stderr) == (Exit.FAILURE, True)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    result = run("serve", "--port", "0", "--data", str(tmp_path / "data"))

    assert (result.exit_code, "DATA_FOLDER" in result.stderr) == (Exit.FAILURE, True)


def test_a_damaged_journal_is_refused_by_name(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Server(data) as server:
        assert server.end() == Exit.OK
    (data / "journal" / "anchor").unlink()
    with Process("serve", "--port", "0", "--data", str(data), folder=tmp_path) as process:
        code = process.end(None)

    assert code == Exit.FAILURE
    assert "[ANCHOR_MISSING]" in process.err[-1]
    found = run("verify", str(data))
    assert (found.exit_code, "ANCHOR_MISSING" in found.stdout) == (Exit.FAILURE, True)


def test_when_the_disk_fails_it_ends_and_says_why(server: Server) -> None:
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (1, 1))
    signal_ = {"STRATEGY": "STRATEGY_B", "INSTRUMENT": "MINDA", "POSITION": "BUY"}
    # The witness of its last record, which it writes a moment later, may have failed before.
    with suppress(httpx.ConnectError):
        answer = httpx.post(f"{server.url}/create_order", json=signal_)
        assert (answer.status_code, answer.json()["code"]) == (503, "DESK_STOPPED")
    code = server.end(None)

    assert code == Exit.FAILURE
    assert any(line.startswith("error: the desk had to stop: ") for line in server.err)
    assert run("verify", str(server.data)).exit_code == Exit.OK


def test_after_a_kill_it_goes_on(tmp_path: Path, profiles: Path) -> None:
    data = tmp_path / "data"
    with Server(data, "--profiles", str(profiles)) as server:
        assert server.run("signal", "STRATEGY_B", "BUY", "MINDA", "--confirm").exit_code == Exit.OK
        before = server.items("open-buys")
        assert server.end(signal.SIGKILL) == -signal.SIGKILL
    assert run("verify", str(data)).exit_code == Exit.OK
    with Server(data) as server:
        assert server.items("open-buys") == before
        assert (
            server.run("signal", "STRATEGY_B", "BUY", "MINDA", "--confirm").exit_code
            == Exit.REFUSED
        )
