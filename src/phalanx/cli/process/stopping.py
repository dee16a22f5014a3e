"""Ctrl-C and SIGTERM end a command that runs on: gently, with its summary."""

import asyncio
import signal


class Stop(asyncio.Event):
    """Time to stop; ``number`` is the signal that said so."""

    def __init__(self) -> None:
        super().__init__()
        self.number: signal.Signals | None = None

    def by(self, number: signal.Signals) -> None:
        """Stop, because of this signal; the first one counts."""
        if self.number is None:
            self.number = number
        self.set()


def stop_on_signals() -> Stop:
    """An event that a signal sets; the running loop's."""
    stop = Stop()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.by, number)
    return stop


async def wait_for(stop: asyncio.Event, seconds: float) -> bool:
    """Wait that long; at once True when it is time to stop."""
    if seconds <= 0:
        await asyncio.sleep(0)
        return stop.is_set()
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True
