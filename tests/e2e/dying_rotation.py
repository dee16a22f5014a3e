"""Phalanx that is killed on the way to a new key: `python -m tests.e2e.dying_rotation STEP COMMAND…`.

Right before STEP it is as after `kill -9`; with a number, at that batch of the rewrapping.
"""

import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from typing import Any, Final

from phalanx.access.vault import rewrap
from phalanx.access.vault.key_places import OwnFiles
from phalanx.cli import app

STEPS: Final[dict[str, tuple[Any, str]]] = {
    "swap": (OwnFiles, "_swap"),
    "remove": (OwnFiles, "_remove_old"),
}


def killed_at(step: str) -> None:
    """From now on."""
    where, name = STEPS.get(step, (rewrap, "writing"))
    wanted = int(step) if step.isdigit() else 1
    does: Callable[..., Any] = getattr(where, name)
    times = count(1)

    def dies(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401  whatever the step takes
        if next(times) == wanted:
            os.kill(os.getpid(), signal.SIGKILL)
        return does(*arguments, **named)

    setattr(where, name, dies)


if __name__ == "__main__":
    killed_at(sys.argv.pop(1))
    app(prog_name="phalanx")
