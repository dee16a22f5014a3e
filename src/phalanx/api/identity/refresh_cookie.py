"""The cookie that keeps a browser's refresh token away from scripts. `POST /api/v1/auth/refresh` reads it, and
nothing else does.

A browser sends cookies along whoever's page asks. So where the cookie counts the browser must say that the
page is one of ours: ``Origin``, which it sends with every POST, and ``Sec-Fetch-Site`` where it knows that.
"""

from typing import Final

from phalanx.api.exchange import Call
from phalanx.api.problems import Problem
from phalanx.domain.secrets import Secret

NAME: Final = b"__Host-phalanx_refresh"
COOKIE_BYTES_MAX: Final = 8_192
_ATTRIBUTES: Final = b"Path=/; HttpOnly; Secure; SameSite=Strict"
_OWN_SITE: Final = frozenset({b"same-origin", b"none"})


def set_cookie(token: Secret, life_s: int) -> tuple[bytes, bytes]:
    """The header that keeps a token in the browser for so long."""
    value = b"%s=%s; %s; Max-Age=%d"
    return b"set-cookie", value % (NAME, token.reveal().encode("ascii"), _ATTRIBUTES, life_s)


def clear_cookie() -> tuple[bytes, bytes]:
    """The header that takes the token out of the browser."""
    return b"set-cookie", b"%s=; %s; Max-Age=0" % (NAME, _ATTRIBUTES)


def read_cookie(call: Call) -> Secret | None:
    """The token in the request's cookie; None where there is none, or more than one.

    Raises Problem ORIGIN_NOT_ALLOWED where a cookie is there and the page that asks is not known as ours.
    """
    header = call.head.values.get(b"cookie", b"")
    if len(header) > COOKIE_BYTES_MAX:
        return None
    pairs = (pair.strip().partition(b"=") for pair in header.split(b";"))
    found = [value for name, _, value in pairs if name == NAME]
    if not found:
        return None
    _check_page(call)
    return Secret(found[0].decode("latin-1")) if len(found) == 1 else None


def _check_page(call: Call) -> None:
    head = call.head
    site = head.values.get(b"sec-fetch-site")
    is_own = bool(head.origin) and call.house.guard.allows_page(call.scope, head)
    if not is_own or (site is not None and site not in _OWN_SITE):
        raise Problem("ORIGIN_NOT_ALLOWED", "a cookie counts for our own pages only")
