"""The paper broker: a broker like any other, whose market is our own quotes."""

from phalanx.brokers.paper.broker import PaperBroker
from phalanx.brokers.paper.matcher import Quotes
from phalanx.brokers.paper.orders import RestoredOrder
from phalanx.brokers.paper.restored import restored_orders
from phalanx.brokers.paper.terms import CAPABILITIES, Code

__all__ = ["CAPABILITIES", "Code", "PaperBroker", "Quotes", "RestoredOrder", "restored_orders"]
