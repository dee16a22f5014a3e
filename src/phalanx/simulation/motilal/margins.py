"""The margin report: what a client may still spend, row by row, moving with orders, fills and prices."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from phalanx.domain.numbers import Money, Price
from phalanx.simulation.motilal.orders import Order, Orders
from phalanx.simulation.motilal.portfolio import FROM_HOLDINGS, Portfolio, Position
from phalanx.simulation.motilal.prices import Prices
from phalanx.simulation.motilal.scrips import Scrip
from phalanx.simulation.motilal.tickets import Product, Side

CREDIT_PERCENT: Final = 80
"""Of what sold holdings bring, so much may be spent on the same day."""

SPAN_PERCENT: Final = 80
"""Of a contract's margin; the rest is exposure."""

_PERCENT_OF_SHARES: Final = {Product.VALUEPLUS: 20, Product.MTF: 25}
_PERCENT_OF_CONTRACTS: Final = 15

_GROUPS: Final = {
    "NSE": 301,
    "BSE": 301,
    "NSEFO": 321,
    "BSEFO": 321,
    "NSECD": 340,
    "MCX": 360,
    "NCDEX": 360,
}

DETAIL: Final = (
    (100, "Total Available Margin(A-B-C-D)"),
    (101, "Credit Limit"),
    (102, "Available for Cash / SLBM Segment"),
    (103, "Available for FO Segment"),
    (104, "Available for Currency Segment"),
    (105, "Available for Commodity Segment"),
    (106, "Available for IPO/MF/FD/BOND / Option Buy"),
    (200, "Total Margin (A)"),
    (201, "Cash Balance(Cash Margin)"),
    (202, "Cash Balance(Ledger Balance)"),
    (205, "Add: Credit from stock sold from DMAT"),
    (507, "Add: Scrip Capital Cash"),
    (220, "Non-Cash Balance(Non-Cash Margin)"),
    (221, "Demat Stock Margin after Haircut"),
    (507, "Stock Capital Cash"),
    (508, "Stock Capital Approved"),
    (300, "Margin Usage Details (B)"),
    (301, "Equities"),
    (302, "Margin on orders/Trades"),
    (304, "MTF Margin"),
    (321, "FO"),
    (322, "Add: FO Span Margin on Order/Trade and Premium Paid"),
    (323, "Add: FO exposure margin on order/trade"),
    (340, "Currency"),
    (360, "Commodity"),
    (380, "SLBM"),
    (381, "Brokerage"),
    (400, "Profit / Loss (MTM) Details C"),
    (401, "Equities"),
    (402, "Add: Unrealised (Net)"),
    (403, "Add: Realised P/L (Net)"),
    (421, "FO"),
    (422, "Add: Unrealised (Net)"),
    (423, "Add: Realised P/L (Net)"),
    (441, "Currency"),
    (442, "Add: Unrealised (Net)"),
    (443, "Add: Realised P/L (Net)"),
    (461, "Commodity"),
    (462, "Add: Unrealised (Net)"),
    (463, "Add: Realised P/L (Net)"),
    (500, "Others(D)"),
    (502, "Max Fund Withdrawal for the day"),
    (600, "Total Profit and Loss(MTM)"),
    (700, "Total Profit and Loss(BPL)"),
)
"""Rows of the detail in their order, 507 twice as in the broker's sample. Rows that were 0 there and mean
nothing here are left out.
"""

SUMMARY: Final = (
    (102, "Total Available Margin for Cash"),
    (103, "Total Available Margin for FNO"),
    (104, "Total Available Margin for Curr"),
    (105, "Total Available Margin for Comm"),
    (106, "Total Available Margin for Other"),
    (201, "Cash deposit"),
    (220, "Non cash deposit"),
    (301, "Margin Usage(B) Cash"),
    (321, "Margin Usage(B) FO"),
    (340, "Margin Usage(B) Currency"),
    (360, "Margin Usage(B) Commodity"),
    (381, "Margin Usage(B) Brokerage"),
    (600, "Total Profit and Loss(MTM)"),
    (700, "Total Profit and Loss(BPL)"),
)


class Row(NamedTuple):
    """One line of either report."""

    srno: int
    particulars: str
    amount: Money


