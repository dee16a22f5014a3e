import asyncio
import json
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from phalanx.brokers.motilal import Credentials, LoginSettings, MotilalBroker, Ports, Route
from phalanx.brokers.motilal.broker import REPLACES_WAITING_MAX
from phalanx.brokers.motilal.endpoints import Path
from phalanx.brokers.motilal.login import AskCode
from phalanx.brokers.motilal.reach import Reach
from phalanx.brokers.port import (
    Accepted,
    CancelRequest,
    NeverWritten,
    Outcome,
    PlaceRequest,
    PutsAnswersOff,
    Refused,
    ReplaceRequest,
    TellsEgress,
    TellsLate,
    Unknown,
)
from phalanx.brokers.wire import Dialer, Timeouts, parse_address
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.orders import ExecType, OrdType, Product
from phalanx.domain.reasons import Reason, ReasonCode
from tests.fakes.clock import ManualClock
from tests.fakes.desk import RecordingTicket, Reports
from tests.fakes.wire_peer import until as until_really
from tests.unit.brokers.motilal.order_door import OrderDoor
from tests.unit.brokers.motilal.samples import (
    CANCELED,
    CREDENTIALS,
    FUTURE,
    INSTRUMENTS,
    LOGGED_IN,
    MODIFIED,
    ORDER,
    PLACED,
    REFUSED,
    SETTINGS,
    TRADE,
    order,
)
from tests.unit.brokers.motilal.stage import Channels, ScriptedPost, passing, turns, until

MODIFIED_ONCE = {"lastmodifiedtime": "14-Feb-2023 11:00:00"}
OVER = b'{"status":"FAILURE","message":"expired","errorcode":"MO8002"}'
MISMATCH = b'{"status":"FAILURE","message":"mismatch","errorcode":"MO1089"}'
KILLED = Reason(ReasonCode.KILL_ALL)


