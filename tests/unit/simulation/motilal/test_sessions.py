"""Logging in: a password's hash, a second factor, two tokens, and their death at six in the morning."""

import asyncio

import msgspec
import pytest

from phalanx.domain.time import HOUR, MINUTE, SECOND
from phalanx.simulation.motilal.config import INVESTOR
from phalanx.simulation.motilal.sessions import password_hash
from tests.fakes.motilal import ACCESS, LOGIN, ORDERS, PROFILE, Caller, headers_of

LOGOUT = "/rest/login/v5/logout"
VERIFY = "/rest/login/v5/verifyotp"
RESEND = "/rest/login/v5/resendotp"
LIMIT = "/rest/report/v3/getbroadcastmaxlimit"


def test_the_password_goes_as_the_hash_of_itself_and_the_key() -> None:
    """The vector of another adapter's tests."""
    told = password_hash("Secret@1", "APIKEY123")

    assert told == "8c2f8c3bf0c80649c38daebf55ff459ec42f8286d72e179c56cbb5aaad1b35ee"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"userid": "aa017"}, "MO1001"),
        ({"password": "Secret@1"}, "MO1002"),
        ({"password": password_hash("Secret@1", "OTHER")}, "MO1000"),
        ({"2FA": "1988-10-18"}, "MO1007"),
        ({"totp": "000000"}, "MO1093"),
    ],
)
async def test_a_login_that_is_wrong_says_what_is_wrong(
    caller: Caller, changes: dict[str, object], code: str
) -> None:
    assert await caller.code(LOGIN, **(caller.credentials() | changes)) == code


async def test_a_login_may_be_switched_off(caller: Caller) -> None:
    held = msgspec.structs.replace(INVESTOR, may_log_in=False)
    caller.sim.sessions._logins["AA017"] = held

    assert await caller.code(LOGIN, **caller.credentials()) == "MO1100"


async def test_a_totp_of_the_neighbouring_half_minute_will_do(caller: Caller) -> None:
    before = caller.credentials()
    caller.clock.advance(30 * SECOND)
    assert (await caller.post(LOGIN, **before))["isAuthTokenVerified"] == "TRUE"
    caller.clock.advance(31 * SECOND)

    assert await caller.code(LOGIN, **before) == "MO1093"


async def test_without_a_totp_an_otp_is_waited_for(caller: Caller) -> None:
    answer = await caller.post(LOGIN, **(caller.credentials() | {"totp": " "}))
    caller.http.headers["Authorization"] = answer["AuthToken"]

    assert answer["isAuthTokenVerified"] == "FALSE"
    assert await caller.code(ACCESS) == "MO1097"
    assert (await caller.post(RESEND))["message"] == "OTP SEND SUCCESSFULLY"
    assert await caller.code(VERIFY, otp="123456") == "MO1099"
    assert await caller.code(VERIFY, otp=654321) == "MO1097"
    assert (await caller.post(VERIFY, otp=123456))["message"] == "OTP VERIFIED SUCCESSFULLY"
    assert await caller.code(VERIFY, otp=123456) == "MO1095"
    assert await caller.code(RESEND) == "MO1095"
    assert (await caller.post(ACCESS))["accesstoken"].endswith("_M")


async def test_the_third_wrong_otp_ends_the_session(caller: Caller) -> None:
    answer = await caller.post(LOGIN, **(caller.credentials() | {"totp": ""}))
    caller.http.headers["Authorization"] = answer["AuthToken"]

    codes = [await caller.code(VERIFY, otp=1) for _ in range(4)]

    assert codes == ["MO1097", "MO1097", "MO1096", "MO8001"]


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("Authorization", "", "MO8003"),
        ("Authorization", "Bearer x", "MO2007"),
        ("Authorization", "0" * 32 + "_M", "MO8001"),
        ("accesstoken", "", "MO8003"),
        ("accesstoken", "0" * 32 + "_M", "MO8001"),
        ("ApiKey", "APIKEY456", "MO1004"),
        ("apisecretkey", "OTHER", "MO2006"),
        ("vendorinfo", "DL001", "MO2012"),
    ],
)
async def test_both_tokens_and_the_key_are_asked_for(
    caller: Caller, header: str, value: str, code: str
) -> None:
    caller.http.headers[header] = value

    assert await caller.code(ORDERS) == code


@pytest.mark.parametrize(("key", "code"), [("APIKEY456", "MO1004"), ("NOKEY", "MO1005")])
async def test_a_key_of_somebody_else_and_one_of_nobody_are_told_apart(
    caller: Caller, key: str, code: str
) -> None:
    caller.http.headers["ApiKey"] = key

    assert await caller.code(LOGIN, **caller.credentials()) == code


async def test_every_token_dies_at_six_in_the_morning(caller: Caller) -> None:
    caller.clock.advance(20 * HOUR + 45 * MINUTE - SECOND)
    before = await caller.code(ORDERS)
    caller.clock.advance(SECOND)

    assert before == "MO1013"
    assert await caller.code(ORDERS) == "MO8002"
    await caller.log_in()
    assert await caller.code(ORDERS) == "MO1013"


