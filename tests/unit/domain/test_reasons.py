from string import Formatter

import pytest

from phalanx.domain.numbers import whole
from phalanx.domain.reasons import SENTENCES, Reason, ReasonCode, reason_table
from tests.conftest import ROOT


def test_every_code_has_its_sentence() -> None:
    assert list(SENTENCES) == [code for code in ReasonCode if code in SENTENCES]
    assert set(SENTENCES) == set(ReasonCode)
    assert all(code.value == code.name for code in ReasonCode)


@pytest.mark.parametrize("code", ReasonCode)
def test_the_facts_of_a_sentence_are_numbered_from_zero(code: ReasonCode) -> None:
    fields = {name for _, name, _, _ in Formatter().parse(SENTENCES[code]) if name is not None}

    assert fields == {str(number) for number in range(len(fields))}


def test_numbers_are_shown_as_decimals_and_texts_as_they_are() -> None:
    assert str(Reason(ReasonCode.QUANTITY_CAP, (whole(3) // 2, whole(1)))) == (
        "1.5 is above the quantity cap 1"
    )
    assert str(Reason(ReasonCode.BROKER_REJECTED, ("{0} %s {",))) == "the broker refused: {0} %s {"


def test_the_page_of_reason_codes_is_up_to_date() -> None:
    page = (ROOT / "docs/reason-codes.md").read_text(encoding="utf-8")

    assert page.endswith(f"\n\n{reason_table()}")
