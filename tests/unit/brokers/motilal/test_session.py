import msgspec
import pytest

from phalanx.brokers.motilal.credentials import Credentials, Fault, InvalidCredentials
from phalanx.brokers.motilal.endpoints import Path
from phalanx.brokers.motilal.questions import Answered
from phalanx.brokers.motilal.reports import Frame
from phalanx.brokers.motilal.session import REFUSED_MIN, Session
from phalanx.brokers.motilal.stream import Stream
from phalanx.domain.time import HOUR, MILLISECOND, SECOND
from tests.fakes.clock import ManualClock
from tests.unit.brokers.motilal.samples import CREDENTIALS, LOGGED_IN, SETTINGS
from tests.unit.brokers.motilal.stage import Channels, ScriptedPost, passing, turns, until

OVER = b'{"status":"FAILURE","message":"Invalid Token","errorcode":"MO8001"}'
REFUSED = b'{"status":"ERROR","message":"Invalid TOTP","errorcode":"MO1093"}'


class Stage:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.post = ScriptedPost()
        self.channels = Channels()
        self.changes: list[str] = []
        self.heard: list[Frame] = []
        self.credentials: Credentials | Exception = CREDENTIALS
        stream = Stream(self.channels.open, self.clock, self.heard.append, lambda: None)
        self.session = Session(
            SETTINGS, self._read, self.post, stream, self.clock, self.clock, self.changes.append
        )

    async def _read(self) -> Credentials:
        if isinstance(self.credentials, Exception):
            raise self.credentials
        return self.credentials

    async def up(self) -> "Stage":
        await passing(self.clock, self.session.start())
        await turns()
        return self

    @property
    def logins(self) -> int:
        return self.post.count(Path.LOGIN)


async def test_a_login_is_told_once_it_is_up() -> None:
    stage = await Stage().up()

    assert stage.changes == [""]
    assert stage.session.tokens is not None
    assert len(stage.channels.opened) == 1
    await stage.session.close()


async def test_a_question_has_both_tokens() -> None:
    stage = await Stage().up()

    await passing(stage.clock, stage.session.ask(Path.ORDER_BOOK, b"{}"))

    _, headers, body = stage.post.asked[-1]
    assert (headers["Authorization"], headers["accesstoken"], body) == ("774a_M", "acc_M", b"{}")
    await stage.session.close()


async def test_two_questions_are_half_a_second_apart() -> None:
    stage = await Stage().up()
    began = stage.clock.monotonic()
    for _ in range(4):
        await passing(stage.clock, stage.session.ask(Path.ORDER_BOOK, b"{}"))

    assert stage.clock.monotonic() - began >= 3 * 510 * MILLISECOND
    await stage.session.close()


@pytest.mark.parametrize(
    "said", [OVER, Answered(401, b""), Answered(403, b"<html>")], ids=["code", "401", "403"]
)
async def test_a_dead_session_is_logged_in_again_once(said: bytes | Answered) -> None:
    stage = await Stage().up()
    tokens = stage.session.tokens
    assert tokens is not None
    stage.post.say(Path.ORDER_BOOK, said)

    try:
        await passing(stage.clock, stage.session.ask(Path.ORDER_BOOK, b"{}"))
    except ConnectionError:
        assert isinstance(said, Answered)
    for _ in range(5):
        stage.session.expire(tokens)
    await until(stage.clock, lambda: stage.session.tokens is not None)

    assert stage.logins == 2
    assert len(stage.changes) == 3
    assert stage.changes[1]
    assert stage.session.tokens is not tokens
    assert stage.channels.opened[0].is_closed
    await stage.session.close()


async def test_word_of_old_tokens_ends_no_new_session() -> None:
    stage = await Stage().up()
    old = stage.session.tokens
    assert old is not None
    stage.session.expire(old)
    await until(stage.clock, lambda: stage.session.tokens is not None)

    stage.session.expire(old)
    await turns()

    assert stage.session.tokens is not None
    assert stage.logins == 2
    await stage.session.close()


