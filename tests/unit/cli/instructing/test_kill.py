"""`phalanx kill`: for whom, what it does besides, and past the server."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from phalanx.brokers.kill_flag import FILE, KillFlagFile
from phalanx.cli.exit_codes import Exit
from phalanx.cli.instructing import kill_direct
from phalanx.domain.kills import DirectKill, KillLevel, KillScope
from phalanx.journal.lock import FolderLock
from tests.fakes.kills import of_account
from tests.unit.cli.doubles import FakeServer, run

KILL = "/api/v1/kill"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder in which a server ran once."""
    folder = tmp_path / "ran"
    (folder / "journal").mkdir(parents=True)
    return folder


def killed(data: Path) -> list[DirectKill]:
    """What the flag of a folder orders."""
    flag = KillFlagFile(data / FILE)
    assert flag.is_raised()
    raised = flag.read()
    flag.close()
    assert raised is not None
    return list(raised.kills)


@pytest.mark.parametrize(
    ("words", "scope", "named"),
    [
        (["--account", "PAPER-7"], {"level": "account", "name": "PAPER-7"}, "account PAPER-7"),
        (["--client", "7"], {"level": "client", "name": "7"}, "client 7"),
        (["--strategy", "RED"], {"level": "strategy", "name": "RED"}, "strategy RED"),
        (["--broker", "paper"], {"level": "broker", "name": "paper"}, "broker paper"),
        ([], {}, "everybody"),
    ],
)
def test_it_is_put_and_lifted_for_whom_it_names(
    server: FakeServer, words: list[str], scope: dict[str, str], named: str
) -> None:
    server.answer("PUT", KILL, body={"standing": True})
    server.answer("DELETE", KILL, body={"standing": False})

    assert run("kill", *words).stdout == f"new orders are stopped for {named}\n"
    assert json.loads(server.last.content) == scope
    assert run("kill", "lift", *words).stdout == f"the kill for {named} is lifted\n"
    assert dict(server.last.url.params) == scope


@pytest.mark.parametrize("words", [["lift"], [], ["--direct"]])
def test_it_is_for_one_of_them_or_everybody(server: FakeServer, words: list[str]) -> None:
    result = run("kill", *words, "--account", "PAPER-7", "--broker", "paper")

    assert (result.exit_code, server.requests) == (Exit.USAGE, [])
    assert "--account and --broker" in result.stderr


@pytest.mark.parametrize("words", [["lift"], [], ["--direct"]])
def test_an_empty_name_is_not_everybody(server: FakeServer, words: list[str]) -> None:
    result = run("kill", *words, "--account", "")

    assert (result.exit_code, server.requests) == (Exit.USAGE, [])
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        (["--cancel"], {"cancel": True}),
        (["--no-cancel"], {}),
        (["--cancel-all"], {"cancel": "all"}),
        (["--cancel", "--flatten"], {"cancel": True, "flatten": True}),
        (["--no-block", "--cancel"], {"cancel": True, "block": False}),
        (["--no-block", "--cancel-all"], {"cancel": "all", "block": False}),
        (["--no-block", "--flatten"], {"flatten": True, "block": False}),
    ],
)
def test_what_it_does_besides(
    server: FakeServer, words: list[str], fields: dict[str, object]
) -> None:
    server.answer("PUT", KILL, body={"standing": True})

    assert run("kill", *words).exit_code == Exit.OK
    assert json.loads(server.last.content) == fields


@pytest.mark.parametrize("words", [[], ["--no-cancel"], ["--client", "7"]])
def test_a_kill_that_would_do_nothing_says_what_to_choose(
    server: FakeServer, words: list[str]
) -> None:
    result = run("kill", "--no-block", *words)

    assert (result.exit_code, server.requests) == (Exit.USAGE, [])
    assert "choose --cancel, --cancel-all or --flatten" in result.stderr


CANCELS = {"instruction_id": "I7", "reason": None, "counts": {"cancels": 12}}


@pytest.mark.parametrize(
    ("words", "cancel", "said", "code"),
    [
        (["--cancel"], CANCELS, "new orders are stopped for everybody; I7 cancels 12 orders\n", 0),
        (
            ["--cancel"],
            {**CANCELS, "reason": "NOTHING_TO_CANCEL", "message": "nothing works"},
            "new orders are stopped for everybody; nothing is canceled: nothing works\n",
            0,
        ),
        (
            ["--no-block", "--cancel"],
            CANCELS,
            "new orders may be sent for everybody; I7 cancels 12 orders\n",
            0,
        ),
        (
            ["--cancel"],
            {**CANCELS, "left": 5},
            "new orders are stopped for everybody; I7 cancels 12 orders; 5 more follow at once\n",
            0,
        ),
    ],
)
def test_it_says_what_the_cancels_came_to(
    server: FakeServer, words: list[str], cancel: object, said: str, code: int
) -> None:
    server.answer("PUT", KILL, body={"standing": True, "cancel": cancel})

    result = run("kill", *words)

    assert (result.stdout, result.exit_code) == (said, code)


