"""Who calls, as a person; and the fields and answers that the doors of this room have in common."""

from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from phalanx.api.exchange import NO_STORE, Answer, Call, answer_json
from phalanx.api.problems import Problem
from phalanx.domain.access import PrincipalKind
from phalanx.domain.names import is_printable
from phalanx.domain.secrets import Secret
from phalanx.domain.time import Nanoseconds, iso

if TYPE_CHECKING:
    from phalanx.access.directory import Directory
    from phalanx.access.picture import User

USER_NAME_MAX: Final = 64
PASSWORD_MAX: Final = 256
CODE_MAX: Final = 32


def _text(characters_max: int, **more: str) -> Meta:
    return Meta(extra_json_schema={"minLength": 1, "maxLength": characters_max, **more})


UserName: TypeAlias = Annotated[str, _text(USER_NAME_MAX)]
Password: TypeAlias = Annotated[str, _text(PASSWORD_MAX, format="password")]
Code: TypeAlias = Annotated[str, _text(CODE_MAX)]


def directory_of(call: Call) -> "Directory":
    """Users, sessions and keys. Raises Problem LOGINS_OFF where nobody is asked who they are."""
    system = call.system
    if system.settings.open_localhost:
        raise Problem("LOGINS_OFF", "there are no logins while the server runs --open-localhost")
    return system.access.directory


def person_of(call: Call) -> "User":
    """The user who calls. Raises Problem PERSON_NEEDED for a machine key, LOGINS_OFF."""
    directory = directory_of(call)
    if call.principal.kind is not PrincipalKind.USER:
        detail = "this is about the login of a person, and a machine key has none"
        raise Problem("PERSON_NEEDED", detail)
    return directory.users.get(call.principal.name)


def text(value: str, field: str, characters_max: int) -> str:
    """A text of 1 to so many characters, none of them a control character.

    Raises Problem ``EMPTY_TEXT``, ``TEXT_TOO_LONG``, ``INVALID_TEXT``; it never shows the text.
    """
    if not value:
        raise Problem("EMPTY_TEXT", "must not be empty", field=field)
    if len(value) > characters_max:
        raise Problem("TEXT_TOO_LONG", f"at most {characters_max} characters", field=field)
    if not is_printable(value):
        raise Problem("INVALID_TEXT", "holds a control character", field=field)
    return value


def password(value: str, field: str) -> Secret:
    """A password, as it was typed. Raises Problem as `text`."""
    return Secret(text(value, field, PASSWORD_MAX))


def code(value: str, field: str) -> Secret:
    """A code of an authenticator, or for recovery. Raises Problem as `text`."""
    return Secret(text(value, field, CODE_MAX))


def time_of(call: Call, time: Nanoseconds) -> str:
    """A time as the doors say it."""
    return iso(time, call.desk.state.settings.zone_offset_s)


def time_or_none(call: Call, time: Nanoseconds | None) -> str | None:
    """A time, where there is one."""
    return None if time is None else time_of(call, time)


def answer_private(body: object, *headers: tuple[bytes, bytes]) -> Answer:
    """An answer that nobody on the way may keep."""
    return msgspec.structs.replace(answer_json(200, body), headers=(NO_STORE, *headers))
