import pytest

from phalanx.brokers.motilal.products import CASH, DERIVATIVES, read_product, wire_product
from phalanx.brokers.motilal.row import BadData
from phalanx.domain.orders import Product


@pytest.mark.parametrize("exchange", sorted(CASH | DERIVATIVES))
@pytest.mark.parametrize("product", Product)
def test_what_is_written_is_read_back_as_the_same(product: Product, exchange: str) -> None:
    word = wire_product(product, exchange)

    if word is None:
        assert exchange in DERIVATIVES
    else:
        assert read_product(word.lower()) is read_product(word.title()) is product


@pytest.mark.parametrize("word", ["Normal", "SELLFROMDP", "btst"])
def test_their_other_words_for_what_is_carried_are_delivery(word: str) -> None:
    assert read_product(word) is Product.DELIVERY


def test_what_is_no_exchange_of_theirs_has_no_product() -> None:
    assert wire_product(Product.DELIVERY, "LOCAL") is None


@pytest.mark.parametrize("word", ["", "CNC", "bracket"])
def test_a_product_that_nobody_declared_is_an_error(word: str) -> None:
    with pytest.raises(BadData, match="NOT_KNOWN"):
        read_product(word)