CLOSES: dict[str, object] = {
    "instruction_id": "I8",
    "reason": None,
    "counts": {"orders": 3},
    "more": [],
    "unclosed": [],
    "unclosed_total": 0,
    "closing_already": 0,
}
NOBODY = {**CLOSES, "reason": "NOTHING_VALID", "message": "not valid for any account"}
KEEPS = {
    "unclosed": [
        {"account": "P1", "reason": "ACCOUNT_NOT_RECONCILED", "message": "P1 is not open"},
        {"account": "P2", "reason": "NO_PRICE", "message": "no price"},
    ],
    "unclosed_total": 2,
}
LINES = "not closed: P1: P1 is not open\nnot closed: P2: no price\n"


@pytest.mark.parametrize(
    ("flatten", "said", "code"),
    [
        (CLOSES, "I8 closes today's positions with 3 orders\n", Exit.OK),
        (NOBODY, "nothing to close\n", Exit.OK),
        ({**CLOSES, "instruction_id": None, "reason": "NOTHING_TO_EXIT"}, "nothing to close\n", 0),
        (
            {**NOBODY, "closing_already": 2},
            "positions of 2 accounts are being closed already\n",
            Exit.OK,
        ),
        (
            {**NOBODY, **KEEPS},
            f"positions of 2 accounts are not closed\n{LINES}",
            Exit.PARTIAL,
        ),
        (
            {**CLOSES, **KEEPS, "unclosed_total": 31},
            (
                "I8 closes today's positions with 3 orders; positions of 31 accounts are not closed\n"
                f"{LINES}and 29 more\n"
            ),
            Exit.PARTIAL,
        ),
        (
            {**CLOSES, "instruction_id": None, "reason": "PLAN_TOO_LARGE", "message": "too many"},
            "nothing is closed: too many\n",
            Exit.PARTIAL,
        ),
        (
            {**CLOSES, "more": [{**NOBODY, "reason": "PLAN_TOO_LARGE", "message": "too many"}]},
            "I8 closes today's positions with 3 orders; nothing is closed: too many\n",
            Exit.PARTIAL,
        ),
    ],
)
def test_it_says_who_keeps_a_position_that_was_to_be_closed(
    server: FakeServer, flatten: object, said: str, code: int
) -> None:
    server.answer("PUT", KILL, body={"standing": True, "flatten": flatten})

    result = run("kill", "--flatten")
    as_json = run("kill", "--flatten", "--json")

    assert result.stdout == f"new orders are stopped for everybody; {said}"
    assert (result.exit_code, as_json.exit_code) == (code, code)
    assert json.loads(as_json.stdout)["flatten"] == flatten


def standing(*scopes: tuple[str, str | None]) -> list[dict[str, object]]:
    return [{"level": level, "name": name} for level, name in scopes]


@pytest.mark.parametrize(
    ("kills", "total", "said"),
    [
        ([], 0, "new orders may be sent for client 5"),
        (
            standing(("client", "5")),
            1,
            "no new kill for client 5, but the kill for client 5 still stands",
        ),
        (
            standing(("all", None)),
            1,
            "no new kill for client 5, but the kill for everybody still stands",
        ),
        (
            standing(("all", None), ("broker", "paper"), ("strategy", "RED"), ("account", "A1")),
            4,
            (
                "no new kill for client 5, but the kills for everybody, broker paper, strategy RED, "
                "account A1 still stand"
            ),
        ),
        (
            standing(*(("account", f"A{number}") for number in range(6))),
            30,
            (
                "no new kill for client 5, but the kills for account A0, account A1, account A2, "
                "account A3, account A4 and 25 more still stand"
            ),
        ),
    ],
)
def test_without_a_block_it_says_which_kills_still_stand(
    server: FakeServer, kills: object, total: int, said: str
) -> None:
    body = {"standing": False, "cancel": CANCELS, "in_force": kills, "in_force_total": total}
    server.answer("PUT", KILL, body=body)

    result = run("kill", "--client", "5", "--cancel", "--no-block")

    assert (result.stdout, result.exit_code) == (f"{said}; I7 cancels 12 orders\n", Exit.OK)


