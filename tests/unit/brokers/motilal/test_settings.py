from typing import Any

import msgspec
import pytest

from phalanx.brokers.motilal.headers import headers_of
from phalanx.brokers.motilal.settings import Route
from phalanx.domain.secrets import Secret
from tests.unit.brokers.motilal.samples import CREDENTIALS, SETTINGS


@pytest.mark.parametrize(
    "changes",
    [
        {"rest": "openapi.motilaloswal.com"},
        {"socket": "https://openapi.motilaloswal.com/ws"},
        {"socket": "wss://user@openapi.motilaloswal.com/ws"},
        {"public_ip": "198.51.100.1"},
        {"public_ip": "here"},
        {"registered": ()},
        {"registered": ("203.0.113.7", "203.0.113.8", "203.0.113.9")},
        {"source": "eth0"},
        {"mac_address": "00-00"},
        {"algo_id": "A" * 11},
        {"vendor_info": "a\r\nb"},
        {"installed_app_id": "x" * 65},
    ],
    ids=str,
)
def test_what_cannot_be_right_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        msgspec.structs.replace(SETTINGS, **changes).__post_init__()


def test_headers_are_those_of_the_documents() -> None:
    found = headers_of(SETTINGS, CREDENTIALS, Secret("auth_M"), Secret("acc_M"))

    assert found["Authorization"] == "auth_M"
    assert found["ApiKey"] == "APIKEY123"
    assert found["apisecretkey"] == "hush"
    assert found["accesstoken"] == "acc_M"
    assert found["User-Agent"] == "MOSL/V.1.1.0"
    assert found["ClientPublicIp"] == "203.0.113.7"
    assert found["SourceId"] == "DESKTOP"
    assert found["vendorinfo"] == "AA020"
    assert found["installedappid"] == "u-1"
    assert all(value and value.isascii() for value in found.values())


def test_without_an_app_id_one_is_made_that_stays_the_same() -> None:
    without = msgspec.structs.replace(SETTINGS, installed_app_id="")
    elsewhere = msgspec.structs.replace(without, mac_address="02:00:00:00:00:01")

    found = headers_of(without, CREDENTIALS)["installedappid"]
    assert len(found) == 36
    assert headers_of(without, CREDENTIALS)["installedappid"] == found
    assert headers_of(elsewhere, CREDENTIALS)["installedappid"] != found


def test_a_token_that_is_not_known_yet_is_left_out() -> None:
    found = headers_of(SETTINGS, CREDENTIALS)

    assert not {"Authorization", "accesstoken"} & set(found)


def test_a_vendor_has_its_own_name() -> None:
    vendor = msgspec.structs.replace(SETTINGS, vendor_info="HOUSE")

    assert headers_of(vendor, CREDENTIALS)["vendorinfo"] == "HOUSE"


@pytest.mark.parametrize(
    ("code", "asked"), [("AA020", "AA020"), ("", None), ("AA-20", None), ("A" * 16, None)]
)
def test_a_dealers_account_needs_a_client_code(code: str, asked: str | None) -> None:
    assert Route("MOTILAL-1", "house", code).asked(dealer=True, user="DL001") == asked


@pytest.mark.parametrize(
    ("code", "asked"), [("", ""), ("AA017", ""), ("aa017", ""), ("AA020", None)]
)
def test_an_investors_account_is_its_own_client(code: str, asked: str | None) -> None:
    assert Route("MOTILAL-1", "ann", code).asked(dealer=False, user="AA017") == asked
    assert Route("MOTILAL-1", "ann", code).asked(dealer=False, user="") == ""
