"""Products and exchanges: ours to theirs by a table, theirs to ours whatever the case they are written in."""

from collections.abc import Mapping

from phalanx.brokers.motilal.row import BadData, Flaw
from phalanx.domain.orders import Product

CASH: frozenset[str] = frozenset({"NSE", "BSE"})
DERIVATIVES: frozenset[str] = frozenset(
    {"NSEFO", "BSEFO", "NSECD", "BSECD", "MCX", "NCDEX", "NSECO", "BSECO"}
)
EXCHANGES: frozenset[str] = CASH | DERIVATIVES

_IN_CASH: Mapping[Product, str] = {
    Product.DELIVERY: "DELIVERY",
    Product.INTRADAY: "VALUEPLUS",
    Product.MTF: "MTF",
}
_IN_DERIVATIVES: Mapping[Product, str] = {Product.DELIVERY: "NORMAL"}
"""Every derivative is NORMAL there and comes back as such: what we would call intraday could not be told."""

_READ: Mapping[str, Product] = {
    "delivery": Product.DELIVERY,
    "normal": Product.DELIVERY,
    "sellfromdp": Product.DELIVERY,
    "btst": Product.DELIVERY,
    "valueplus": Product.INTRADAY,
    "mtf": Product.MTF,
}


def wire_product(product: Product, exchange: str) -> str | None:
    """Their word; None where they have none for it."""
    if exchange in CASH:
        return _IN_CASH.get(product)
    return _IN_DERIVATIVES.get(product) if exchange in DERIVATIVES else None


def read_product(text: str) -> Product:
    """Ours. Raises BadData for a word that is not in their documents."""
    found = _READ.get(text.lower())
    if found is None:
        raise BadData(Flaw.NOT_KNOWN, f"product {text}")
    return found
