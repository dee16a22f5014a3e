import pytest

from phalanx.brokers.motilal.credentials import Credentials
from phalanx.brokers.motilal.endpoints import Path
from phalanx.brokers.motilal.line import Line
from phalanx.brokers.motilal.readiness import SKEW_MAX, login_checks
from phalanx.brokers.motilal.session import Session
from phalanx.brokers.motilal.skew import SkewWatch, least_ahead
from phalanx.brokers.motilal.stream import Stream
from phalanx.brokers.motilal.terms import motilal_capabilities
from phalanx.brokers.port import Check
from phalanx.brokers.wire import Dialer, parse_address
from phalanx.domain.time import MILLISECOND, SECOND, Nanoseconds
from tests.fakes.clock import ManualClock
from tests.unit.brokers.motilal.samples import CREDENTIALS, SETTINGS
from tests.unit.brokers.motilal.stage import Channels, ScriptedPost, passing, turns


@pytest.mark.parametrize(
    ("told", "ahead"),
    [(100, 0), (99, 0), (101, 500), (98, -1_000), (102, 1_500), (90, -9_000)],
)
def test_the_least_that_explains_a_date_of_whole_seconds(told: int, ahead: int) -> None:
    asked, answered = 100 * SECOND, 100 * SECOND + 500 * MILLISECOND

    assert least_ahead(told * SECOND, asked, answered) == ahead * MILLISECOND


async def test_an_answer_without_a_date_teaches_nothing() -> None:
    post, clock = ScriptedPost(), ManualClock()
    watch = SkewWatch(post, clock)
    told = []
    for time in (0, clock.now() + 5 * SECOND, 0):
        post.time = time
        await watch.post(Path.ORDER_BOOK, {}, b"{}")
        told.append(watch.ahead)

    assert told == [None, 5 * SECOND, 5 * SECOND]
    await watch.close()
    assert post.is_closed


@pytest.mark.parametrize(
    ("ahead", "ok"),
    [(0, True), (SKEW_MAX, True), (SKEW_MAX + SECOND, False), (-SKEW_MAX - 2 * SECOND, False)],
)
async def test_a_clock_that_differs_too_much_is_red(ahead: Nanoseconds, ok: bool) -> None:
    clock, post = ManualClock(), ScriptedPost()
    post.time = clock.now() + ahead

    check = await _clock_check(clock, post)

    assert check.ok is ok
    assert ("NTP" in check.fix) is not ok


async def test_a_broker_that_tells_no_time_is_not_blamed() -> None:
    check = await _clock_check(ManualClock(), ScriptedPost())

    assert check.ok
    assert check.detail == "the broker did not tell its time"


async def _clock_check(clock: ManualClock, post: ScriptedPost) -> Check:
    async def credentials() -> Credentials:
        return CREDENTIALS

    stream = Stream(Channels().open, clock, lambda _: None, lambda: None)
    session = Session(
        SETTINGS,
        credentials,
        post,
        stream,
        clock,
        clock,
        lambda _: None,
    )
    dialer = Dialer(parse_address("http://127.0.0.1:1"))
    line = Line(SETTINGS, dialer, session, motilal_capabilities(), clock)
    await passing(clock, session.start())
    await turns()
    found = {one.check: one for one in login_checks("ann", line)}
    await session.close()
    assert found["token"].ok
    assert found["socket"].ok
    return found["clock"]
