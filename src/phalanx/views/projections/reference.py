"""Clients, accounts, names of instruments, kills."""

from phalanx.domain.events import AccountPut, ClientPut, KillLifted, KillPut, LocalInstrumentPut
from phalanx.views.workspace import ACCOUNTS, CLIENTS, KILLS, Workspace


def client_put(work: Workspace, event: ClientPut) -> None:
    """A client, by id."""
    client = event.client
    work.put(CLIENTS, (client.id, client.name, client.active, client.created_at, event.time))


def account_put(work: Workspace, event: AccountPut) -> None:
    """An account, by id; its client never changes."""
    a = event.account
    work.own(a.id, a.client_id)
    row = (a.id, a.client_id, a.broker, a.login, a.mode, a.enabled, a.primary, a.currency)
    work.put(ACCOUNTS, (*row, a.charge_bps, a.reserve, event.time))


def local_instrument_put(work: Workspace, event: LocalInstrumentPut) -> None:
    """What a made-up instrument is called."""
    instrument = event.instrument
    work.put_instrument(instrument.key, instrument.symbol, instrument.isin)


def kill_put(work: Workspace, event: KillPut) -> None:
    """New risk was stopped."""
    _kill(work, event, lifted=False)


def kill_lifted(work: Workspace, event: KillLifted) -> None:
    """And allowed again."""
    _kill(work, event, lifted=True)


def _kill(work: Workspace, event: KillPut | KillLifted, *, lifted: bool) -> None:
    origin = event.origin
    row = (
        work.seq,
        event.time,
        lifted,
        event.whom.level,
        event.whom.name,
        origin.actor,
        origin.door,
        origin.request_id,
    )
    work.put(KILLS, (*row, event.note))
