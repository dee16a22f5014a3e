"""Which rows somebody wants to see: ``account=PAPER-1``, ``status=FILLED,REJECTED``."""

from collections.abc import Callable, Sequence

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.watching.messages import Item, Message
from phalanx.domain.instructions import KINDS, InstructionStatus
from phalanx.domain.orders import OrdStatus

FIELDS = ("account", "instrument", "status", "kind", "strategy")
INSTRUCTIONS_KEPT = 4_096
CHOICES = {
    "status": tuple(dict.fromkeys((*OrdStatus.__members__, *InstructionStatus.__members__))),
    "kind": tuple(dict.fromkeys(KINDS.values())),
}
"""Fields with so few words that another one is a mistake."""
_INSTRUMENT_FIELDS = ("symbol", "instrument", "token_id")


class Filters:
    """Several words of one field mean any of them, several fields all of them.

    A row without a field passes no filter on it; an order is of the kind of its instruction.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._wanted: dict[str, set[str]] = {}
        self._instruments: list[str] = []
        self._kinds: dict[str, str] = {}
        for word in words:
            field, _, values = word.partition("=")
            said = [value.strip() for value in values.split(",") if value.strip()]
            chosen = {value.casefold() for value in said}
            if field not in FIELDS or not chosen:
                detail = f"{word[:64]!r}: a filter is one of {', '.join(FIELDS)}, then = and a word"
                raise Failure(Exit.USAGE, "BAD_FILTER", detail)
            _check(field, chosen)
            self._wanted.setdefault(field, set()).update(chosen)
            if field == "instrument":
                self._instruments += said

    @property
    def need_kinds(self) -> bool:
        """Whether instructions must be known to tell of which kind an order is."""
        return "kind" in self._wanted

    def resolve(self, key_of: Callable[[str], str]) -> None:
        """Have every instrument by its key, such as NSE:2885, whatever the caller called it."""
        if self._instruments:
            self._wanted["instrument"] = {key_of(word).casefold() for word in self._instruments}

    def chosen(self, message: Message) -> list[Item]:
        """The rows of a message that pass."""
        self._learn(message)
        if not self._wanted:
            return message.items
        return [item for item in message.items if self.passes(item)]

    def passes(self, item: Item) -> bool:
        """Whether one row does."""
        return all(
            any(value.casefold() in wanted for value in self._values(item, field))
            for field, wanted in self._wanted.items()
        )

    def _learn(self, message: Message) -> None:
        if message.topic != "instructions":
            return
        for item in message.items:
            self._kinds[str(item.get("instruction_id"))] = str(item.get("kind"))
        while len(self._kinds) > INSTRUCTIONS_KEPT:
            del self._kinds[next(iter(self._kinds))]

    def _values(self, item: Item, field: str) -> list[str]:
        if field == "kind" and "kind" not in item:
            return [self._kinds.get(str(item.get("instruction_id")), "")]
        names = _INSTRUMENT_FIELDS if field == "instrument" else (field,)
        found = [str(item[name]) for name in names if item.get(name)]
        if field == "instrument" and item.get("exchange"):
            # A line of the order log has the two halves of the key.
            found.append(f"{item['exchange']}:{item.get('token_id')}")
        # NSE:2885 is asked for as 2885 as well.
        return [*found, *(text.partition(":")[2] for text in found if ":" in text)]


def _check(field: str, words: set[str]) -> None:
    """Raises Failure BAD_FILTER for a word that nothing will ever be."""
    choices = CHOICES.get(field)
    unknown = words - {choice.casefold() for choice in choices} if choices else None
    if choices and unknown:
        detail = f"no {field} is {min(unknown)[:64]!r}: it is one of {', '.join(choices)}"
        raise Failure(Exit.USAGE, "BAD_FILTER", detail)
