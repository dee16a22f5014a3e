"""A command that is turned away whole: nothing is journaled, nothing changes."""


class Refused(Exception):
    """``code`` is stable and reaches the caller; ``detail`` is a sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
