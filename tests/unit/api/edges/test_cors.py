import pytest

from phalanx.api.edges.cors import VARY, cors_headers, preflight, read_origins
from phalanx.api.head import Head
from phalanx.api.problems import Problem

ALLOWED = read_origins("https://oms.com, http://desk.example:8443")
STRANGERS = [
    *(b"https://evil-oms.com", b"https://oms.com.evil.example", b"https://a.oms.com", b"null"),
    *(b"https://OMS.com", b"https://oms.com:8443", b"https://oms.com:443", b"http://oms.com"),
    *(b"https://oms.com/", b"https://oms.com.", b"http://desk.example", b"", b"*"),
    *(b"https://oms.com, https://oms.com", b"https://user@oms.com", b"https://oms.com\xc3\xa4"),
]


def asked(origin: bytes, method: bytes = b"POST") -> Head:
    return Head({b"origin": origin, b"access-control-request-method": method})


def test_the_setting_names_origins_one_by_one() -> None:
    assert sorted(ALLOWED) == [b"http://desk.example:8443", b"https://oms.com"]
    assert read_origins(" , ") == frozenset()


def test_a_named_origin_may_read_the_answer() -> None:
    told = dict(cors_headers(b"https://oms.com", ALLOWED))

    assert told[b"access-control-allow-origin"] == b"https://oms.com"
    assert told[b"vary"] == b"origin"
    assert b"x-request-id" in told[b"access-control-expose-headers"]
    assert b"access-control-allow-credentials" not in told


@pytest.mark.parametrize("origin", STRANGERS)
def test_no_other_origin_may(origin: bytes) -> None:
    assert cors_headers(origin, ALLOWED) == (VARY,)


def test_without_the_setting_nothing_is_said() -> None:
    assert cors_headers(b"https://oms.com", frozenset()) == ()


def test_a_preflight_is_told_what_the_door_takes() -> None:
    told = preflight(asked(b"https://oms.com"), ["GET", "POST"], ALLOWED)

    assert told is not None
    assert dict(told)[b"access-control-allow-methods"] == b"GET, POST"
    assert b"idempotency-key" in dict(told)[b"access-control-allow-headers"]


@pytest.mark.parametrize("origin", [one for one in STRANGERS if one])
def test_a_preflight_of_another_origin_is_refused(origin: bytes) -> None:
    with pytest.raises(Problem, match="ORIGIN_NOT_ALLOWED"):
        preflight(asked(origin), ["GET"], ALLOWED)


def test_another_question_for_options_is_no_preflight() -> None:
    assert preflight(Head({b"origin": b"https://oms.com"}), ["GET"], ALLOWED) is None
    assert preflight(Head({}), ["GET"], ALLOWED) is None