async def test_so_many_sessions_at_a_time_and_no_more(caller: Caller) -> None:
    for _ in range(2):
        assert (await caller.post(LOGIN, **caller.credentials()))["status"] == "SUCCESS"

    assert await caller.code(LOGIN, **caller.credentials()) == "MO2000"


async def test_who_logged_out_is_not_logged_in(caller: Caller) -> None:
    assert await caller.code(LOGOUT, userid="DL001") == "MO1001"
    assert (await caller.post(LOGOUT, userid="AA017"))["message"] == "LOGOUT SUCCESSFULL"

    assert await caller.code(ORDERS) == "MO1011"


async def test_tokens_can_be_made_to_die(caller: Caller) -> None:
    await caller.http.request("DELETE", "/_simulator/sessions", json={"code": "MO8002"})

    assert await caller.code(ORDERS) == "MO8002"


async def test_the_profile_and_the_limit_of_the_feed(caller: Caller) -> None:
    profile = (await caller.post(PROFILE))["data"]

    assert (profile["clientcode"], profile["usertype"]) == ("AA017", "Investorclient")
    assert "NSEFO" in profile["exchanges"]
    assert (await caller.post(LIMIT))["data"] == {"MaxBroadcastLimit": 200}


# --- headers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("Accept", "*/*", "MO2003"),
        ("User-Agent", "python-httpx", "MO2004"),
        ("ApiKey", "", "MO2005"),
        ("apisecretkey", "", "MO2006"),
        ("MacAddress", "00-00-00-00-00-00", "MO2008"),
        ("ClientLocalIp", "1.2.3", "MO2009"),
        ("ClientPublicIp", "here", "MO2010"),
        ("SourceId", "web", "MO2011"),
        ("vendorinfo", "", "MO2012"),
        ("osname", "", "MO2014"),
        ("osversion", "", "MO2015"),
        ("devicemodel", "", "MO2016"),
        ("manufacturer", "M" * 26, "MO2017"),
        ("productname", "", "MO2018"),
        ("productversion", "", "MO2019"),
        ("browsername", "", "MO2022"),
        ("browserversion", "", "MO2023"),
        ("latitude", "north", "MO2024"),
        ("longitude", "east", "MO2025"),
        ("sdkversion", "", "MO2026"),
    ],
)
async def test_each_header_has_its_code(caller: Caller, header: str, value: str, code: str) -> None:
    caller.http.headers[header] = value

    assert await caller.code(ORDERS) == code


@pytest.mark.parametrize(
    ("source", "header", "code"),
    [
        ("DESKTOP", "installedappid", "MO2020"),
        ("MOBILE", "installedappid", "MO2020"),
        ("MOBILE", "imeino", "MO2021"),
    ],
)
async def test_a_source_has_headers_of_its_own(
    caller: Caller, source: str, header: str, code: str
) -> None:
    for name in ("browsername", "browserversion"):
        del caller.http.headers[name]
    caller.http.headers.update(
        {"SourceId": source, "installedappid": "an-app", "imeino": "123456789012345"}
    )
    assert await caller.code(ORDERS) == "MO1013"
    del caller.http.headers[header]

    assert await caller.code(ORDERS) == code


async def test_names_of_headers_may_be_written_in_any_case(caller: Caller) -> None:
    headers = {name.swapcase(): value for name, value in headers_of(INVESTOR).items()}
    tokens = {name: caller.http.headers[name] for name in ("authorization", "accesstoken")}

    caller.http.headers.clear()
    caller.http.headers.update(headers | tokens)

    assert await caller.code(ORDERS) == "MO1013"


async def test_another_method_and_another_body_have_their_codes(caller: Caller) -> None:
    got = await caller.http.get(ORDERS)
    cut = await caller.http.post(ORDERS, content=b"{")
    listed = await caller.http.post(ORDERS, content=b"[]")
    empty = await caller.http.post(ORDERS)

    codes = [answer.json()["errorcode"] for answer in (got, cut, listed, empty)]
    assert codes == ["MO2001", "MO2002", "MO2002", "MO1013"]


@pytest.mark.parametrize("body", [b'{"a":1e99999999999999999999}', b"[" * 100_000, b"\xff"])
async def test_a_body_that_nobody_can_read_is_refused(caller: Caller, body: bytes) -> None:
    answer = await caller.http.post(ORDERS, content=body)

    assert answer.json()["errorcode"] == "MO2002"


async def test_who_speaks_no_http_is_let_go_and_others_are_served(caller: Caller) -> None:
    host, port = caller.sim.rest_url.removeprefix("http://").split(":")
    for words in (b"HELLO\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: much\r\n\r\n"):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(words)
        assert await reader.read() == b""
        writer.close()

    assert await caller.code(ORDERS) == "MO1013"


async def test_an_old_path_is_not_found(caller: Caller) -> None:
    assert (await caller.http.post("/rest/trans/v1/placeorder", json={})).status_code == 404
