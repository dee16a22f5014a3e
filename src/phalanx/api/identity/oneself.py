"""What people see and change of their own login: who they are, password, second factor."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

import msgspec

from phalanx.access.errors import AccessCode, AccessError
from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door
from phalanx.api.identity import examples
from phalanx.api.identity.callers import (
    Code,
    Password,
    answer_private,
    code,
    directory_of,
    password,
    person_of,
)
from phalanx.api.policy import KNOWN, OWING
from phalanx.domain.access import NO_FENCE, Fence, Principal, PrincipalKind
from phalanx.domain.audit import Act

TOTP: Final = "/api/v1/auth/totp"
_WRONG: Final = frozenset({AccessCode.WRONG_PASSWORD, AccessCode.WRONG_CODE, AccessCode.THROTTLED})


class FenceAnswer(msgspec.Struct, frozen=True):
    """What a machine key may touch; an empty list is no fence."""

    strategies: list[str]
    instruments: list[str]
    accounts: list[str]


class MeAnswer(msgspec.Struct, frozen=True):
    """Whoever asks. ``role`` is null for who is no user, ``clients`` for who sees them all, ``fence`` for who
    has none. ``session`` is the id of the session, or of the machine key.
    """

    name: str
    kind: Literal["user", "machine", "local", "hook"]
    role: str | None
    permissions: list[str]
    clients: list[int] | None
    fence: FenceAnswer | None
    session: str
    second_factor: Literal["off", "waiting", "on"]
    recovery_codes_left: int
    must_change: bool


class NewPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The password of now, and the one from now on: 12 to 256 characters, and not the user's name."""

    old: Password
    new: Password


class PasswordChangedAnswer(msgspec.Struct, frozen=True):
    """The password is another one; the user's other sessions are over."""

    name: str
    must_change: bool


class Confirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One's own password, once more."""

    password: Password


class FirstCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A code that the authenticator shows now."""

    code: Code


class TotpAnswer(msgspec.Struct, frozen=True):
    """What the authenticator needs, shown once: the secret in base 32, and the same as ``otpauth`` URI."""

    secret: str
    uri: str


class RecoveryCodesAnswer(msgspec.Struct, frozen=True):
    """Codes that stand for one of the authenticator, each once. They are shown once."""

    recovery_codes: list[str]


class TotpOffAnswer(msgspec.Struct, frozen=True):
    """There is no second factor any more."""

    second_factor: Literal["off"]


_new_password: Body[NewPassword] = Body(NewPassword)
_confirmation: Body[Confirmation] = Body(Confirmation)
_first_code: Body[FirstCode] = Body(FirstCode)


async def who_am_i(call: Call) -> Answer:
    """Whoever asks, and what they may do."""
    principal = call.principal
    if principal.kind is not PrincipalKind.USER:
        # Without a system nobody can say who anybody is.
        call.house.open_system()
        return answer_private(_me(principal, None, "off", 0, must_change=False))
    user = person_of(call)
    factors = directory_of(call).factors
    left = await asyncio.to_thread(factors.recovery_codes_left, user.id)
    me = _me(principal, user.role, user.totp.value, left, must_change=user.must_change)
    return answer_private(me)


async def change_password(call: Call) -> Answer:
    """One's own password becomes another one."""
    body = call.decode(_new_password)
    old, new = password(body.old, "old"), password(body.new, "new")
    user = person_of(call)
    users, session = directory_of(call).users, call.principal.session
    with _wrong_ones_recorded(call, user.name):
        changed = await asyncio.to_thread(users.change_password, user.id, session, old, new)
    call.record(Act.PASSWORD_CHANGED, changed.name)
    return answer_private(PasswordChangedAnswer(changed.name, changed.must_change))


async def enrol_totp(call: Call) -> Answer:
    """A second factor; it asks for nothing until its first code was confirmed."""
    given = password(call.decode(_confirmation).password, "password")
    user = person_of(call)
    with _wrong_ones_recorded(call, user.name):
        enrolment = await asyncio.to_thread(directory_of(call).factors.enrol, user.id, given)
    call.record(Act.TOTP_ENROLLED, user.name)
    return answer_private(TotpAnswer(enrolment.secret.reveal(), enrolment.uri.reveal()))


async def confirm_totp(call: Call) -> Answer:
    """From now on a login asks for a code."""
    given = code(call.decode(_first_code).code, "code")
    user = person_of(call)
    with _wrong_ones_recorded(call, user.name):
        codes = await asyncio.to_thread(directory_of(call).factors.confirm, user.id, given)
    call.record(Act.TOTP_ENABLED, user.name)
    return answer_private(RecoveryCodesAnswer([one.reveal() for one in codes]))