class Stage:
    """Two logins: an investor's with account A, a dealer's with B and C."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.door = OrderDoor()
        self.posts = {"one": ScriptedPost(), "two": ScriptedPost()}
        self.channels = {"one": Channels(), "two": Channels()}
        self.reports = Reports()
        self.sessions: list[tuple[str, str]] = []
        self.routes = {
            "A": Route("A", "one"),
            "B": Route("B", "two", "BB001"),
            "C": Route("C", "two", "CC001"),
            "D": Route("D", "two"),
            "X": Route("X", "nobody's"),
        }
        self.settings = {
            "one": SETTINGS,
            "two": msgspec.structs.replace(SETTINGS, source="127.0.0.9", dealer=True),
        }
        self.refuses: list[str] = []
        self.broker: MotilalBroker

    def make(self, ask_code: Callable[[str], AskCode] | None = None) -> MotilalBroker:
        ports = Ports(
            credentials=self._credentials,
            instruments=INSTRUMENTS.get,
            clock=self.clock,
            timer=self.clock,
            reach=self._reach,
            ask_code=ask_code,
        )
        broker = MotilalBroker(self.settings, self.routes, ports)
        broker.listen(
            self.reports.append, lambda account, why: self.sessions.append((account, why))
        )
        return broker

    async def _credentials(self, login: str) -> Credentials:
        if login in self.refuses:
            raise OSError("nothing is kept of it")
        user = {"one": "AA020", "two": "DEALER"}[login]
        return msgspec.structs.replace(CREDENTIALS, user=user)

    def _reach(self, settings: LoginSettings) -> Reach:
        login = "two" if settings.dealer else "one"
        address = parse_address(f"http://127.0.0.1:{self.door.port}")
        dialer = Dialer(address, settings.source, timeouts=Timeouts(answer_s=5))
        return Reach(dialer, self.posts[login], self.channels[login].open)

    def answers(self, path: Path, *said: tuple[int, bytes] | None) -> None:
        self.door.answers[path] = list(said)

    async def place(self, request: PlaceRequest) -> Outcome:
        return await self.outcome(lambda ticket: self.broker.place(request, ticket))

    async def replace(self, quantity: int = 30, limit: str = "2790.25") -> Outcome:
        request = ReplaceRequest(
            "R1", "K700000001", "1000001AA020", "A", whole(quantity), parse_fixed(limit)
        )
        return await self.outcome(lambda ticket: self.broker.replace(request, ticket))

    async def outcome(self, send: Callable[[RecordingTicket], None]) -> Outcome:
        ticket = RecordingTicket()
        send(ticket)

        async def done() -> Outcome:
            await until_really(lambda: ticket.outcomes)
            return ticket.outcome

        waiting = asyncio.ensure_future(done())
        while not waiting.done():
            self.clock.advance(50_000_000)
            await asyncio.sleep(0.001)
        return await waiting

    async def tell(self, login: str, *frames: dict[str, object]) -> None:
        for frame in frames:
            self.channels[login].last.tell(frame)
        await turns()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    await stage.door.start()
    stage.answers(Path.PLACE, (200, PLACED))
    stage.answers(Path.MODIFY, (200, MODIFIED))
    stage.answers(Path.CANCEL, (200, CANCELED))
    stage.broker = stage.make()
    yield stage
    await stage.broker.close()
    await stage.door.close()


@pytest.fixture
async def up(stage: Stage) -> Stage:
    await passing(stage.clock, stage.broker.connect())
    await turns()
    stage.sessions.clear()
    return stage


async def test_an_order_goes_whole_with_the_sessions_headers(up: Stage) -> None:
    assert await up.place(order()) == Accepted("2400155AA020")

    came = up.door.came[0]
    assert came.path == "/rest/trans/v2/placeorder"
    assert came.headers["authorization"] == "774a_M"
    assert came.headers["accesstoken"] == "acc_M"
    assert came.headers["apisecretkey"] == "hush"
    assert json.loads(came.body)["tag"] == "K700000001"
    assert "clientcode" not in json.loads(came.body)


async def test_a_dealers_order_names_its_client_and_leaves_from_its_address(up: Stage) -> None:
    await up.place(order(account="C"))

    assert json.loads(up.door.came[0].body)["clientcode"] == "CC001"
    assert up.door.came[0].peer == "127.0.0.9"
    assert isinstance(up.broker, TellsEgress)
    assert (up.broker.egress("two"), up.broker.egress("one")) == ("127.0.0.9", "")


async def test_a_declared_failure_is_a_refusal(up: Stage) -> None:
    up.answers(Path.PLACE, (200, REFUSED))

    assert await up.place(order()) == Refused("MO1057", "Invalid Product Type Parameter")


@pytest.mark.parametrize(
    "said",
    [(502, b"Bad Gateway"), (200, b""), (200, b'{"status":"ERROR","errorcode":"MO5002"}')],
    ids=["502", "empty", "MO5002"],
)
async def test_anything_else_is_unknown_and_is_sent_once(
    up: Stage, said: tuple[int, bytes]
) -> None:
    up.answers(Path.PLACE, said)

    assert isinstance(await up.place(order()), Unknown)
    assert len(up.door.came) == 1


async def test_before_connect_nothing_is_written(stage: Stage) -> None:
    found = await stage.place(order())

    assert isinstance(found, NeverWritten)
    assert found.again
    assert stage.door.came == []


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (order(instrument=FUTURE, quantity="40"), "LOT_MULTIPLE"),
        (order(limit="1.00001"), "OFF_TICK"),
        (order(instrument=FUTURE, quantity="25", product=Product.MTF), "ORDER_TYPE_NOT_SUPPORTED"),
        (
            order(instrument=msgspec.structs.replace(FUTURE, key="NSE:7")),
            "UNKNOWN_INSTRUMENT",
        ),
        (order(account="D"), "BROKER_UNREACHABLE"),
        (order(account="X"), "BROKER_UNREACHABLE"),
        (order(account="nobody"), "BROKER_UNREACHABLE"),
    ],
    ids=["lots", "decimals", "product", "instrument", "no client", "login", "account"],
)
async def test_what_cannot_be_said_there_is_not_written(
    up: Stage, request_: PlaceRequest, code: str
) -> None:
    found = await up.place(request_)

    assert isinstance(found, NeverWritten)
    assert found.reason.code == code
    assert up.door.came == []


async def test_the_gate_has_the_last_word(up: Stage) -> None:
    ticket = RecordingTicket(KILLED)
    up.broker.place(order(), ticket)
    await until_really(lambda: ticket.outcomes)

    assert ticket.outcome == NeverWritten(KILLED)
    assert ticket.calls == ["admit", "done"]
    assert up.door.came == []


async def test_a_cancel_names_the_brokers_order(up: Stage) -> None:
    request = CancelRequest("R1", "K700000001", "2400155AA020", "A")

    found = await up.outcome(lambda ticket: up.broker.cancel(request, ticket))

    assert found == Accepted("2400155AA020")
    assert up.door.came[0].body == b'{"uniqueorderid":"2400155AA020"}'


async def test_a_cancel_without_an_id_takes_that_of_the_tag(up: Stage) -> None:
    request = CancelRequest("R1", "K700000001", "", "A")

    await up.place(order())
    found = await up.outcome(lambda ticket: up.broker.cancel(request, ticket))

    assert found == Accepted("2400155AA020")


async def test_a_cancel_of_an_order_whose_id_nobody_knows_is_the_brokers_to_refuse(
    up: Stage,
) -> None:
    up.answers(Path.CANCEL, (200, REFUSED.replace(b"MO1057", b"MO1060")), (200, CANCELED))
    request = CancelRequest("R1", "K700000001", "", "A")

    refused = await up.outcome(lambda ticket: up.broker.cancel(request, ticket))
    taken = await up.outcome(lambda ticket: up.broker.cancel(request, ticket))

    assert isinstance(refused, Refused)
    assert isinstance(taken, Unknown)


async def test_a_replace_repeats_what_a_frame_told(up: Stage) -> None:
    await up.tell("one", ORDER | MODIFIED_ONCE)

    assert await up.replace() == Accepted("1000001AA020")

    body = json.loads(up.door.came[0].body)
    assert body["lastmodifiedtime"] == "14-Feb-2023 11:00:00"
    assert (body["newquantityinlot"], body["newprice"], body["qtytradedtoday"]) == (30, 2790.25, 0)
    assert up.posts["one"].count(Path.ORDER_DETAIL) == 0


async def test_an_order_that_was_not_seen_is_asked_for_before_its_replace(up: Stage) -> None:
    up.posts["one"].rows(Path.ORDER_DETAIL, ORDER | {"qtytradedtoday": 5, "totalqtytraded": 5})

    assert await up.replace() == Accepted("1000001AA020")

    body = json.loads(up.door.came[0].body)
    assert (body["lastmodifiedtime"], body["qtytradedtoday"]) == ("14-Feb-2023 10:52:50", 5)


async def test_an_order_that_cannot_be_asked_for_is_not_replaced(up: Stage) -> None:
    up.posts["one"].say(Path.ORDER_DETAIL, ConnectionError("gone"))

    found = await up.replace()

    assert isinstance(found, NeverWritten)
    assert found.again
    assert up.door.came == []


async def test_after_a_mismatch_the_order_is_asked_for_again(up: Stage) -> None:
    await up.tell("one", ORDER)
    up.answers(Path.MODIFY, (200, MISMATCH), (200, MODIFIED))
    up.posts["one"].rows(Path.ORDER_DETAIL, ORDER | MODIFIED_ONCE)

    assert await up.replace() == Refused("MO1089", "mismatch")
    assert await up.replace() == Accepted("1000001AA020")

    assert json.loads(up.door.came[1].body)["lastmodifiedtime"] == "14-Feb-2023 11:00:00"


async def test_after_a_replace_that_was_taken_the_order_is_asked_for_unless_a_frame_told_it(
    up: Stage,
) -> None:
    await up.tell("one", ORDER)
    up.posts["one"].rows(Path.ORDER_DETAIL, ORDER | MODIFIED_ONCE)

    await up.replace()
    await up.replace()
    await up.tell("one", ORDER | {"lastmodifiedtime": "14-Feb-2023 11:05:00"})
    await up.replace()

    times = [json.loads(one.body)["lastmodifiedtime"][-8:] for one in up.door.came]
    assert times == ["10:52:50", "11:00:00", "11:05:00"]
    assert up.posts["one"].count(Path.ORDER_DETAIL) == 1


async def test_a_granted_replace_is_reported_once_its_terms_are_told(up: Stage) -> None:
    await up.tell("one", ORDER)
    await up.replace()
    up.reports.clear()

    await up.tell("one", ORDER, ORDER | MODIFIED_ONCE | {"orderqty": 30, "price": 2790.25})

    replaced = [report for report in up.reports if report.exec_type is ExecType.REPLACED]
    assert [(one.quantity, one.price) for one in replaced] == [(whole(30), parse_fixed("2790.25"))]


async def test_replaces_that_wait_for_their_order_are_bounded(up: Stage) -> None:
    tickets = [RecordingTicket() for _ in range(REPLACES_WAITING_MAX + 1)]
    for number, ticket in enumerate(tickets):
        request = ReplaceRequest("R", "K", f"{number}AA020", "A", whole(1), whole(1))
        up.broker.replace(request, ticket)

    assert isinstance(tickets[-1].outcome, NeverWritten)
    assert [ticket.outcomes for ticket in tickets[:-1]] == [[]] * REPLACES_WAITING_MAX


async def test_an_order_of_an_instrument_that_nobody_knows_is_not_replaced(up: Stage) -> None:
    await up.tell("one", ORDER | {"symboltoken": 7})

    found = await up.replace()

    assert isinstance(found, NeverWritten)
    assert found.reason.code is ReasonCode.UNKNOWN_INSTRUMENT


async def test_a_replace_into_a_part_of_a_lot_is_not_written(up: Stage) -> None:
    await up.tell(
        "one", ORDER | {"exchange": "NSEFO", "symboltoken": 48725, "producttype": "NORMAL"}
    )

    found = await up.replace(quantity=30)

    assert isinstance(found, NeverWritten)
    assert found.reason.code is ReasonCode.LOT_MULTIPLE


async def test_fills_are_reported_under_the_tag_of_the_acceptance(up: Stage) -> None:
    await up.place(order())

    await up.tell("one", TRADE | {"uniqueorderid": "2400155AA020", "tradeprice": 2784.0})

    report = up.reports[0]
    assert (report.cl_ord_id, report.cum_quantity) == ("K700000001", whole(20))


async def test_frames_of_a_dealer_go_to_the_account_of_their_client(up: Stage) -> None:
    await up.tell("two", ORDER | {"clientid": "cc001"}, ORDER | {"clientid": "EE001"})

    assert [report.account for report in up.reports] == ["C"]


async def test_an_account_that_came_later_is_found(up: Stage) -> None:
    await up.tell("two", ORDER | {"clientid": "EE001"})
    up.routes["E"] = Route("E", "two", "EE001")
    await up.tell("two", ORDER | {"clientid": "EE001"})

    assert [report.account for report in up.reports] == ["E"]


async def test_a_frame_that_cannot_be_booked_has_the_book_read(up: Stage) -> None:
    await up.tell("one", ORDER | {"orderstatus": "Cooking"})

    assert up.reports == []
    assert up.sessions == [("A", "")]


async def test_a_socket_that_came_back_has_the_books_of_its_accounts_read(up: Stage) -> None:
    up.channels["two"].last.end()
    await until(up.clock, lambda: len(up.channels["two"].opened) == 2)
    await turns()

    assert up.sessions == [("B", ""), ("C", ""), ("D", "")]


async def test_a_book_is_the_accounts_own(up: Stage) -> None:
    up.posts["two"].rows(Path.ORDER_BOOK, ORDER | {"clientid": "CC001"})

    book = await passing(up.clock, up.broker.book("C"))

    assert book.account == "C"
    assert [one.order_id for one in book.orders] == ["1000001AA020"]
    assert up.posts["two"].asked[-1][2] == b'{"clientcode":"CC001"}'


async def test_fills_are_counted_on_top_of_what_a_book_showed(up: Stage) -> None:
    filled = ORDER | {"orderstatus": "Partial", "totalqtytraded": 5}
    up.posts["one"].rows(Path.ORDER_BOOK, filled)
    up.posts["one"].rows(Path.TRADE_BOOK, TRADE | {"tradeno": "1", "tradeqty": 5})
    await passing(up.clock, up.broker.book("A"))

    await up.tell("one", TRADE | {"tradeno": "2", "tradeqty": 15, "tradeprice": 2784.0})

    assert [(one.last_quantity, one.cum_quantity) for one in up.reports] == [(whole(15), whole(20))]


async def test_the_books_of_a_login_are_read_one_after_the_other(up: Stage) -> None:
    both = asyncio.gather(up.broker.book("B"), up.broker.book("C"))
    await passing(up.clock, both)

    codes = [
        json.loads(body).get("clientcode")
        for path, _, body in up.posts["two"].asked
        if "book" in path
    ]
    assert codes == ["BB001", "BB001", "BB001", "CC001", "CC001", "CC001"]


@pytest.mark.parametrize("account", ["D", "X", "nobody"])
async def test_an_account_without_a_login_has_no_book(up: Stage, account: str) -> None:
    with pytest.raises(ConnectionError, match="has no login"):
        await up.broker.book(account)


async def test_a_login_that_cannot_get_in_says_so_for_its_accounts_and_stops_no_other(
    stage: Stage,
) -> None:
    stage.refuses.append("two")

    await passing(stage.clock, stage.broker.connect())

    assert ("B", "cannot log in: nothing is kept of it") in stage.sessions
    assert isinstance(await stage.place(order(account="B")), NeverWritten)
    assert isinstance(await stage.place(order()), Accepted)


async def test_a_login_that_gets_in_later_says_so(stage: Stage) -> None:
    stage.refuses.append("two")
    await passing(stage.clock, stage.broker.connect())
    stage.refuses.clear()

    await until(stage.clock, lambda: stage.sessions[-1] == ("D", ""))

    assert isinstance(await stage.place(order(account="B")), Accepted)


async def test_a_session_that_is_over_is_noticed_by_its_first_order_and_renewed(up: Stage) -> None:
    up.answers(Path.PLACE, (200, OVER), (200, PLACED))

    assert await up.place(order()) == Refused("MO8002", "expired")
    await turns()

    assert up.posts["one"].count(Path.LOGIN) == 2
    assert up.posts["two"].count(Path.LOGIN) == 1
    assert up.sessions[0] == ("A", "logged out by the broker")
    assert isinstance(await up.place(order()), Accepted)


async def test_answers_are_put_off_on_every_line(up: Stage) -> None:
    assert isinstance(up.broker, PutsAnswersOff)
    assert isinstance(up.broker, TellsLate)

    up.broker.put_off(wait=True)

    assert [line.dialer.unread_answers.wait for line in up.broker._lines.values()] == [True, True]
    assert up.broker.behind_ns == 0
    up.broker.put_off(wait=False)
    assert isinstance(await up.place(order()), Accepted)


async def test_a_code_by_phone_is_asked_of_whoever_was_given(stage: Stage) -> None:
    asked: list[str] = []

    def asks(login: str) -> AskCode:
        async def ask() -> str:
            asked.append(login)
            return "123456"

        return ask

    stage.posts["one"].say(Path.LOGIN, LOGGED_IN.replace(b"TRUE", b"FALSE"))
    stage.posts["one"].say(Path.VERIFY_OTP, b'{"status":"SUCCESS"}')
    stage.broker = stage.make(asks)
    await passing(stage.clock, stage.broker.connect())

    assert asked == ["one"]
    assert isinstance(await stage.place(order()), Accepted)


async def test_without_any_login_it_connects_all_the_same(stage: Stage) -> None:
    stage.settings.clear()
    stage.broker = stage.make()

    await stage.broker.connect()

    assert isinstance(await stage.place(order()), NeverWritten)
    assert stage.broker.behind_ns == 0


async def test_close_answers_what_is_open_and_nothing_comes_after_it(up: Stage) -> None:
    up.answers(Path.PLACE, None)
    placed, replaced = RecordingTicket(), RecordingTicket()
    up.broker.place(order(), placed)
    await until_really(lambda: up.door.came)
    up.broker.replace(ReplaceRequest("R1", "K", "9AA020", "A", whole(1), whole(1)), replaced)

    await passing(up.clock, up.broker.close())

    assert isinstance(placed.outcome, Unknown)
    assert isinstance(replaced.outcome, NeverWritten)
    after = RecordingTicket()
    up.broker.place(order(), after)
    assert isinstance(after.outcome, NeverWritten)
    with pytest.raises(ConnectionError, match="closed"):
        await passing(up.clock, up.broker.book("A"))


@pytest.mark.parametrize("ord_type", OrdType)
async def test_every_order_has_a_price(up: Stage, ord_type: OrdType) -> None:
    await up.place(order(ord_type=ord_type, stop="2780"))

    assert json.loads(up.door.came[0].body)["price"] == 2784.5
    assert json.loads(up.door.came[0].body)["ordertype"] in ("LIMIT", "STOPLOSS")
