"""The invariant of the second person breaks where it should."""

from collections.abc import Sequence

import pytest

from phalanx.domain.changes import AskedChange, KillLift
from phalanx.domain.events import ChangeApproved, ChangeAsked, Event, KillLifted, SettingsPut
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.kills import EVERYBODY
from phalanx.domain.settings import RiskSettings
from phalanx.simulation.invariants.named import Invariant, Violation
from phalanx.simulation.invariants.persons import SecondPerson

ANN, BOB = Origin("ann", Door.KILL), Origin("bob", Door.CHANGES)
ON = SettingsPut(1, ANN, RiskSettings(two_persons=True))
ASKED = ChangeAsked(2, AskedChange("C1", ANN, KillLift(EVERYBODY), 2, 9, (), b""))
LIFTED = KillLifted(3, ANN, "")


def approved(by: Origin = BOB, events: int = 1) -> ChangeApproved:
    return ChangeApproved(3, by, "C1", events)


def read(*records: Sequence[Event]) -> SecondPerson:
    person = SecondPerson()
    for record in records:
        person.begin_record()
        person.take(record)
    return person


def test_it_holds_for_what_another_person_approved_in_the_same_record() -> None:
    assert read([ON, ASKED], [approved(), LIFTED]).loosened == 1


def test_it_holds_for_one_alone_while_two_are_not_needed() -> None:
    assert read([LIFTED]).loosened == 1


@pytest.mark.parametrize(
    "records",
    [
        [[ON], [LIFTED]],
        [[ON, ASKED], [approved(ANN), LIFTED]],
        [[ON, ASKED], [approved()], [LIFTED]],
        [[ON, ASKED], [approved(), LIFTED, LIFTED]],
        [[ON, ASKED], [approved(Origin("key:algo1", Door.CHANGES)), LIFTED]],
        [[ON], [SettingsPut(4, ANN, RiskSettings())]],
    ],
    ids=["alone", "the same", "another record", "one more", "a machine", "off"],
)
def test_it_breaks(records: Sequence[Sequence[Event]]) -> None:
    with pytest.raises(Violation) as caught:
        read(*records)

    assert caught.value.invariant is Invariant.SECOND_PERSON
