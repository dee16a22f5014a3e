"""What people send and see of webhook sources."""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from phalanx.api.hooks.memory import PER_MINUTE_MAX
from phalanx.api.shapes import Exact, Name, Note, Token

NAMED_MAX = 1_000
VALUES_MAX = 50
WORDS_MAX = 200
REPEAT_S_MAX = 3_600

ModeName: TypeAlias = Literal["auto", "ask", "off"]
VerificationName: TypeAlias = Literal["hmac", "path_secret"]
FieldPath: TypeAlias = Annotated[str, Meta(description="a dotted path into the alert")]
Names: TypeAlias = Annotated[list[Name], Meta(max_length=NAMED_MAX)]
TemplateDocument: TypeAlias = Annotated[
    Raw,
    Meta(
        description="the body of POST /api/v1/instructions, with {{field}} in its texts",
        extra_json_schema={"type": "object"},
    ),
]
AnyJson: TypeAlias = Annotated[
    Raw, Meta(description="an alert: JSON as its object, anything else as a text")
]
Words: TypeAlias = dict[str, str]


class CapsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``per_minute``: alerts that pass. ``quantity_max`` and ``value_max`` are of one order that opens
    risk; absent or null is no cap.
    """

    per_minute: Annotated[int, Meta(ge=1, le=PER_MINUTE_MAX)] = 60
    quantity_max: Exact | UnsetType = UNSET
    value_max: Exact | UnsetType = UNSET


class FenceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What it may touch; what is empty is no bound. With ``strategies`` it gives their signals only; with
    any of it, signals and orders only.
    """

    strategies: Names = []
    instruments: Annotated[list[Token], Meta(max_length=NAMED_MAX)] = []
    accounts: Names = []
    groups: Names = []


class HookChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source as it is from now on. ``values``: for a field of the alert, what its values stand for.
    ``lists``: fields of names with commas between. ``repeat_s``: without a signature, the same alert
    within so many seconds is one.
    """

    mode: ModeName
    verification: VerificationName
    template: TemplateDocument
    values: dict[str, Words] = {}
    lists: Annotated[list[FieldPath], Meta(max_length=VALUES_MAX)] = []
    caps: CapsBody = CapsBody()
    fence: FenceBody = FenceBody()
    repeat_s: Annotated[int, Meta(ge=0, le=REPEAT_S_MAX)] = 0
    enabled: bool = True
    note: Note = ""


class CapsAnswer(msgspec.Struct, frozen=True):
    """The caps of a source; null is none."""

    per_minute: int
    quantity_max: str | None
    value_max: str | None


class HookFenceAnswer(msgspec.Struct, frozen=True):
    """What a source may touch; what is empty is no bound."""

    strategies: list[str]
    instruments: list[str]
    accounts: list[str]
    groups: list[str]


class AlertCountsAnswer(msgspec.Struct, frozen=True):
    """What became of alerts since the server began. ``unverified``: without the secret. ``throttled``:
    above ``per_minute``. ``last_refusal`` is a code.
    """

    accepted: int
    refused: int
    throttled: int
    unverified: int
    last_accepted: str | None
    last_refused: str | None
    last_refusal: str | None


class HookSourceAnswer(msgspec.Struct, frozen=True):
    """A source. ``secrets``: the places of those that are good, the
    older first; without one nobody can send. ``fault``: why they cannot be
    opened. ``fields``: what the template takes of an alert.
    """

    name: str
    mode: str
    verification: str
    enabled: bool
    template: TemplateDocument
    values: dict[str, dict[str, str]]
    lists: list[str]
    fields: list[str]
    caps: CapsAnswer
    fence: HookFenceAnswer
    repeat_s: int
    note: str
    secrets: list[int]
    fault: str | None
    counts: AlertCountsAnswer


class HookSourceList(msgspec.Struct, frozen=True):
    """Sources, oldest first."""

    items: list[HookSourceAnswer]
    total: int
    as_of: int


class HookRemovedAnswer(msgspec.Struct, frozen=True):
    """A source that is gone, and its secrets with it."""

    name: str
    removed: bool


class TrialBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An alert to try. A text is taken as a sender's plain text, everything else as its JSON."""

    body: AnyJson


class TrialAnswer(msgspec.Struct, frozen=True):
    """What an alert would become. Nothing was fired, and no cap was asked."""

    source: str
    kind: str
    instruction: TemplateDocument


class SecretAnswer(msgspec.Struct, frozen=True):
    """A secret, which is shown this once. ``path``: of a source that cannot sign, what to call.
    ``slot``: its place; ``secrets``: the places of all that are good now, the older first.
    """

    source: str
    secret: str
    slot: int
    path: str
    secrets: list[int]


class SecretEndedAnswer(msgspec.Struct, frozen=True):
    """A secret that is good for nothing any more, and the places of those that are left."""

    source: str
    slot: int
    secrets: list[int]
