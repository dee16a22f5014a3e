"""Webhook sources, for the people who set them up: list, put, remove, and try an alert."""

import re
from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from phalanx.api.confine import confine
from phalanx.api.decoding import Body
from phalanx.api.exchange import BODY_BYTES_MAX, NO_STORE, Answer, Call, Door, answer_json
from phalanx.api.fields import name, note, positive, token
from phalanx.api.hooks import examples
from phalanx.api.hooks.alerts import JSON_TYPE, read_fields
from phalanx.api.hooks.firing import read_filled
from phalanx.api.hooks.memory import HookMemory
from phalanx.api.hooks.principals import principal_of
from phalanx.api.hooks.shapes import (
    VALUES_MAX,
    WORDS_MAX,
    AlertCountsAnswer,
    CapsAnswer,
    HookChange,
    HookFenceAnswer,
    HookRemovedAnswer,
    HookSourceAnswer,
    HookSourceList,
    TrialAnswer,
    TrialBody,
)
from phalanx.api.hooks.template import TEMPLATE_BYTES_MAX, check_template, fields_of, fill_in
from phalanx.api.hooks.vault import forget_secrets, open_secrets
from phalanx.api.lists import PageQuery, page
from phalanx.api.naming import known, known_account, plain_name
from phalanx.api.policy import MANAGE
from phalanx.api.problems import Problem
from phalanx.api.reach import reach_of
from phalanx.desk.desk import Desk
from phalanx.domain.hooks import (
    HookCaps,
    HookFence,
    HookMode,
    HookSource,
    HookTemplate,
    HookVerification,
    WordMap,
)
from phalanx.domain.instructions import KINDS
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.names import NAME_CHARACTERS_MAX
from phalanx.domain.numbers import Fixed, format_fixed
from phalanx.domain.time import Nanoseconds, iso
from phalanx.engine.commands import PutHooks

PATH: Final = "/api/v1/hooks"
VALUE_CHARACTERS_MAX: Final = 128
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_change: Body[HookChange] = Body(HookChange)
_trial: Body[TrialBody] = Body(TrialBody)


async def list_hooks(call: Call) -> Answer:
    """All sources of webhooks."""
    query = call.query(PageQuery)
    memory = await open_secrets(call)
    desk = call.desk
    found = list(desk.state.hooks.values())
    return await call.as_of(
        lambda seq: HookSourceList(
            [shown(desk, memory, one) for one in page(found, query)], len(found), seq
        )
    )


async def get_hook(call: Call) -> Answer:
    """One source of webhooks."""
    memory = await open_secrets(call)
    source = find_source(call)
    return await call.as_of(lambda _: shown(call.desk, memory, source))


async def put_hook(call: Call) -> Answer:
    """A source is made, or changed as a whole. Its secrets stay; a new one has none."""
    desk = call.desk
    called = _new_name(call)
    asked = _asked(called, call.decode(_change))
    origin = call.origin(DoorName.HOOKS, "put", asked)
    source = _resolved(desk, asked)
    if called not in desk.state.hooks and not call.is_repeat(origin):
        # What an earlier source of this name may have left must not open this one.
        await forget_secrets(call, called)
    executed = await desk.execute(PutHooks(origin, (source,)))
    memory = await open_secrets(call)
    return answer_json(200, shown(desk, memory, source), executed)


async def delete_hook(call: Call) -> Answer:
    """A source goes, and its secrets go first."""
    called = call.path("source")
    origin = call.origin(DoorName.HOOKS, "delete", called)
    if not call.is_repeat(origin):
        find_source(call)
        await forget_secrets(call, called)
    executed = await call.desk.execute(PutHooks(origin, removed=(called,)))
    return answer_json(200, HookRemovedAnswer(called, removed=True), executed)


async def try_hook(call: Call) -> Answer:
    """What an alert would become."""
    sample = bytes(call.decode(_trial).body)
    source = find_source(call)
    is_text = sample[:1] == b'"'
    content = msgspec.json.decode(sample, type=str).encode() if is_text else sample
    document = fill_in(source.template, read_fields(content, b"" if is_text else JSON_TYPE))
    asked = read_filled(document)
    state = call.desk.state
    reach = reach_of(principal_of(source, state), state)
    confine(asked.request, reach, state, call.desk.instruments)
    found = TrialAnswer(source.name, KINDS[type(asked.request)], Raw(document))
    return msgspec.structs.replace(answer_json(200, found), headers=(NO_STORE,))


