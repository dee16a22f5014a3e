from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phalanx.domain.numbers import (
    FIXED_MAX,
    SCALE,
    NumberError,
    divide,
    format_fixed,
    multiply,
    parse_fixed,
    round_down,
    round_up,
    share_up,
    whole,
)

VALUES = st.integers(-FIXED_MAX, FIXED_MAX)
AMOUNTS = st.integers(0, FIXED_MAX)
STEPS = st.integers(1, 10**12)


@given(VALUES)
def test_what_is_written_is_read_back(value: int) -> None:
    assert parse_fixed(format_fixed(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-0", 0),
        ("1364.5", 136_450_000_000),
        ("-1364.50", -136_450_000_000),
        ("007", 700_000_000),
        ("0" * 63 + "7." + "0" * 64, 700_000_000),
        ("0.00000001", 1),
        ("1.100000000000", 110_000_000),
        ("90000000000", FIXED_MAX),
        ("-90000000000.00000000", -FIXED_MAX),
    ],
)
def test_a_plain_decimal_is_read_exactly(text: str, value: int) -> None:
    assert parse_fixed(text) == value


NO_NUMBERS = [
    "", " ", "-", "+1", "1 ", " 1", "1\n", "1.", ".5", "1,000", "1_000", "--1", "1.2.3", "0x10", "NaN",
    "nan", "-NaN", "sNaN", "inf", "-inf", "Infinity", "1e400", "1E5", "1e-3", "true", "٣", "1\u066b5", "½",
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "texts"),
    [
        ("INVALID_NUMBER", NO_NUMBERS),
        ("TOO_PRECISE", ["0.000000001", "1.000000001", "-0.0000000000001"]),
        (
            "NUMBER_TOO_LARGE",
            ["90000000000.00000001", "-90000000001", "9" * 24, "1" * 25, "-" + "9" * 64],
        ),
        ("NUMBER_TOO_LARGE", ["0" * 65, "1" * 5_000, "0." + "0" * 65, "9" * 100 + ".5"]),
    ],
)
def test_anything_else_is_refused_by_name(code: str, texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(NumberError) as refused:
            parse_fixed(text)
        assert refused.value.code == code, text
        assert len(str(refused.value)) < 100


@given(st.text(alphabet="0123456789.-+eE_, naNif", max_size=30))
def test_no_text_is_read_as_another_number(text: str) -> None:
    try:
        value = parse_fixed(text)
    except NumberError:
        return
    assert Fraction(value, SCALE) == Fraction(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (SCALE, "1"), (-SCALE // 2, "-0.5"), (1, "0.00000001"), (12_340_000_000, "123.4")],
)
def test_numbers_are_written_without_needless_zeros(value: int, text: str) -> None:
    assert format_fixed(value) == text


@given(VALUES, VALUES)
def test_a_product_is_rounded_half_up_in_magnitude(price: int, quantity: int) -> None:
    exact = Fraction(price * quantity, SCALE)
    product = multiply(price, quantity)

    assert abs(product - exact) <= Fraction(1, 2)
    assert abs(product) >= abs(exact) or abs(product - exact) < Fraction(1, 2)
    assert multiply(-price, quantity) == -product


@given(VALUES, st.integers(1, 10**10))
def test_a_product_with_whole_units_is_exact(price: int, units: int) -> None:
    assert multiply(price, whole(units)) == price * units


@given(VALUES, VALUES.filter(bool))
def test_a_quotient_is_cut_towards_zero(amount: int, quantity: int) -> None:
    exact = Fraction(amount * SCALE, quantity)

    assert divide(amount, quantity) == int(exact)


def test_a_quotient_by_nothing_is_nothing() -> None:
    assert divide(whole(5), 0) == 0


@given(AMOUNTS, st.integers(0, 20_000))
def test_a_share_is_rounded_up(amount: int, basis_points: int) -> None:
    exact = Fraction(amount * basis_points, 10_000)

    assert exact <= share_up(amount, basis_points) < exact + 1


@given(VALUES, STEPS)
def test_rounding_to_a_step_stays_within_it(value: int, step: int) -> None:
    down, up = round_down(value, step), round_up(value, step)

    assert down % step == up % step == 0
    assert down <= value <= up
    assert up - down in {0, step}
