"""Who one is, one's password and one's second factor, over HTTP."""

import pyotp

from phalanx.domain.time import SECOND
from tests.api.identity.rig import ANOTHER, LOGIN, ME, PASSWORD, LoginSite, Person

CHANGE = "/api/v1/auth/password"
TOTP = "/api/v1/auth/totp"
CONFIRM = "/api/v1/auth/totp/confirm"


async def enrolled(site: LoginSite, person: Person) -> pyotp.TOTP:
    found = await person.does("POST", TOTP, {"password": PASSWORD})
    assert found["uri"].startswith("otpauth://totp/phalanx:")
    return pyotp.TOTP(found["secret"])


def now_s(site: LoginSite) -> int:
    return site.clock.now() // SECOND


async def test_a_user_is_told_who_they_are(site: LoginSite) -> None:
    ann = await site.log_in("ann")

    found = await ann.does("GET", ME)

    assert found | {"session": ""} == {
        "name": "ann",
        "kind": "user",
        "role": "trader",
        "permissions": ["approve", "read", "stop", "trade"],
        "clients": None,
        "fence": None,
        "session": "",
        "second_factor": "off",
        "recovery_codes_left": 0,
        "must_change": False,
    }


async def test_a_client_is_told_which_clients_are_theirs(site: LoginSite) -> None:
    found = await (await site.log_in("cora")).does("GET", ME)

    assert (found["role"], found["permissions"], found["clients"]) == ("client", ["read"], [1])


async def test_a_machine_key_is_told_its_fence(site: LoginSite) -> None:
    program = await site.key("trade", strategies=["STRATEGY_B"])

    found = await program.does("GET", ME)

    assert (found["name"], found["kind"], found["role"]) == ("key0", "machine", None)
    assert found["permissions"] == ["trade"]
    assert found["fence"] == {"strategies": ["STRATEGY_B"], "instruments": [], "accounts": []}
    assert found["session"] == site.directory.keys.list()[0].id


async def test_a_password_is_changed_with_the_old_one_and_other_sessions_end(
    site: LoginSite,
) -> None:
    ann, other = await site.log_in("ann"), await site.log_in("ann")
    site.heard.taken()

    done = await ann.does("POST", CHANGE, {"old": PASSWORD, "new": ANOTHER})

    assert done == {"name": "ann", "must_change": False}
    assert (await ann.does("GET", ME))["name"] == "ann"
    assert await other.refused("GET", ME) == (401, "SESSION_ENDED")
    old = {"user": "ann", "password": PASSWORD}
    assert await site.stranger().refused("POST", LOGIN, old) == (401, "UNAUTHENTICATED")
    await site.log_in("ann", ANOTHER)
    assert site.heard.taken()[0] == ("password_changed", "ann", "ann")


async def test_guesses_of_the_old_password_wait(site: LoginSite) -> None:
    ann = await site.log_in("ann")
    for _ in range(5):
        await ann.ask("POST", CHANGE, {"old": "not this one", "new": ANOTHER})

    found = await ann.ask("POST", CHANGE, {"old": PASSWORD, "new": ANOTHER})

    assert (found.status_code, found.json()["code"]) == (429, "THROTTLED")
    assert int(found.headers["retry-after"]) >= 1


async def test_a_second_factor_is_on_with_its_first_code(site: LoginSite) -> None:
    ann = await site.log_in("ann")
    totp = await enrolled(site, ann)
    assert (await ann.does("GET", ME))["second_factor"] == "waiting"
    await site.log_in("ann")
    site.heard.taken()

    codes = (await ann.does("POST", CONFIRM, {"code": totp.at(now_s(site))}))["recovery_codes"]

    me = await ann.does("GET", ME)
    assert (me["second_factor"], me["recovery_codes_left"]) == ("on", 10)
    assert len(set(codes)) == 10
    await site.log_in("ann", code=codes[0])
    assert (await ann.does("GET", ME))["recovery_codes_left"] == 9
    again = {"user": "ann", "password": PASSWORD, "code": codes[0]}
    assert await site.stranger().refused("POST", LOGIN, again) == (401, "UNAUTHENTICATED")
    heard = site.heard.taken()
    assert heard[0] == ("totp_enabled", "ann", "ann")
    assert heard[1:] == [
        ("login", "ann", "ann"),
        ("recovery_code_used", "ann", "ann"),
        ("login_failed", "ann", "nobody"),
    ]


async def test_a_second_factor_goes_with_the_password(site: LoginSite) -> None:
    ann = await site.log_in("ann")
    totp = await enrolled(site, ann)
    await ann.does("POST", CONFIRM, {"code": totp.at(now_s(site))})
    site.heard.taken()

    assert await ann.refused("DELETE", TOTP, {"password": "not this one"}) == (
        403,
        "WRONG_PASSWORD",
    )
    assert await ann.does("DELETE", TOTP, {"password": PASSWORD}) == {"second_factor": "off"}

    assert (await ann.does("GET", ME))["second_factor"] == "off"
    await site.log_in("ann")
    assert site.heard.taken()[:2] == [
        ("confirmation_failed", "ann", "ann"),
        ("totp_disabled", "ann", "ann"),
    ]


async def test_a_wrong_word_of_somebody_who_is_logged_in_is_on_the_record(site: LoginSite) -> None:
    ann = await site.log_in("ann")
    site.heard.taken()
    site.heard.details.clear()

    await ann.ask("POST", CHANGE, {"old": "not this one", "new": ANOTHER})
    await ann.ask("POST", TOTP, {"password": "not this one"})
    await enrolled(site, ann)
    await ann.ask("POST", CONFIRM, {"code": "not it"})

    failed = ("confirmation_failed", "ann", "ann")
    assert site.heard.taken() == [failed, failed, ("totp_enrolled", "ann", "ann"), failed]
    assert site.heard.details == [
        f"WRONG_PASSWORD at {CHANGE}",
        f"WRONG_PASSWORD at {TOTP}",
        "",
        f"WRONG_CODE at {CONFIRM}",
    ]


async def test_a_second_factor_is_begun_confirmed_and_taken_off_in_this_order(
    site: LoginSite,
) -> None:
    ann = await site.log_in("ann")
    mine = {"password": PASSWORD}

    assert await ann.refused("POST", CONFIRM, {"code": "123456"}) == (409, "TOTP_STATE")
    assert await ann.refused("DELETE", TOTP, mine) == (409, "TOTP_STATE")
    totp = await enrolled(site, ann)
    wrong = "000000" if totp.at(now_s(site)) != "000000" else "000001"
    assert await ann.refused("POST", CONFIRM, {"code": wrong}) == (403, "WRONG_CODE")
    await ann.does("POST", CONFIRM, {"code": totp.at(now_s(site))})
    assert await ann.refused("POST", TOTP, mine) == (409, "TOTP_STATE")
