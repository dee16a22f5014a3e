"""A bar on stderr while something takes long, where a person is looking; nothing anywhere else."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeAlias

from phalanx.cli.display.screen import Screen

Move: TypeAlias = Callable[[int, str], None]
"""Tell the bar how much is done, and what to say about it."""


@contextmanager
def progress(screen: Screen, text: str, total: int | None) -> Iterator[Move]:
    """A bar up to ``total``, or one that only moves (None). It leaves nothing behind."""
    stream = screen.progress_stream
    if stream is None:
        yield _say_nothing
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30, complete_style="green", finished_style="green"),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as bars:
        task = bars.add_task(escape(text), total=total, words="")

        def move(done: int, words: str) -> None:
            bars.update(task, completed=done, words=escape(words))

        yield move


@contextmanager
def upload(screen: Screen, text: str, size: int) -> Iterator[Callable[[int], None]]:
    """A bar for a file that goes to the server; when it has gone, one without an end follows: how
    long the server is at work on it is not known.
    """
    gone = 0
    with ExitStack() as bars:
        move = bars.enter_context(progress(screen, text, size))

        def sent(count: int) -> None:
            nonlocal gone
            gone += count
            move(gone, f"{gone:,} of {size:,} bytes")
            if gone >= size:
                bars.close()
                bars.enter_context(progress(screen, f"{text}: the server reads it", None))

        yield sent


def _say_nothing(done: int, words: str) -> None:
    """Nobody is looking."""
