"""What has to be well at a login before its first order, from what is known of it: nobody is asked."""

from typing import Final

from phalanx.brokers.motilal.line import Line
from phalanx.brokers.motilal.times import INDIA_S
from phalanx.brokers.port import Check
from phalanx.domain.time import MILLISECOND, SECOND, Nanoseconds, iso

SKEW_MAX: Final[Nanoseconds] = 2 * SECOND
"""A code of the second factor still holds then, and the times of orders are those of their second."""


def login_checks(login: str, line: Line | None) -> tuple[Check, ...]:
    """The checks of a login, the first to be put right first; only that one of a login that nobody set up."""
    if line is None:
        detail = f"no login {login!r} is set up"
        fix = "write it into the file that PHALANX_MOTILAL_LOGINS names, and restart the server"
        return (Check("token", ok=False, detail=detail, fix=fix),)
    return (_token(login, line), line.egress.check(), _algo_id(line), _socket(line), _clock(line))


def _token(login: str, line: Line) -> Check:
    tokens = line.session.tokens
    if tokens is not None:
        return Check("token", ok=True, detail=f"valid until {iso(tokens.ends_at, INDIA_S)}")
    fix = f"put its credential right (`phalanx credentials put {login} --broker motilal`); it logs in by itself"
    return Check("token", ok=False, detail=line.session.why, fix=fix)


def _algo_id(line: Line) -> Check:
    algo_id = line.settings.algo_id
    if algo_id:
        return Check("algo_id", ok=True, detail=algo_id)
    fix = "write the `algo_id` that the broker gave you into the file of logins, and restart the server"
    return Check("algo_id", ok=False, detail="there is none: no order is written", fix=fix)


def _socket(line: Line) -> Check:
    if line.session.hears:
        return Check("socket", ok=True, detail="reports are heard")
    fix = (
        "see that the token is green and that `socket` can be reached; it connects again by itself"
    )
    return Check("socket", ok=False, detail="no reports are heard", fix=fix)


def _clock(line: Line) -> Check:
    ahead = line.session.skew.ahead
    if ahead is None:
        return Check("clock", ok=True, detail="the broker did not tell its time")
    bound = f"{SKEW_MAX // SECOND} s are allowed"
    detail = f"the broker's clock differs by {abs(ahead) // MILLISECOND} ms or more; {bound}"
    if abs(ahead) <= SKEW_MAX:
        return Check("clock", ok=True, detail=detail if ahead else "as the broker's")
    fix = "set this machine's clock by NTP, and see that the service that does so runs"
    return Check("clock", ok=False, detail=detail, fix=fix)
