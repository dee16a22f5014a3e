"""`phalanx audit` beside a server that is at work."""

import json
from pathlib import Path

from phalanx.cli.exit_codes import Exit
from tests.api.cli.processes import Server, run


def test_a_server_lists_who_did_what_from_where(server: Server) -> None:
    server.run("kill", "--note", "lunch")
    server.run("kill", "lift", "--note", "back")

    found = server.items("audit", "list", "--door", "kill")

    assert [(row["act"], row["detail"]) for row in found] == [
        ("kill_lifted", "back"),
        ("kill_put", "lunch"),
    ]
    assert {(row["actor"], row["address"]) for row in found} == {("local", "127.0.0.1")}
    assert (
        server.items("audit", "list", "--act", "kill_put", "--before", str(found[1]["seq"])) == []
    )
    since = str(found[0]["time"])
    assert server.items("audit", "list", "--door", "kill", "--since", since) == found[:1]
    assert server.items("audit", "list", "--door", "kill", "--until", "2020-01-01T09:15") == []


def test_what_is_left_out_is_said_with_how_to_see_it(server: Server) -> None:
    found = server.run("audit", "list", "--limit", "1")
    file = server.run("audit", "list", "--limit", "1", "--csv")

    assert found.exit_code == file.exit_code == Exit.OK
    assert "--limit and --before show others" in found.stderr
    assert "--limit and --before show others" in file.stderr
    assert file.stdout.startswith("seq,time,actor,address,door,act,subject,detail,")


def test_a_time_that_is_none_asks_nobody() -> None:
    found = run("audit", "list", "--since", "soon", "--server", "http://127.0.0.1:1")

    assert (found.exit_code, "BAD_MOMENT" in found.stderr) == (Exit.USAGE, True)


def test_a_folder_in_use_is_exported_and_verified(server: Server, tmp_path: Path) -> None:
    server.run("kill", "--note", "lunch")
    out = tmp_path / "audit.jsonl"

    exported = run("audit", "export", str(server.data), "--out", str(out))
    server.run("kill", "lift")
    checked = run("audit", "verify", str(server.data), "--root", str(out), "--json")

    assert exported.exit_code == Exit.OK, exported.output
    assert f"{out}: " in exported.stdout
    assert "signed   no: say --sign-key" in exported.stdout
    *acts, last = [json.loads(line) for line in out.read_text().splitlines()]
    assert (acts[-1]["act"], acts[-1]["address"]) == ("kill_put", "127.0.0.1")
    document = json.loads(checked.stdout)
    assert (checked.exit_code, document["ok"], document["acts_fit"]) == (Exit.OK, True, True)
    assert document["trusted_to"] > last["root"]["seq"]
    said = run("audit", "verify", str(server.data), "--root", str(out)).stdout
    assert "signed   no: the root is worth as much as the place where it was kept" in said
    assert said.endswith("sound\n")
