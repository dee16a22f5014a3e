"""The guard: who asks, and may they. Every door, HTTP and WebSocket, asks it before anything else."""

from collections.abc import Container
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Final

from phalanx.access.errors import AccessError, session_ended
from phalanx.api.head import Head, Scope
from phalanx.api.locality import check_local
from phalanx.api.peers import is_own_page
from phalanx.api.policy import Policy
from phalanx.api.problems import Problem
from phalanx.domain.access import LOCAL, NO_PERMISSIONS, Principal, PrincipalKind

if TYPE_CHECKING:
    # A server that asks nobody who they are does not load what a directory stands on.
    from phalanx.access.directory import Directory

NOBODY: Final = Principal("nobody", PrincipalKind.LOCAL, NO_PERMISSIONS, frozenset())
"""Whoever comes through a public door without a login; nothing is journaled in this name."""


class Forbidden(Problem):
    """Somebody who is known may not come through this door."""

    def __init__(self, principal: Principal, detail: str) -> None:
        super().__init__("FORBIDDEN", detail)
        self.actor = principal.actor


class Guard:
    """``directory`` None: nobody is asked who they are, and this machine only is served. ``open_doors``:
    the settings that are on of those that make doors public. ``origins``: other sites whose pages may ask.
    """

    def __init__(
        self,
        directory: "Directory | None",
        open_doors: Container[str] = (),
        origins: AbstractSet[bytes] = frozenset(),
    ) -> None:
        self._directory = directory
        self._open_doors = open_doors
        self._origins = origins

    def admit(self, scope: Scope, head: Head, policy: Policy) -> Principal:
        """Who comes through a door with this policy.

        Raises Problem ``FORBIDDEN``, ``ORIGIN_NOT_ALLOWED``, where nobody is asked who they are also
        ``LOOPBACK_ONLY`` and ``HOST_NOT_ALLOWED``; AccessError as `Directory.principal_of`.
        """
        self.check_place(scope, head)
        directory = self._directory
        if directory is None:
            return LOCAL
        authorization = head.values.get(b"authorization")
        if policy.is_public or policy.opened_by in self._open_doors:
            return _known_or_nobody(directory, authorization)
        principal = directory.principal_of(authorization, owing_password=policy.owing_password)
        return self.check(principal, policy)

    def check_place(self, scope: Scope, head: Head) -> None:
        """Whether a request comes from where it may come from, whoever asks. Raises Problem as `admit`."""
        if self._directory is None:
            check_local(scope, head, self._origins)
        elif head.origin and not self.allows_page(scope, head):
            raise Problem("ORIGIN_NOT_ALLOWED", "a page of another site may not ask")

    def check(self, principal: Principal, policy: Policy) -> Principal:
        """The same somebody, if they may come through. Raises Problem ``FORBIDDEN``."""
        if policy.admits(principal):
            return principal
        if not policy.permits(principal):
            needed = " or ".join(sorted(policy.permissions))
            raise Forbidden(principal, f"this needs the permission {needed}")
        raise Forbidden(
            principal, "this is about everybody's, and a part of the book only is yours"
        )

    def principal_now(self, principal: Principal) -> Principal:
        """Who somebody who came in earlier is by now. Raises AccessError SESSION_ENDED."""
        if self._directory is None:
            return LOCAL
        now = self._directory.principal_now(principal)
        if now is None:
            raise session_ended(principal.actor)
        return now

    def allows_page(self, scope: Scope, head: Head) -> bool:
        """Whether the page that asks may: our own pages, and those of the sites in the settings."""
        return head.origin in self._origins or is_own_page(scope, head)


def _known_or_nobody(directory: "Directory", authorization: bytes | None) -> Principal:
    """A public door asks nobody; those who say who they are may be shown more."""
    if authorization is None:
        return NOBODY
    try:
        return directory.principal_of(authorization)
    except AccessError:
        return NOBODY
