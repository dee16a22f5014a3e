"""The two doors that alerts come through: signed, or with the secret in the address.

Whatever is wrong with who asks is one answer, that there is nothing here: an unknown source, one that is
off, one of the other verification, a wrong secret. Only who has shown a secret is told more.
"""

from hashlib import sha256
from typing import Any, Final, NoReturn

import msgspec

from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.facts import UNKNOWN
from phalanx.api.hooks import examples
from phalanx.api.hooks.alerts import check_type, read_fields
from phalanx.api.hooks.memory import SourceMemory
from phalanx.api.hooks.principals import principal_of
from phalanx.api.hooks.signatures import Signed, is_one_of, is_signed, read_signed
from phalanx.api.hooks.template import fill_in
from phalanx.api.hooks.vault import open_secrets
from phalanx.api.instruction_shapes import InstructionBody
from phalanx.api.new_instructions import NewInstruction, read_instruction
from phalanx.api.outcomes import HELD, REJECTED, WORKING
from phalanx.api.peers import address_of
from phalanx.api.policy import PUBLIC
from phalanx.api.problems import Problem, as_problem
from phalanx.api.submission import give_as
from phalanx.desk.answers import Executed
from phalanx.desk.errors import Overloaded
from phalanx.domain.audit import Act
from phalanx.domain.events import InstructionHeld, InstructionPlanned
from phalanx.domain.hooks import HookMode, HookSource, HookVerification
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.instructions import Origin
from phalanx.domain.secrets import Secret
from phalanx.domain.time import SECOND
from phalanx.engine.apply.upkeep import key_id

PATH: Final = "/hooks/{source}"
BODY_MAX: Final = 64 * 1024
_TOO_MANY: Final = 429
_body: Body[InstructionBody] = Body(InstructionBody)
_pack = msgspec.msgpack.Encoder(order="sorted").encode


class HookAnswer(msgspec.Struct, frozen=True):
    """What an alert became. ``status``: WORKING, REJECTED or HELD; ``reason`` is a code. How many orders
    were planned, and for how many accounts or rows there was none; who they are is not a sender's.
    """

    source: str
    instruction_id: str
    status: str
    reason: str | None
    orders: int
    skips: int


async def signed_alert(call: Call) -> Answer:
    """An alert whose time, nonce and body are signed."""
    said = check_type(call.head)
    signed = read_signed(call.head)
    source, memory = await _known(call, HookVerification.HMAC)
    if not is_signed(_secrets(memory), signed, call.body) or source is None or memory is None:
        _nobody(call, memory)
    assert signed is not None, "what is not signed is nobody's"
    _enter(call, source)
    try:
        key = _key_of_nonce(call, memory, signed)
        memory.check_rate(source.caps.per_minute, call.received)
        memory.use(signed.nonce, call.received)
        memory.passes(call.received)
        asked = read_alert(source, call.body, said)
        return await _fire(call, source, memory, asked, _origin(call, key, asked))
    except Exception as error:
        if isinstance(error, Overloaded):
            memory.give_back(signed.nonce)
        _refused(call, source, memory, error)
        raise


async def addressed_alert(call: Call) -> Answer:
    """An alert whose sender knows the address, secret included."""
    said = check_type(call.head)
    source, memory = await _known(call, HookVerification.PATH_SECRET)
    shown = str(call.scope["path_params"]["secret"])
    if not is_one_of(_secrets(memory), shown) or source is None or memory is None:
        _nobody(call, memory)
    _enter(call, source)
    try:
        memory.check_rate(source.caps.per_minute, call.received)
        memory.passes(call.received)
        asked = read_alert(source, call.body, said)
        key = _key_of_body(call, source, asked)
        return await _fire(call, source, memory, asked, _origin(call, key, asked))
    except Exception as error:
        _refused(call, source, memory, error)
        raise


def read_alert(source: HookSource, content: bytes, said: bytes) -> NewInstruction:
    """What an alert asks for, by the source's template. Raises Problem."""
    return read_filled(fill_in(source.template, read_fields(content, said)))


def read_filled(document: bytes) -> NewInstruction:
    """What a filled template asks for: read as every instruction is. Raises Problem."""
    return read_instruction(_body.decode(document))


async def _known(
    call: Call, verification: HookVerification
) -> tuple[HookSource | None, SourceMemory | None]:
    """The source that the address names, if it takes such alerts, and what is remembered of it."""
    all_memory = await open_secrets(call)
    source = call.desk.state.hooks.get(str(call.scope["path_params"]["source"]))
    if source is None or not source.is_open or source.verification is not verification:
        return None, None
    return source, all_memory.of(source.name)


def _secrets(memory: SourceMemory | None) -> tuple[Secret, ...]:
    return () if memory is None else tuple(memory.secrets.values())


def _nobody(call: Call, memory: SourceMemory | None) -> NoReturn:
    """Raises Problem ``NOT_FOUND``, AccessError ``THROTTLED``; never what was wrong."""
    if memory is not None:
        memory.counts.unverified += 1
    call.record(Act.HOOK_REFUSED, UNKNOWN, "NOT_FOUND")
    call.house.hooks.count_wrong(address_of(call.scope))
    raise Problem("NOT_FOUND", "nothing is here, or not for whom this is from")


def _enter(call: Call, source: HookSource) -> None:
    """From here on it is the source that asks."""
    call.principal = principal_of(source, call.desk.state)


