"""Who has an account with the simulated broker, with what in it, and how the broker behaves."""

import time
from collections.abc import Callable
from typing import Literal

import msgspec

from phalanx.domain.numbers import Money, Price, whole
from phalanx.domain.time import Nanoseconds
from phalanx.simulation.motilal.listing import INDICES, SCRIPS
from phalanx.simulation.motilal.scrips import Index, Scrip

OPS_MAX = 10
"""Orders, changes and cancels of one client on one exchange in a second of the clock (papers, Q85, Q86)."""


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """What a depository holds for a client, in shares, as the broker's report splits it.

    ``total`` is all of it. Sellable is what neither is ``collateral``, nor ``debit`` (withheld as unpaid), nor
    ``tpin`` (waits for the client's leave at the depository); ``btst``: bought a trading day ago.
    """

    nse_code: int
    isin: str
    name: str
    total: int
    average: Price
    bse_code: int = 0
    collateral: int = 0
    debit: int = 0
    tpin: int = 0
    btst: int = 0

    @property
    def free(self) -> int:
        """What may be sold as DELIVERY before anything is sold."""
        return max(0, self.total - self.collateral - self.debit - self.tpin - self.btst)


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """A position of an earlier day. ``quantity``: shares, below zero if short; ``cost``: what was paid."""

    exchange: str
    code: int
    quantity: int
    cost: Price
    product: str = "NORMAL"


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """One trading account."""

    code: str
    name: str = "Amit Kumar"
    cash: Money = whole(1_000_000)
    collateral: Money = 0
    holdings: tuple[Holding, ...] = ()
    carried: tuple[Carried, ...] = ()


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """Who may log in, with the app of theirs. ``second_factor``: date of birth dd/mm/yyyy or PAN.

    ``otp``: what would come by SMS. ``clients``: whom a dealer acts for; without any it is an investor, whose
    client has the same code. ``addresses``: from where orders may come, at most two; none: from anywhere.
    """

    userid: str
    password: str
    second_factor: str
    api_key: str
    api_secret: str
    totp_secret: str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105
    otp: int = 123456
    clients: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    may_log_in: bool = True

    @property
    def is_dealer(self) -> bool:
        """Acts for others, never for itself."""
        return bool(self.clients)


INVESTOR = Login(
    userid="AA017",
    password="Secret@1",  # noqa: S106  a simulator's
    second_factor="18/10/1988",
    api_key="APIKEY123",
    api_secret="APISECRET123",  # noqa: S106
)
DEALER = Login(
    userid="DL001",
    password="Secret@2",  # noqa: S106
    second_factor="AAAPL1234C",
    api_key="APIKEY456",
    api_secret="APISECRET456",  # noqa: S106
    clients=("AA020", "AA021"),
)
CLIENTS = (
    Client(
        code="AA017",
        collateral=whole(200_000),
        holdings=(
            Holding(
                nse_code=24225,
                isin="INE131B01039",
                name="RELAXO EQ",
                total=1119,
                average=81_366_000_000,
                collateral=1000,
                tpin=60,
                btst=9,
            ),
            Holding(
                nse_code=1476,
                bse_code=500116,
                isin="INE008A01015",
                name="IDBI EQ",
                total=500,
                average=8_010_000_000,
            ),
        ),
    ),
    Client(code="AA020"),
    Client(
        code="AA021",
        carried=(Carried(exchange="NSEFO", code=34100, quantity=500, cost=whole(1_350)),),
    ),
)


class SimulatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How one simulated broker is set up.

    - ``seed``, ``now``: all of its chance, and its wall clock (UTC ns).
    - ``step_ms``: how often the world moves by itself; 0: only when ``step()`` is called.
    - ``walk``: prices move by themselves. ``partial_percent``: how many of the fills are of a part only.
    - ``ops_max`` and ``ops_excess``: requests in a second, and whether more are refused at once or accepted and
      rejected later; the papers allow both.
    - ``sessions_max``: of one user at a time. ``broadcast_max``: scrips on one feed; 0 means 200.
    - ``precision``: what the trade book says of its scale; it writes integers of paise in any case.
    - ``stop_market``: whether STOPLOSS without a price is taken; the papers and others' experience differ.
    - ``shouts``: the order stream writes statuses in capitals.
    - ``carrying``: exchanges that take GTC.
    - Ports: 0 takes a free one. ``host`` stays on this machine, for the doors of the simulator have no key.
    """

    logins: tuple[Login, ...] = (INVESTOR, DEALER)
    clients: tuple[Client, ...] = CLIENTS
    scrips: tuple[Scrip, ...] = SCRIPS
    indices: tuple[Index, ...] = INDICES
    seed: int = 1
    now: Callable[[], Nanoseconds] = time.time_ns
    step_ms: int = 50
    walk: bool = True
    partial_percent: int = 50
    ops_max: int = OPS_MAX
    ops_excess: Literal["refuse", "reject"] = "refuse"
    sessions_max: int = 3
    broadcast_max: int = 200
    precision: Literal["present", "absent", "zero"] = "present"
    stop_market: bool = True
    shouts: bool = False
    carrying: tuple[str, ...] = ("MCX", "NCDEX")
    heartbeat_s: int = 10
    silent_s: int = 90
    host: str = "127.0.0.1"
    rest_port: int = 0
    orders_port: int = 0
    broadcast_port: int = 0
    broadcast_tcp_port: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError where somebody acts for a client, or carries a scrip, that there is not."""
        codes = {client.code for client in self.clients}
        for login in self.logins:
            if missing := set(login.clients or (login.userid,)) - codes:
                raise ValueError(f"{login.userid} acts for {sorted(missing)}: no such client")
        listed = {scrip.key for scrip in self.scrips}
        for client in self.clients:
            for old in client.carried:
                if (old.exchange, old.code) not in listed:
                    raise ValueError(f"{client.code} carries {old.exchange} {old.code}: not listed")
