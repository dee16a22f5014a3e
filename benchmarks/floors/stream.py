"""The floor of the stream: a bare loop that writes the same frames to as many sockets."""

import argparse
import asyncio
import signal
from pathlib import Path
from typing import cast

import msgspec
import uvloop

from benchmarks.slow_readers import HANDSHAKE
from benchmarks.worker import freeze

SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
BUFFERED_MAX = 256 * 1024
"""What one socket has not taken yet; above it the loop waits."""


class Stage:
    """Everybody who listens; whoever says GO is told nothing and makes it begin."""

    def __init__(self, frames: list[bytes]) -> None:
        self.listeners: list[asyncio.Transport] = []
        self._frames = frames
        self._playing: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Everything once."""
        self._playing = asyncio.create_task(self._play())

    async def _play(self) -> None:
        for frame in self._frames:
            for listener in self.listeners:
                listener.write(frame)
            await asyncio.sleep(0)
            while self.listeners[-1].get_write_buffer_size() > BUFFERED_MAX:  # noqa: ASYNC110
                await asyncio.sleep(0.001)


class Seat(asyncio.Protocol):
    """One connection."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if data == HANDSHAKE:
            self._transport.write(SWITCHED)
            self._stage.listeners.append(self._transport)
        else:
            self._stage.begin()


async def _serve(frames: list[bytes]) -> None:
    stage = Stage(frames)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Seat(stage), "127.0.0.1", 0, backlog=2_048)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    freeze()
    print(msgspec.json.encode({"ready": True, "url": url}).decode(), flush=True)
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()


def main() -> None:
    """``python -m benchmarks.floors.stream --data FRAMES``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    recorded = parser.parse_args().data.read_bytes()
    uvloop.run(_serve(msgspec.msgpack.decode(recorded, type=list[bytes])))


if __name__ == "__main__":
    main()
