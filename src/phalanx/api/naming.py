"""Names as callers write them: what a request names is found, or refused with its place."""

from phalanx.api.fields import name
from phalanx.api.problems import Problem
from phalanx.api.reach import EVERYTHING, Reach
from phalanx.desk.desk import Desk
from phalanx.domain.accounts import AccountId
from phalanx.domain.instruments import (
    LOCAL_EXCHANGE,
    AmbiguousName,
    Instrument,
    InstrumentKey,
    instrument_key,
    known_instrument,
)


def find(desk: Desk, text: str, field: str, line: int | None = None) -> Instrument | None:
    """The instrument of that name: symbol, alias, 2885, NSE:2885 or a local paper one.

    Raises Problem ``AMBIGUOUS_TOKEN``, and as ``fields.name`` does.
    """
    name(text, field, line)
    try:
        found = desk.instruments.resolve(text)
    except AmbiguousName as error:
        detail = f"{text} exists as {', '.join(error.keys)}"
        raise Problem("AMBIGUOUS_TOKEN", detail, field=field, line=line) from None
    if found is not None:
        return found
    local = desk.state.local_instruments
    return local.get(text) or local.get(instrument_key(LOCAL_EXCHANGE, text))


def find_key(desk: Desk, text: str) -> InstrumentKey:
    """The key of the instrument that a list is asked for. A name that nobody knows is given back as it
    is: it finds nothing, or what an earlier master called so. Raises as ``find``.
    """
    found = find(desk, text, "instrument")
    return text if found is None else found.key


def known(desk: Desk, text: str, field: str, line: int | None = None) -> Instrument:
    """An instrument that there is. Raises Problem ``UNKNOWN_INSTRUMENT``, and as ``find``."""
    found = find(desk, text, field, line)
    if found is None:
        raise Problem("UNKNOWN_INSTRUMENT", f"no instrument {text}", field=field, line=line)
    return found


def known_account(desk: Desk, account: str, field: str, line: int | None = None) -> AccountId:
    """An account that there is. Raises Problem ``UNKNOWN_ACCOUNT``."""
    if account not in desk.state.accounts:
        raise Problem("UNKNOWN_ACCOUNT", f"no account {account}", field=field, line=line)
    return account


def primary_account(
    desk: Desk, client: int, field: str, line: int | None = None, reach: Reach = EVERYTHING
) -> AccountId:
    """The account that a client within reach acts through. Raises Problem ``UNKNOWN_CLIENT``."""
    account = desk.state.primary_accounts.get(client)
    if account is None or not reach.has_client(client):
        raise Problem("UNKNOWN_CLIENT", f"no client {client}", field=field, line=line)
    return account


def owner_of(desk: Desk, account: AccountId) -> tuple[int, str]:
    """Id and name of the client an account belongs to."""
    client = desk.state.clients[desk.state.accounts[account].client_id]
    return client.id, client.name


def plain_name(desk: Desk, key: InstrumentKey) -> str:
    """The symbol where it leads back to this very instrument, else the key."""
    found = known_instrument(desk.instruments, desk.state.local_instruments, key)
    if found is None:
        return key
    try:
        again = desk.instruments.resolve(found.symbol)
    except AmbiguousName:
        return key
    leads_back = found.is_local if again is None else again.key == key
    return found.symbol if leads_back else key
