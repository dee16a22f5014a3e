"""Is it alive, may it be used, and how is it doing."""

from itertools import islice

import msgspec

from phalanx.api.exchange import NO_STORE, Answer, Call, Door, answer_json
from phalanx.api.policy import MEASURE, PUBLIC
from phalanx.api.reading import views_trouble

CLOSED_MAX = 100
"""So many of the accounts that are not open are named."""
METRICS_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class Live(msgspec.Struct, frozen=True):
    """The process answers."""

    status: str


class ClosedAccount(msgspec.Struct, frozen=True):
    """An account that takes no instructions now."""

    account: str
    reason: str


class Ready(msgspec.Struct, frozen=True):
    """Whether instructions are taken. ``seq`` is the last durable event, ``epoch`` the term. ``accounts``:
    the first 100 of the ``accounts_closed`` that are not open, and why, for those who may see them.

    ``views``: "ok", or why lists are refused (``VIEWS_UNAVAILABLE``). Trading needs no lists, so it
    says nothing about ``ready``.

    ``kill_flag``: "ok", or what is wrong with the flag of `kill --direct`. While its file cannot be
    opened, only what is reduce-only is sent.
    """

    ready: bool
    seq: int
    epoch: int
    accounts: list[ClosedAccount]
    stopped: str | None
    views: str
    accounts_closed: int = 0
    kill_flag: str = "ok"


async def live(call: Call) -> Answer:
    """200 while the process can do its work; 503 once its desk had to stop for good."""
    system = call.house.system
    failed = None if system is None else system.desk.failed
    if failed is not None and failed.done():
        return answer_json(503, Live("stopped"))
    return answer_json(200, Live("alive"))


async def ready(call: Call) -> Answer:
    """200 when instructions are taken, 503 otherwise; accounts that are not open come with why."""
    if call.house.system is None:
        return answer_json(503, Ready(False, 0, 0, [], "starting", "starting"))  # noqa: FBT003
    found = call.desk.readiness()
    shown = CLOSED_MAX if call.principal.sees_all else 0
    named = islice(found.accounts.items(), shown)
    closed = [ClosedAccount(account, reason) for account, reason in named]
    views = views_trouble(call.system.feed) or "ok"
    count = len(found.accounts)
    flag = found.kill_flag or "ok"
    body = Ready(found.ready, found.seq, found.epoch, closed, found.stopped, views, count, flag)
    return answer_json(200 if found.ready else 503, body)


async def metrics(call: Call) -> Answer:
    """The desk's counters in Prometheus' text format."""
    return Answer(200, call.desk.metrics(), (NO_STORE,), METRICS_TYPE)


READY = (
    "200 when instructions are taken, else 503. `views` is ok, or says why lists answer 503 "
    "VIEWS_UNAVAILABLE: orders are placed all the same, so readiness does not depend on it. Nor does it "
    "depend on single accounts: `accounts_closed` of them are not open, and `accounts` names the first "
    f"{CLOSED_MAX} with why; `GET /api/v1/accounts` has them all. `kill_flag` is ok, or says what is wrong "
    "with the flag of `kill --direct`: while its file cannot be opened, only what is reduce-only is sent."
)

doors: tuple[Door, ...] = (
    Door("GET", "/health/live", live, "Is the process alive", Live, policy=PUBLIC, tag="health"),
    Door(
        "GET",
        "/health/ready",
        ready,
        "May it be used",
        Ready,
        policy=PUBLIC,
        tag="health",
        about=READY,
    ),
    Door("GET", "/metrics", metrics, "Counters for Prometheus", None, policy=MEASURE, tag="health"),
)
