"""Whose book is read when: by turns within a login, without regard to any other."""

import asyncio
from collections.abc import Awaitable

import pytest

from phalanx.brokers.port import BrokerBook
from phalanx.desk.reconciling.account_reports import ReadStatus
from phalanx.desk.reconciling.book_reader import TRY_NS_MAX
from phalanx.domain.accounts import Account, AccountId
from phalanx.domain.time import MILLISECOND, SECOND
from tests.fakes.rig import Rig, on_virtual_time

BOOK_NS = 2_550 * MILLISECOND
"""Five questions at two a second."""

DEALERS = 200


def slow(rig: Rig, duration_ns: int = BOOK_NS) -> None:
    """Every reading takes so long."""

    async def read(account: AccountId) -> BrokerBook:
        await rig.timer.sleep(duration_ns)
        return rig.broker.shown(account)

    rig.broker.readings.extend([read] * 2 * DEALERS)


def hanging(_: AccountId) -> Awaitable[BrokerBook]:
    return asyncio.get_running_loop().create_future()


async def opened(rig: Rig, logins: dict[str, str], **declared: object) -> None:
    """Accounts with their logins, at a broker that declares this."""
    rig.broker.declare(**declared)
    await rig.start()
    for account, login in logins.items():
        await rig.account(account, login=login)
    rig.broker.read.clear()


@on_virtual_time
async def test_two_hundred_accounts_of_one_login_are_all_read_in_turn(rig: Rig) -> None:
    accounts = {f"A{number:03}": "dealer" for number in range(DEALERS)}
    await opened(rig, accounts, book_reads_at_once=1, book_read_s=3)
    slow(rig)
    failures = []

    asked = asyncio.ensure_future(rig.desk.reconciler.reconcile())
    for _ in range(DEALERS):
        await rig.wait(BOOK_NS / SECOND)
        failures += [one for one in rig.desk.reconciler.reports().values() if one.tries]
    await rig.wait(1)
    await asked

    assert rig.broker.read == list(accounts)
    assert failures == []
    statuses = {report.status for report in rig.desk.reconciler.reports().values()}
    assert statuses == {ReadStatus.MATCHED}


@on_virtual_time
async def test_a_login_that_hangs_delays_no_account_of_another(rig: Rig) -> None:
    logins = {"A1": "a", "A2": "a", "B1": "b", "B2": "b"}
    await opened(rig, logins, book_reads_at_once=1)
    rig.broker.readings.append(hanging)

    asked = asyncio.ensure_future(rig.desk.reconciler.reconcile())
    await rig.wait()

    assert rig.broker.read == ["A1", "B1", "B2"], "A2 waits for A1, and nobody else"
    reports = rig.desk.reconciler.reports()
    assert [reports[one].status for one in ("B1", "B2")] == 2 * [ReadStatus.MATCHED]
    await asked
    assert rig.desk.reconciler.reports()["A2"].status is ReadStatus.MATCHED


@on_virtual_time
async def test_a_reading_takes_as_long_as_its_broker_declares_and_no_longer(rig: Rig) -> None:
    await opened(rig, {"A1": "a"}, book_read_s=7)
    rig.broker.readings.append(hanging)
    began = rig.clock.monotonic()

    (report,) = await rig.desk.reconciler.reconcile()

    assert (report.status, report.why) == (ReadStatus.UNREAD, "no answer within 7 s")
    assert (rig.clock.monotonic() - began) // SECOND == 7


@on_virtual_time
async def test_a_trial_reading_waits_for_its_turn_and_no_longer_than_it_may(rig: Rig) -> None:
    await opened(rig, {"A1": "a", "A2": "a"}, book_reads_at_once=1, book_read_s=60)
    rig.broker.readings.append(hanging)
    account = rig.state.accounts["A2"]
    rig.desk.reconciler.read_soon("A1")
    await rig.wait(1)
    began = rig.clock.monotonic()

    with pytest.raises(TimeoutError):
        await rig.desk.reconciler.try_reading(account)

    assert rig.clock.monotonic() - began == TRY_NS_MAX
    await rig.wait(60)
    await rig.desk.reconciler.try_reading(account)


@on_virtual_time
async def test_an_account_is_tried_once_at_a_time(rig: Rig) -> None:
    await opened(rig, {"A1": "a"})
    rig.broker.readings.append(hanging)
    elsewhere = Account("A9", 1, "script", "z")
    first = asyncio.ensure_future(rig.desk.reconciler.try_reading(elsewhere))
    await rig.wait()

    with pytest.raises(OSError, match="tried already"):
        await rig.desk.reconciler.try_reading(elsewhere)

    with pytest.raises(TimeoutError):
        await first
    await rig.desk.reconciler.try_reading(elsewhere)
