"""Whatever a head holds, it is read or refused with a known code, and nobody becomes somebody by it."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from phalanx.access.directory import Directory
from phalanx.access.machine_keys import NewKey
from phalanx.access.users import Duties
from phalanx.api import tickets
from phalanx.api.exchange import Call
from phalanx.api.guard import NOBODY, Guard
from phalanx.api.head import read_head
from phalanx.api.house import House
from phalanx.api.identity.refresh_cookie import COOKIE_BYTES_MAX, NAME, read_cookie
from phalanx.api.policy import ADMINISTER, DOCS, KNOWN, OWING, PUBLIC, READ, READ_OWN, TRADE
from phalanx.api.tickets import Tickets
from phalanx.domain.access import LOCAL, NO_PERMISSIONS, Permission, Principal, PrincipalKind, Role
from phalanx.domain.time import HOUR
from tests.fakes.clock import ManualClock
from tests.property.api.tried import tried
from tests.unit.access.rig import PASSWORD, bearer, log_in, open_directory

POLICIES = (READ, READ_OWN, TRADE, KNOWN, OWING, DOCS, ADMINISTER, PUBLIC)
PLACE = {"LOOPBACK_ONLY", "HOST_NOT_ALLOWED", "ORIGIN_NOT_ALLOWED"}


class Gate(NamedTuple):
    """A directory with one viewer and one key, what these two say of themselves, and guards."""

    directory: Directory
    good: tuple[bytes, ...]
    refresh: bytes

    @property
    def guard(self) -> Guard:
        """A guard that asks who somebody is."""
        return Guard(self.directory, origins=frozenset({b"https://desk.example"}))


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    clock = ManualClock()
    with open_directory(tmp_path_factory.mktemp("gate"), clock) as opened:
        opened.users.create("vera", Duties(Role.VIEWER), PASSWORD)
        tokens = log_in(opened, "vera")
        new = NewKey("feed", frozenset({Permission.READ}), clock.now() + HOUR)
        key = opened.keys.create(new, by="vera")
        good = (bearer(tokens.access), bearer(key.token))
        yield Gate(opened, good, tokens.refresh.reveal().encode())


raw = st.binary(max_size=80)
segments = st.text("AZaz09-_=.", max_size=40).map(str.encode)
tokens = st.one_of(
    raw,
    st.lists(segments, max_size=5).map(b".".join),
    segments.map(lambda one: b"phx_" + one),
    st.integers(2_000, 70_000).map(lambda size: size * b"a"),
)
schemes = st.sampled_from(
    (b"Bearer ", b"bearer ", b"BEARER  ", b"Basic ", b"Bearer\t", b"Bearer", b"")
)
hosts = st.sampled_from(
    (b"127.0.0.1", b"localhost:8000", b"[::1]:1", b"[", b"a.example", b"\xff", b"")
)
origins = st.one_of(
    raw,
    st.sampled_from(
        (b"null", b"http://[", b"http://127.0.0.1", b"https://desk.example", b"https://a.example")
    ),
)
peers = st.sampled_from(
    ("127.0.0.1", "::1", "::ffff:127.0.0.1", "198.51.100.7", "fe80::1%eth0", "")
)


@st.composite
def spoiled(draw: st.DrawFn, good: bytes) -> bytes:
    """Something that was genuine, with a few of its bytes changed, cut off or put there twice."""
    content = bytearray(good)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(content)))
        how = draw(st.sampled_from(("change", "cut", "put", "twice")))
        if how == "change" and place < len(content):
            content[place] = draw(st.integers(0, 255))
        elif how == "cut":
            del content[place : place + draw(st.integers(1, 8))]
        elif how == "put":
            content[place:place] = draw(st.binary(min_size=1, max_size=4))
        else:
            content += content[place:]
    return bytes(content)


def scope_of(peer: str, pairs: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    return {"client": (peer, 1) if peer else None, "headers": pairs}


def is_genuine(said: bytes, good: tuple[bytes, ...]) -> bool:
    """The scheme is read in any case; a token is itself or nobody's."""
    return any(said[7:] == one[7:] and said[:7].lower() == one[:7].lower() for one in good)


@given(st.data())
@settings(max_examples=300)
def test_only_what_is_genuine_makes_somebody(gate: Gate, data: st.DataObject) -> None:
    said = data.draw(
        st.one_of(
            st.builds(bytes.__add__, schemes, tokens),
            st.sampled_from(gate.good).flatmap(spoiled),
            st.sampled_from(gate.good),
        )
    )
    pairs = [(b"authorization", said)]
    policy = data.draw(st.sampled_from(POLICIES))
    scope = scope_of("198.51.100.7", pairs)
    found, code = tried(gate.guard.admit, scope, read_head(pairs), policy)

    if is_genuine(said, gate.good):
        assert code in {"", "FORBIDDEN"}
        assert found is not NOBODY
    elif policy is PUBLIC:
        assert found is NOBODY
    else:
        assert code == "UNAUTHENTICATED"


@given(st.data())
@settings(max_examples=100)
def test_two_authorizations_make_nobody(gate: Gate, data: st.DataObject) -> None:
    both = [data.draw(st.sampled_from(gate.good)), data.draw(st.sampled_from((*gate.good, b"")))]
    pairs = [(b"authorization", one) for one in data.draw(st.permutations(both))]

    scope = scope_of("198.51.100.7", pairs)

    assert tried(gate.guard.admit, scope, read_head(pairs), KNOWN) == (None, "UNAUTHENTICATED")


