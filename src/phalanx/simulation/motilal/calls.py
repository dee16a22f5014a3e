"""One REST call, as its door sees it, and the envelope that its answer comes in."""

from typing import Any, TypeAlias

import msgspec

from phalanx.simulation.motilal.config import Login
from phalanx.simulation.motilal.headers import Headers
from phalanx.simulation.motilal.refusals import Refused
from phalanx.simulation.motilal.sessions import Session

Envelope: TypeAlias = dict[str, object]


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls for whom. ``client``: the account, empty where the call is about none."""

    body: dict[str, Any]
    headers: Headers
    session: Session
    client: str = ""


def success(message: str, **more: object) -> Envelope:
    """What a call that worked is answered with; ``more``: beside the envelope's own fields."""
    return {"status": "SUCCESS", "message": message, "errorcode": "", **more}


def rows(message: str, found: list[dict[str, Any]], code_of_none: str) -> Envelope:
    """A list under ``data``. Raises Refused where it is empty, which is a failure at this broker."""
    if not found:
        raise Refused(code_of_none)
    return success(message, data=found)


def client_of(login: Login, body: dict[str, Any]) -> str:
    """The account that a body is about: an investor's own, or the one that a dealer names. Raises Refused."""
    told = str(body.get("clientcode") or "")
    if not login.is_dealer:
        if told not in {"", login.userid}:
            raise Refused("MO1098")
        return login.userid
    if not told:
        raise Refused("MO1062")
    if told == login.userid:
        raise Refused("MO1087")
    if told not in login.clients:
        raise Refused("MO1098")
    return told
