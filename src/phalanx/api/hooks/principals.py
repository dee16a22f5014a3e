"""In whose name an alert acts: its source, with a fence of its own."""

from phalanx.domain.access import Fence, Permission, Principal, PrincipalKind
from phalanx.domain.accounts import AccountId
from phalanx.domain.hooks import HookFence, HookSource
from phalanx.engine.state import State

_NO_ACCOUNT: AccountId = ""
"""The id of no account: a fence of groups that are empty by now lets nobody in, instead of everybody."""


def principal_of(source: HookSource, state: State) -> Principal:
    """In whose name an alert of this source acts, with its fence as the groups are now."""
    return Principal(
        source.name,
        PrincipalKind.HOOK,
        frozenset({Permission.TRADE}),
        fence=_fence(source.fence, state),
        sponsor=source.by,
    )


def _fence(fence: HookFence, state: State) -> Fence:
    accounts = set(fence.accounts)
    for name in fence.groups:
        group = state.groups.get(name)
        accounts |= {one.account for one in group.members} if group is not None else set()
    if (fence.accounts or fence.groups) and not accounts:
        accounts = {_NO_ACCOUNT}
    return Fence(frozenset(fence.strategies), frozenset(fence.instruments), frozenset(accounts))