def find_source(call: Call) -> HookSource:
    """The source that the path names. Raises Problem ``NOT_FOUND``."""
    called = call.path("source")
    found = call.desk.state.hooks.get(called)
    if found is None:
        raise Problem("NOT_FOUND", f"no webhook source {called}")
    return found


def shown(desk: Desk, memory: HookMemory, source: HookSource) -> HookSourceAnswer:
    """A source as people see it."""
    caps, fence = source.caps, source.fence
    of = memory.of(source.name)
    return HookSourceAnswer(
        source.name,
        source.mode.value,
        source.verification.value,
        source.enabled,
        Raw(source.template.document.encode()),
        {one.field: dict(one.words) for one in source.template.values},
        list(source.template.lists),
        list(fields_of(source.template)),
        CapsAnswer(caps.per_minute, _text(caps.quantity_max), _text(caps.value_max)),
        HookFenceAnswer(
            list(fence.strategies),
            [plain_name(desk, key) for key in fence.instruments],
            list(fence.accounts),
            list(fence.groups),
        ),
        source.repeat_s,
        source.note,
        list(of.secrets),
        of.fault or None,
        _counts(desk, memory, source),
    )


def _counts(desk: Desk, memory: HookMemory, source: HookSource) -> AlertCountsAnswer:
    counts = memory.of(source.name).counts

    def when(time: Nanoseconds) -> str | None:
        return iso(time, desk.state.settings.zone_offset_s) if time else None

    return AlertCountsAnswer(
        counts.accepted,
        counts.refused,
        counts.throttled,
        counts.unverified,
        when(counts.last_accepted),
        when(counts.last_refused),
        counts.last_refusal or None,
    )


def _new_name(call: Call) -> str:
    called = call.path("source")
    if _NAME.fullmatch(called) is None:
        detail = "a source is called by 1 to 40 small letters, digits, - and _"
        raise Problem("INVALID_VALUE", detail, field="source")
    return called


def _asked(called: str, change: HookChange) -> HookSource:
    """What a body says; instruments still by name. Raises Problem."""
    document = bytes(change.template)
    if len(document) > TEMPLATE_BYTES_MAX:
        detail = f"a template has at most {TEMPLATE_BYTES_MAX} bytes"
        raise Problem("TEXT_TOO_LONG", detail, field="template")
    template = HookTemplate(document.decode(), _values(change), tuple(dict.fromkeys(change.lists)))
    check_template(template)
    caps, fence = change.caps, change.fence
    return HookSource(
        called,
        HookMode(change.mode),
        HookVerification(change.verification),
        template,
        HookCaps(
            caps.per_minute,
            _most(caps.quantity_max, "caps.quantity_max"),
            _most(caps.value_max, "caps.value_max"),
        ),
        HookFence(
            _names(fence.strategies, "fence.strategies"),
            _names(
                [
                    token(one, f"fence.instruments[{at}]")
                    for at, one in enumerate(fence.instruments)
                ],
                "fence.instruments",
            ),
            _names(fence.accounts, "fence.accounts"),
            _names(fence.groups, "fence.groups"),
        ),
        change.repeat_s,
        change.enabled,
        note(change.note),
    )


def _values(change: HookChange) -> tuple[WordMap, ...]:
    found = []
    if len(change.values) > VALUES_MAX:
        raise Problem("INVALID_VALUE", f"of at most {VALUES_MAX} fields", field="values")
    for field, words in change.values.items():
        if not 1 <= len(words) <= WORDS_MAX:
            detail = f"1 to {WORDS_MAX} values of a field"
            raise Problem("INVALID_VALUE", detail, field=f"values.{field}"[:NAME_CHARACTERS_MAX])
        for word in (*words, *words.values()):
            if len(word) > VALUE_CHARACTERS_MAX:
                detail = f"at most {VALUE_CHARACTERS_MAX} characters"
                raise Problem(
                    "TEXT_TOO_LONG", detail, field=f"values.{field}"[:NAME_CHARACTERS_MAX]
                )
        found.append(WordMap(field, tuple(words.items())))
    return tuple(found)


