"""``phalanx.api:app``: made when somebody asks for it, once."""

import subprocess
import sys

import pytest

import phalanx.api

NOT_YET = "import phalanx.api; raise SystemExit('app' in vars(phalanx.api))"


def test_it_is_one_application() -> None:
    assert phalanx.api.app is phalanx.api.app
    assert phalanx.api.create_app() is not phalanx.api.app


def test_nothing_is_set_up_for_a_server_that_makes_its_own() -> None:
    assert subprocess.run([sys.executable, "-c", NOT_YET], check=False).returncode == 0


def test_other_names_are_unknown() -> None:
    with pytest.raises(AttributeError, match="no attribute 'application'"):
        phalanx.api.application  # noqa: B018
