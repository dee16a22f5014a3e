"""Numbers that a person typed, checked before anything is sent."""

from phalanx.cli.exits import Exit, Failure


def typed_number(text: str, option: str) -> str:
    """A plain decimal above zero, as it was typed. Raises Failure USAGE with the number's own code."""
    from phalanx.domain.numbers import NumberError, parse_fixed

    try:
        value = parse_fixed(text)
    except NumberError as error:
        detail = f"{option}: {text[:64]!r} is not a number that can be used here"
        raise Failure(Exit.USAGE, error.code, detail) from None
    if value <= 0:
        raise Failure(Exit.USAGE, "NOT_POSITIVE", f"{option} must be above zero")
    return text
