"""What is sealed opens as what it was, for whom it was sealed, and never otherwise."""

import copy
import pickle
from collections.abc import Callable
from functools import partial
from itertools import product

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from phalanx.access.vault.envelope import (
    BLOB_HEAD_BYTES,
    PLAIN_BYTES_MAX,
    WRAPPED_BYTES,
    Binding,
    Sealed,
    blob_binding,
    encoded,
    from_blob,
    record_binding,
    rewrapped,
    seal,
    to_blob,
    unseal,
)
from phalanx.access.vault.errors import VaultCode, VaultError
from tests.unit.access.vault.rig import (
    RepeatableRandom,
    kek,
    key_bytes,
    names_in_frames,
    shown_bytes,
    tampered,
)

OLD, NEW = kek("old"), kek("new")
PLAIN = b"canary-51d0 and the rest of it"
ABOUT = record_binding("credential", ("dealer-1", "paper"), 3)
PARTS = ("wrapped_key", "nonce", "sealed")


def sealed(seed: str = "", plain: bytes = PLAIN, about: Binding = ABOUT) -> Sealed:
    return seal(OLD, RepeatableRandom(seed), plain, about)


def open_blob(blob: bytes) -> bytes:
    return unseal(OLD, from_blob(blob), ABOUT)


def refusal(open_it: Callable[[], object]) -> VaultError:
    """The refusal, which must be the one that tells nothing."""
    with pytest.raises(VaultError) as caught:
        open_it()
    error = caught.value
    assert (error.code, str(error)) == (
        VaultCode.CANNOT_UNSEAL,
        "CANNOT_UNSEAL: what is sealed cannot be opened",
    )
    assert error.__cause__ is error.__context__ is None
    return error


@given(st.binary(max_size=2000), st.text(), st.text(), st.integers(min_value=1))
def test_what_is_sealed_opens_as_it_was(
    plain: bytes, purpose: str, subject: str, version: int
) -> None:
    about = record_binding(purpose, (subject,), version)

    assert unseal(OLD, sealed(plain=plain, about=about), about) == plain


def test_the_largest_that_is_sealed_opens() -> None:
    plain = bytes(PLAIN_BYTES_MAX)
    blob = to_blob(sealed(plain=plain))

    assert unseal(OLD, from_blob(blob), ABOUT) == plain


@pytest.mark.parametrize("part", PARTS)
def test_no_byte_of_any_part_can_be_changed(part: str) -> None:
    whole = sealed()
    for changed in tampered(getattr(whole, part)):
        altered = msgspec.structs.replace(whole, **{part: changed})
        refusal(partial(unseal, OLD, altered, ABOUT))


@pytest.mark.parametrize("part", PARTS)
def test_no_part_can_be_cut_short_or_made_longer(part: str) -> None:
    whole = sealed()
    value = getattr(whole, part)
    for other in [*(value[:size] for size in range(len(value))), value + b"\0", b"\0" + value]:
        altered = msgspec.structs.replace(whole, **{part: other})
        refusal(partial(unseal, OLD, altered, ABOUT))


@pytest.mark.parametrize("parts", list(product([True, False], repeat=len(PARTS)))[1:-1])
def test_no_part_of_one_record_fits_another(parts: tuple[bool, ...]) -> None:
    """Both are of the same login and version, so only their data keys tell them apart."""
    taken = {
        part: getattr(sealed("other"), part)
        for part, take in zip(PARTS, parts, strict=True)
        if take
    }
    mixed = msgspec.structs.replace(sealed(), **taken)

    refusal(lambda: unseal(OLD, mixed, ABOUT))


@pytest.mark.parametrize(
    "about",
    [
        record_binding("session", ("dealer-1", "paper"), 3),
        record_binding("credential", ("dealer-2", "paper"), 3),
        record_binding("credential", ("dealer-1", "other"), 3),
        record_binding("credential", ("dealer-1", "paper"), 4),
        record_binding("credential", ("dealer-1paper",), 3),
        record_binding("credentialdealer-1", ("paper",), 3),
        Binding(b"", ABOUT.data),
        Binding(ABOUT.key, b""),
        blob_binding(ABOUT.data),
    ],
)
def test_a_record_opens_for_what_it_belongs_to_only(about: Binding) -> None:
    refusal(lambda: unseal(OLD, sealed(), about))


def test_two_records_cannot_take_each_others_place() -> None:
    mine = record_binding("credential", ("dealer-1", "paper"), 1)
    yours = record_binding("credential", ("dealer-2", "paper"), 1)
    random = RepeatableRandom()
    my_record, your_record = seal(OLD, random, b"m", mine), seal(OLD, random, b"y", yours)

    refusal(lambda: unseal(OLD, your_record, mine))
    refusal(lambda: unseal(OLD, my_record, yours))
    assert unseal(OLD, my_record, mine) == b"m"


def test_another_key_opens_nothing_even_when_the_record_names_it() -> None:
    renamed = msgspec.structs.replace(sealed(), kek_id=NEW.id)

    refusal(lambda: unseal(NEW, sealed(), ABOUT))
    refusal(lambda: unseal(NEW, renamed, ABOUT))
    refusal(lambda: unseal(OLD, renamed, ABOUT))


