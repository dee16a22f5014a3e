from datetime import UTC, datetime

import pytest

from phalanx.brokers.motilal.credentials import Fault, InvalidCredentials, read_credentials
from phalanx.domain.secrets import Secret
from phalanx.domain.time import SECOND
from tests.unit.brokers.motilal.samples import CREDENTIALS

FIELDS = {
    "user": "aa020",
    "password": "Secret@1",
    "api_key": "APIKEY123",
    "api_secret": "hush",
    "second_factor": "18/10/1988",
    "totp_seed": "jbsw y3dp ehpk 3pxp jbsw y3dp ehpk 3pxp",
}


def read(**changes: str) -> object:
    return read_credentials({name: Secret(value) for name, value in (FIELDS | changes).items()})


def test_the_password_hash_is_the_documented_one() -> None:
    assert CREDENTIALS.password_hash == (
        "8c2f8c3bf0c80649c38daebf55ff459ec42f8286d72e179c56cbb5aaad1b35ee"
    )


def test_fields_are_read_and_put_into_the_forms_of_the_wire() -> None:
    found = read_credentials({name: Secret(value) for name, value in FIELDS.items()})

    assert found.user == "AA020"
    assert found.second_factor.reveal() == "18/10/1988"
    assert found.totp_seed == Secret("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")


def test_a_pan_is_written_in_capitals() -> None:
    fields = FIELDS | {"second_factor": "abcde1234f"}
    found = read_credentials({name: Secret(value) for name, value in fields.items()})

    assert found.second_factor.reveal() == "ABCDE1234F"


def test_the_totp_is_that_of_rfc_6238() -> None:
    # Appendix B, SHA-1 at 59 s, the last six of its eight digits.
    fields = FIELDS | {"totp_seed": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}
    found = read_credentials({name: Secret(value) for name, value in fields.items()})

    assert found.totp(59 * SECOND) == "287082"
    later = int(datetime(2005, 3, 18, 1, 58, 29, tzinfo=UTC).timestamp())
    assert found.totp(later * SECOND) == "081804"


def test_without_a_seed_there_is_no_totp() -> None:
    fields = {name: Secret(value) for name, value in FIELDS.items() if name != "totp_seed"}

    assert read_credentials(fields).totp(0) == ""


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("user", "", Fault.MISSING),
        ("user", "AA 020", Fault.INVALID_USER),
        ("password", "\ud800", Fault.INVALID_PASSWORD),
        ("password", "x" * 257, Fault.INVALID_PASSWORD),
        ("api_key", "a b", Fault.INVALID_KEY),
        ("api_secret", "a\r\nb", Fault.INVALID_KEY),
        ("second_factor", "1988-10-18", Fault.INVALID_SECOND_FACTOR),
        ("second_factor", "31/02/1988", Fault.INVALID_SECOND_FACTOR),
        ("second_factor", "AAAAA1111", Fault.INVALID_SECOND_FACTOR),
        ("totp_seed", "not base32!", Fault.INVALID_TOTP_SEED),
        ("totp_seed", "€", Fault.INVALID_TOTP_SEED),
    ],
)
def test_what_cannot_be_used_is_named_and_not_shown(field: str, value: str, fault: Fault) -> None:
    with pytest.raises(InvalidCredentials) as found:
        read(**{field: value})

    assert found.value.fault is fault
    assert str(found.value) == f"{fault}: {field}"
    assert found.value.__cause__ is None


@pytest.mark.parametrize("field", ["user", "password", "api_key", "api_secret", "second_factor"])
def test_every_field_but_the_seed_is_needed(field: str) -> None:
    fields = {name: Secret(value) for name, value in FIELDS.items() if name != field}

    with pytest.raises(InvalidCredentials, match=f"MISSING: {field}"):
        read_credentials(fields)


def test_secrets_are_not_shown() -> None:
    for secret in ("Secret@1", "APIKEY123", "hush", "18/10/1988", "JBSWY3DP"):
        assert secret not in repr(CREDENTIALS)