def _names(texts: Iterable[str], field: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name(one, f"{field}[{at}]") for at, one in enumerate(texts)))


def _most(raw: Raw | UnsetType, field: str) -> Fixed | None:
    return None if raw is UNSET or bytes(raw) == b"null" else positive(raw, field)


def _resolved(desk: Desk, source: HookSource) -> HookSource:
    """With the keys of its instruments, if all that its fence names is there.

    Raises Problem ``UNKNOWN_STRATEGY``, ``UNKNOWN_INSTRUMENT``, ``AMBIGUOUS_TOKEN``, ``UNKNOWN_ACCOUNT``,
    ``UNKNOWN_GROUP``.
    """
    fence, state = source.fence, desk.state
    for at, one in enumerate(fence.strategies):
        if one not in state.strategies:
            field = f"fence.strategies[{at}]"
            raise Problem("UNKNOWN_STRATEGY", f"no strategy {one}", field=field)
    for at, one in enumerate(fence.accounts):
        known_account(desk, one, f"fence.accounts[{at}]")
    for at, one in enumerate(fence.groups):
        if one not in state.groups:
            raise Problem("UNKNOWN_GROUP", f"no group {one}", field=f"fence.groups[{at}]")
    keys = (
        known(desk, one, f"fence.instruments[{at}]").key for at, one in enumerate(fence.instruments)
    )
    resolved = msgspec.structs.replace(fence, instruments=tuple(dict.fromkeys(keys)))
    return msgspec.structs.replace(source, fence=resolved)


def _text(value: Fixed | None) -> str | None:
    return None if value is None else format_fixed(value)


_VAULT: Final = ("STORE_FAILED", "CANNOT_UNSEAL", "KEK_MISSING", "VERSION_CONFLICT")

doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        list_hooks,
        "All sources of webhooks",
        HookSourceList,
        policy=MANAGE,
        tag="webhooks",
        query=PageQuery,
    ),
    Door(
        "GET",
        f"{PATH}/{{source}}",
        get_hook,
        "One source of webhooks",
        HookSourceAnswer,
        policy=MANAGE,
        tag="webhooks",
        problems=("NOT_FOUND",),
    ),
    Door(
        "PUT",
        f"{PATH}/{{source}}",
        put_hook,
        "Make or change a source of webhooks",
        HookSourceAnswer,
        policy=MANAGE,
        tag="webhooks",
        about="As a whole. A field of the alert is named by a dotted path; what `values` says of it must "
        "name every value that may come. A source without a secret takes nothing.",
        body=HookChange,
        body_max=BODY_BYTES_MAX,
        examples=examples.SOURCE,
        problems=(
            *("HOOK_TEMPLATE", "INVALID_VALUE", "NOT_POSITIVE", "TEXT_TOO_LONG", "TOO_MANY_HOOKS"),
            *("UNKNOWN_STRATEGY", "UNKNOWN_INSTRUMENT", "AMBIGUOUS_TOKEN", "UNKNOWN_ACCOUNT"),
            *("UNKNOWN_GROUP", *_VAULT),
        ),
        keyed=True,
    ),
    Door(
        "DELETE",
        f"{PATH}/{{source}}",
        delete_hook,
        "Remove a source of webhooks and its secrets",
        HookRemovedAnswer,
        policy=MANAGE,
        tag="webhooks",
        problems=("NOT_FOUND", *_VAULT),
        keyed=True,
    ),
    Door(
        "POST",
        f"{PATH}/{{source}}/try",
        try_hook,
        "What an alert would become",
        TrialAnswer,
        policy=MANAGE,
        tag="webhooks",
        about="Nothing is fired, and no secret is needed. Caps are not asked: they hold for orders, which "
        "are planned when an alert comes.",
        body=TrialBody,
        body_max=2 * BODY_BYTES_MAX,
        examples=examples.TRIAL,
        problems=(
            *("NOT_FOUND", "HOOK_VALUE_UNKNOWN", "HOOK_FIELD_NOT_PLAIN", "OUT_OF_REACH"),
            *("MISSING_FIELD", "INVALID_VALUE", "TOO_MANY_FIELDS", "EMPTY_TEXT", "DUPLICATE_FIELD"),
        ),
    ),
)
