"""A simulated Motilal Oswal broker in this process, with a clock by hand, and somebody who is logged in."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeAlias

import httpx
import msgspec
import pyotp

from phalanx.simulation.motilal import Login, MotilalSimulator, SimulatorConfig
from phalanx.simulation.motilal.config import DEALER, INVESTOR
from phalanx.simulation.motilal.sessions import password_hash
from phalanx.simulation.virtual import MONDAY_0915_IST
from tests.fakes.clock import ManualClock

Json: TypeAlias = dict[str, Any]

ITC = 1660
BANKNIFTY_PUT = 35020

PLACE = "/rest/trans/v2/placeorder"
MODIFY = "/rest/trans/v5/modifyorder"
MODIFY_BLINDLY = "/rest/trans/v6/modifyorder"
CANCEL = "/rest/trans/v2/cancelorder"
CONVERT = "/rest/trans/v2/positionconversion"
ORDERS = "/rest/book/v5/getorderbook"
ORDER = "/rest/book/v5/getorderdetailbyuniqueorderid"
TRADES = "/rest/book/v4/gettradebook"
TRADES_OF_ORDER = "/rest/book/v4/gettradedetailbyuniqueorderid"
POSITIONS = "/rest/book/v4/getposition"
HOLDINGS = "/rest/report/v3/getdpholding"
LTP = "/rest/report/v3/getltpdata"
INDEX_LTP = "/rest/report/v3/getindexltpdata"
MARGIN = "/rest/report/v3/getreportmargindetail"
MARGIN_SUMMARY = "/rest/report/v3/getreportmarginsummary"
LOGIN = "/rest/login/v7/authdirectapi"
ACCESS = "/rest/login/v1/getaccesstoken"
PROFILE = "/rest/login/v5/getprofile"


NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts no certificate, and is made in no time: these calls are plain."""


def headers_of(login: Login) -> dict[str, str]:
    """Every header that the broker asks for, of a browser."""
    return {
        "Accept": "application/json",
        "User-Agent": "MOSL/V.1.1.0",
        "ApiKey": login.api_key,
        "apisecretkey": login.api_secret,
        "MacAddress": "00:00:00:00:00:00",
        "ClientLocalIp": "1.2.3.4",
        "ClientPublicIp": "1.2.3.4",
        "SourceId": "WEB",
        "vendorinfo": login.userid,
        "osname": "Linux",
        "osversion": "6.1",
        "devicemodel": "AHV",
        "manufacturer": "DELL",
        "productname": "Phalanx",
        "productversion": "1",
        "browsername": "Chrome",
        "browserversion": "105.0",
    }


class Caller:
    """Somebody who calls the REST service, under one login."""

    def __init__(
        self, simulator: MotilalSimulator, clock: ManualClock, login: Login, address: str
    ) -> None:
        self.sim = simulator
        self.clock = clock
        self.login = login
        self.http = httpx.AsyncClient(
            base_url=simulator.rest_url,
            headers=headers_of(login),
            transport=httpx.AsyncHTTPTransport(verify=NOBODY, local_address=address),
            timeout=20,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.http.aclose()

    @property
    def token(self) -> str:
        return self.http.headers["Authorization"]

    def totp(self) -> str:
        return pyotp.TOTP(self.login.totp_secret).at(self.clock.now() // 10**9)

    def credentials(self) -> Json:
        return {
            "userid": self.login.userid,
            "password": password_hash(self.login.password, self.login.api_key),
            "2FA": self.login.second_factor,
            "totp": self.totp(),
        }

    async def log_in(self) -> None:
        answer = await self.post(LOGIN, **self.credentials())
        self.http.headers["Authorization"] = answer["AuthToken"]
        answer = await self.post(ACCESS)
        self.http.headers["accesstoken"] = answer["accesstoken"]

    async def post(self, path: str, **body: object) -> Json:
        """The envelope; whatever it says, it is HTTP 200."""
        answer = await self.http.post(path, json=body)
        assert answer.status_code == 200
        envelope: Json = answer.json()
        return envelope

    async def rows(self, path: str, **body: object) -> list[Json]:
        envelope = await self.post(path, **body)
        assert envelope["status"] == "SUCCESS", envelope
        found: list[Json] = envelope["data"]
        return found

    async def code(self, path: str, **body: object) -> str:
        """Why it was refused."""
        envelope = await self.post(path, **body)
        assert envelope["status"] in {"FAILURE", "ERROR"}, envelope
        return str(envelope["errorcode"])

    async def place(self, **changes: object) -> str:
        """The unique order id of an order that was accepted."""
        envelope = await self.post(PLACE, **order(**changes))
        assert envelope["status"] == "SUCCESS", envelope
        return str(envelope["uniqueorderid"])

    async def row(self, unique_id: str, **body: object) -> Json:
        """One order, as the book shows it."""
        (found,) = [
            one for one in await self.rows(ORDERS, **body) if one["uniqueorderid"] == unique_id
        ]
        return found


def order(**changes: object) -> Json:
    """A buy of ten shares that rests well below the market, with changes."""
    return {
        "exchange": "NSE",
        "symboltoken": ITC,
        "buyorsell": "BUY",
        "ordertype": "LIMIT",
        "producttype": "DELIVERY",
        "orderduration": "DAY",
        "price": 400,
        "triggerprice": 0,
        "quantityinlot": 10,
        "disclosedquantity": 0,
        "amoorder": "N",
        "algoid": "",
        "goodtilldate": "",
        "tag": "",
        "participantcode": "",
        **changes,
    }


@asynccontextmanager
async def simulated(
    login: Login = INVESTOR, address: str = "127.0.0.1", **changes: object
) -> AsyncIterator[Caller]:
    """A broker that stands still until ``sim.step()``, and a caller who is logged in to it."""
    clock = ManualClock(MONDAY_0915_IST)
    still = SimulatorConfig(now=clock.now, step_ms=0, walk=False, partial_percent=0)
    config = msgspec.structs.replace(still, **changes)
    async with (
        MotilalSimulator(config) as simulator,
        Caller(simulator, clock, login, address) as caller,
    ):
        await caller.log_in()
        yield caller


__all__ = ["DEALER", "INVESTOR", "Caller", "Json", "headers_of", "order", "simulated"]
