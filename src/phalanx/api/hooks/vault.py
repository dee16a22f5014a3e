"""The secrets of webhook sources: sealed in the vault, opened into memory, drawn and ended.

There are two places, ``secret1`` and ``secret2``, and a secret keeps its own as long as it is good, so
that one is never ended for the other. What stands first is the older; a third takes its place.
"""

import asyncio
from collections.abc import Mapping
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Final

from phalanx.access.errors import AccessError
from phalanx.access.vault.errors import VaultCode, VaultError
from phalanx.api.exchange import Call
from phalanx.api.hooks.memory import HookMemory, Secrets
from phalanx.api.hooks.signatures import SECRET_BYTES
from phalanx.api.problems import Problem
from phalanx.domain.hooks import SECRETS_MAX, vault_login
from phalanx.domain.secrets import Secret
from phalanx.domain.time import MINUTE

if TYPE_CHECKING:
    from phalanx.access.access import Access

BROKER: Final = "webhook"
"""What stands in the vault in the place of a broker."""
READER: Final = "desk"
SLOTS: Final = tuple(range(1, SECRETS_MAX + 1))
_SLOT_OF: Final = {f"secret{slot}": slot for slot in SLOTS}


async def open_secrets(call: Call) -> HookMemory:
    """What is remembered of all sources, with their secrets: they are read when the first alert comes
    after a start, whichever source it names. Those that could not be opened, and no others, are tried again
    after a minute.
    """
    memory = call.house.hooks
    sources = call.desk.state.hooks
    if not memory.to_be_opened(sources, call.received):
        return memory
    async with memory.opening:
        for name, one in (await _opened(call, memory.to_be_opened(sources, call.received))).items():
            if isinstance(one, str):
                memory.of(name).stay_closed(one, call.received + MINUTE)
            else:
                memory.of(name).use_secrets(one)
    return memory


async def draw_secret(call: Call, source: str) -> tuple[Secret, Secrets]:
    """A new secret of a source, and all that are good now. Raises VaultError."""
    drawn = Secret(token_urlsafe(SECRET_BYTES))
    async with call.house.hooks.opening:
        secrets = await _kept(call, source)
        slot = next((one for one in SLOTS if one not in secrets), None) or next(iter(secrets))
        secrets.pop(slot, None)
        return drawn, await _change(call, source, {**secrets, slot: drawn})


async def end_secret(call: Call, source: str, slot: int) -> Secrets:
    """One secret of a source is good for nothing any more; those that are left.

    Raises VaultError, Problem ``NOT_FOUND`` where there is none in this place.
    """
    async with call.house.hooks.opening:
        secrets = await _kept(call, source)
        if secrets.pop(slot, None) is None:
            raise Problem("NOT_FOUND", f"{source} has no secret {slot}")
        return await _change(call, source, secrets)


async def forget_secrets(call: Call, source: str) -> None:
    """Keep no secret of this source, wherever one is left. Raises VaultError."""
    async with call.house.hooks.opening:
        await asyncio.to_thread(_forget, call.system.access, source)
        call.house.hooks.forget(source)


async def _kept(call: Call, source: str) -> Secrets:
    return await asyncio.to_thread(_read, call.system.access, source, "to change them")


async def _change(call: Call, source: str, secrets: Secrets) -> Secrets:
    """Seal these, then use them. Raises VaultError."""
    access = call.system.access
    by = call.principal.actor
    await asyncio.to_thread(_write, access, source, secrets, by)
    call.house.hooks.of(source).use_secrets(secrets)
    return secrets


async def _opened(call: Call, names: tuple[str, ...]) -> Mapping[str, Secrets | str]:
    """Of each source its secrets, or the code of why they cannot be opened."""
    try:
        access = call.system.access
    except (AccessError, VaultError) as error:
        return dict.fromkeys(names, str(error.code))
    return await asyncio.to_thread(_read_all, access, names)


def _read_all(access: "Access", names: tuple[str, ...]) -> Mapping[str, Secrets | str]:
    found: dict[str, Secrets | str] = {}
    for name in names:
        try:
            found[name] = _read(access, name, "to check alerts")
        except VaultError as error:
            found[name] = str(error.code)
    return found


def _read(access: "Access", source: str, why: str) -> Secrets:
    try:
        fields = access.credentials.read(vault_login(source), READER, why)
    except VaultError as error:
        if error.code is VaultCode.NO_CREDENTIAL:
            return {}
        raise
    return {_SLOT_OF[name]: value for name, value in fields.items() if name in _SLOT_OF}


def _write(access: "Access", source: str, secrets: Secrets, by: str) -> None:
    login = vault_login(source)
    if not secrets:
        _forget(access, source)
        return
    expected = next((one.version for one in access.credentials.list() if one.login == login), 0)
    fields = {f"secret{slot}": value for slot, value in secrets.items()}
    access.credentials.put(login, BROKER, fields, expected=expected, by=by[:64])


def _forget(access: "Access", source: str) -> None:
    try:
        access.credentials.forget(vault_login(source))
    except VaultError as error:
        if error.code is not VaultCode.NO_CREDENTIAL:
            raise
