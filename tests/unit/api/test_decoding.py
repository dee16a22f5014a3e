from typing import Any

import msgspec
import pytest

from phalanx.api.decoding import Body, check_json, check_no_repeats, decode_query
from phalanx.api.instruction_shapes import InstructionBody, SignalInstruction
from phalanx.api.problems import Problem
from phalanx.api.shapes import AccountChange, CreateOrder, SubscriptionChange

create_order: Body[CreateOrder] = Body(CreateOrder, {"POSITION": "INVALID_POSITION"})
instruction: Body[SignalInstruction] = Body(InstructionBody, {"position": "INVALID_POSITION"})
account_change: Body[AccountChange] = Body(AccountChange)
subscription_change: Body[SubscriptionChange] = Body(SubscriptionChange)

GOOD = b'{"STRATEGY":"A","INSTRUMENT":"INFY","POSITION":"BUY"}'


def signal(instrument: bytes) -> bytes:
    return b'{"kind":"signal","strategy":"A","instrument":%s,"position":"BUY"}' % instrument


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        b' {"POSITION" : "BUY",\n"INSTRUMENT":"INFY" ,"STRATEGY":"A"}\r\n\t',
        b'{"\\u0053TRATEGY":"A","INSTRUMENT":"\\u0049NFY","POSITION":"BUY"}',
    ],
)
def test_spelling_does_not_matter(content: bytes) -> None:
    assert create_order.decode(content) == CreateOrder("A", "INFY", "BUY")


def test_a_colon_in_a_text_is_no_second_field() -> None:
    decoded = create_order.decode(GOOD.replace(b"INFY", b"NSE:1594"))

    assert decoded.instrument == "NSE:1594"


def test_a_token_may_be_a_number() -> None:
    assert instruction.decode(signal(b"2885")).instrument == 2885


@pytest.mark.parametrize(
    ("content", "code", "field"),
    [
        (b"", "MALFORMED_JSON", None),
        (b"{", "MALFORMED_JSON", None),
        (b"nul", "MALFORMED_JSON", None),
        (GOOD + b" x", "MALFORMED_JSON", None),
        (GOOD[:-1] + b",}", "MALFORMED_JSON", None),
        (GOOD.replace(b'"', b"'"), "MALFORMED_JSON", None),
        (b"\xef\xbb\xbf" + GOOD, "MALFORMED_JSON", None),
        (GOOD.replace(b"INFY", b"IN\nFY"), "MALFORMED_JSON", None),
        (GOOD.replace(b"INFY", b"\xff"), "NOT_UTF8", None),
        (b"\xff" + GOOD, "NOT_UTF8", None),
        (GOOD.decode().encode("utf-16"), "NOT_UTF8", None),
        (GOOD.replace(b"INFY", b"\\ud800"), "INVALID_TEXT", None),
        (GOOD.replace(b"INFY", b"\\ud800x"), "INVALID_TEXT", None),
        (GOOD.replace(b'"INFY"', b"NaN"), "INVALID_NUMBER", None),
        (GOOD.replace(b'"INFY"', b"-Infinity"), "INVALID_NUMBER", None),
        (b"null", "WRONG_TYPE", None),
        (b"[]", "WRONG_TYPE", None),
        (b'"x"', "WRONG_TYPE", None),
        (b"{}", "MISSING_FIELD", "STRATEGY"),
        (b'{"STRATEGY":"A","INSTRUMENT":"B"}', "MISSING_FIELD", "POSITION"),
        (GOOD.replace(b"STRATEGY", b"strategy"), "UNKNOWN_FIELD", "strategy"),
        (GOOD.replace(b"{", b'{"x":1,'), "UNKNOWN_FIELD", "x"),
        (GOOD.replace(b'"A"', b"1"), "WRONG_TYPE", "STRATEGY"),
        (GOOD.replace(b'"A"', b"null"), "WRONG_TYPE", "STRATEGY"),
        (GOOD.replace(b'"INFY"', b"1.0"), "WRONG_TYPE", "INSTRUMENT"),
        (GOOD.replace(b'"INFY"', b"true"), "WRONG_TYPE", "INSTRUMENT"),
        (GOOD.replace(b'"INFY"', b"9" * 5_000), "NUMBER_TOO_LARGE", "INSTRUMENT"),
        (GOOD.replace(b'"INFY"', b"1e400"), "NUMBER_TOO_LARGE", "INSTRUMENT"),
        (GOOD.replace(b"BUY", b"HOLD"), "INVALID_POSITION", "POSITION"),
        (GOOD.replace(b"BUY", b"buy"), "INVALID_POSITION", "POSITION"),
        (GOOD.replace(b'"BUY"', b"1"), "WRONG_TYPE", "POSITION"),
        (GOOD.replace(b"{", b'{"STRATEGY":"B",'), "DUPLICATE_FIELD", "STRATEGY"),
        (GOOD.replace(b"{", b'{"\\u0053TRATEGY":"A",'), "DUPLICATE_FIELD", "STRATEGY"),
    ],
)
def test_each_bad_body_has_its_code(content: bytes, code: str, field: str | None) -> None:
    with pytest.raises(Problem) as refused:
        create_order.decode(content)

    assert (refused.value.code, refused.value.field) == (code, field)
    assert refused.value.status == 422


