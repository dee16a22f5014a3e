"""What every answer tells a browser: show it to nobody else, run nothing, keep nothing."""

from phalanx.api.problems import Headers

NO_STORE = (b"cache-control", b"no-store")
GUARDS: tuple[tuple[bytes, bytes], ...] = (
    NO_STORE,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""The guards of an answer that is data. A page says itself what of it may run, as a header of its own."""


def guards(given: Headers) -> Headers:
    """The guards that an answer with these headers does not bring itself."""
    if not given:
        return GUARDS
    names = {name for name, _ in given}
    return [guard for guard in GUARDS if guard[0] not in names]
