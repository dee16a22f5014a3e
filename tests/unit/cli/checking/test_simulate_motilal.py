"""`phalanx simulate broker motilal` refuses what it cannot serve before it serves anything."""

import json
import socket

import pytest

from tests.conftest import ROOT
from tests.unit.cli.doubles import run

FREE = ("--port", "0", "--orders-port", "0", "--feed-port", "0", "--feed-tcp-port", "0")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--key", "nowhere.pem"), "USAGE"),
        (("--certificate", str(ROOT / "README.md")), "FILE_NOT_READABLE"),
    ],
)
def test_what_cannot_be_used_is_said(words: tuple[str, str], code: str) -> None:
    result = run("simulate", "broker", "motilal", "--json", *FREE, *words)

    assert result.exit_code == 2
    assert json.loads(result.stderr)["code"] == code


@pytest.mark.parametrize("option", ["--port", "--orders-port", "--feed-port", "--feed-tcp-port"])
def test_a_port_that_is_taken_is_said_by_its_own_option(option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        result = run("simulate", "broker", "motilal", *FREE, option, str(port))

    assert result.exit_code == 1
    assert "PORT_IN_USE" in result.stderr
    assert f"phalanx simulate broker motilal {option} {port + 1}" in " ".join(result.stderr.split())
