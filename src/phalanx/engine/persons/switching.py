"""From paper to live, and back: a person says so, and nothing of the account is under way."""

from msgspec.structs import replace

from phalanx.domain.accounts import PAPER_BROKER, Account, LivePlace, Mode
from phalanx.domain.events import AccountPut, Event
from phalanx.engine.context import Context
from phalanx.engine.persons.commands import SwitchMode
from phalanx.engine.persons.person import check_person
from phalanx.engine.reference import check_account
from phalanx.engine.refused import Refused
from phalanx.engine.state import State


def switch_mode(state: State, command: SwitchMode, context: Context) -> list[Event]:
    """New instructions go to the account's other book from now on, and to the broker of that book.

    What it has in the book that it leaves stays there. Live it is closed until its book was read, and takes
    no new risk until it is armed. Raises Refused ``PERSON_NEEDED``, ``UNKNOWN_ACCOUNT``,
    ``NOTHING_TO_CHANGE``, ``NO_LIVE_PLACE``, ``UNKNOWN_BROKER``, ``MODE_NOT_SUPPORTED``, ``ORDERS_WORKING``.
    """
    check_person(command.origin, "another mode")
    account = state.accounts.get(command.account)
    if account is None:
        raise Refused("UNKNOWN_ACCOUNT", f"no account {command.account}")
    if account.mode is command.mode:
        detail = f"{account.id} is {'live' if account.mode is Mode.LIVE else 'on paper'} already"
        raise Refused("NOTHING_TO_CHANGE", detail)
    switched = _live(account, context) if command.mode is Mode.LIVE else _on_paper(account)
    check_account(state, switched)
    return [AccountPut(context.now, command.origin, switched)]


def _live(account: Account, context: Context) -> Account:
    place = account.live
    if not place.broker:
        raise Refused("NO_LIVE_PLACE", f"{account.id} has no broker and login to be live at")
    capabilities = context.capabilities.get(place.broker)
    if capabilities is None:
        raise Refused("UNKNOWN_BROKER", f"no broker {place.broker} is connected")
    if Mode.LIVE not in capabilities.modes:
        raise Refused("MODE_NOT_SUPPORTED", f"broker {place.broker} has no live accounts")
    return replace(account, mode=Mode.LIVE, broker=place.broker, login=place.login)


def _on_paper(account: Account) -> Account:
    # One that was opened live has its place from there, so that it finds the way back.
    place = account.live if account.live.broker else LivePlace(account.broker, account.login)
    terms = {"mode": Mode.PAPER, "broker": PAPER_BROKER, "login": PAPER_BROKER, "live": place}
    return replace(account, **terms)
