"""Numbers that a person typed, checked before anything is sent."""

from phalanx.cli.exit_codes import Exit, Failure


def typed_number(text: str, option: str) -> str:
    """A plain decimal above zero, as it was typed. Raises Failure USAGE with the number's own code."""
    if _parsed(text, option) <= 0:
        raise Failure(Exit.USAGE, "NOT_POSITIVE", f"{option} must be above zero")
    return text


def typed_amount(text: str, option: str) -> str:
    """As ``typed_number``, zero allowed."""
    if _parsed(text, option) < 0:
        raise Failure(Exit.USAGE, "NOT_POSITIVE", f"{option} must not be below zero")
    return text


def typed_percent(text: str, option: str) -> str:
    """As ``typed_number``, at most 100 and with at most two decimals."""
    from phalanx.domain.numbers import BASIS_POINTS, parse_fixed, whole

    typed_number(text, option)
    value = parse_fixed(text)
    if value > whole(100):
        raise Failure(Exit.USAGE, "INVALID_VALUE", f"{option} must not be above 100")
    if value % (whole(100) // BASIS_POINTS):
        raise Failure(Exit.USAGE, "TOO_PRECISE", f"{option} takes at most two decimals")
    return text


def _parsed(text: str, option: str) -> int:
    from phalanx.domain.numbers import NumberError, parse_fixed

    try:
        return parse_fixed(text)
    except NumberError as error:
        detail = f"{option}: {text[:64]!r} is not a number that can be used here"
        raise Failure(Exit.USAGE, error.code, detail) from None
