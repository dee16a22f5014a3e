"""`phalanx simulate broker stub` refuses what it cannot serve before it serves anything."""

import json
import socket

import pytest

from tests.conftest import ROOT
from tests.unit.cli.doubles import run


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--key", "nowhere.pem"), "USAGE"),
        (("--certificate", "nowhere.pem"), "FILE_NOT_READABLE"),
        (("--certificate", str(ROOT / "README.md")), "FILE_NOT_READABLE"),
        (("--cash", "much"), "INVALID_NUMBER"),
        (("--cash", "0"), "NOT_POSITIVE"),
        (("--price", "-1"), "NOT_POSITIVE"),
    ],
)
def test_what_cannot_be_used_is_said(words: tuple[str, str], code: str) -> None:
    result = run("simulate", "broker", "stub", "--json", *words)

    assert result.exit_code == 2
    assert json.loads(result.stderr)["code"] == code


def test_a_port_that_is_taken_is_said_with_another_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        result = run("simulate", "broker", "stub", "--port", str(port))

    assert result.exit_code == 1
    assert "PORT_IN_USE" in result.stderr
    assert "phalanx simulate broker stub --port" in result.stderr