def test_the_same_text_is_never_sealed_alike() -> None:
    random = RepeatableRandom()
    one, other = seal(OLD, random, PLAIN, ABOUT), seal(OLD, random, PLAIN, ABOUT)

    assert one.sealed != other.sealed
    assert one.nonce != other.nonce
    assert one.wrapped_key[1:13] != other.wrapped_key[1:13]


@given(st.lists(st.binary(max_size=6), max_size=4), st.lists(st.binary(max_size=6), max_size=4))
def test_two_rows_of_parts_look_the_same_only_when_they_are(
    one: list[bytes], other: list[bytes]
) -> None:
    assert (encoded(*one) == encoded(*other)) is (one == other)


@given(st.lists(st.binary(max_size=6), max_size=4), st.binary(min_size=1, max_size=3))
def test_where_a_part_ends_can_always_be_told(parts: list[bytes], more: bytes) -> None:
    assert encoded(*parts, more) != encoded(*parts) + more
    assert encoded(b"".join(parts), more) != encoded(b"".join([*parts, more]), b"")


def test_a_rewrapped_record_opens_with_the_new_key_alone_and_its_data_stay() -> None:
    before = sealed()
    after = rewrapped(OLD, NEW, RepeatableRandom("rewrap"), before, ABOUT)

    assert unseal(NEW, after, ABOUT) == PLAIN
    assert (after.nonce, after.sealed) == (before.nonce, before.sealed)
    assert (after.kek_id, after.kek_id != before.kek_id) == (NEW.id, True)
    refusal(lambda: unseal(OLD, after, ABOUT))


def test_a_wrapped_key_that_was_changed_is_not_wrapped_anew() -> None:
    whole = sealed()
    for changed in tampered(whole.wrapped_key):
        altered = msgspec.structs.replace(whole, wrapped_key=changed)
        refusal(partial(rewrapped, OLD, NEW, RepeatableRandom(), altered, ABOUT))


def test_no_byte_of_a_blob_can_be_changed() -> None:
    blob = to_blob(sealed())
    for changed in tampered(blob):
        refusal(partial(open_blob, changed))


def test_no_blob_can_be_cut_short_or_made_longer() -> None:
    blob = to_blob(sealed())
    cuts = (blob[:size] for size in range(len(blob)))
    for other in [*cuts, blob + b"\0", blob + bytes(PLAIN_BYTES_MAX)]:
        refusal(partial(open_blob, other))


def test_an_empty_blob_has_a_head_and_a_tag() -> None:
    assert len(to_blob(sealed(plain=b""))) == BLOB_HEAD_BYTES + 16


GOLDEN = (
    "015c3b6773356e4362717f2c50ab3b3bb947109a0b5f9db97a8ea2e7a61a40f090b7af409c602b9c13f9e0f9"
    "ef24f64cfeadd326574c5e35185673f1b1a6b2ce5e7d6d3685e5971e17dfdffdc29e1cbe3e2839585602979c"
    "b02536199dc0738480f26ae7ae1f72f397eb52539ddd1492dc4703ee7764a41fad5a4d9a342f2a"
)


def test_what_the_first_format_sealed_opens_for_ever() -> None:
    assert unseal(OLD, from_blob(bytes.fromhex(GOLDEN)), ABOUT) == PLAIN


def test_the_parts_are_where_the_drawing_says() -> None:
    whole = sealed()
    about = encoded(b"credential", b"dealer-1", b"paper", b"3")
    of_key = encoded(b"phalanx data key", b"\x01", about, OLD.id.encode())
    assert (whole.wrapped_key[:1], len(whole.wrapped_key)) == (b"\x01", WRAPPED_BYTES)
    data_key = AESGCM(key_bytes("old")).decrypt(
        whole.wrapped_key[1:13], whole.wrapped_key[13:], of_key
    )

    assert len(data_key) == 32
    of_data = encoded(b"phalanx data", b"\x01", about)
    assert AESGCM(data_key).decrypt(whole.nonce, whole.sealed, of_data) == PLAIN


def test_a_keys_id_is_of_the_key_and_shows_nothing_of_it() -> None:
    key = key_bytes("old")

    assert OLD.id == kek("old").id != NEW.id
    assert len(OLD.id) == 16
    assert OLD.id not in key.hex()
    assert repr(OLD) == f"KeyEncryptionKey({OLD.id})"


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy])
def test_nobody_takes_a_copy_of_a_key(take: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="neither pickled nor copied"):
        take(OLD)


def test_a_traceback_with_the_names_of_its_frames_shows_nothing_that_is_secret() -> None:
    data_key = RepeatableRandom().token(32)
    whole = sealed()
    changed = msgspec.structs.replace(whole, sealed=next(tampered(whole.sealed)))
    shown = names_in_frames(refusal(lambda: unseal(OLD, changed, ABOUT)))

    assert shown_bytes(whole.nonce) in shown
    for secret in (PLAIN, data_key, key_bytes("old")):
        assert shown_bytes(secret) not in shown