class Margins:
    """Margin of all clients, reckoned whenever somebody asks.

    Available = A − B − C − D, where C is given as a profit: the broker's own sample adds a loss of −18,590.
    """

    def __init__(self, portfolio: Portfolio, orders: Orders, prices: Prices) -> None:
        self._portfolio = portfolio
        self._orders = orders
        self._prices = prices

    def detail(self, client: str) -> Iterator[Row]:
        """``getreportmargindetail``."""
        amounts = self._amounts(client)
        return (Row(srno, text, amounts.get(srno, 0)) for srno, text in DETAIL)

    def summary(self, client: str) -> Iterator[Row]:
        """``getreportmarginsummary``."""
        amounts = self._amounts(client)
        return (Row(srno, text, amounts.get(srno, 0)) for srno, text in SUMMARY)

    def objection(self, order: Order) -> str:
        """Why the risk desk does not want an order; empty: it does."""
        if text := self._portfolio.shortage(order):
            return text
        needed = self._needed(order)
        free = self._amounts(order.ticket.client, beside=order)[100]
        if needed <= free:
            return ""
        return f"RMS: Margin Exceeds, available {free // 10**8}, required {needed // 10**8}"

    # --- reckoning ---------------------------------------------------------------------------------

    def _amounts(self, client: str, beside: Order | None = None) -> dict[int, Money]:
        """Row by row. ``beside``: as it was when the risk desk came to that order."""
        account = self._portfolio.clients[client]
        positions = self._portfolio.positions(client)
        amounts = self._usage(client, beside)
        results = self._results(positions)
        amounts.update(results)
        credit = sum(_sold_from_holdings(one) for one in positions) * CREDIT_PERCENT // 100
        cash = account.cash + credit
        total = cash + account.collateral
        result = results[400]
        free = total - amounts[300] + result
        amounts.update({200: total, 201: cash, 202: account.cash, 205: credit})
        amounts.update({220: account.collateral, 221: account.collateral, 508: account.collateral})
        amounts.update(dict.fromkeys((100, 102, 103, 104, 105), free))
        amounts.update(dict.fromkeys((106, 502), max(0, cash - amounts[300] + result)))
        return amounts

    def _usage(self, client: str, beside: Order | None) -> dict[int, Money]:
        """Margin that positions and standing orders bind."""
        used = dict.fromkeys((301, 321, 340, 360), 0)
        financed = 0
        for one in self._portfolio.positions(client):
            margin = self._bound(one)
            used[_GROUPS[one.scrip.exchange]] += margin
            financed += margin if one.product is Product.MTF else 0
        for order in self._orders.standing(client, beside):
            used[_GROUPS[order.ticket.scrip.exchange]] += self._needed(order)
        span = used[321] * SPAN_PERCENT // 100
        total = sum(used.values())
        return used | {
            300: total,
            302: used[301] - financed,
            304: financed,
            322: span,
            323: used[321] - span,
        }

    def _bound(self, position: Position) -> Money:
        """What an open position binds, at the price it was had for."""
        bought, paid, sold, got = position.sides(position.cost)
        net = position.net
        if net > 0:
            return _share(paid * net // bought, position.scrip, position.product)
        if net < 0 and position.product not in FROM_HOLDINGS:
            return _share(got * -net // sold, position.scrip, position.product)
        return 0

    def _needed(self, order: Order) -> Money:
        """What an order binds: as much of it as closes no open position."""
        ticket = order.ticket
        is_buy = ticket.side is Side.BUY
        if not is_buy and ticket.product in FROM_HOLDINGS:
            return 0
        net = self._portfolio.net(ticket.client, ticket.scrip, ticket.product)
        opening = max(0, order.remaining - max(0, -net if is_buy else net))
        price = order.terms.price or self._ltp(ticket.scrip)
        return _share(price * opening, ticket.scrip, ticket.product)

    def _results(self, positions: list[Position]) -> dict[int, Money]:
        """Open and booked profit, by group and in all; earlier shares at the last close."""
        found = dict.fromkeys((402, 403, 422, 423, 442, 443, 462, 463), 0)
        first = {301: 402, 321: 422, 340: 442, 360: 462}
        for one in positions:
            booked, unrealised = one.result(one.scrip.close, self._ltp(one.scrip))
            row = first[_GROUPS[one.scrip.exchange]]
            if one.net < 0 and one.product in FROM_HOLDINGS:
                unrealised = 0  # delivered from what the client holds: nothing is open
            found[row] += unrealised
            found[row + 1] += booked
        for row in first.values():
            found[row - 1] = found[row] + found[row + 1]
        found[600] = sum(found[row] for row in first.values())
        found[700] = sum(found[row + 1] for row in first.values())
        found[400] = found[600] + found[700]
        return found

    def _ltp(self, scrip: Scrip) -> Price:
        return self._prices.of(*scrip.key).ltp


def _share(value: Money, scrip: Scrip, product: Product) -> Money:
    """The margin of so much value."""
    percent = _PERCENT_OF_SHARES.get(product, 100) if scrip.is_cash else _PERCENT_OF_CONTRACTS
    return value * percent // 100


def _sold_from_holdings(position: Position) -> Money:
    """What a sale of more than was bought today brought."""
    if position.product not in FROM_HOLDINGS or position.net >= 0:
        return 0
    return position.sold_for * -position.net // position.sold
