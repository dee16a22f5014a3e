"""Whatever comes on the broadcast, in whatever pieces: nothing raises, and no price is made up."""

from struct import Struct

from hypothesis import given
from hypothesis import strategies as st

from phalanx.domain.numbers import FIXED_MAX, SCALE, parse_fixed
from phalanx.domain.time import SECOND
from phalanx.market.feeds.broadcast.codec import decode
from phalanx.market.feeds.broadcast.picture import Counts, Picture, price_of
from phalanx.market.feeds.broadcast.splitter import PacketSplitter
from tests.fakes.broadcast import packet
from tests.fakes.clock import START

KINDS = st.sampled_from([bytes([kind]) for kind in b"ABCDEFGHWm1Xgz"])
BODIES = st.binary(min_size=20, max_size=20)
TIMES = st.integers(0, START // SECOND + 10**8).map(lambda seconds: seconds * SECOND)
PACKETS = st.builds(
    packet,
    KINDS,
    BODIES,
    scrip=st.integers(-(2**31), 2**31 - 1),
    exchange=st.sampled_from([b"N", b"B"]),
)
STREAMS = st.lists(st.one_of(PACKETS, st.binary(max_size=70)), max_size=12).map(b"".join)
_F32 = Struct("=f")
CUTS = st.lists(st.integers(0, 900), max_size=12)


def _split(stream: bytes, cuts: list[int]) -> tuple[list[bytes], PacketSplitter]:
    splitter, found, start = PacketSplitter(), [], 0
    for cut in [*sorted(cuts), len(stream)]:
        found += splitter.split(stream[start:cut])
        start = max(start, min(cut, len(stream)))
    return found, splitter


@given(stream=STREAMS, cuts=CUTS)
def test_what_comes_out_depends_on_the_bytes_and_not_on_the_pieces(
    stream: bytes, cuts: list[int]
) -> None:
    frames, splitter = _split(stream, cuts)

    assert frames == PacketSplitter().split(stream)
    assert len(frames) * 30 + splitter.skipped + len(splitter._rest) == len(stream)
    assert len(splitter._rest) < 60
    for frame in frames:
        decode(frame)


@given(packets=st.lists(PACKETS, max_size=12), cuts=CUTS)
def test_a_stream_of_packets_comes_out_as_it_went_in(packets: list[bytes], cuts: list[int]) -> None:
    frames, splitter = _split(b"".join(packets), cuts)

    assert (frames, splitter.skipped) == (packets, 0)


@given(garbage=st.binary(max_size=200), packets=st.lists(PACKETS, min_size=8, max_size=12))
def test_after_garbage_it_is_in_step_again_before_long(
    garbage: bytes, packets: list[bytes]
) -> None:
    stream = garbage + b"".join(packets)

    frames = PacketSplitter().split(stream)

    # Bytes that happen to look like two packets in a row may cost the real ones that they overlap.
    is_in_step = bool(frames) and frames[-1] in packets
    looks_like_packets = any(frame not in packets for frame in frames)
    assert is_in_step or looks_like_packets


@given(
    packets=st.lists(st.tuples(KINDS, BODIES, TIMES), max_size=30),
    now=st.integers(START, START + 3 * 86_400 * SECOND),
)
def test_whatever_packets_say_a_quote_is_one_that_a_board_takes(
    packets: list[tuple[bytes, bytes, int]], now: int
) -> None:
    counts = Counts()
    picture = Picture(parse_fixed("0.05"), counts)
    for kind, body, at in packets:
        picture.take(decode(packet(kind, body, at=at)), now)

        told = picture.quote(SCALE)
        if told is not None:
            quote, day = told
            assert 0 < quote.last <= FIXED_MAX
            assert quote.reference_close > 0
            assert quote.time <= now
            assert 0 <= quote.bid <= FIXED_MAX
            assert 0 <= quote.ask <= FIXED_MAX
            assert quote.circuit_low <= quote.circuit_high
            assert 0 < day.low <= day.open <= day.high
            assert day.volume >= 0


@given(paise=st.integers(1, 13_107_200))
def test_every_paisa_that_a_float_can_tell_is_told(paise: int) -> None:
    (rate,) = _F32.unpack(_F32.pack(paise / 100))

    assert price_of(rate) == paise * (SCALE // 100)


@given(st.floats(width=32))
def test_every_float_is_a_price_or_none(rate: float) -> None:
    price = price_of(rate)

    assert 0 <= price <= FIXED_MAX
    assert price % (SCALE // 100) == 0
