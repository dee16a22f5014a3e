"""The demo's first twenty seconds: one instruction of every kind, through the front door."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
import msgspec

from phalanx.cli.demo.world import CORE, core_members, nifty_symbols
from phalanx.cli.display.screen import Screen
from phalanx.cli.exit_codes import Failure
from phalanx.cli.input.moments import clock_now
from phalanx.cli.process.stopping import wait_for
from phalanx.cli.remote.client import refusal
from phalanx.cli.remote.documents import decode_as

LIST = "nifty49"
AMOUNT = "4000"
"""Rupees per stock of the list: most of the 49 for the rich, the first dozen for the poor."""
API = "/api/v1"
KILL_NOTE = "the demo shows it"
"""By which a kill is known that an earlier demo put and did not come to lift."""


class Reply(msgspec.Struct, frozen=True):
    """What of an instruction's answer the scene tells."""

    instruction_id: str
    status: str
    message: str | None
    counts: dict[str, int]


class Tally(msgspec.Struct, frozen=True):
    """How an instruction stands, as the list of instructions has it."""

    instruction_id: str
    orders_total: int
    orders_open: int
    skips_total: int
    cancels_total: int
    filled: int
    canceled: int
    rejected: int


class Tallies(msgspec.Struct, frozen=True):
    """A page of the list of instructions."""

    items: list[Tally]


class Previewed(msgspec.Struct, frozen=True):
    """What of a preview the scene needs."""

    token: str
    counts: dict[str, int]


class Token(msgspec.Struct, frozen=True):
    """What of an instrument the scene needs."""

    ltp: float
    tick_size: float


class Kill(msgspec.Struct, frozen=True):
    """A standing kill; ``level``: whose."""

    level: str
    note: str

    @property
    def is_for_everybody(self) -> bool:
        """It stops the whole scene."""
        return self.level == "all"


class Kills(msgspec.Struct, frozen=True):
    """What is stopped now."""

    items: list[Kill]


