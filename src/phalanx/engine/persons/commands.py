"""What only persons can ask for."""

import msgspec

from phalanx.domain.accounts import AccountId, Mode
from phalanx.domain.changes import ChangeId
from phalanx.domain.instructions import Origin


class ArmAccounts(msgspec.Struct, frozen=True, gc=False):
    """Let these live accounts take new risk until the trading day ends, all or none."""

    origin: Origin
    accounts: tuple[AccountId, ...]
    note: str = ""


class DisarmAccounts(msgspec.Struct, frozen=True, gc=False):
    """No new risk in these accounts; those that are not armed stay so."""

    origin: Origin
    accounts: tuple[AccountId, ...]
    note: str = ""


class SwitchMode(msgspec.Struct, frozen=True, gc=False):
    """Let an account trade for real from now on, or on paper again."""

    origin: Origin
    account: AccountId
    mode: Mode


class ApproveChange(msgspec.Struct, frozen=True, gc=False):
    """Another person says that the change may be."""

    origin: Origin
    change_id: ChangeId
    note: str = ""


class DeclineChange(msgspec.Struct, frozen=True, gc=False):
    """A person says that it may not be, or takes it back."""

    origin: Origin
    change_id: ChangeId
    note: str = ""
