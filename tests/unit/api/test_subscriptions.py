from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phalanx.api.decoding import Body
from phalanx.api.problems import Problem
from phalanx.api.shapes import SubscriptionChange
from phalanx.api.subscriptions import sizing_answer, sizing_rule
from phalanx.domain.numbers import BASIS_POINTS, FIXED_MAX, whole
from phalanx.domain.strategies import Sizing, SizingRule

_change: Body[SubscriptionChange] = Body(SubscriptionChange)


def asked(sizing: bytes) -> SizingRule:
    change = _change.decode(b'{"sizing":' + sizing + b"}")
    assert change.sizing is not msgspec.UNSET
    return sizing_rule(change.sizing)


@pytest.mark.parametrize(
    ("sizing", "rule"),
    [
        (b'{"method":"fixed_quantity"}', SizingRule()),
        (
            b'{"method":"fixed_quantity","quantity":10}',
            SizingRule(Sizing.FIXED_QUANTITY, whole(10)),
        ),
        (b'{"method":"fixed_cash","amount":"0.1"}', SizingRule(Sizing.FIXED_CASH, 10_000_000)),
        (b'{"amount":5e4,"method":"fixed_cash"}', "INVALID_NUMBER"),
        (b'{"method":"cash_share","percent":12.34}', SizingRule(Sizing.CASH_SHARE, 1_234)),
        (b'{"method":"cash_share","percent":"0.01"}', SizingRule(Sizing.CASH_SHARE, 1)),
        (b'{"method":"cash_share","percent":"12.500"}', SizingRule(Sizing.CASH_SHARE, 1_250)),
        (b'{"method":"cash_share","percent":100}', SizingRule(Sizing.CASH_SHARE, 10_000)),
        (b'{"method":"cash_share","percent":100.01}', "INVALID_VALUE"),
        (b'{"method":"cash_share","percent":12.345}', "TOO_PRECISE"),
        (b'{"method":"cash_share","percent":0.001}', "TOO_PRECISE"),
        (b'{"method":"cash_share","percent":0}', "NOT_POSITIVE"),
        (b'{"method":"cash_share","percent":-1}', "NOT_POSITIVE"),
        (b'{"method":"fixed_cash","amount":0}', "NOT_POSITIVE"),
        (b'{"method":"fixed_quantity","quantity":"0"}', "NOT_POSITIVE"),
        (b'{"method":"fixed_quantity","quantity":null}', "WRONG_TYPE"),
    ],
)
def test_a_sizing_is_read_exactly_or_refused_by_name(sizing: bytes, rule: SizingRule | str) -> None:
    if isinstance(rule, SizingRule):
        assert asked(sizing) == rule
        return
    with pytest.raises(Problem) as refused:
        asked(sizing)
    assert refused.value.code == rule
    assert (refused.value.field or "").startswith("sizing.")


@pytest.mark.parametrize(
    ("rule", "answer"),
    [
        (SizingRule(), {"method": "fixed_quantity"}),
        (
            SizingRule(Sizing.FIXED_QUANTITY, whole(10)),
            {"method": "fixed_quantity", "quantity": "10"},
        ),
        (SizingRule(Sizing.FIXED_CASH, 150_000_000), {"method": "fixed_cash", "amount": "1.5"}),
        (SizingRule(Sizing.CASH_SHARE, 1_250), {"method": "cash_share", "percent": "12.5"}),
    ],
)
def test_a_sizing_is_answered_with_its_one_number(rule: SizingRule, answer: dict[str, Any]) -> None:
    assert msgspec.to_builtins(sizing_answer(rule)) == answer


@given(
    st.one_of(
        st.builds(
            SizingRule,
            st.just(Sizing.FIXED_QUANTITY),
            st.integers(min_value=0, max_value=FIXED_MAX),
        ),
        st.builds(
            SizingRule, st.just(Sizing.FIXED_CASH), st.integers(min_value=1, max_value=FIXED_MAX)
        ),
        st.builds(
            SizingRule, st.just(Sizing.CASH_SHARE), st.integers(min_value=1, max_value=BASIS_POINTS)
        ),
    )
)
def test_what_is_answered_may_be_sent(rule: SizingRule) -> None:
    assert asked(msgspec.json.encode(sizing_answer(rule))) == rule