@pytest.mark.parametrize(
    ("content", "code", "field"),
    [
        (b"{}", "MISSING_FIELD", "kind"),
        (b'{"kind":"basket"}', "INVALID_VALUE", "kind"),
        (b'{"kind":1}', "WRONG_TYPE", "kind"),
        (signal(b'"A","price":1'), "UNKNOWN_FIELD", "price"),
        (signal(b'"A","expires_s":0'), "INVALID_VALUE", "expires_s"),
        (signal(b'"A","expires_s":86401'), "INVALID_VALUE", "expires_s"),
        (signal(b'"A","expires_s":1.5'), "WRONG_TYPE", "expires_s"),
        (signal(b'"A","expires_s":"30"'), "WRONG_TYPE", "expires_s"),
        (signal(b'"A","note":null'), "WRONG_TYPE", "note"),
        (signal(b'"A","kind":"signal"'), "DUPLICATE_FIELD", "kind"),
    ],
)
def test_each_bad_instruction_has_its_code(content: bytes, code: str, field: str) -> None:
    with pytest.raises(Problem) as refused:
        instruction.decode(content)

    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.parametrize(
    ("content", "code", "field"),
    [
        (b'{"fill_profile":{"slices":0}}', "INVALID_VALUE", "fill_profile.slices"),
        (b'{"fill_profile":{"slice":1}}', "UNKNOWN_FIELD", "fill_profile.slice"),
        (b'{"fill_profile":{"slices":1,"slices":2}}', "DUPLICATE_FIELD", "slices"),
        (b'{"fill_profile":[]}', "WRONG_TYPE", "fill_profile"),
    ],
)
def test_a_field_is_named_with_its_place(content: bytes, code: str, field: str) -> None:
    with pytest.raises(Problem) as refused:
        account_change.decode(content)

    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"STRATEGY":[', b'{"price":{"a":'])
def test_a_deep_body_is_refused(opening: bytes) -> None:
    with pytest.raises(Problem) as refused:
        create_order.decode(opening * 100_000)

    assert refused.value.code == "TOO_DEEP"


def test_a_deep_value_that_nobody_reads_is_refused() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000

    with pytest.raises(Problem) as refused:
        check_json(b'{"a":' + deep + b"}")

    assert refused.value.code == "TOO_DEEP"


def test_repeats_are_found_in_any_object() -> None:
    check_no_repeats(b'{"a":[{"b":1},{"b":2}],"c":{"b":1}}')
    with pytest.raises(Problem, match="DUPLICATE_FIELD"):
        check_no_repeats(b'{"a":[{"b":1,"b":1}]}')


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str | None = None
    number: int | None = None
    flag: bool = False


@pytest.mark.parametrize(
    ("query", "decoded"),
    [
        (b"", Query()),
        (b"text=a%20b&number=7&flag=true", Query("a b", 7, flag=True)),
        (b"text=", Query("")),
        (b"text=5", Query("5")),
        (b"text=%E2%82%B9", Query("₹")),
    ],
)
def test_a_query_is_typed(query: bytes, decoded: Query) -> None:
    assert decode_query(query, Query) == decoded


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        (b"other=1", "UNKNOWN_FIELD", "other"),
        (b"number=x", "WRONG_TYPE", "number"),
        (b"number=", "WRONG_TYPE", "number"),
        (b"flag=maybe", "WRONG_TYPE", "flag"),
        (b"number=1&number=2", "DUPLICATE_FIELD", "number"),
        (b"text=%ff", "NOT_UTF8", None),
        (b"text=\xff", "NOT_UTF8", None),
        (b"text", "MALFORMED_QUERY", None),
        (b"&".join(b"x%d=1" % n for n in range(65)), "MALFORMED_QUERY", None),
        (b"text=" + b"a" * 4_096, "TEXT_TOO_LONG", None),
    ],
)
def test_each_bad_query_has_its_code(query: bytes, code: str, field: str | None) -> None:
    with pytest.raises(Problem) as refused:
        decode_query(query, Query)

    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.parametrize(
    ("body", "content", "detail"),
    [
        (create_order, GOOD.replace(b"BUY", b"HOLD"), "'HOLD' is not one of BUY, SELL"),
        (
            instruction,
            b'{"kind":"x"}',
            "'x' is not one of signal, order, priority_buy, batch, exit",
        ),
        (
            subscription_change,
            b'{"sizing":{"method":"all"}}',
            "'all' is not one of fixed_quantity, fixed_cash, cash_share",
        ),
        (
            create_order,
            GOOD.replace(b"BUY", b"B" * 5_000),
            f"'{'B' * 64}…' is not one of BUY, SELL",
        ),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_ones(
    body: Body[Any], content: bytes, detail: str
) -> None:
    with pytest.raises(Problem) as refused:
        body.decode(content)

    assert refused.value.detail == detail


lists: Body[list[CreateOrder]] = Body(list[CreateOrder])


def test_a_body_may_be_a_list() -> None:
    assert lists.decode(b"[" + GOOD + b"," + GOOD + b"]") == [create_order.decode(GOOD)] * 2
    assert lists.decode(b"[]") == []


@pytest.mark.parametrize(
    ("content", "code", "field"),
    [
        (b"[" + GOOD[:-1] + b"," + GOOD[1:] + b"]", "DUPLICATE_FIELD", "STRATEGY"),
        (b"[" + GOOD + b", {}]", "MISSING_FIELD", "[1].STRATEGY"),
        (GOOD, "WRONG_TYPE", None),
        (b"[" + GOOD, "MALFORMED_JSON", None),
    ],
)
def test_a_list_is_read_as_strictly(content: bytes, code: str, field: str | None) -> None:
    with pytest.raises(Problem) as refused:
        lists.decode(content)

    assert (refused.value.code, refused.value.field) == (code, field)
