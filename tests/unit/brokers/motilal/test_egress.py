from phalanx.brokers.motilal.egress import SHUT, Egress
from phalanx.brokers.motilal.outcomes import Judged
from phalanx.brokers.port import Accepted, Refused, Unknown
from phalanx.brokers.wire import Dialer, parse_address
from tests.fakes.clock import ManualClock
from tests.unit.brokers.motilal.samples import SETTINGS

WRONG = Judged(Refused("MO2035", "Unauthorized IP Address"), "MO2035")


def made(local: str = "") -> tuple[Egress, ManualClock]:
    dialer = Dialer(parse_address("http://127.0.0.1:1"))
    dialer.local = local
    clock = ManualClock()
    return Egress(SETTINGS, dialer, clock), clock


def test_it_is_open_until_something_is_seen() -> None:
    egress, _ = made()

    assert not egress.is_shut()
    assert egress.check().ok


def test_a_refused_address_is_tried_again_after_a_while_and_stays_red() -> None:
    egress, clock = made()
    egress.judged(WRONG)
    assert egress.is_shut()
    assert not egress.check().ok

    clock.advance(SHUT)

    assert not egress.is_shut()
    assert not egress.check().ok


def test_any_word_of_the_brokers_about_something_else_opens_it() -> None:
    for said in (Judged(Accepted("1")), Judged(Refused("MO1057", ""), "MO1057")):
        egress, _ = made()
        egress.judged(WRONG)
        egress.judged(said)

        assert not egress.is_shut()
        assert egress.check().ok


def test_no_answer_says_nothing_about_the_address() -> None:
    egress, _ = made()
    egress.judged(WRONG)
    egress.judged(Judged(Unknown("HTTP 502")))

    assert egress.is_shut()


def test_a_public_address_that_is_not_registered_is_shut_for_good() -> None:
    egress, clock = made("8.8.4.4")
    clock.advance(SHUT)

    assert egress.is_shut()
    assert egress.check().detail == "orders leave from 8.8.4.4"
    assert "203.0.113.7" in egress.check().fix


def test_an_address_behind_a_translation_says_nothing() -> None:
    egress, _ = made("10.0.0.7")

    assert not egress.is_shut()
    assert egress.check().ok