@given(peers, hosts | raw, st.none() | origins, st.booleans())
@example("127.0.0.1", b"127.0.0.1", b"http://[", False)
@settings(max_examples=300)
def test_a_place_is_fine_or_refused(
    gate: Gate, peer: str, host: bytes, origin: bytes | None, asks: bool
) -> None:
    pairs = [(b"host", host), (b"authorization", gate.good[0])]
    if origin is not None:
        pairs.append((b"origin", origin))
    guard = gate.guard if asks else Guard(None)
    found, code = tried(guard.admit, scope_of(peer, pairs), read_head(pairs), READ)

    assert code in ({"", "ORIGIN_NOT_ALLOWED"} if asks else {"", *PLACE})
    if not code:
        assert (found is LOCAL) != asks


NAMES = st.sampled_from(
    (b"content-length", b"content-type", b"content-encoding", b"x-request-id", b"idempotency-key")
)
VALUES = st.one_of(
    raw,
    st.sampled_from((b"0", b"-1", b"+1", b"1_0", b"\xb2", b"9" * 400, b"gzip", b"text/csv;", b" ")),
    st.text('application/json; charset=utf-8"', max_size=60).map(str.encode),
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8))
@settings(max_examples=300)
def test_a_head_is_read_or_refused(pairs: list[tuple[bytes, bytes]]) -> None:
    head = read_head(pairs)

    assert head.content_length is None or 0 <= head.content_length < 10**18
    assert head.has_body in {True, False}
    assert re.fullmatch(r"[!-~]{0,64}", head.request_id())
    for check, code in (
        (head.idempotency_key, "IDEMPOTENCY_KEY_INVALID"),
        (head.check_json, "UNSUPPORTED_MEDIA_TYPE"),
        (head.check_csv, "UNSUPPORTED_MEDIA_TYPE"),
    ):
        assert tried(check)[1] in {"", code}


@given(st.data())
@settings(max_examples=300)
def test_a_cookie_is_read_whole_or_not_at_all(gate: Gate, data: st.DataObject) -> None:
    pair = NAME + b"=" + gate.refresh
    said = data.draw(
        st.one_of(
            st.lists(st.sampled_from((pair, b"a=b", b"", b"=", NAME, b" ")), max_size=5).map(
                b";".join
            ),
            spoiled(pair),
            raw,
            st.integers(8_000, 9_000).map(lambda size: pair + b";" + size * b"a"),
        )
    )
    origin = data.draw(st.sampled_from((b"http://127.0.0.1", b"https://a.example", b"null", b"")))
    pairs = [(b"cookie", said), (b"origin", origin), (b"host", b"127.0.0.1")]
    house = House()
    house.guard = gate.guard
    call = Call(house, scope_of("127.0.0.1", pairs), read_head(pairs), "a request")
    found, code = tried(read_cookie, call)

    assert code in ({""} if origin == b"http://127.0.0.1" else {"", "ORIGIN_NOT_ALLOWED"})
    if found is not None:
        value = found.reveal().encode("latin-1")
        assert NAME in said
        assert value in said.partition(NAME)[2]
        assert b";" not in value
        assert len(said) <= COOKIE_BYTES_MAX


class TicketsModel(RuleBasedStateMachine):
    """Each ticket is good for who it was given to, once and for half a minute; nothing else is good."""

    def __init__(self) -> None:
        super().__init__()
        self.tickets = Tickets()
        self.now = 0
        self.given: dict[str, tuple[Principal, int]] = {}

    @rule(who=st.sampled_from(("ann", "bob")))
    def give(self, who: str) -> None:
        principal = Principal(who, PrincipalKind.USER, NO_PERMISSIONS, None, session=who)
        mine = [one for one, (to, _) in self.given.items() if to == principal]
        self.given = {
            one: (to, at) for one, (to, at) in self.given.items() if self.now < at + tickets.LIFE_NS
        }
        mine = [one for one in mine if one in self.given]
        if len(mine) == tickets.PER_SESSION_MAX:
            del self.given[mine[0]]
        ticket = self.tickets.give(principal, self.now).reveal()
        assert ticket not in self.given
        self.given[ticket] = (principal, self.now)

    @precondition(lambda self: self.given)
    @rule(pick=st.integers(0, 1_000))
    def take(self, pick: int) -> None:
        ticket = [*self.given][pick % len(self.given)]
        principal, at = self.given.pop(ticket)
        expected = principal if self.now < at + tickets.LIFE_NS else None
        assert self.tickets.take(ticket, self.now) == expected
        assert self.tickets.take(ticket, self.now) is None

    @rule(ticket=st.text(max_size=60))
    def guess(self, ticket: str) -> None:
        assert self.tickets.take(ticket, self.now) is None

    @rule(late_ns=st.sampled_from((1, tickets.LIFE_NS // 2, tickets.LIFE_NS - 1, tickets.LIFE_NS)))
    def wait(self, late_ns: int) -> None:
        self.now += late_ns

    @invariant()
    def bounded(self) -> None:
        assert len(self.tickets._waiting) <= 2 * tickets.PER_SESSION_MAX


TestTickets = TicketsModel.TestCase
TestTickets.settings = settings(max_examples=30, stateful_step_count=60)