async def disable_totp(call: Call) -> Answer:
    """One's own second factor goes."""
    given = password(call.decode(_confirmation).password, "password")
    user = person_of(call)
    with _wrong_ones_recorded(call, user.name):
        await asyncio.to_thread(directory_of(call).factors.disable, user.id, given)
    call.record(Act.TOTP_DISABLED, user.name)
    return answer_private(TotpOffAnswer("off"))


@contextmanager
def _wrong_ones_recorded(call: Call, name: str) -> Iterator[None]:
    """Put on the record that somebody who is logged in could not say their password or code: it may be a
    session that was stolen.
    """
    try:
        yield
    except AccessError as error:
        if error.code in _WRONG:
            call.record(Act.CONFIRMATION_FAILED, name, f"{error.code} at {call.scope['path']}")
        raise


def fence_answer(fence: Fence) -> FenceAnswer:
    """A fence, its names in order."""
    return FenceAnswer(sorted(fence.strategies), sorted(fence.instruments), sorted(fence.accounts))


def _me(
    principal: Principal,
    role: str | None,
    second_factor: Literal["off", "waiting", "on"],
    recovery_codes_left: int,
    *,
    must_change: bool,
) -> MeAnswer:
    clients = principal.client_ids
    return MeAnswer(
        principal.name,
        principal.kind.value,
        role,
        sorted(principal.permissions),
        None if clients is None else sorted(clients),
        None if principal.fence == NO_FENCE else fence_answer(principal.fence),
        principal.session,
        second_factor,
        recovery_codes_left,
        must_change,
    )


_PERSON = ("PERSON_NEEDED", "LOGINS_OFF", "STORE_FAILED")
_SEALED = ("CANNOT_UNSEAL", "KEK_MISSING")
_CONFIRMED = ("WRONG_PASSWORD", "THROTTLED")
_TEXTS = ("MISSING_FIELD", "UNKNOWN_FIELD", "EMPTY_TEXT", "TEXT_TOO_LONG", "INVALID_TEXT")

doors: tuple[Door, ...] = (
    Door(
        "GET",
        "/api/v1/auth/me",
        who_am_i,
        "Who I am",
        MeAnswer,
        policy=OWING,
        tag="identity",
        problems=("STORE_FAILED",),
        answers={"a user": examples.ME, "a machine key": examples.ME_MACHINE},
    ),
    Door(
        "POST",
        "/api/v1/auth/password",
        change_password,
        "Change one's password",
        PasswordChangedAnswer,
        policy=OWING,
        tag="identity",
        about="The user's other sessions end; the one that asks goes on.",
        body=NewPassword,
        examples=examples.NEW_PASSWORD,
        problems=(*_PERSON, *_CONFIRMED, "WEAK_PASSWORD", *_TEXTS),
        answers={"changed": {"name": "ann", "must_change": False}},
    ),
    Door(
        "POST",
        TOTP,
        enrol_totp,
        "Begin with a second factor",
        TotpAnswer,
        policy=KNOWN,
        tag="identity",
        about="Shows the secret once. Logins ask for a code only after the first one was confirmed.",
        body=Confirmation,
        examples=examples.CONFIRMATION,
        problems=(*_PERSON, *_CONFIRMED, "TOTP_STATE", *_TEXTS),
    ),
    Door(
        "POST",
        f"{TOTP}/confirm",
        confirm_totp,
        "Confirm the second factor",
        RecoveryCodesAnswer,
        policy=KNOWN,
        tag="identity",
        about="With its first code the second factor is on. The recovery codes are shown once.",
        body=FirstCode,
        examples=examples.FIRST_CODE,
        problems=(*_PERSON, "WRONG_CODE", "THROTTLED", "TOTP_STATE", *_SEALED, *_TEXTS),
        answers={"on": {"recovery_codes": ["k3yq-7f2m-x5ab-pl6d", "b2nw-q4ze-55tg-hm7c"]}},
    ),
    Door(
        "DELETE",
        TOTP,
        disable_totp,
        "Take off the second factor",
        TotpOffAnswer,
        policy=KNOWN,
        tag="identity",
        about="Its recovery codes go with it.",
        body=Confirmation,
        examples=examples.CONFIRMATION,
        problems=(*_PERSON, *_CONFIRMED, "TOTP_STATE", *_TEXTS),
        answers={"off": {"second_factor": "off"}},
    ),
)
