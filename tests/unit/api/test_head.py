import pytest

from phalanx.api.head import Head, read_head
from phalanx.api.problems import Problem


def head(**values: bytes) -> Head:
    return read_head([(name.replace("_", "-").encode(), value) for name, value in values.items()])


@pytest.mark.parametrize(
    "value",
    [
        b"application/json",
        b"application/json; charset=utf-8",
        b"application/json;charset=UTF-8",
        b'Application/JSON; Charset="utf-8"',
    ],
)
def test_json_types_that_pass(value: bytes) -> None:
    head(content_type=value).check_json()


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"text/plain",
        b"application/x-www-form-urlencoded",
        b"application/json; charset=latin-1",
        b"application/json, application/json",
        b"application/jsonp",
        b"multipart/form-data; boundary=application/json",
    ],
)
def test_other_types_are_refused(value: bytes | None) -> None:
    found = head() if value is None else head(content_type=value)
    with pytest.raises(Problem) as refused:
        found.check_json()

    assert (refused.value.code, refused.value.status) == ("UNSUPPORTED_MEDIA_TYPE", 415)


@pytest.mark.parametrize("value", [b"text/csv", b"text/csv; charset=utf-8", b"Text/CSV;header=1"])
def test_csv_types_that_pass(value: bytes) -> None:
    head(content_type=value).check_csv()


def test_other_types_are_no_csv() -> None:
    with pytest.raises(Problem, match="UNSUPPORTED_MEDIA_TYPE"):
        head(content_type=b"application/json").check_csv()


def test_a_compressed_body_is_refused() -> None:
    with pytest.raises(Problem, match="UNSUPPORTED_MEDIA_TYPE"):
        head(content_type=b"application/json", content_encoding=b"gzip").check_json()
    head(content_type=b"application/json", content_encoding=b"identity").check_json()


@pytest.mark.parametrize("value", [b"a", b"!~", b"k" * 128, b"0123-abcd"])
def test_keys_that_pass(value: bytes) -> None:
    assert head(idempotency_key=value).idempotency_key() == value.decode()


@pytest.mark.parametrize("value", [b"", b"k" * 129, b"a b", b"a\x7f", "ä".encode(), b"\x00", b" a"])
def test_other_keys_are_refused(value: bytes) -> None:
    with pytest.raises(Problem) as refused:
        head(idempotency_key=value).idempotency_key()

    assert (refused.value.code, refused.value.status) == ("IDEMPOTENCY_KEY_INVALID", 422)


def test_two_keys_are_no_key() -> None:
    twice = read_head([(b"idempotency-key", b"a"), (b"idempotency-key", b"b")])

    with pytest.raises(Problem, match="IDEMPOTENCY_KEY_INVALID"):
        twice.idempotency_key()


def test_no_key_is_no_key() -> None:
    assert head().idempotency_key() == ""


@pytest.mark.parametrize(
    ("value", "request_id"),
    [(b"abc-1", "abc-1"), (b"x" * 64, "x" * 64), (b"x" * 65, ""), (b"a b", ""), (b"", "")],
)
def test_a_request_id_that_cannot_be_repeated_is_passed_over(value: bytes, request_id: str) -> None:
    assert head(x_request_id=value).request_id() == request_id


@pytest.mark.parametrize(
    ("value", "length"), [(b"0", 0), (b"17", 17), (b"-1", None), (b"1" * 19, None), (b"1, 2", None)]
)
def test_the_declared_length(value: bytes, length: int | None) -> None:
    assert head(content_length=value).content_length == length


def test_whether_there_is_a_body() -> None:
    assert head(content_length=b"1").has_body
    assert head(transfer_encoding=b"chunked").has_body
    assert not head(content_length=b"0").has_body
    assert not head().has_body
