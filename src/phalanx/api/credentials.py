"""The doors of sealed credentials: put in, listed by name, forgotten, sealed anew. None gives a value back.

What comes in through them is nowhere repeated: not in a problem document, not in a log line. Nothing is
journaled and no idempotency key is taken; a writer names the version that it replaces.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Final, ParamSpec, TypeVar

import msgspec
from msgspec import Meta

from phalanx.access.errors import AccessError
from phalanx.access.vault.credentials import FIELDS_MAX, VALUE_BYTES_MAX, Credential
from phalanx.access.vault.errors import VaultError
from phalanx.api.decoding import Body
from phalanx.api.exchange import NO_STORE, Answer, Call, Door, answer_json
from phalanx.api.fields import name
from phalanx.api.policy import ADMINISTER
from phalanx.api.problems import Problem
from phalanx.api.shapes import ID_MAX, Name
from phalanx.domain.audit import Act
from phalanx.domain.secrets import SHOWN, Secret
from phalanx.domain.time import iso

PATH: Final = "/api/v1/credentials"
BODY_BYTES_MAX: Final = 512 * 1024
"""All fields at their longest, each byte written as six characters of JSON."""

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class CredentialBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a login needs at its broker, whole, in the place of version ``expected``; 0: there is none yet."""

    broker: Name
    fields: Annotated[
        dict[str, str],
        Meta(
            description="such as an API key, a password, the seed of a second factor: at most "
            f"{FIELDS_MAX}, each of at most {VALUE_BYTES_MAX} bytes; their names have 1 to 40 small letters, "
            "digits and _, a letter first"
        ),
    ]
    expected: Annotated[int, Meta(ge=0, le=ID_MAX)]

    def __repr__(self) -> str:
        return f"CredentialBody({SHOWN})"


class CredentialAnswer(msgspec.Struct, frozen=True):
    """What is shown of a credential; ``created_by`` and ``created_at`` are of this version."""

    login: str
    broker: str
    version: int
    kek_id: str
    created_by: str
    created_at: str


class CredentialsAnswer(msgspec.Struct, frozen=True):
    """All credentials, by login."""

    items: list[CredentialAnswer]


class ForgottenAnswer(msgspec.Struct, frozen=True):
    """Nothing is kept of this login any more."""

    login: str
    forgotten: bool = True


class KekAnswer(msgspec.Struct, frozen=True):
    """A key-encryption key by its id: how many records it seals (credentials, second factors, keys that
    sign), whether new ones are sealed with it, and whether it is here at all.
    """

    kek_id: str
    sealed: int
    current: bool
    present: bool


class KeksAnswer(msgspec.Struct, frozen=True):
    """The current key first, then the others."""

    items: list[KekAnswer]


class RekeyAnswer(msgspec.Struct, frozen=True):
    """``current`` seals from now on. ``failures``: the first of those records that could not be rewrapped, and
    stay as they were. ``retired`` keys seal nothing any more; ``older`` ones still do.
    """

    current: str
    rewrapped: int
    failed: int
    failures: list[str]
    retired: list[str]
    older: list[str]


async def list_credentials(call: Call) -> Answer:
    """Every credential without its fields."""
    kept = await _asked(call.system.access.credentials.list)
    return _answer(CredentialsAnswer([_shown(call, one) for one in kept]))


async def put_credential(call: Call) -> Answer:
    """Seal a new version of a login's credential, at a broker that is connected."""
    login = call.path("login")
    body = _decoded(call)
    broker = name(body.broker, "broker")
    if broker not in call.desk.capabilities:
        detail = f"no such broker is connected; there is {', '.join(call.desk.capabilities)}"
        raise Problem("UNKNOWN_BROKER", detail, field="broker")
    fields = {field: Secret(value) for field, value in body.fields.items()}
    written = await _asked(
        call.system.access.credentials.put,
        login,
        broker,
        fields,
        expected=body.expected,
        by=call.principal.actor,
    )
    call.record(Act.CREDENTIAL_WRITTEN, login, f"version {written.version}")
    return _answer(_shown(call, written))


async def forget_credential(call: Call) -> Answer:
    """Keep nothing of a login."""
    login = call.path("login")
    await _asked(call.system.access.credentials.forget, login)
    call.record(Act.CREDENTIAL_FORGOTTEN, login)
    return _answer(ForgottenAnswer(login))


async def list_keks(call: Call) -> Answer:
    """The key-encryption keys by their ids."""
    access = call.system.access
    used = await _asked(access.rewrapping.in_use)
    ids = access.keyring.ids
    others = sorted(used.keys() - set(ids))
    found = [KekAnswer(kek, used.get(kek, 0), kek == ids[0], kek in ids) for kek in (*ids, *others)]
    return _answer(KeksAnswer(found))


async def rekey(call: Call) -> Answer:
    """Have a new key seal everything, while everybody works."""
    rotation = call.system.access.rotation
    done = await _asked(rotation.run)
    call.record(Act.KEK_ROTATED, done.current, f"{done.rewrapped} records")
    await call.desk.durable(call.desk.state.seq)
    await _asked(rotation.forget_note, done)
    return _answer(msgspec.convert(done, RekeyAnswer, from_attributes=True))


