"""All the edges of one application, as its settings say."""

from phalanx.api.edges.cors import cors_headers, read_origins
from phalanx.api.edges.proxies import Proxies
from phalanx.api.edges.rates import Rates
from phalanx.api.guard import NOBODY
from phalanx.api.head import Head, Scope
from phalanx.api.peers import address_of
from phalanx.api.problems import Headers, Problem
from phalanx.config import Settings
from phalanx.domain.access import Principal


class Edges:
    """Without settings: no rates, no proxies, no other origins."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.rates = Rates()
        self.proxies = Proxies()
        self.origins: frozenset[bytes] = frozenset()
        if settings is not None:
            self.rates = Rates(
                settings.rate_per_key,
                settings.rate_per_address,
                settings.rate_failures_per_address,
            )
            self.proxies = Proxies(settings.trusted_proxies)
            self.origins = read_origins(settings.cors_origins)

    def admit(self, principal: Principal, scope: Scope) -> None:
        """One request of a principal; strangers at public doors are told apart by where they are.

        Raises Problem ``RATE_LIMITED``.
        """
        address, name = address_of(scope), principal.actor
        if principal is NOBODY:
            name = f"{name} {address}"
        self.rates.admit(name, address)

    def refused(self, problem: Problem, scope: Scope) -> Problem:
        """One request that was refused for who it came from; what it is told instead, when that is one of
        too many.
        """
        try:
            self.rates.failed(address_of(scope))
        except Problem as limited:
            return limited
        return problem

    def cors(self, head: Head) -> Headers:
        """What an answer to this request says to a page of another origin."""
        return cors_headers(head.origin, self.origins) if self.origins else ()
