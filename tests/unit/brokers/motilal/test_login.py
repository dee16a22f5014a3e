import json

import msgspec
import pytest

from phalanx.brokers.motilal.endpoints import Path
from phalanx.brokers.motilal.login import LoginRefused, Tokens, log_in, log_out, login_body
from phalanx.brokers.motilal.questions import Answered
from phalanx.brokers.motilal.times import session_end
from phalanx.domain.secrets import Secret
from phalanx.domain.time import SECOND
from tests.fakes.clock import START
from tests.unit.brokers.motilal.samples import CREDENTIALS, SETTINGS
from tests.unit.brokers.motilal.stage import ScriptedPost

BY_PHONE = msgspec.structs.replace(CREDENTIALS, totp_seed=None)
CODE_SENT = (
    b'{"status":"SUCCESS","message":"","errorcode":"","AuthToken":"774a_M",'
    b'"isAuthTokenVerified":"FALSE"}'
)
VERIFIED = b'{"status":"SUCCESS","message":"OTP VERIFIED SUCCESSFULLY","errorcode":""}'


def refusal(code: str) -> bytes:
    return b'{"status":"ERROR","message":"no","errorcode":"%b"}' % code.encode()


def test_the_body_is_the_documented_one() -> None:
    body = login_body(CREDENTIALS, 59 * SECOND)

    assert body.startswith(b'{"userid":"AA020","password":"8c2f8c3bf0c80649c38daebf55ff459e')
    assert json.loads(body)["2FA"] == "18/10/1988"
    assert len(json.loads(body)["totp"]) == 6


def test_without_a_seed_there_is_no_totp_in_it() -> None:
    assert b"totp" not in login_body(BY_PHONE, 0)


async def test_a_login_is_two_questions() -> None:
    post = ScriptedPost()

    tokens = await log_in(post, SETTINGS, CREDENTIALS, START)

    assert tokens == Tokens(Secret("774a_M"), Secret("acc_M"), session_end(START))
    assert "774a_M" not in repr(tokens)
    (first, before, _), (second, after, body) = post.asked
    assert (first, second, body) == (Path.LOGIN, Path.ACCESS_TOKEN, b"")
    assert "Authorization" not in before
    assert after["Authorization"] == "774a_M"


@pytest.mark.parametrize(
    "body",
    [
        b'{"status":"SUCCESS","data":{"accessToken":"x_M"}}',
        b'{"status":"SUCCESS","AccessToken":"x_M"}',
    ],
    ids=["in the data", "in capitals"],
)
async def test_the_access_token_is_found_where_their_own_clients_find_it(body: bytes) -> None:
    post = ScriptedPost()
    post.say(Path.ACCESS_TOKEN, body)

    assert (await log_in(post, SETTINGS, CREDENTIALS, START)).access.reveal() == "x_M"


async def test_a_code_by_phone_is_asked_for_and_verified() -> None:
    post = ScriptedPost()
    post.say(Path.LOGIN, CODE_SENT)
    post.say(Path.VERIFY_OTP, VERIFIED)

    async def ask() -> str:
        return " 012345 "

    await log_in(post, SETTINGS, BY_PHONE, START, ask)

    assert [path for path, _, _ in post.asked] == [Path.LOGIN, Path.VERIFY_OTP, Path.ACCESS_TOKEN]
    assert post.asked[1][2] == b'{"otp":12345}'


async def test_a_code_that_nobody_can_tell_ends_the_login() -> None:
    post = ScriptedPost()
    post.say(Path.LOGIN, CODE_SENT)

    with pytest.raises(LoginRefused, match="TOTP seed"):
        await log_in(post, SETTINGS, BY_PHONE, START)


async def test_a_code_has_digits_only() -> None:
    post = ScriptedPost()
    post.say(Path.LOGIN, CODE_SENT)

    async def ask() -> str:
        return "later"

    with pytest.raises(LoginRefused, match="digits only"):
        await log_in(post, SETTINGS, BY_PHONE, START, ask)


@pytest.mark.parametrize("code", ["MO1000", "MO1001", "MO1007", "MO1093", "MO1004", "MO1100"])
async def test_refused_credentials_are_told_apart(code: str) -> None:
    post = ScriptedPost()
    post.say(Path.LOGIN, refusal(code))

    with pytest.raises(LoginRefused, match=code):
        await log_in(post, SETTINGS, CREDENTIALS, START)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"<html>",
        refusal("MO2000"),
        refusal(""),
        b'{"status":"SUCCESS"}',
        b'{"status":"SUCCESS","AuthToken":7,"isAuthTokenVerified":[]}',
        b'{"status":"SUCCESS","AuthToken":"a\\r\\nb","isAuthTokenVerified":"TRUE"}',
        Answered(502, b"Bad Gateway"),
        Answered(500, b'{"status":"SUCCESS","AuthToken":"x","isAuthTokenVerified":"TRUE"}'),
        ConnectionError("gone"),
    ],
    ids=str,
)
async def test_anything_else_is_out_of_reach_for_now(said: bytes | Answered | OSError) -> None:
    post = ScriptedPost()
    post.say(Path.LOGIN, said)

    with pytest.raises(OSError, match=r"."):
        await log_in(post, SETTINGS, CREDENTIALS, START)


async def test_no_error_shows_a_token() -> None:
    post = ScriptedPost()
    post.say(Path.ACCESS_TOKEN, b'{"status":"SUCCESS","accesstoken":"acc\\nhush"}')

    with pytest.raises(ConnectionError) as found:
        await log_in(post, SETTINGS, CREDENTIALS, START)

    assert "hush" not in str(found.value)
    assert found.value.__cause__ is None


async def test_a_logout_names_the_user() -> None:
    post = ScriptedPost()

    await log_out(post, SETTINGS, CREDENTIALS, Tokens(Secret("a"), Secret("b"), 0))

    assert post.asked[0][2] == b'{"userid":"AA020"}'
