"""The folder of connections: its owner's alone, whole or not at all, one at a time."""

import os
import threading
from pathlib import Path

import pytest

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.remote import folder as module
from phalanx.cli.remote.folder import home, locked, make_private, read_private, write_private


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "phalanx"
    make_private(made)
    return made


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PHALANX_HOME", "/own")
    assert home() == Path("/own")
    monkeypatch.delenv("PHALANX_HOME")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/configured")
    assert home() == Path("/configured/phalanx")
    monkeypatch.setenv("XDG_CONFIG_HOME", "not/absolute")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home() == tmp_path / ".config/phalanx"


def test_what_is_written_is_its_owners_alone(folder: Path) -> None:
    old = os.umask(0)
    try:
        write_private(folder / "x", b"secret")
    finally:
        os.umask(old)

    assert (folder / "x").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert read_private(folder / "x") == b"secret"
    assert [path.name for path in folder.iterdir()] == ["x"]


def test_there_may_be_none(folder: Path) -> None:
    assert read_private(folder / "x") is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_is_open_to_others_is_refused(folder: Path, mode: int) -> None:
    write_private(folder / "x", b"secret")
    (folder / "x").chmod(mode)

    with pytest.raises(Failure) as caught:
        read_private(folder / "x")
    assert (caught.value.exit_code, caught.value.code) == (Exit.NOT_ALLOWED, "NOT_PRIVATE")
    assert f"chmod 600 {folder / 'x'}" in caught.value.detail


def test_a_folder_that_is_open_to_others_is_refused(folder: Path) -> None:
    write_private(folder / "x", b"secret")
    folder.chmod(0o755)

    with pytest.raises(Failure, match="NOT_PRIVATE"):
        read_private(folder / "x")
    with pytest.raises(Failure, match="NOT_PRIVATE"):
        make_private(folder)


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"theirs")
    (folder / "x").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(Failure, match="FILE_NOT_READABLE"):
        read_private(folder / "x")
    write_private(folder / "x", b"ours")
    assert (tmp_path / "elsewhere").read_bytes() == b"theirs"


def test_what_is_there_stays_where_the_new_one_cannot_be_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_private(folder / "x", b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Failure, match="FILE_NOT_WRITTEN"):
        write_private(folder / "x", b"new")
    assert read_private(folder / "x") == b"old"


def test_one_at_a_time(folder: Path) -> None:
    order: list[str] = []
    began = threading.Event()

    def second() -> None:
        began.set()
        with locked(folder / "lock"):
            order.append("second")

    other = threading.Thread(target=second)
    with locked(folder / "lock"):
        other.start()
        assert began.wait(10)
        order.append("first")
    other.join(10)

    assert order == ["first", "second"]


def test_a_lock_that_nobody_lets_go_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOCK_PATIENCE_S", 0.0)

    with locked(folder / "lock"), pytest.raises(Failure) as caught, locked(folder / "lock"):
        pass
    assert caught.value.code == "CONNECTION_BUSY"
