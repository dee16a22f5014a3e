import pytest

from phalanx.brokers.motilal.envelope import BrokerSaidNo, read_envelope, rows_of
from phalanx.brokers.motilal.row import BadData, Flaw
from tests.unit.brokers.motilal.samples import PLACED, REFUSED


def flaw(body: bytes) -> Flaw:
    with pytest.raises(BadData) as found:
        read_envelope(body)
    return found.value.flaw


def test_an_acceptance_has_its_id_beside_the_data() -> None:
    found = read_envelope(PLACED)

    assert (found.succeeded, found.code) == (True, "")
    assert found.fields.text("uniqueorderid") == "2400155AA020"


def test_a_failure_has_a_code_and_a_sentence() -> None:
    found = read_envelope(REFUSED)

    assert (found.succeeded, found.code) == (False, "MO1057")
    assert found.message == "Invalid Product Type Parameter"


@pytest.mark.parametrize("status", ["FAILURE", "FAILED", "ERROR", "Error"])
def test_every_word_for_failure_is_one(status: str) -> None:
    body = b'{"status":"%b","errorCode":"mo1057"}' % status.encode()

    assert read_envelope(body).code == "MO1057"
    assert not read_envelope(body).succeeded


@pytest.mark.parametrize(
    "body", [b"[]", b"null", b'"SUCCESS"', b'{"status":"MAYBE"}', b"1", b'{"status":[]}', b"{}"]
)
def test_what_is_no_envelope_is_a_declared_error(body: bytes) -> None:
    assert flaw(body) in (Flaw.NOT_AN_ENVELOPE, Flaw.NOT_A_TEXT, Flaw.MISSING)


@pytest.mark.parametrize("body", [b"", b"<html>502 Bad Gateway</html>", b"\xff"])
def test_an_empty_or_foreign_body_is_a_declared_error(body: bytes) -> None:
    assert flaw(body) is Flaw.NOT_JSON


def test_a_success_with_an_error_is_believed_neither_way() -> None:
    assert flaw(b'{"status":"SUCCESS","errorcode":"MO5002"}') is Flaw.CONTRADICTION


@pytest.mark.parametrize(
    "data", [b'"data":null', b'"data":"null"', b'"data":[]', b'"x":1', b'"data":""']
)
def test_no_rows_are_none_however_that_is_said(data: bytes) -> None:
    assert rows_of(read_envelope(b'{"status":"SUCCESS",%b}' % data)) == []


def test_the_code_of_no_rows_is_no_failure_where_it_is_declared() -> None:
    envelope = read_envelope(
        b'{"status":"FAILURE","errorcode":"MO1013","message":"Order Not Found"}'
    )

    assert rows_of(envelope, "MO1013") == []
    with pytest.raises(BrokerSaidNo, match="MO1013: Order Not Found"):
        rows_of(envelope, "MO1014")


def test_a_failure_without_a_code_is_not_no_rows() -> None:
    with pytest.raises(BrokerSaidNo, match="no code"):
        rows_of(read_envelope(b'{"status":"FAILURE"}'))


@pytest.mark.parametrize("data", [b"{}", b"[1]", b'"x"', b"[[]]", b"7"])
def test_data_that_are_no_rows_are_a_declared_error(data: bytes) -> None:
    with pytest.raises(BadData) as found:
        rows_of(read_envelope(b'{"status":"SUCCESS","data":%b}' % data))

    assert found.value.flaw is Flaw.NOT_ROWS
