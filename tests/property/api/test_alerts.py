"""Whatever an alert's body holds and however it is signed, it is an instruction or refused with a code."""

import hmac
import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from phalanx.api.head import read_head
from phalanx.api.hooks.alerts import TYPES, check_type, find_field, read_fields
from phalanx.api.hooks.firing import read_alert
from phalanx.api.hooks.signatures import is_one_of, is_signed, read_signed
from phalanx.api.hooks.template import check_template, fields_of, fill_in
from phalanx.api.problems import STATUSES
from phalanx.domain.hooks import HookMode, HookSource, HookTemplate, HookVerification, WordMap
from phalanx.domain.secrets import Secret
from tests.property.api.tried import tried

SECRET = Secret("a-secret-of-two")
OTHER = Secret("the-other-secret")
BODY_CODES = {
    *("NOT_UTF8", "MALFORMED_JSON", "INVALID_NUMBER", "INVALID_TEXT", "TOO_DEEP", "WRONG_TYPE"),
    *("DUPLICATE_FIELD", "TOO_MANY_FIELDS", "EMPTY_TEXT"),
}
FILL_CODES = {
    *("MISSING_FIELD", "HOOK_VALUE_UNKNOWN", "HOOK_FIELD_NOT_PLAIN", "TOO_MANY_FIELDS"),
}
TEMPLATE_CODES = {
    *("HOOK_TEMPLATE", "MALFORMED_JSON", "INVALID_NUMBER", "INVALID_TEXT", "NOT_UTF8", "TOO_DEEP"),
    "DUPLICATE_FIELD",
}

names = st.sampled_from(("ticker", "action", "a.b", "a", "0", "1", "strategy", "a.0", "deep.1.x"))
texts = st.one_of(
    st.text(max_size=12), st.sampled_from(("{{", "}}", "{{a}}", "\ud800", "a,b", "BUY"))
)
plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    texts,
)
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names | texts, inner, max_size=4),
    max_leaves=8,
)
pieces = st.sampled_from(
    (
        *(
            "{",
            "}",
            "[",
            "]",
            '"',
            ":",
            ",",
            "\\u",
            "1e999",
            "NaN",
            "null",
            "=",
            "&",
            "%",
            ";",
            "\n",
            " ",
        ),
    )
)
contents = st.one_of(
    st.binary(max_size=80),
    st.dictionaries(names | texts, values, max_size=5).map(lambda one: json.dumps(one).encode()),
    st.lists(pieces | names, max_size=40).map(lambda parts: "".join(parts).encode()),
    st.lists(st.tuples(names, texts), max_size=8).map(
        lambda pairs: " ".join(f"{name}={text}" for name, text in pairs).encode("utf-8", "replace")
    ),
    st.integers(1, 60_000).map(lambda count: b'{"a":' + count * b"["),
    st.integers(190, 210).map(lambda count: count * b"a "),
)
said = st.sampled_from(sorted(TYPES))


@given(contents, said, names | st.text("a.0", min_size=1, max_size=64))
@example(b'{"a": 1e400, "b": -0}', b"application/json", "a")
@example(b'{"a": [1]}', b"", "a." + 62 * "9")
@settings(max_examples=500)
def test_a_body_is_fields_or_refused(content: bytes, kind: bytes, path: str) -> None:
    fields, code = tried(read_fields, content, kind)
    if fields is None:
        assert code in BODY_CODES
        return
    found, code = tried(find_field, fields, path)
    assert code in {"", "MISSING_FIELD"}
    if not code:
        assert isinstance(found, str | bool | list | dict)


@given(
    st.lists(
        st.tuples(st.sampled_from((b"content-type", b"content-encoding")), st.binary(max_size=40))
    )
)
def test_a_type_is_known_or_refused(pairs: list[tuple[bytes, bytes]]) -> None:
    found, code = tried(check_type, read_head(pairs))

    assert code in {"", "UNSUPPORTED_MEDIA_TYPE"}
    assert code or found in TYPES


