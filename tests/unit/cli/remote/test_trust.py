"""Whose signature the commands take."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.remote import trust
from tests.fakes.wire_peer import CA


@pytest.fixture(autouse=True)
def nobody_chosen() -> Iterator[None]:
    trust.choose(None)
    yield
    trust.choose(None)


def test_without_a_word_the_system_decides() -> None:
    assert trust.authority() is None


def test_an_authority_is_named_or_configured() -> None:
    Path("phalanx.toml").write_text(f'ca = "{CA}"\n')
    configured = trust.authority()
    assert configured is not None
    assert len(configured.get_ca_certs()) == 1
    assert configured.check_hostname

    Path("phalanx.toml").write_text('ca = ""\n')
    assert trust.authority() is None
    trust.choose(CA)
    assert trust.authority() is configured


def test_a_file_without_certificates_is_a_bad_setting(tmp_path: Path) -> None:
    for name in ("none.pem", "empty.pem"):
        (tmp_path / "empty.pem").touch()
        trust.choose(tmp_path / name)
        with pytest.raises(Failure) as caught:
            trust.authority()
        assert (caught.value.exit_code, caught.value.code) == (Exit.USAGE, "BAD_SETTING")
    trust.choose(None)
    Path("phalanx.toml").write_text("ca = ")
    with pytest.raises(Failure, match="BAD_SETTING"):
        trust.authority()
