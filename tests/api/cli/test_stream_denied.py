"""The stream's refusals on a real server: a problem document for the caller, nothing in the log."""

import json

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from phalanx.cli.exit_codes import Exit
from tests.api.cli.processes import Server


def test_a_refused_socket_is_no_error_of_the_server(server: Server) -> None:
    stream = server.url.replace("http", "ws", 1)
    for path, origin, status in (("/other", None, 404), ("/ws", "https://evil.example", 403)):
        with (
            pytest.raises(InvalidStatus) as refused,
            connect(stream + path, origin=None if origin is None else Origin(origin), proxy=None),
        ):
            pass
        response = refused.value.response
        assert (response.status_code, json.loads(response.body)["status"]) == (status, status)

    assert server.end() == Exit.OK
    log = (server.data / "logs/phalanx.jsonl").read_text().splitlines()
    said = [json.loads(line)["event"] for line in log]
    assert [event for event in said if "whole journal" not in event] == ["serving", "stopped"]