async def _fire(
    call: Call, source: HookSource, memory: SourceMemory, asked: NewInstruction, origin: Origin
) -> Answer:
    executed = await give_as(call, origin, asked, ask=source.mode is HookMode.ASK)
    memory.counts.accepted += 1
    memory.counts.last_accepted = call.desk.clock.now()
    return answer_json(202, _answer(source, executed), executed)


def _answer(source: HookSource, executed: Executed) -> HookAnswer:
    event = executed.events[0]
    if isinstance(event, InstructionHeld):
        return HookAnswer(source.name, event.instruction_id, HELD, None, 0, 0)
    assert isinstance(event, InstructionPlanned), f"{type(event).__name__}?"
    reason = None if event.refusal is None else event.refusal.code.name
    status = WORKING if reason is None else REJECTED
    counts = len(event.orders), len(event.skips)
    return HookAnswer(source.name, event.instruction_id, status, reason, *counts)


def _refused(call: Call, source: HookSource, memory: SourceMemory, error: Exception) -> None:
    """Count it, and tell it for the record."""
    problem = as_problem(error)
    is_busy = problem.status == _TOO_MANY
    if is_busy:
        memory.counts.throttled += 1
    else:
        memory.counts.refused += 1
    memory.counts.last_refused = call.desk.clock.now()
    memory.counts.last_refusal = problem.code
    if not is_busy or memory.is_to_be_told_busy(call.received):
        call.record(Act.HOOK_REFUSED, source.name, problem.code)


def _origin(call: Call, key: str, asked: NewInstruction) -> Origin:
    """In the source's name. The key is ours: one that the sender says would be the sender's to change."""
    fingerprint = sha256(_pack((DoorName.HOOKS.value, asked))).digest()[:16] if key else b""
    who, whence = call.principal, address_of(call.scope)
    return Origin(who.actor, DoorName.HOOKS, call.request_id, key, fingerprint, whence, who.sponsor)


def _key_of_nonce(call: Call, memory: SourceMemory, signed: Signed) -> str:
    """One key for what is signed with this nonce; journaled keys know it after a restart too.

    Raises Problem ``HOOK_STALE``, ``HOOK_REPLAYED``.
    """
    if not signed.is_in_window(call.desk.clock.now()):
        raise Problem("HOOK_STALE", "signed too long ago, or in the future; check the clock")
    key = f"nonce-{signed.nonce.decode('ascii')}"
    is_used = key_id(call.principal.actor, key) in call.desk.state.keys
    if is_used or memory.has_come(signed.nonce, call.received):
        raise Problem("HOOK_REPLAYED", "this alert has come already")
    return key


def _key_of_body(call: Call, source: HookSource, asked: NewInstruction) -> str:
    """One key for the same alert within ``repeat_s``: that of its stretch of time, or of the one before
    where it came in that, not longer ago. Journaled keys know it after a restart too.
    """
    if source.repeat_s == 0:
        return ""
    now, stretch_ns = call.desk.clock.now(), source.repeat_s * SECOND
    content = sha256(_pack((call.body, asked))).hexdigest()[:32]
    number = now // stretch_ns
    before = f"body-{content}-{source.repeat_s}-{number - 1}"
    use = call.desk.state.keys.get(key_id(call.principal.actor, before))
    if use is not None and now - use.time < stretch_ns:
        return before
    return f"body-{content}-{source.repeat_s}-{number}"


_ABOUT: Final = (
    "For alert platforms. The body is JSON, key=value or words; the source's template makes it an "
    "instruction, which is checked like every other. "
)
_PROBLEMS: Final = (
    *("NOT_FOUND", "THROTTLED", "HOOK_BUSY", "HOOK_QUANTITY", "HOOK_VALUE", "HOOK_VALUE_UNKNOWN"),
    *("HOOK_FIELD_NOT_PLAIN", "OUT_OF_REACH", "MISSING_FIELD", "UNKNOWN_FIELD", "DUPLICATE_FIELD"),
    *("WRONG_TYPE", "INVALID_VALUE", "TOO_MANY_FIELDS", "EMPTY_TEXT", "OVERLOADED", "DESK_STOPPED"),
    *("AMBIGUOUS_TOKEN", "PLAN_TOO_LARGE", "VIEWS_UNAVAILABLE", "FIRE_AT_PAST"),
    *("FIRE_AT_TOO_FAR", "TOO_MANY_HELD"),
)
_TERMS: Final[dict[str, Any]] = {
    "status": 202,
    "policy": PUBLIC,
    "tag": "webhooks",
    "body": bytes,
    "body_max": BODY_MAX,
    "media_type": "text/plain",
    "examples": examples.ALERTS,
}

doors: tuple[Door, ...] = (
    Door(
        "POST",
        PATH,
        signed_alert,
        "An alert that is signed",
        HookAnswer,
        about=_ABOUT + "X-Phalanx-Signature is v1= and the HMAC-SHA256, in hex, of "
        "timestamp.nonce.body: X-Phalanx-Timestamp in Unix seconds, at most 300 from now, "
        "X-Phalanx-Nonce of 8 to 64 letters, digits, - and _, each used once, and the bytes of the body.",
        problems=(*_PROBLEMS, "HOOK_STALE", "HOOK_REPLAYED"),
        **_TERMS,
    ),
    Door(
        "POST",
        f"{PATH}/{{secret}}",
        addressed_alert,
        "An alert whose address holds the secret",
        HookAnswer,
        about=_ABOUT
        + "For platforms that cannot sign: whoever knows the address may send. The same "
        "alert again within the source's repeat_s is answered as the first and does nothing.",
        problems=_PROBLEMS,
        **_TERMS,
    ),
)
