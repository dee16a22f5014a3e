"""Load for a server that dies: requests of every kind, and a record of every answer."""

import asyncio
import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx

INSTRUCTIONS = "/api/v1/instructions"
ACCOUNTS = 12
INSTRUMENTS = ("INFY", "TCS", "ACC", "MINDA", "L&T", "NTPC")
PROFILES = {
    f"User {n}": {f"STRATEGY_{(n + k) % 5}": list(INSTRUMENTS) for k in range(3)}
    for n in range(ACCOUNTS)
}
ANSWER_S_MAX = 60
"""Longer than any pause of the server."""
GROUP = "core"
LIST = "first"
SLOW = {"ack_delay_ms": 5, "fill_duration_ms": 150, "slices": 3}
"""How a part of the accounts is filled, so that kills and exits meet orders that work."""

Json = dict[str, Any]


class Asked(NamedTuple):
    """What was posted, and where."""

    path: str
    body: Json


async def set_up(url: str) -> None:
    """A group, a list, and accounts of which every third is filled slowly."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        members = [f"PAPER-{number}" for number in range(1, ACCOUNTS // 2)]
        answers = [
            await http.put(f"/api/v1/groups/{GROUP}", json={"members": members}),
            await http.put(f"/api/v1/priority-lists/{LIST}", json={"instruments": INSTRUMENTS}),
        ]
        for number in range(1, ACCOUNTS + 1, 3):
            change = {"fill_profile": SLOW}
            answers.append(await http.patch(f"/api/v1/accounts/PAPER-{number}", json=change))
    for answer in answers:
        assert answer.status_code in {200, 201}, answer.text


class Client:
    """Posts as fast as it can and keeps its own record of every answer."""

    def __init__(self, url: str, seed: int) -> None:
        self.url = url
        self._random = random.Random(seed)
        self._numbers = itertools.count()
        self.asked: dict[str, Asked] = {}
        self.answers: dict[str, Json] = {}
        self.unanswered: dict[str, Asked] = {}

    async def produce(self, producers: int, stop: asyncio.Event) -> None:
        async with httpx.AsyncClient(base_url=self.url, timeout=ANSWER_S_MAX) as http:
            await asyncio.gather(*(self._produce(http, stop) for _ in range(producers)))

    async def ask_again(self) -> None:
        """What the kill left open is asked again under its own key: there is one answer for ever."""
        async with httpx.AsyncClient(base_url=self.url, timeout=ANSWER_S_MAX) as http:
            for key in list(self.unanswered):
                await self._post(http, key)

    async def repeat(self, count: int) -> None:
        """What was answered, asked again, gets the first answer to the letter."""
        keys = self._random.sample(list(self.answers), min(count, len(self.answers)))
        async with httpx.AsyncClient(base_url=self.url, timeout=ANSWER_S_MAX) as http:
            for key in keys:
                response = await _posted(http, self.asked[key], key)
                assert response.json() == self.answers[key], key

    async def _produce(self, http: httpx.AsyncClient, stop: asyncio.Event) -> None:
        while not stop.is_set():
            key = f"key-{next(self._numbers)}"
            self.unanswered[key] = self.asked[key] = self._wish()
            try:
                await self._post(http, key)
            except httpx.TransportError:
                return

    async def _post(self, http: httpx.AsyncClient, key: str) -> None:
        response = await _posted(http, self.unanswered[key], key)
        if response.status_code == 503:
            return
        asked = self.unanswered.pop(key)
        if response.status_code == 422 and "fire_at" in asked.body:
            # The kill took it before it was journaled, and by now its time is over.
            assert response.json()["code"] == "FIRE_AT_PAST", response.text
            return
        assert response.status_code in {200, 202}, response.text
        self.answers[key] = response.json()

    # --- what is asked ---------------------------------------------------------------------------

    def _wish(self) -> Asked:
        makers = (self._signal, self._priority_buy, self._rows, self._allocated, self._exit)
        wish = self._random.choices(makers, (10, 2, 4, 3, 5))[0]()
        if wish.path == INSTRUCTIONS and self._random.random() < 0.15:
            later = datetime.now(UTC) + timedelta(seconds=0.2 + 2 * self._random.random())
            wish.body["fire_at"] = later.isoformat()
        return wish

    def _signal(self) -> Asked:
        body = {
            "STRATEGY": f"STRATEGY_{self._random.randrange(5)}",
            "INSTRUMENT": self._random.choice(INSTRUMENTS),
            "POSITION": self._random.choice(("BUY", "SELL")),
        }
        return Asked("/create_order", body)

    def _priority_buy(self) -> Asked:
        amount = self._random.choice(("3000", "20000"))
        body: Json = {"kind": "priority_buy", "allocation": "fixed_amount", "amount": amount}
        body["leftover"] = self._random.choice(("keep", "resplit", "one_lot"))
        return Asked(INSTRUCTIONS, body | self._random.choice(({"list": LIST}, self._own_list())))

    def _own_list(self) -> Json:
        return {"instruments": self._random.sample(INSTRUMENTS, 3), "groups": [GROUP]}

    def _rows(self) -> Asked:
        count = self._random.randint(1, 6)
        return Asked(INSTRUCTIONS, {"kind": "batch", "rows": [self._row() for _ in range(count)]})

    def _row(self) -> Json:
        return {
            "account_id": self._account(),
            "instrument": self._random.choice(INSTRUMENTS),
            "side": self._random.choice(("BUY", "BUY", "SELL")),
            "quantity": str(self._random.randint(1, 9)),
            "product": self._random.choice(("DELIVERY", "INTRADAY")),
        }

    def _allocated(self) -> Asked:
        row = self._row()
        body: Json = {"kind": "batch"}
        body |= {name: row[name] for name in ("instrument", "side", "product")}
        method = self._random.choice(("fixed_quantity", "equal_quantity", "multiplier"))
        body["allocation"] = {"method": method, "quantity": "24"}
        return Asked(INSTRUCTIONS, body | {"groups": [GROUP]})

    def _exit(self) -> Asked:
        whom = self._random.choice(({}, {}, {"groups": [GROUP]}, {"accounts": [self._account()]}))
        body: Json = {"kind": "exit", "percent": self._random.choice(("100", "100", "50")), **whom}
        if not whom or self._random.random() < 0.5:
            body["instrument"] = self._random.choice(INSTRUMENTS)
        return Asked(INSTRUCTIONS, body)

    def _account(self) -> str:
        return f"PAPER-{self._random.randint(1, ACCOUNTS)}"


async def _posted(http: httpx.AsyncClient, asked: Asked, key: str) -> httpx.Response:
    return await http.post(asked.path, json=asked.body, headers={"Idempotency-Key": key})
