"""What a login says of itself before its first order, against the simulated broker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from phalanx.bootstrap.machine import LoopTimer
from phalanx.brokers.motilal import Credentials, LoginSettings, MotilalBroker, Ports, Route
from phalanx.brokers.port import Check, NeverWritten, Outcome, Refused, TellsReadiness
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.secrets import Secret
from phalanx.simulation.motilal import Login, MotilalSimulator
from tests.fakes.desk import RecordingTicket
from tests.fakes.motilal import INVESTOR, simulated
from tests.fakes.wire_peer import until
from tests.unit.brokers.motilal.samples import INSTRUMENTS, order

NOT_REGISTERED = Reason(ReasonCode.EGRESS_NOT_REGISTERED, ("A",))
OF_HERE = msgspec.structs.replace(INVESTOR, addresses=("127.0.0.1",))


class Desk:
    """A broker module that is logged in at a simulator, or tried to."""

    def __init__(self, simulator: MotilalSimulator, broker: MotilalBroker) -> None:
        self.simulator = simulator
        self.broker = broker

    @property
    def checks(self) -> dict[str, Check]:
        return {one.check: one for one in self.broker.checks("ann")}

    @property
    def red(self) -> list[str]:
        return [name for name, one in self.checks.items() if not one.ok]

    async def place(self, tag: str = "K700000001") -> Outcome:
        ticket = RecordingTicket()
        self.broker.place(order(tag=tag), ticket)
        await until(lambda: ticket.outcomes)
        return ticket.outcome


@asynccontextmanager
async def desk(login: Login = INVESTOR, **changes: object) -> AsyncIterator[Desk]:
    """What the module has of the login is right unless ``second_factor`` is changed."""
    second_factor = str(changes.pop("second_factor", login.second_factor))

    async def credentials(_login: str) -> Credentials:
        return Credentials(
            user=login.userid,
            password=Secret(login.password),
            api_key=Secret(login.api_key),
            api_secret=Secret(login.api_secret),
            second_factor=Secret(second_factor),
            totp_seed=Secret(login.totp_secret),
        )

    async with simulated(login, logins=(login,)) as caller:
        right = LoginSettings(
            rest=caller.sim.rest_url,
            socket=caller.sim.orders_ws_url,
            public_ip="127.0.0.1",
            registered=("127.0.0.1",),
            algo_id="77",
            installed_app_id="5b0d3a52-6a0e-4f4c-9a3e-0c7a1f6d2b11",
        )
        settings = msgspec.structs.replace(right, **changes)
        ports = Ports(
            credentials=credentials,
            instruments=INSTRUMENTS.get,
            clock=caller.clock,
            timer=LoopTimer(),
        )
        broker = MotilalBroker({"ann": settings}, {"A": Route("A", "ann")}, ports)
        try:
            await broker.connect()
            yield Desk(caller.sim, broker)
        finally:
            await broker.close()


async def test_a_login_that_is_up_is_green() -> None:
    async with desk() as one:
        await until(lambda: not one.red)

        assert isinstance(one.broker, TellsReadiness)
        assert list(one.checks) == ["token", "address", "algo_id", "socket", "clock"]
        assert all(check.fix == "" for check in one.checks.values())
        assert one.checks["token"].detail.startswith("valid until 20")
        assert "T06:00:00" in one.checks["token"].detail


async def test_a_login_that_is_refused_says_why() -> None:
    async with desk(second_factor="01/01/1990") as one:
        assert one.red == ["token", "socket"]
        assert "MO1007" in one.checks["token"].detail
        assert "phalanx credentials put ann" in one.checks["token"].fix
        assert INVESTOR.password not in str(one.checks)


async def test_a_socket_that_broke_is_red_until_it_is_back() -> None:
    async with desk() as one:
        await until(lambda: not one.red)
        one.simulator.stream.drop()
        await until(lambda: one.red == ["socket"])

        assert one.checks["socket"].fix
        await until(lambda: not one.red)


async def test_a_dead_token_is_red_and_says_what_the_broker_said() -> None:
    async with desk() as one:
        await until(lambda: not one.red)
        one.simulator.sessions.end_all()
        one.simulator.stream.drop()
        await until(lambda: "token" in one.red)

        assert "Invalid User Id Or Auth Token" in one.checks["token"].detail
        assert "by itself" in one.checks["token"].fix


async def test_without_an_algo_id_it_is_red_and_no_order_leaves() -> None:
    async with desk(algo_id="") as one:
        await until(lambda: one.red == ["algo_id"])

        assert await one.place() == NeverWritten(Reason(ReasonCode.NO_ALGO_ID, ("A",)))
        assert "algo_id" in one.checks["algo_id"].fix


async def test_after_a_refusal_for_the_address_no_order_leaves() -> None:
    async with desk(OF_HERE, source="127.0.0.2") as one:
        await until(lambda: not one.red)
        refused = await one.place()
        assert isinstance(refused, Refused)
        assert refused.code == "MO2035"

        assert one.red == ["address"]
        assert "127.0.0.1 should be registered" in one.checks["address"].detail
        assert "portal" in one.checks["address"].fix
        assert await one.place("K700000002") == NeverWritten(NOT_REGISTERED)


async def test_a_login_that_nobody_set_up_is_red() -> None:
    async with desk() as one:
        (check,) = one.broker.checks("bob")

        assert not check.ok
        assert "'bob'" in check.detail
        assert "PHALANX_MOTILAL_LOGINS" in check.fix
