"""A command that is turned away whole: nothing is journaled, nothing changes."""

from collections.abc import Sequence


class Refused(Exception):
    """``code`` is stable and reaches the caller; ``detail`` is a sentence.

    ``differences``: one sentence for each thing that is not as it was expected.
    """

    def __init__(self, code: str, detail: str, differences: Sequence[str] = ()) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.differences = tuple(differences)