async def test_at_six_in_the_morning_it_logs_in_again_by_itself() -> None:
    stage = await Stage().up()
    tokens = stage.session.tokens
    assert tokens is not None

    stage.clock.advance(tokens.ends_at - stage.clock.now() - 1)
    await turns()
    assert stage.logins == 1
    stage.clock.advance(1)
    await turns()

    assert stage.logins == 2
    assert stage.changes == ["", "its day has ended", ""]
    await stage.session.close()


async def test_the_sockets_word_that_the_session_is_over_is_believed() -> None:
    stage = await Stage().up()
    stage.channels.last.tell({"status": "ERROR", "errorcode": "MO1001", "message": "bad"})

    await until(stage.clock, lambda: stage.logins == 2)

    assert stage.changes[1] == "MO1001 bad"
    await stage.session.close()


async def test_a_network_that_fails_is_tried_again_soon() -> None:
    stage = Stage()
    stage.post.say(Path.LOGIN, ConnectionError("gone"), ConnectionError("gone"), LOGGED_IN)
    await stage.up()
    assert stage.changes == ["cannot log in: gone"]

    await until(stage.clock, lambda: stage.session.tokens is not None)

    assert stage.clock.monotonic() < 3 * SECOND
    await stage.session.close()


async def test_refused_credentials_are_not_tried_again_soon() -> None:
    stage = Stage()
    stage.post.say(Path.LOGIN, REFUSED, LOGGED_IN)
    await stage.up()

    stage.clock.advance(REFUSED_MIN - SECOND)
    await turns()
    assert stage.logins == 1
    stage.clock.advance(SECOND)
    await turns()

    assert stage.changes == ["cannot log in: MO1093: Invalid TOTP", ""]
    await stage.session.close()


@pytest.mark.parametrize(
    "failure",
    [InvalidCredentials(Fault.MISSING, "user"), OSError("nothing is kept"), KeyError("a bug")],
    ids=["invalid", "none", "broken"],
)
async def test_without_credentials_nothing_is_asked(failure: Exception) -> None:
    stage = Stage()
    stage.credentials = failure
    await stage.up()

    assert stage.post.asked == []
    assert stage.changes == [f"cannot log in: {failure}"]
    stage.credentials = msgspec.structs.replace(CREDENTIALS, user="BB001")
    await until(stage.clock, lambda: stage.session.tokens is not None)
    assert b'"userid":"BB001"' in stage.post.asked[0][2]
    await stage.session.close()


async def test_sessions_that_die_at_once_are_made_ever_more_slowly() -> None:
    stage = await Stage().up()
    for _ in range(6):
        tokens = stage.session.tokens
        assert tokens is not None
        stage.session.expire(tokens)
        await until(stage.clock, lambda: stage.session.tokens is not None)

    assert stage.logins == 7
    assert stage.clock.monotonic() >= 15 * SECOND
    await stage.session.close()


async def test_a_question_without_a_session_is_an_error_that_says_why() -> None:
    stage = Stage()

    with pytest.raises(ConnectionError, match="not logged in yet"):
        await stage.session.ask(Path.ORDER_BOOK, b"{}")
    await stage.session.close()


@pytest.mark.parametrize("said", [Answered(502, b""), b"", b"[]", ConnectionError("gone")], ids=str)
async def test_an_answer_that_is_not_the_brokers_is_an_error(
    said: bytes | Answered | OSError,
) -> None:
    stage = await Stage().up()
    stage.post.say(Path.ORDER_BOOK, said)

    with pytest.raises(OSError, match=r"."):
        await passing(stage.clock, stage.session.ask(Path.ORDER_BOOK, b"{}"))

    assert stage.session.tokens is not None
    await stage.session.close()


async def test_a_closed_session_has_logged_out_and_says_nothing_more() -> None:
    stage = await Stage().up()

    await stage.session.close()
    stage.clock.advance(48 * HOUR)
    await turns()

    assert stage.post.count(Path.LOGOUT) == 1
    assert stage.post.is_closed
    assert stage.changes == [""]
    assert stage.logins == 1
