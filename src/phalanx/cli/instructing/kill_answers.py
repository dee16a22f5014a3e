"""What a kill's cancels and its exit came to, and which kills stand all the same, in words."""

from collections.abc import Iterator

from phalanx.cli.remote.documents import decode

Part = dict[str, object]

KILLS_NAMED_MAX = 5
_NOTHING = frozenset({"NOTHING_TO_EXIT", "NOTHING_VALID", "NOBODY_CHOSEN"})
"""Why an exit has no order: nobody there has anything to close, or each who has is named by itself."""


def told(answer: bytes) -> list[str]:
    """A few words for each instruction that went with the kill."""
    words = [_of_cancel(one) for one in _parts(answer, "cancel")]
    left = _number(_field(answer, "cancel"), "left")
    if left:
        words.append(f"{left} more follow at once")
    return [*words, *_of_flatten(answer)]


def unblocked(answer: bytes, whom: str) -> str:
    """What a kill that does not block says of new orders: others may stand."""
    document = _document(answer)
    kills = [_scope_of(one) for one in _rows(document, "in_force")]
    if not kills:
        return f"new orders may be sent for {whom}"
    named = ", ".join(kills[:KILLS_NAMED_MAX])
    more = _number(document, "in_force_total") - len(kills[:KILLS_NAMED_MAX])
    named += f" and {more} more" if more > 0 else ""
    stand = "s for {} still stand" if len(kills) > 1 else " for {} still stands"
    return f"no new kill for {whom}, but the kill{stand.format(named)}"


def left_open(answer: bytes) -> Iterator[str]:
    """A line for each account that keeps a position which was to be closed, with why."""
    found = _field(answer, "flatten")
    rows = _rows(found, "unclosed")
    for row in rows:
        yield f"not closed: {row.get('account')}: {row.get('message')}"
    more = _number(found, "unclosed_total") - len(rows)
    if more > 0:
        yield f"and {more} more"


def is_partial(answer: bytes) -> bool:
    """Whether somebody keeps a position that was to be closed."""
    if _number(_field(answer, "flatten"), "unclosed_total"):
        return True
    return any(_is_refused(one) for one in _parts(answer, "flatten"))


def _of_flatten(answer: bytes) -> list[str]:
    found = _field(answer, "flatten")
    if found is None:
        return []
    words = [_of_exit(one) for one in _parts(answer, "flatten") if not _is_empty(one)]
    closing = _number(found, "closing_already")
    if closing:
        words.append(f"positions of {_accounts(closing)} are being closed already")
    unclosed = _number(found, "unclosed_total")
    if unclosed:
        words.append(f"positions of {_accounts(unclosed)} are not closed")
    return words or ["nothing to close"]


def _is_empty(part: Part) -> bool:
    return part.get("reason") in _NOTHING


def _is_refused(part: Part) -> bool:
    return bool(part.get("reason")) and not _is_empty(part)


def _parts(answer: bytes, field: str) -> list[Part]:
    """The instruction, and the others where one could not hold it all; none where nothing was asked for."""
    found = _field(answer, field)
    return [] if found is None else [found, *_rows(found, "more")]


def _rows(found: Part | None, field: str) -> list[Part]:
    rows = None if found is None else found.get(field)
    return [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []


def _number(found: Part | None, field: str) -> int:
    number = None if found is None else found.get(field)
    return number if isinstance(number, int) else 0


def _field(answer: bytes, field: str) -> Part | None:
    document = _document(answer)
    found = None if document is None else document.get(field)
    return found if isinstance(found, dict) else None


def _document(answer: bytes) -> Part | None:
    document = decode(answer)
    return document if isinstance(document, dict) else None


def _scope_of(kill: Part) -> str:
    return f"{kill.get('level')} {kill['name']}" if kill.get("name") else "everybody"


def _accounts(count: int) -> str:
    return f"{count} account{'s' * (count > 1)}"


def _of_cancel(found: Part) -> str:
    if found.get("reason"):
        return f"nothing is canceled: {found.get('message') or found['reason']}"
    return f"{found.get('instruction_id')} cancels {_count(found, 'cancels')} orders"


def _of_exit(found: Part) -> str:
    if found.get("reason"):
        return f"nothing is closed: {found.get('message') or found['reason']}"
    orders = _count(found, "orders")
    return f"{found.get('instruction_id')} closes today's positions with {orders} orders"


def _count(found: Part, what: str) -> object:
    counts = found.get("counts")
    return counts.get(what) if isinstance(counts, dict) else "?"
