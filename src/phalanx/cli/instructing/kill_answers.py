"""What a kill's cancels and its exit came to, in words."""

from phalanx.cli.remote.documents import decode

Part = dict[str, object]


def told(answer: bytes) -> list[str]:
    """A few words for each instruction that went with the kill."""
    words = [_of_cancel(one) for one in _parts(answer, "cancel")]
    left = (_field(answer, "cancel") or {}).get("left")
    if left:
        words.append(f"{left} more follow at once")
    return [*words, *(_of_exit(one) for one in _parts(answer, "flatten"))]


def is_partial(answer: bytes) -> bool:
    """Whether the kill stands, and not all that should have gone with it."""
    return any(one.get("instruction_id") is None for one in _parts(answer, "flatten"))


def _parts(answer: bytes, field: str) -> list[Part]:
    """The instruction, and the others where one could not hold it all; none where nothing was asked for."""
    found = _field(answer, field)
    if found is None:
        return []
    more = found.get("more")
    others = more if isinstance(more, list) else []
    return [found, *(one for one in others if isinstance(one, dict))]


def _field(answer: bytes, field: str) -> Part | None:
    document = decode(answer)
    found = document.get(field) if isinstance(document, dict) else None
    return found if isinstance(found, dict) else None


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
