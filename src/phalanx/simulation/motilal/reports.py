"""The doors behind which books, holdings, margins, prices and masters are read."""

from collections.abc import Iterable

from phalanx.simulation.motilal import books, masters
from phalanx.simulation.motilal.amounts import counted, rupees
from phalanx.simulation.motilal.calls import Call, Envelope, rows, success
from phalanx.simulation.motilal.config import SimulatorConfig
from phalanx.simulation.motilal.margins import Margins, Row
from phalanx.simulation.motilal.moments import stamp
from phalanx.simulation.motilal.orders import Orders
from phalanx.simulation.motilal.portfolio import Portfolio
from phalanx.simulation.motilal.prices import Prices
from phalanx.simulation.motilal.refusals import Refused
from phalanx.simulation.motilal.scrips import SEGMENTS, ScripTable
from phalanx.simulation.motilal.tickets import Reader


class Reports:
    """What ``/rest/book`` and ``/rest/report`` show. Each raises Refused."""

    def __init__(
        self,
        config: SimulatorConfig,
        table: ScripTable,
        reader: Reader,
        prices: Prices,
        orders: Orders,
        portfolio: Portfolio,
        margins: Margins,
    ) -> None:
        self._config = config
        self._table = table
        self._reader = reader
        self._prices = prices
        self._orders = orders
        self._portfolio = portfolio
        self._margins = margins

    # --- books -------------------------------------------------------------------------------------

    def orders(self, call: Call) -> Envelope:
        """``getorderbook``."""
        found = [books.order_row(order) for order in self._orders.of_client(call.client)]
        return rows("Order Data", found, "MO1013")

    def order(self, call: Call) -> Envelope:
        """``getorderdetailbyuniqueorderid``: a list of one."""
        wanted = _wanted_order(call)
        found = [
            books.order_detail(order)
            for order in self._orders.of_client(call.client)
            if order.id == wanted
        ]
        return rows("Order Data", found, "MO1013")

    def trades(self, call: Call) -> Envelope:
        """``gettradebook``."""
        found = [
            books.trade_row(trade, self._config.precision)
            for trade in self._orders.trades_of(call.client)
        ]
        return rows("Trade Data", found, "MO1014")

    def trades_of_order(self, call: Call) -> Envelope:
        """``gettradedetailbyuniqueorderid``."""
        wanted = _wanted_order(call)
        found = [
            books.trade_row(trade, self._config.precision)
            for trade in self._orders.trades_of(call.client)
            if trade.order.id == wanted
        ]
        return rows("Trade Data", found, "MO1014")

    # --- what a client has -------------------------------------------------------------------------

    def positions(self, call: Call) -> Envelope:
        """``getposition``."""
        found = [
            books.position_row(one, self._prices.of(*one.scrip.key).ltp)
            for one in self._portfolio.positions(call.client)
        ]
        return rows("Position Data", found, "MO1016")

    def open_positions(self, call: Call) -> Envelope:
        """``getpositiondetail``."""
        day = stamp(self._config.now()).partition(" ")[0]
        found = [
            books.open_row(one, day) for one in self._portfolio.positions(call.client) if one.net
        ]
        return rows("Position Data in Detail", found, "MO1016")

    def holdings(self, call: Call) -> Envelope:
        """``getdpholding``."""
        found = [
            books.holding_row(call.client, one, self._portfolio.blocked(call.client, one))
            for one in self._portfolio.clients[call.client].holdings
        ]
        return rows("DP Holding Data", found, "MO1015")

    def margin_summary(self, call: Call) -> Envelope:
        """``getreportmarginsummary``."""
        return _margin("REPORT MARGIN SUMMARY", self._margins.summary(call.client))

    def margin_detail(self, call: Call) -> Envelope:
        """``getreportmargindetail``."""
        return _margin("REPORT MARGIN DETAIL", self._margins.detail(call.client))

    # --- market ------------------------------------------------------------------------------------

    def last_price(self, call: Call) -> Envelope:
        """``getltpdata``: paise, all of them."""
        scrip = self._reader.scrip(call.body.get("exchange"), call.body.get("scripcode"))
        quote = self._prices.of(*scrip.key)
        data = {
            "exchange": scrip.exchange,
            "scripcode": scrip.code,
            "open": counted(quote.open),
            "high": counted(quote.high),
            "low": counted(quote.low),
            "close": counted(quote.scrip.close),
            "ltp": counted(quote.ltp),
            "volume": quote.volume,
            "ask": counted(quote.ask),
            "bid": counted(quote.bid),
        }
        return success("LTP DATA", data=data)

    def index_price(self, call: Call) -> Envelope:
        """``getindexltpdata``: rupees. The papers call the exchange by two names, so either will do."""
        exchange = call.body.get("exchangename") or call.body.get("exchange")
        code = str(call.body.get("scripcode", ""))
        quote = self._prices.indices.get((str(exchange), int(code))) if code.isdecimal() else None
        if quote is None:
            raise Refused("MO1058")
        data = {
            "exchange": f"{quote.index.exchange}CASH",
            "scripcode": quote.index.code,
            "open": rupees(quote.open),
            "high": rupees(quote.high),
            "low": rupees(quote.low),
            "close": rupees(quote.index.close),
            "ltp": rupees(quote.ltp),
        }
        return success("INDEX LTP DATA", data=[data])

    def scrips(self, call: Call) -> Envelope:
        """``getscripsbyexchangename``."""
        exchange = str(call.body.get("exchangename"))
        if exchange not in SEGMENTS:
            raise Refused("MO1051")
        return success("Scrips Data", data=masters.scrips_json(self._table, exchange))

    def broadcast_limit(self, _: Call) -> Envelope:
        """``getbroadcastmaxlimit``; 0 means the default of 200."""
        limit = {"MaxBroadcastLimit": self._config.broadcast_max}
        return success("Broadcast Max Limit", data=limit)


def _wanted_order(call: Call) -> str:
    unique_id = call.body.get("uniqueorderid")
    if not unique_id:
        raise Refused("MO1070")
    return str(unique_id)


def _margin(message: str, found: Iterable[Row]) -> Envelope:
    data = [
        {"srno": row.srno, "particulars": row.particulars, "amount": rupees(row.amount)}
        for row in found
    ]
    return success(message, data=data)
