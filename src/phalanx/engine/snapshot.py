"""A state as bytes: what a snapshot keeps, and the digest that says whether two states are equal."""

import hashlib
from typing import Final

import msgspec

from phalanx.engine.state import State

SNAPSHOT_VERSION: Final = 9
"""Changes with the shape of `State`: a snapshot of another version is not read, the journal is replayed."""

_snapshot_encoder = msgspec.msgpack.Encoder()
_snapshot_decoder = msgspec.msgpack.Decoder(State)


def encode_state(state: State) -> bytes:
    """A snapshot; it keeps every dict's order."""
    return _snapshot_encoder.encode(state)


def decode_state(blob: bytes) -> State:
    """The state a snapshot holds. Raises msgspec.DecodeError when it is not one."""
    return _snapshot_decoder.decode(blob)


def blob_hash(blob: bytes) -> bytes:
    """32 bytes that identify an encoded state."""
    return hashlib.sha256(blob).digest()


def state_hash(state: State) -> bytes:
    """32 bytes that are equal exactly when two states are, the order of their dicts included."""
    return blob_hash(encode_state(state))
