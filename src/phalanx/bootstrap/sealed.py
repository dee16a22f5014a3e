"""What is secret in a data folder, opened with its keys."""

import os

from phalanx.access.access import Access
from phalanx.access.directory import AccessRules
from phalanx.access.store import FILE
from phalanx.access.vault.credentials import Audit
from phalanx.access.vault.key_places import KeyPlace, NamedSources, OwnFiles
from phalanx.bootstrap.machine import SystemClock, SystemRandom
from phalanx.config import Settings


def open_access(settings: Settings, audit: Audit, rules: AccessRules | None = None) -> Access:
    """Users, keys and credentials of a data folder; ``audit`` is told before a credential is read.

    Raises AccessError, VaultError.
    """
    clock, random = SystemClock(), SystemRandom()
    return Access.open(settings.data, _keys(settings), clock, random, audit, rules)


def _keys(settings: Settings) -> KeyPlace:
    """Where the settings say that keys are kept: with somebody else, or in the data folder."""
    if settings.kek:
        return NamedSources(settings.kek, settings.older_keks, os.environ, SystemClock())
    return OwnFiles(settings.data, settings.data / FILE, SystemRandom())
