"""Ctrl-C and SIGTERM end a command that runs on: gently, with its summary."""

import asyncio
import signal


def stop_on_signals() -> asyncio.Event:
    """An event that a signal sets; the running loop's."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
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