@pytest.mark.parametrize("words", [[], ["--no-block"], ["--client", "7"], ["--cancel"]])
def test_exits_are_not_called_back_and_made_at_once(server: FakeServer, words: list[str]) -> None:
    result = run("kill", "--cancel-all", "--flatten", *words)

    assert (result.exit_code, server.requests) == (Exit.USAGE, [])
    assert "--cancel-all calls exits back, --flatten needs them" in result.stderr


def test_kills_are_shown_with_their_level_and_name(server: FakeServer) -> None:
    kill = {"level": "client", "name": "7", "note": "lunch", "actor": "olga", "time": "t"}
    server.answer("GET", KILL, body={"items": [kill], "total": 1, "as_of": 1})

    lines = run("kill", "show").stdout.splitlines()

    assert lines[0].split() == ["level", "name", "since", "by", "note"]
    assert lines[-1].split() == ["client", "7", "t", "olga", "lunch"]


# --- past the server -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "scope"),
    [
        ([], KillScope()),
        (["--account", "PAPER-7"], of_account("PAPER-7")),
        (["--client", "7"], KillScope(KillLevel.CLIENT, "7")),
        (["--strategy", "RED"], KillScope(KillLevel.STRATEGY, "RED")),
        (["--broker", "paper"], KillScope(KillLevel.BROKER, "paper")),
    ],
)
def test_directly_the_flag_goes_up_and_no_server_is_asked(
    server: FakeServer, data: Path, words: list[str], scope: KillScope
) -> None:
    result = run("kill", "--direct", "--data", str(data), "--note", "feed", *words)

    assert (result.exit_code, server.requests) == (Exit.OK, [])
    (kill,) = killed(data)
    assert (kill.scope, kill.actor, kill.note, kill.cancel) == (scope, "local", "feed", True)
    assert f"new orders are stopped for {scope}, past the server of {data}" in result.stdout
    assert "nothing is canceled at a broker without it" in result.stdout
    assert "phalanx kill lift" in result.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--account", "x\ny"], "INVALID_TEXT"),
        (["--strategy", "\x1b[2J"], "INVALID_TEXT"),
        (["--broker", "b" * 129], "TEXT_TOO_LONG"),
        (["--note", "n\x1b[2J"], "INVALID_TEXT"),
        (["--note", "n" * 501], "TEXT_TOO_LONG"),
    ],
)
def test_directly_it_takes_the_texts_that_the_door_takes(
    data: Path, words: list[str], code: str
) -> None:
    result = run("kill", "--direct", "--data", str(data), *words)

    assert (result.exit_code, result.stdout) == (Exit.USAGE, "")
    assert words[0] in result.stderr
    assert f"[{code}]" in result.stderr
    assert not (data / FILE).exists()


def test_directly_with_a_note_of_two_lines(data: Path) -> None:
    run("kill", "--direct", "--data", str(data), "--note", "two\nlines", "--account", "A" * 128)

    (kill,) = killed(data)
    assert (kill.note, kill.scope) == ("two\nlines", of_account("A" * 128))


def test_directly_without_cancels(data: Path) -> None:
    result = run("kill", "--direct", "--data", str(data), "--no-cancel")

    assert not killed(data)[0].cancel
    assert "canceled" not in result.stdout


