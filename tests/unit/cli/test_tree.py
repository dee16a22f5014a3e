"""The tree of commands: quick to start, and every end has its exit code."""

import json
import subprocess
import sys

import pytest

import phalanx.cli
from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.tree import COMMANDS
from phalanx.cli.tree import app as tree
from tests.unit.cli.doubles import FakeServer, run

ONLY_SUBCOMMANDS = {
    *("profiles", "instruments", "raw-details", "simulate", "audit"),
    *("connections", "totp", "sessions", "users", "keys"),
}
HEAVY = (
    *(
        "apsw",
        "fastapi",
        "httpx",
        "keyring",
        "msgspec",
        "pydantic",
        "rich",
        "structlog",
        "uvicorn",
        "uvloop",
    ),
    *("websockets", "phalanx.bootstrap", "phalanx.desk", "phalanx.domain", "phalanx.engine"),
)


@pytest.mark.parametrize("word", ["--version", "--help"])
def test_what_a_command_needs_is_imported_when_it_runs(word: str) -> None:
    code = (
        f"import sys; sys.argv = ['phalanx', {word!r}]\n"
        "from phalanx.cli import app\n"
        "try: app()\n"
        "except SystemExit as end: assert not end.code\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert done.stderr.strip() == "[]"


def test_the_package_has_nothing_but_the_app() -> None:
    assert phalanx.cli.app is tree
    with pytest.raises(AttributeError, match="nothing"):
        _ = phalanx.cli.nothing


def test_version() -> None:
    result = run("--version")

    assert (result.exit_code, result.stdout) == (0, f"phalanx {phalanx.__version__}\n")


def test_help_lists_every_command_with_its_purpose() -> None:
    result = run("--help")

    listed = result.stdout.partition("Commands:")[2].partition("Exit codes")[0].splitlines()
    assert [line.split()[0] for line in listed if line.strip()] == list(COMMANDS)
    assert all(line.rstrip().endswith(".") for line in listed if line.strip())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_json_and_explains_itself(command: str) -> None:
    result = run(command, "--help")

    group = "Commands:" in result.stdout
    assert result.exit_code == 0
    assert "--json" in result.stdout or (group and command in ONLY_SUBCOMMANDS)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("nonsense",),
        ("orders", "cancel"),
        ("signal", "A", "HOLD", "X"),
        ("clients", "show", "x"),
    ],
)
def test_a_line_that_makes_no_sense_is_usage(words: tuple[str, ...]) -> None:
    result = run(*words)

    assert result.exit_code == Exit.USAGE
    assert result.stdout == ""
    assert "Usage:" in result.stderr


def test_a_usage_error_is_json_when_json_is_asked_for() -> None:
    result = run("orders", "cancel", "--json")

    error = json.loads(result.stderr)
    assert result.exit_code == Exit.USAGE
    assert (error["code"], error["exit_code"]) == ("USAGE", 2)
    assert "order" in error["detail"]


def test_a_failure_is_a_sentence_with_its_code(server: FakeServer) -> None:
    result = run("clients", "show", "7")

    assert result.exit_code == Exit.FAILURE
    assert result.stderr == "error: nothing is at /api/v1/clients/7 [NOT_FOUND]\n"


def test_a_failure_is_json_when_json_is_asked_for(server: FakeServer) -> None:
    result = run("clients", "show", "7", "--json")

    assert json.loads(result.stderr) == {
        "code": "NOT_FOUND",
        "detail": "nothing is at /api/v1/clients/7",
        "exit_code": 1,
        "status": 404,
    }
    assert result.stdout == ""


def test_the_exit_codes_are_what_they_are() -> None:
    assert {code.name: code.value for code in Exit} == {
        "OK": 0,
        "FAILURE": 1,
        "USAGE": 2,
        "PARTIAL": 3,
        "NOT_ALLOWED": 4,
        "REFUSED": 5,
        "UNKNOWN": 6,
        "UNREACHABLE": 7,
        "INTERRUPTED": 130,
    }


def test_a_failure_knows_its_facts() -> None:
    failure = Failure(Exit.FAILURE, "BAD", "it is bad", line=3)

    assert str(failure) == "BAD: it is bad"
    assert failure.document()["line"] == 3
