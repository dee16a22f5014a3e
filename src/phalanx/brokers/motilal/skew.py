"""How far the broker's clock is from ours: a code of the second factor is good for half a minute only."""

from collections.abc import Mapping

from phalanx.brokers.motilal.questions import Answered, Post
from phalanx.domain.time import SECOND, Clock, Nanoseconds


class SkewWatch:
    """Asks as ``post`` does. ``ahead``: by how much the broker's clock is at least ahead of ours, negative
    where it is behind, as the last ``Date`` header showed; None before the first one.
    """

    def __init__(self, post: Post, clock: Clock) -> None:
        self.ahead: Nanoseconds | None = None
        self._post = post
        self._clock = clock

    async def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """See `Post.post`."""
        asked = self._clock.now()
        answer = await self._post.post(path, headers, body)
        if answer.time:
            self.ahead = least_ahead(answer.time, asked, self._clock.now())
        return answer

    async def close(self) -> None:
        """See `Post.close`."""
        await self._post.close()


def least_ahead(told: Nanoseconds, asked: Nanoseconds, answered: Nanoseconds) -> Nanoseconds:
    """The least that explains a ``Date``: it has whole seconds, and was written at some time between the
    question and its answer.
    """
    if told > answered:
        return told - answered
    return min(0, told + SECOND - asked)
