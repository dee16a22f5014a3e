"""Several keys at a time: the current one seals, the older ones open until they are taken off."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phalanx.access.signing_keys import Sealer
from phalanx.access.vault.envelope import from_blob, record_binding
from phalanx.access.vault.errors import KekMissing, VaultCode, VaultError
from phalanx.access.vault.keyring import KEKS_MAX, Keyring
from tests.unit.access.vault.rig import RepeatableRandom, kek, tampered

OLD, NEW = kek("old"), kek("new")
ABOUT = record_binding("credential", ("dealer-1", "paper"), 1)


def ring(current: str = "old", *older: str) -> Keyring:
    return Keyring(kek(current), RepeatableRandom(), older=[kek(name) for name in older])


def code_of(caught: pytest.ExceptionInfo[VaultError]) -> VaultCode:
    return caught.value.code


def test_a_ring_is_the_sealer_of_signing_keys() -> None:
    sealer: Sealer = ring()

    assert sealer.open(sealer.seal(plain=b"private", aad=b"k1"), aad=b"k1") == b"private"


@given(st.binary(max_size=500), st.binary(max_size=100))
def test_a_blob_opens_for_what_it_was_sealed_for(plain: bytes, aad: bytes) -> None:
    keyring = ring()

    assert keyring.open(keyring.seal(plain, aad), aad) == plain


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_a_blob_opens_for_nothing_else(aad: bytes, other: bytes) -> None:
    keyring = ring()
    blob = keyring.seal(b"secret", aad)
    if aad == other:
        assert keyring.open(blob, other) == b"secret"
        return

    with pytest.raises(VaultError) as caught:
        keyring.open(blob, other)
    assert code_of(caught) == VaultCode.CANNOT_UNSEAL


def test_a_byte_changed_anywhere_in_a_blob_keeps_it_shut() -> None:
    """A changed id of a key is that of a key which is not here; everything else tells nothing."""
    keyring = ring()
    blob = keyring.seal(b"secret", b"aad")
    codes = set()
    for changed in tampered(blob):
        with pytest.raises(VaultError) as caught:
            keyring.open(changed, b"aad")
        codes.add((code_of(caught), from_blob(changed).kek_id == OLD.id))

    assert codes == {(VaultCode.CANNOT_UNSEAL, True), (VaultCode.KEK_MISSING, False)}


def test_a_blob_is_no_record_and_a_record_is_no_blob() -> None:
    keyring = ring()
    blob = keyring.seal(b"secret", ABOUT.data)

    with pytest.raises(VaultError) as caught:
        keyring.open_record(from_blob(blob), ABOUT)
    assert code_of(caught) == VaultCode.CANNOT_UNSEAL


def test_the_current_key_seals_and_the_older_ones_open() -> None:
    keyring = ring()
    before = keyring.seal(b"before", b"")
    keyring.make_current(NEW)
    after = keyring.seal(b"after", b"")

    assert keyring.ids == (keyring.current_id, OLD.id) == (NEW.id, OLD.id)
    assert [from_blob(blob).kek_id for blob in (before, after)] == [OLD.id, NEW.id]
    assert (keyring.open(before, b""), keyring.open(after, b"")) == (b"before", b"after")


def test_a_key_that_is_not_here_is_named() -> None:
    blob = ring("old").seal(b"secret", b"")

    with pytest.raises(KekMissing, match=OLD.id) as caught:
        ring("new").open(blob, b"")
    assert (caught.value.code, caught.value.kek_id) == (VaultCode.KEK_MISSING, OLD.id)


@pytest.mark.parametrize(
    "kek_id", ["", "x" * 16, "A" * 16, "\n" + "a" * 15, "a" * 17, "0" * 15 + "\u0661"]
)
def test_what_is_no_id_of_a_key_is_not_repeated(kek_id: str) -> None:
    keyring = ring()
    record = msgspec.structs.replace(keyring.seal_record(b"secret", ABOUT), kek_id=kek_id)

    with pytest.raises(VaultError) as caught:
        keyring.open_record(record, ABOUT)
    assert code_of(caught) == VaultCode.CANNOT_UNSEAL


def test_a_rewrapped_blob_does_without_the_old_key_and_keeps_what_it_belongs_to() -> None:
    keyring = ring()
    blob = keyring.seal(b"secret", b"aad")
    keyring.make_current(NEW)
    again = keyring.rewrap_blob(blob)
    keyring.remove(OLD.id)

    assert keyring.open(again, b"aad") == b"secret"
    with pytest.raises(KekMissing):
        keyring.open(blob, b"aad")
    with pytest.raises(VaultError) as caught:
        keyring.open(again, b"other")
    assert code_of(caught) == VaultCode.CANNOT_UNSEAL


def test_the_current_key_cannot_be_taken_off() -> None:
    keyring = ring("new", "old")

    with pytest.raises(VaultError) as caught:
        keyring.remove(NEW.id)
    assert code_of(caught) == VaultCode.KEK_IN_USE
    assert keyring.ids == (NEW.id, OLD.id)


def test_a_key_that_is_not_on_the_ring_cannot_be_taken_off() -> None:
    with pytest.raises(KekMissing):
        ring("new").remove(OLD.id)


def test_an_older_key_can_become_current_again() -> None:
    keyring = ring("new", "old")
    keyring.make_current(OLD)

    assert keyring.ids == (OLD.id, NEW.id)


def test_a_ring_holds_so_many_keys_and_no_more() -> None:
    keyring = ring("0", *(str(number) for number in range(1, KEKS_MAX)))
    keyring.make_current(kek("1"))

    assert len(keyring.ids) == KEKS_MAX
    with pytest.raises(VaultError) as caught:
        keyring.make_current(NEW)
    assert code_of(caught) == VaultCode.TOO_MANY_KEKS
    assert keyring.current_id == kek("1").id


def test_a_ring_shows_nothing_of_its_keys() -> None:
    assert "cipher" not in repr(ring())
    assert repr(ring()._keks) == f"(KeyEncryptionKey({OLD.id}),)"