fillings = st.one_of(
    names.map(lambda name: f"{{{{{name}}}}}"),
    names.map(lambda name: f"x {{{{ {name} }}}} y"),
    texts,
    plain,
)
kinds = st.sampled_from(
    ("signal", "order", "batch", "exit", "priority_buy", "{{action}}", "cancel")
)
parts = st.recursive(
    fillings, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
)
fields = st.sampled_from(
    (
        *("strategy", "instrument", "position", "side", "quantity", "price", "type", "account"),
        *(
            "client",
            "instruments",
            "rows",
            "allocation",
            "accounts",
            "selection",
            "note",
            "preview",
        ),
    )
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """What a template may look like, mostly as it must."""
    if draw(st.integers(0, 9)) == 0:
        return draw(texts | values.map(json.dumps))
    document: dict[str, Any] = {"kind": draw(kinds)}
    document.update(draw(st.dictionaries(fields, parts, max_size=6)))
    return json.dumps(document)


@st.composite
def templates(draw: st.DrawFn) -> HookTemplate:
    """With words and lists for some of the fields."""
    words = draw(st.dictionaries(names, st.dictionaries(texts, texts, max_size=2), max_size=2))
    maps = tuple(WordMap(name, tuple(of.items())) for name, of in words.items())
    return HookTemplate(
        draw(documents()), maps, tuple(draw(st.lists(names, max_size=2, unique=True)))
    )


@given(templates(), contents)
@settings(max_examples=300)
def test_a_template_makes_an_instruction_or_a_refusal(
    template: HookTemplate, content: bytes
) -> None:
    _, code = tried(check_template, template)
    if code:
        assert code in TEMPLATE_CODES
        return
    assert all(fields_of(template))
    alert, _ = tried(read_fields, content, b"")
    if alert is None:
        return
    filled, code = tried(fill_in, template, alert)
    if filled is None:
        assert code in FILL_CODES
        return
    assert isinstance(msgspec.json.decode(filled), dict)
    source = HookSource("tv", HookMode.AUTO, HookVerification.HMAC, template)
    _, code = tried(read_alert, source, content, b"")
    assert STATUSES.get(code, 422) == 422


HEADERS = (b"x-phalanx-timestamp", b"x-phalanx-nonce", b"x-phalanx-signature")


def signed(body: bytes) -> list[bytes]:
    """The three headers of a genuine alert."""
    text = b"1700000000.nonce-01." + body
    made = hmac.new(SECRET.reveal().encode(), text, "sha256").hexdigest()
    return [b"1700000000", b"nonce-01", b"v1=" + made.encode()]


@given(st.data(), st.binary(max_size=60))
@settings(max_examples=300)
def test_only_what_is_signed_as_it_came_is_signed(data: st.DataObject, body: bytes) -> None:
    genuine = signed(body)
    shown = [data.draw(st.one_of(st.just(one), st.binary(max_size=70))) for one in genuine]
    came = data.draw(st.one_of(st.just(body), st.binary(max_size=60)))
    head = read_head(list(zip(HEADERS, shown, strict=True)))

    found = read_signed(head)

    assert is_signed((OTHER, SECRET), found, came) == (shown == genuine and came == body)
    assert not is_signed((OTHER,), found, came)
    assert not is_signed((), found, came)


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_that_is_there_twice_signs_nothing(header: bytes) -> None:
    pairs = list(zip(HEADERS, signed(b"body"), strict=True))
    again = next(pair for pair in pairs if pair[0] == header)

    assert read_signed(read_head(pairs)) is not None
    assert read_signed(read_head([*pairs, again])) is None


@given(st.text(max_size=40) | st.sampled_from(("\ud800", SECRET.reveal(), OTHER.reveal())))
def test_only_a_secret_of_the_source_opens_its_address(shown: str) -> None:
    assert is_one_of((SECRET,), shown) == (shown == SECRET.reveal())
    assert not is_one_of((), shown)
