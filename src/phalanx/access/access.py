"""Everything of this room over one data folder: who may come in, and what stays sealed."""

from pathlib import Path
from typing import Self

from phalanx.access.directory import AccessRules, Directory
from phalanx.access.notes import Notes
from phalanx.access.store import AccessStore
from phalanx.access.vault.credentials import Audit
from phalanx.access.vault.key_places import KeyPlace
from phalanx.access.vault.keyring import Keyring
from phalanx.access.vault.rewrap import Rewrapping
from phalanx.access.vault.rotation import Rotation
from phalanx.access.vault.sql_credentials import SqlCredentials
from phalanx.domain.time import Clock, Random


class Access:
    """The directory and the vault of an open `AccessStore`. Made by `open`; thread-safe."""

    def __init__(
        self,
        store: AccessStore,
        keyring: Keyring,
        keys: KeyPlace,
        clock: Clock,
        random: Random,
        audit: Audit,
        rules: AccessRules | None = None,
    ) -> None:
        self.store = store
        self.keyring = keyring
        self.rewrapping = Rewrapping(store.engine, keyring)
        self.rotation = Rotation(keys, keyring, self.rewrapping, store.engine, clock)
        self.rotation.resume()
        self.notes = Notes(store)
        self.left = self.notes.waiting()
        """What those who had the folder before left to be journaled; `notes` forgets each."""
        self.directory = Directory(store, keyring, clock, random, rules)
        self.credentials = SqlCredentials(store.engine, keyring, clock, audit)

    @classmethod
    def open(
        cls,
        folder: Path,
        keys: KeyPlace,
        clock: Clock,
        random: Random,
        audit: Audit,
        rules: AccessRules | None = None,
    ) -> Self:
        """Over ``access.db`` of a data folder. A change of its key that was begun is finished.

        Raises DATABASE_NEWER, DATABASE_UNREADABLE, TOO_MANY_KEKS, what the place of the keys raises, and
        CANNOT_UNSEAL or KEK_MISSING where the key that signs was sealed under another key.
        """
        # Before the database: a place that makes its first key must see that there is none yet.
        current, *older = keys.read()
        keyring = Keyring(current, random, older=older)
        store = AccessStore.open(folder)
        try:
            return cls(store, keyring, keys, clock, random, audit, rules)
        except BaseException:
            store.close()
            raise

    def close(self) -> None:
        """Write down what waits, and let the file go, after a change of the key that is under way."""
        self.rotation.close()
        self.directory.close()
