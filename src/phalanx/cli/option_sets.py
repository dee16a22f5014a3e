"""Options that come in sets: a parameter of such a type stands for all its fields.

``expanded`` turns ``def exit(…, firing: Firing)`` into a command with an option for every field of
``Firing``, so that options which many commands share are written, and explained, once.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from phalanx.cli.options import (
    DEFAULT_TIMEOUT_S,
    IMPORT_TIMEOUT_S,
    LIMIT_MAX,
    AccountsOption,
    AtOption,
    CaOption,
    ClientsOption,
    ConfirmOption,
    ConnectionOption,
    CsvOption,
    DetailOption,
    ExpiresOption,
    GroupsOption,
    InsecureOption,
    JsonOption,
    KeyOption,
    LongLimitOption,
    Mode,
    ModeOption,
    NoteOption,
    OnMoved,
    OnMovedOption,
    PreviewOption,
    ServerOption,
    SkipOption,
    TimeoutOption,
    WaitOption,
    WaitTimeoutOption,
)

if TYPE_CHECKING:
    from phalanx.cli.display.screen import Screen
    from phalanx.cli.remote.client import Server


@dataclass(frozen=True, kw_only=True)
class Reaching:
    """A server, the way there, and as whom."""

    server: ServerOption = None
    connection: ConnectionOption = None
    ca: CaOption = None
    insecure: InsecureOption = False


@dataclass(frozen=True, kw_only=True)
class Asking(Reaching):
    """A question to a server, and how its answer is shown."""

    timeout_s: TimeoutOption = DEFAULT_TIMEOUT_S
    as_json: JsonOption = False

    def connect(self) -> "Server":
        """The server, to be closed by ``with``. Raises Failure as `target` does."""
        from phalanx.cli.remote import connecting

        return connecting.connect(self.server, self.timeout_s, self.connection)

    def screen(self) -> "Screen":
        """Where the answer goes."""
        from phalanx.cli.display.screen import Screen

        return Screen(as_json=self.as_json)


@dataclass(frozen=True, kw_only=True)
class Paged(Asking):
    """A list that is shown a page at a time."""

    limit: LongLimitOption = LIMIT_MAX
    skip: SkipOption = 0


@dataclass(frozen=True, kw_only=True)
class Listing(Asking):
    """A list, which may also be wanted as CSV."""

    as_csv: CsvOption = False


@dataclass(frozen=True, kw_only=True)
class PagedListing(Paged, Listing):
    """A list that is shown a page at a time, or wanted as CSV."""


@dataclass(frozen=True, kw_only=True)
class Changing(Asking):
    """A change, which is never carried out twice under one key."""

    key: KeyOption = None


@dataclass(frozen=True, kw_only=True)
class Importing(Changing):
    """A file that goes to the server, which may take its time with it."""

    timeout_s: TimeoutOption = IMPORT_TIMEOUT_S


@dataclass(frozen=True, kw_only=True)
class Comparing(Asking):
    """A file that goes to the server for its opinion only, which may take its time."""

    timeout_s: TimeoutOption = IMPORT_TIMEOUT_S


@dataclass(frozen=True, kw_only=True)
class Deciding(Changing):
    """A word on what somebody else asked for."""

    note: NoteOption = ""


@dataclass(frozen=True, kw_only=True)
class Sending(Changing):
    """An instruction that acts at once, and what to wait for."""

    note: NoteOption = ""
    expires_s: ExpiresOption = None
    wait: WaitOption = False
    wait_s: WaitTimeoutOption = 60.0
    detail: DetailOption = False

    def remarks(self) -> dict[str, object]:
        """The fields of a request that every instruction takes, as far as they were said."""
        said: dict[str, object] = {}
        if self.note:
            said["note"] = self.note
        if self.expires_s is not None:
            said["expires_s"] = self.expires_s
        return said


@dataclass(frozen=True, kw_only=True)
class Rehearsing(Sending):
    """An instruction that is only shown until it is confirmed."""

    confirm: ConfirmOption = False


@dataclass(frozen=True, kw_only=True)
class Firing(Rehearsing):
    """An instruction that the server can preview, and fire as it was previewed."""

    preview: PreviewOption = None
    on_moved: OnMovedOption = OnMoved.SKIP


@dataclass(frozen=True, kw_only=True)
class Timed(Firing):
    """As ``Firing``, for one kind of book only, and perhaps later."""

    mode: ModeOption = None
    fire_at: AtOption = None

    def remarks(self) -> dict[str, object]:
        said = super().remarks()
        if self.mode is not None:
            said["mode"] = Mode(self.mode).value
        if self.fire_at is not None:
            said["fire_at"] = self.fire_at
        return said


@dataclass(frozen=True, kw_only=True)
class ForWhom:
    """Which accounts; the union of these."""

    accounts: AccountsOption = None
    clients: ClientsOption = None
    groups: GroupsOption = None

    def chosen(self) -> dict[str, object]:
        """The fields of a request that choose; empty for everybody."""
        said = {"accounts": self.accounts, "clients": self.clients, "groups": self.groups}
        return {name: value for name, value in said.items() if value}


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for every field of its parameters that are sets."""
    signature = inspect.signature(command)
    sets: dict[str, Any] = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if is_dataclass(parameter.annotation)
    }

    @wraps(command)
    def run(**given: Any) -> None:  # noqa: ANN401 - as the command has them
        made = {
            name: shape(**{field.name: given.pop(field.name) for field in fields(shape)})
            for name, shape in sets.items()
        }
        command(**given, **made)

    parameters = [one for name, one in signature.parameters.items() if name not in sets]
    for shape in sets.values():
        parameters += [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=field.type,
            )
            for field in fields(shape)
        ]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run