def test_directly_where_no_server_ever_ran_it_fails_with_the_flag_up(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"

    result = run("kill", "--direct", "--data", str(folder))

    assert killed(folder)
    assert (result.exit_code, result.stdout) == (Exit.FAILURE, "")
    assert f"no server ever ran in {folder}" in result.stderr


@contextmanager
def held(data: Path) -> Iterator[None]:
    lock = FolderLock(data / "lock")
    lock.acquire()
    yield
    lock.release()


def test_directly_it_says_that_the_running_server_has_adopted_it(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flag = KillFlagFile(data / FILE)

    def tick(_: float) -> None:
        raised = flag.read()
        assert raised is not None
        flag.lower(raised.number)

    monkeypatch.setattr("time.sleep", tick)
    with held(data):
        result = run("kill", "--direct", "--data", str(data))

    flag.close()
    assert result.exit_code == Exit.OK
    assert kill_direct.SENTENCES[kill_direct.At.ADOPTED] in result.stdout


def test_directly_it_says_that_the_server_hangs(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kill_direct, "ADOPTION_S_MAX", 0.0)
    with held(data):
        result = run("kill", "--direct", "--data", str(data))

    assert (result.exit_code, len(killed(data))) == (Exit.OK, 1)
    assert kill_direct.SENTENCES[kill_direct.At.PENDING] in result.stdout


def test_directly_it_says_that_no_server_runs_there(data: Path) -> None:
    with held(data):
        pass

    result = run("kill", "--direct", "--data", str(data))

    assert result.exit_code == Exit.OK
    assert kill_direct.SENTENCES[kill_direct.At.STOPPED] in result.stdout


def test_directly_a_lock_that_cannot_be_read_stops_no_kill(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kill_direct, "ADOPTION_S_MAX", 0.0)
    (data / "lock").symlink_to("lock")

    result = run("kill", "--direct", "--data", str(data))

    assert (result.exit_code, len(killed(data))) == (Exit.OK, 1)
    assert kill_direct.SENTENCES[kill_direct.At.UNKNOWN] in result.stdout


def test_directly_in_the_folder_that_the_settings_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHALANX_DATA", "elsewhere")
    Path("elsewhere/journal").mkdir(parents=True)

    assert run("kill", "--direct").exit_code == Exit.OK
    assert killed(Path("elsewhere"))


def test_broken_settings_do_not_stand_in_the_way_of_a_folder_that_is_named() -> None:
    Path("phalanx.toml").write_text("this is [no toml", encoding="utf-8")

    assert run("kill", "--direct").exit_code == Exit.USAGE
    Path("named/journal").mkdir(parents=True)
    assert run("kill", "--direct", "--data", "named").exit_code == Exit.OK
    assert killed(Path("named"))


def test_directly_as_json(data: Path) -> None:
    result = run("kill", "--direct", "--data", str(data), "--client", "7", "--json")

    assert json.loads(result.stdout) == {
        "raised": True,
        "data": str(data),
        "level": "client",
        "name": "7",
        "cancel": True,
        "note": "",
        "server": "stopped",
    }


def test_a_server_that_the_environment_names_is_no_matter(
    monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    monkeypatch.setenv("PHALANX_SERVER", "http://other.test")

    assert run("kill", "--direct", "--data", str(data)).exit_code == Exit.OK


@pytest.mark.parametrize(
    "words", [["--direct", "--lift"], ["--lift"], ["--direct", "--lift", "--account", "PAPER-7"]]
)
def test_directly_nothing_is_lifted(server: FakeServer, words: list[str]) -> None:
    result = run("kill", *words)

    assert (result.exit_code, server.requests) == (Exit.USAGE, [])
    assert "a kill is lifted on purpose, at the server: phalanx kill lift" in result.stderr
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    "option", [["--flatten"], ["--cancel-all"], ["--no-block"], ["--idempotency-key", "k"]]
)
def test_directly_only_what_needs_no_server(server: FakeServer, option: list[str]) -> None:
    result = run("kill", "--direct", *option)

    assert (result.exit_code, server.requests) == (Exit.USAGE, [])
    assert f"{option[0]} needs a server" in result.stderr
    assert list(Path().iterdir()) == []


def test_a_folder_is_for_direct_kills_only(server: FakeServer, data: Path) -> None:
    result = run("kill", "--data", str(data))

    assert (result.exit_code, server.requests) == (Exit.USAGE, [])
    assert "--data belongs to --direct" in result.stderr


def test_a_note_that_is_too_long(data: Path) -> None:
    result = run("kill", "--direct", "--data", str(data), "--note", "x" * 501)

    assert (result.exit_code, (data / FILE).exists()) == (Exit.USAGE, False)


def test_what_keeps_the_flag_down_is_a_failure(data: Path) -> None:
    file = data / "file"
    file.write_bytes(b"")

    result = run("kill", "--direct", "--data", str(file))

    assert result.exit_code == Exit.FAILURE
    assert "not killed" in result.stderr


def test_a_flag_that_is_full_says_what_to_do(data: Path) -> None:
    directly = ("kill", "--direct", "--data", str(data))
    long = "\N{SNOWMAN}" * 490
    results = [run(*directly, "--client", f"{n}", "--note", f"{n} {long}") for n in range(1, 30)]

    assert [result.exit_code for result in results[-2:]] == [Exit.FAILURE] * 2
    assert "kill everybody instead" in results[-1].stderr
    assert run(*directly).exit_code == Exit.OK
    assert [kill.scope for kill in killed(data)] == [KillScope()]
