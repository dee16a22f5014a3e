"""The second factor: each code once, whoever is first; and a way back for who lost the telephone."""

import threading

import pytest
from pyotp import TOTP
from sqlalchemy import select

from phalanx.access.directory import Directory
from phalanx.access.errors import AccessCode
from phalanx.access.picture import Totp
from phalanx.access.second_factor import RECOVERY_CODES, STEP_NS
from phalanx.access.tables import recovery_codes, users
from phalanx.domain.secrets import Secret
from phalanx.domain.time import SECOND
from tests.fakes.clock import ManualClock
from tests.unit.access.rig import ANOTHER, AWAY, PASSWORD, log_in, refused


class Telephone:
    """An authenticator that has scanned ann's secret."""

    def __init__(self, directory: Directory, clock: ManualClock) -> None:
        self.directory = directory
        self.clock = clock
        self.ann = directory.users.get("ann").id
        self.totp = TOTP(directory.factors.enrol(self.ann, PASSWORD).secret.reveal())

    def code(self, steps: int = 0) -> Secret:
        return Secret(self.totp.generate_otp(self.clock.now() // STEP_NS + steps))

    def wrong(self) -> Secret:
        codes = {self.code(steps).reveal() for steps in (-1, 0, 1)}
        return Secret(next(f"{n:06}" for n in range(4) if f"{n:06}" not in codes))

    def confirm(self) -> tuple[Secret, ...]:
        found = self.directory.factors.confirm(self.ann, self.code())
        self.clock.advance(STEP_NS)
        return found


@pytest.fixture
def telephone(directory: Directory, clock: ManualClock) -> Telephone:
    return Telephone(directory, clock)


def test_an_enrolment_asks_for_nothing_until_it_is_confirmed(
    directory: Directory, telephone: Telephone
) -> None:
    assert directory.users.get("ann").totp is Totp.WAITING
    assert log_in(directory).session

    telephone.confirm()

    assert directory.users.get("ann").totp is Totp.ON
    assert refused(log_in, directory) is AccessCode.TOTP_NEEDED
    assert log_in(directory, code=telephone.code()).session
    assert log_in(directory, "cora").session


def test_what_an_authenticator_scans_names_the_user_and_us(directory: Directory) -> None:
    enrolment = directory.factors.enrol(directory.users.get("ann").id, PASSWORD)
    uri = enrolment.uri.reveal()

    assert uri.startswith("otpauth://totp/phalanx:ann?")
    assert f"secret={enrolment.secret.reveal()}" in uri
    assert enrolment.secret.reveal() not in repr(enrolment)


def test_the_secret_is_sealed_for_its_user(directory: Directory, telephone: Telephone) -> None:
    with directory.store.reading() as connection:
        sealed = connection.scalar(select(users.c.totp).where(users.c.id == telephone.ann))

    assert sealed is not None
    assert sealed.startswith(f"phalanx totp of user {telephone.ann}|".encode())
    assert telephone.totp.byte_secret() not in sealed


@pytest.mark.parametrize(
    ("steps", "counts"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_a_code_of_the_step_before_or_after_counts_too(
    directory: Directory, telephone: Telephone, clock: ManualClock, steps: int, counts: bool
) -> None:
    telephone.confirm()
    clock.advance(5 * STEP_NS)

    assert directory.factors.is_right(directory.users.get("ann"), telephone.code(steps)) is counts


def test_the_same_code_never_works_twice(directory: Directory, telephone: Telephone) -> None:
    telephone.confirm()
    code = telephone.code()

    assert log_in(directory, code=code).session
    assert refused(log_in, directory, code=code) is AccessCode.UNAUTHENTICATED


def test_the_code_that_confirmed_is_used(
    directory: Directory, telephone: Telephone, clock: ManualClock
) -> None:
    code = telephone.code()
    telephone.confirm()

    assert refused(log_in, directory, code=code) is AccessCode.UNAUTHENTICATED


def test_a_code_older_than_the_last_used_one_is_used_too(
    directory: Directory, telephone: Telephone, clock: ManualClock
) -> None:
    telephone.confirm()
    clock.advance(5 * STEP_NS)
    ann = directory.users.get("ann")

    assert directory.factors.is_right(ann, telephone.code(1))
    assert not directory.factors.is_right(ann, telephone.code(0))
    assert not directory.factors.is_right(ann, telephone.code(-1))


def test_of_many_that_use_one_code_at_once_one_wins(
    directory: Directory, telephone: Telephone
) -> None:
    telephone.confirm()
    code, ann = telephone.code(), directory.users.get("ann")
    start = threading.Barrier(4)
    answers: list[bool] = []

    def use() -> None:
        start.wait()
        answers.append(directory.factors.is_right(ann, code))

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [False, False, False, True]


def test_a_used_code_stays_used_when_the_last_step_was_written_by_another_hand(
    directory: Directory, telephone: Telephone, clock: ManualClock
) -> None:
    telephone.confirm()
    with directory.store.change() as change:
        step = clock.now() // STEP_NS
        change.connection.execute(users.update().values(totp_last_step=step))

    assert not directory.factors.is_right(directory.users.get("ann"), telephone.code())


def test_five_wrong_codes_and_the_next_waits_wherever_it_comes_from(
    directory: Directory, telephone: Telephone, clock: ManualClock
) -> None:
    telephone.confirm()
    places = [f"203.0.113.{number}" for number in range(6)]

    codes = [refused(log_in, directory, code=telephone.wrong(), address=place) for place in places]

    assert codes == [AccessCode.UNAUTHENTICATED] * 5 + [AccessCode.THROTTLED]
    late = telephone.code()
    assert refused(log_in, directory, code=late, address=AWAY) is AccessCode.THROTTLED
    clock.advance(30 * SECOND)
    assert log_in(directory, code=telephone.code(), address=AWAY).session


def test_who_does_not_know_the_password_uses_up_no_tries_of_the_code(
    directory: Directory, telephone: Telephone
) -> None:
    telephone.confirm()
    for number in range(10):
        place = f"203.0.113.{number}"
        refused(log_in, directory, password=ANOTHER, code=telephone.wrong(), address=place)

    assert log_in(directory, code=telephone.code()).session


@pytest.mark.parametrize("code", ["", "12345", "1234567", "x" * 10_000, "\uff11" * 6, "\ud800"])
def test_what_can_be_no_code_is_wrong(
    directory: Directory, telephone: Telephone, code: str
) -> None:
    telephone.confirm()

    assert refused(log_in, directory, code=Secret(code)) is AccessCode.UNAUTHENTICATED


def test_spaces_in_a_code_do_not_matter(directory: Directory, telephone: Telephone) -> None:
    telephone.confirm()
    code = telephone.code().reveal()

    assert log_in(directory, code=Secret(f" {code[:3]} {code[3:]}")).session


def test_each_recovery_code_works_once(directory: Directory, telephone: Telephone) -> None:
    codes = telephone.confirm()
    assert len(codes) == RECOVERY_CODES == len({code.reveal() for code in codes})

    assert log_in(directory, code=codes[0]).by_recovery_code
    assert refused(log_in, directory, code=codes[0]) is AccessCode.UNAUTHENTICATED
    typed = Secret(codes[1].reveal().upper().replace("-", " "))
    assert log_in(directory, code=typed).by_recovery_code
    assert not log_in(directory, code=telephone.code()).by_recovery_code

    assert directory.factors.recovery_codes_left(telephone.ann) == RECOVERY_CODES - 2


def test_a_recovery_code_is_of_one_user_and_kept_as_a_hash(
    directory: Directory, telephone: Telephone
) -> None:
    codes = telephone.confirm()
    cora = directory.users.get("cora")

    assert not directory.factors.is_right(cora, codes[0])
    with directory.store.reading() as connection:
        kept = connection.scalars(select(recovery_codes.c.hash)).all()
    assert {len(one) for one in kept} == {32}
    assert directory.factors.recovery_codes_left(telephone.ann) == RECOVERY_CODES


def test_a_wrong_first_code_confirms_nothing(directory: Directory, telephone: Telephone) -> None:
    call = directory.factors.confirm

    codes = [refused(call, telephone.ann, telephone.wrong()) for _ in range(6)]

    assert codes == [AccessCode.WRONG_CODE] * 5 + [AccessCode.THROTTLED]
    assert directory.users.get("ann").totp is Totp.WAITING
    assert directory.factors.recovery_codes_left(telephone.ann) == 0


def test_enrolling_again_before_the_first_code_takes_the_newer_secret(
    directory: Directory, telephone: Telephone, clock: ManualClock
) -> None:
    newer = Telephone(directory, clock)

    old = refused(directory.factors.confirm, telephone.ann, telephone.code())

    assert old is AccessCode.WRONG_CODE
    assert newer.confirm()


def test_a_second_factor_that_is_on_is_not_replaced(
    directory: Directory, telephone: Telephone
) -> None:
    telephone.confirm()

    assert refused(directory.factors.enrol, telephone.ann, PASSWORD) is AccessCode.TOTP_STATE
    call = directory.factors.confirm
    assert refused(call, telephone.ann, telephone.code()) is AccessCode.TOTP_STATE


def test_to_begin_and_to_end_it_takes_the_password(
    directory: Directory, telephone: Telephone
) -> None:
    telephone.confirm()
    cora = directory.users.get("cora").id
    factors = directory.factors

    assert refused(factors.enrol, cora, ANOTHER) is AccessCode.WRONG_PASSWORD
    assert refused(factors.disable, telephone.ann, ANOTHER) is AccessCode.WRONG_PASSWORD
    assert refused(factors.disable, cora, PASSWORD) is AccessCode.TOTP_STATE
    assert directory.users.get("ann").totp is Totp.ON

    factors.disable(telephone.ann, PASSWORD)

    assert directory.users.get("ann").totp is Totp.OFF
    assert log_in(directory).session


@pytest.mark.parametrize("by_admin", [True, False])
def test_who_ends_it_ends_the_recovery_codes_too(
    directory: Directory, telephone: Telephone, by_admin: bool
) -> None:
    codes = telephone.confirm()

    if by_admin:
        directory.users.remove_totp("ann")
    else:
        directory.factors.disable(telephone.ann, PASSWORD)

    assert log_in(directory).session
    assert not directory.factors.is_right(directory.users.get("ann"), codes[0])
    assert not directory.factors.is_right(directory.users.get("ann"), telephone.code())
    assert directory.factors.recovery_codes_left(telephone.ann) == 0
