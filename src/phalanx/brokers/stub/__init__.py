"""A small broker over HTTP, real in everything but the money: what the wire is tried against."""

from phalanx.brokers.stub.broker import StubBroker
from phalanx.brokers.stub.terms import NAME, stub_capabilities

__all__ = ["NAME", "StubBroker", "stub_capabilities"]
