import pytest

from phalanx.api.head import read_head
from phalanx.api.locality import check_local
from phalanx.api.problems import Problem


def ask(peer: str | None = "127.0.0.1", **headers: str) -> None:
    client = None if peer is None else (peer, 1)
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    check_local({"client": client, "headers": pairs}, read_head(pairs))


@pytest.mark.parametrize(
    "peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "testclient", None]
)
def test_this_machine_is_the_local_actor(peer: str | None) -> None:
    ask(peer)


@pytest.mark.parametrize("peer", ["10.0.0.1", "8.8.8.8", "fe80::1%eth0", "::ffff:10.0.0.1"])
def test_other_machines_are_refused(peer: str) -> None:
    with pytest.raises(Problem) as refused:
        ask(peer)

    assert (refused.value.code, refused.value.status) == ("LOOPBACK_ONLY", 403)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8080", "localhost", "LOCALHOST:80", "[::1]:8080", "desk.localhost", "test"]
)
def test_names_of_this_machine(host: str) -> None:
    ask(host=host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "[",
        ":8080",
        "a b.c",
        "x@evil.example",
    ],
)
def test_a_name_that_was_made_to_point_here_is_refused(host: str) -> None:
    with pytest.raises(Problem) as refused:
        ask(host=host)

    assert (refused.value.code, refused.value.status) == ("HOST_NOT_ALLOWED", 403)


@pytest.mark.parametrize(
    "origin",
    ["http://127.0.0.1:8080", "http://localhost:5173", "https://[::1]", "http://ui.localhost"],
)
def test_pages_of_this_machine_may_ask(origin: str) -> None:
    ask(host="127.0.0.1:8080", origin=origin)


def test_our_own_page_may_ask() -> None:
    ask(host="desk:8080", origin="http://desk:8080")


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://evil.example",
        "http://127.0.0.1.evil.example",
        "http://desk:9090",
        "https://desk:8080",
        "file://",
        "chrome-extension://127.0.0.1",
        "http://[",
        "ä",
    ],
)
def test_pages_of_others_may_not_ask(origin: str) -> None:
    with pytest.raises(Problem) as refused:
        ask(host="desk:8080", origin=origin)

    assert (refused.value.code, refused.value.status) == ("ORIGIN_NOT_ALLOWED", 403)


def test_a_page_of_an_origin_that_a_setting_names_may_ask() -> None:
    head = read_head([(b"host", b"desk:8080"), (b"origin", b"https://oms.com")])

    check_local({"client": None}, head, frozenset({b"https://oms.com"}))
    with pytest.raises(Problem, match="ORIGIN_NOT_ALLOWED"):
        check_local({"client": None}, head, frozenset({b"https://oms.com:444"}))