class Scene:
    """Plays one act after another, ``pause_s`` apart; an act that fails is told, and the next one begins."""

    def __init__(self, http: httpx.AsyncClient, screen: Screen, pause_s: float = 1.0) -> None:
        self._http = http
        self._screen = screen
        self._pause_s = pause_s
        self._resting = ""

    async def play(self, stop: asyncio.Event) -> bool:
        """All acts; True when it was time to stop."""
        if await self._is_stopped(stop):
            return stop.is_set()
        acts: tuple[Callable[[], Awaitable[None]], ...] = (
            self._keep,
            self._list,
            self._batch,
            self._cancel,
            self._exit,
            self._kill,
            self._signal_under_kill,
            self._lift,
        )
        for act in acts:
            await self._try(act, stop)
            if await wait_for(stop, self._pause_s):
                return True
        return False

    async def _try(self, act: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
        try:
            await act()
        except Failure as failure:
            self._screen.note(f"{failure.detail} [{failure.code}]")
        except httpx.HTTPError as error:
            if not stop.is_set():
                self._screen.note(f"no answer: {str(error) or type(error).__name__}")

    async def _is_stopped(self, stop: asyncio.Event) -> bool:
        """Whether a kill of somebody else's stands, which is not the demo's to lift."""
        kills: list[Kill] = []

        async def look() -> None:
            kills.extend(decode_as(await self._send("GET", f"{API}/kill"), Kills).items)

        await self._try(look, stop)
        for kill in kills:
            if kill.is_for_everybody and kill.note != KILL_NOTE:
                self._say(
                    f"a kill stands for everybody ({kill.note or 'no note'}): nothing is shown"
                )
                return True
            if kill.is_for_everybody:
                await self._try(self._lift, stop)
        return False

    async def _keep(self) -> None:
        """The list and the group that the acts speak of."""
        symbols = nifty_symbols()
        await self._send("PUT", f"{API}/priority-lists/{LIST}", {"instruments": symbols})
        members = [
            {"client": client, "multiplier": multiplier} for client, multiplier in core_members()
        ]
        await self._send("PUT", f"{API}/groups/{CORE}", {"members": members})

    async def _list(self) -> None:
        """Look at what the list would buy, then fire exactly that."""
        body = {
            "kind": "priority_buy",
            "list": LIST,
            "allocation": "fixed_amount",
            "amount": AMOUNT,
            "note": "the morning list",
        }
        content = await self._send("POST", f"{API}/instructions/preview", body)
        previewed = decode_as(content, Previewed)
        self._say(f"{LIST}: a preview of {previewed.counts['orders']} orders for every client")
        reply = await self._instruct({**body, "preview": previewed.token})
        await self._tell(f"buy down {LIST}", reply)

    async def _batch(self) -> None:
        """A basket below the market, by each account's multiplier; it rests."""
        token = decode_as(await self._send("GET", f"{API}/tokens/NSE:2885"), Token)
        ticks = int(token.ltp * 0.97 / token.tick_size)
        body = {
            "kind": "batch",
            "instrument": "RELIANCE",
            "side": "BUY",
            "type": "LIMIT",
            "price": f"{ticks * token.tick_size:.2f}",
            "allocation": {"method": "multiplier", "quantity": "2"},
            "groups": [CORE],
            "note": "a bid below the market",
        }
        reply = await self._instruct(body)
        self._resting = reply.instruction_id
        await self._tell(f"bid for RELIANCE, group {CORE}", reply)

    async def _cancel(self) -> None:
        content = await self._send("POST", f"{API}/instructions/{self._resting}/cancel")
        await self._tell("cancel the rest of that", decode_as(content, Reply))

    async def _exit(self) -> None:
        body = {"kind": "exit", "instrument": "NSE:1594", "note": "out of INFY"}
        await self._tell("exit INFY by its token, for everybody", await self._instruct(body))

    async def _kill(self) -> None:
        await self._send("PUT", f"{API}/kill", {"note": KILL_NOTE})
        self._say("kill: no new risk for anybody; cancels and exits still pass")

    async def _signal_under_kill(self) -> None:
        body = {
            "kind": "signal",
            "strategy": "STRATEGY_B",
            "instrument": "MINDA",
            "position": "BUY",
        }
        reply = await self._instruct(body)
        self._say(f"a signal under the kill: {reply.status.lower()}, {reply.message}")

    async def _lift(self) -> None:
        await self._send("DELETE", f"{API}/kill")
        self._say("the kill is lifted; from here on a random signal now and then")

    async def _instruct(self, body: Mapping[str, Any]) -> Reply:
        return decode_as(await self._send("POST", f"{API}/instructions", body), Reply)

    async def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        answer = await self._http.request(method, path, json=body)
        if answer.is_error:
            raise refusal(answer)
        return answer.content

    async def _tell(self, what: str, reply: Reply) -> None:
        """What became of it, a moment later."""
        await asyncio.sleep(self._pause_s)
        path = f"{API}/instructions?limit=20"
        items = decode_as(await self._send("GET", path), Tallies).items
        found = next((item for item in items if item.instruction_id == reply.instruction_id), None)
        if reply.status == "REJECTED" or found is None:
            self._say(f"{what}: {reply.status.lower()} {reply.message or ''}".rstrip())
            return
        words = [f"{found.orders_total} orders"] if found.orders_total else []
        words += [
            f"{count} {word}"
            for count, word in (
                (found.filled, "filled"),
                (found.orders_open, "working"),
                (found.canceled, "canceled"),
                (found.rejected, "rejected"),
                (found.cancels_total, "cancels"),
                (found.skips_total, "skipped"),
            )
            if count
        ]
        self._say(f"{what}: {', '.join(words)}")

    def _say(self, text: str) -> None:
        if self._screen.as_json:
            self._screen.document({"scene": text})
        else:
            self._screen.say(f"{clock_now()}  {text}")