async def _asked(
    ask: Callable[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs
) -> Result:
    """The vault's answer, from a thread: it waits for the disk."""
    with _unspoken():
        return await asyncio.to_thread(ask, *arguments, **named)


@contextmanager
def _unspoken() -> Iterator[None]:
    """A fault nobody foresaw may hold what was to be sealed in its words: where it happened is told, and
    of what kind it was.
    """
    try:
        yield
    except (AccessError, VaultError, Problem):
        raise
    except Exception as error:  # noqa: BLE001  told without its words
        fault = RuntimeError(f"{type(error).__name__} in the vault")
        raise fault.with_traceback(error.__traceback__) from None


def _decoded(call: Call) -> CredentialBody:
    """The body. What is wrong with it is said by its code, and of names by those that we know: somebody may
    have written a value where a name belongs.
    """
    try:
        return call.decode(_body)
    except Problem as problem:
        top = (problem.field or "").partition("[")[0].partition(".")[0]
        known = top if top in CredentialBody.__struct_fields__ else None
        detail = f"the body is not what it should be{f', at {known}' if known else ''}"
        raise Problem(problem.code, detail, field=known) from None


def _shown(call: Call, one: Credential) -> CredentialAnswer:
    zone = call.desk.state.settings.zone_offset_s
    created_at = iso(one.created_at, zone)
    return CredentialAnswer(
        one.login, one.broker, one.version, one.kek_id, one.created_by, created_at
    )


def _answer(body: object) -> Answer:
    return msgspec.structs.replace(answer_json(200, body), headers=(NO_STORE,))


_body: Body[CredentialBody] = Body(CredentialBody)
_SHOWN: Final = {
    "login": "dealer-1",
    "broker": "stub",
    "version": 3,
    "kek_id": "8d2c51f09a3be744",
    "created_by": "ann",
    "created_at": "2026-11-20T09:15:00.000000+05:30",
}
_NOT_GIVEN_BACK: Final = "No door gives a value back; the desk itself reads one, audited before."

doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        list_credentials,
        "Sealed credentials",
        CredentialsAnswer,
        policy=ADMINISTER,
        tag="credentials",
        about=_NOT_GIVEN_BACK,
        problems=("STORE_FAILED",),
        answers={"one login": {"items": [_SHOWN]}},
    ),
    Door(
        "GET",
        f"{PATH}/keks",
        list_keks,
        "Keys that seal",
        KeksAnswer,
        policy=ADMINISTER,
        tag="credentials",
        about="Ids of keys, which tell nothing of the keys. One that is not present is needed by records "
        "that nobody can open until it comes back.",
        problems=("STORE_FAILED",),
        answers={
            "one key": {
                "items": [
                    {"kek_id": "8d2c51f09a3be744", "sealed": 12, "current": True, "present": True}
                ]
            }
        },
    ),
    Door(
        "POST",
        f"{PATH}/rekey",
        rekey,
        "Change the key that seals",
        RekeyAnswer,
        policy=ADMINISTER,
        tag="credentials",
        about="Reads the setting kek again, or draws a new key where the server keeps its own; has it "
        "wrap everything, while everybody works; and lets go of keys that nothing needs any more. It may "
        "be repeated at any time, and a process that dies meanwhile finishes it when it starts.",
        problems=(
            *("REKEY_UNDER_WAY", "KEK_IN_USE", "KEK_NOT_KEPT", "TOO_MANY_KEKS", "STORE_FAILED"),
            *("KEY_FILE_UNREADABLE", "KEY_FILE_TOO_OPEN", "KEY_NOT_SET", "KEY_INVALID"),
            *("KEY_COMMAND_FAILED", "KEY_COMMAND_TOO_SLOW", "KEY_COMMAND_TOO_LONG"),
        ),
        answers={
            "a new key": {
                "current": "8d2c51f09a3be744",
                "rewrapped": 12,
                "failed": 0,
                "failures": [],
                "retired": ["51f0744b3e8d2ca9"],
                "older": [],
            }
        },
    ),
    Door(
        "PUT",
        f"{PATH}/{{login}}",
        put_credential,
        "Seal a login's credential",
        CredentialAnswer,
        policy=ADMINISTER,
        tag="credentials",
        about=f"{_NOT_GIVEN_BACK} The whole credential is written, in the place of the version that the "
        "writer expects; nothing of it is journaled, and no idempotency key is taken.",
        body=CredentialBody,
        body_max=BODY_BYTES_MAX,
        examples={
            "an API key": {
                "broker": "stub",
                "fields": {"api_key": "drawn by the broker", "password": "chosen by you"},
                "expected": 0,
            }
        },
        answers={"sealed": _SHOWN},
        problems=(
            *("UNKNOWN_BROKER", "VERSION_CONFLICT", "INVALID_CREDENTIAL"),
            *("TOO_MANY_CREDENTIALS", "STORE_FAILED"),
            *("MISSING_FIELD", "UNKNOWN_FIELD", "DUPLICATE_FIELD", "WRONG_TYPE", "INVALID_VALUE"),
            *("NUMBER_TOO_LARGE", "EMPTY_TEXT", "TEXT_TOO_LONG", "INVALID_TEXT", "INVALID_NUMBER"),
        ),
    ),
    Door(
        "DELETE",
        f"{PATH}/{{login}}",
        forget_credential,
        "Forget a login's credential",
        ForgottenAnswer,
        policy=ADMINISTER,
        tag="credentials",
        about="The sealed bytes are overwritten in the database.",
        problems=("NO_CREDENTIAL", "EMPTY_TEXT", "TEXT_TOO_LONG", "INVALID_TEXT", "STORE_FAILED"),
        answers={"forgotten": {"login": "dealer-1", "forgotten": True}},
    ),
)
