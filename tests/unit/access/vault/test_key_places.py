"""Where keys are kept: in files of our own, which change whole or not at all, or with somebody else."""

import base64
import os
from pathlib import Path

import pytest

from phalanx.access.vault.errors import VaultCode, VaultError
from phalanx.access.vault.key_places import FILE, NEXT, OLD, NamedSources, OwnFiles
from tests.fakes.clock import ManualClock
from tests.unit.access.vault.rig import RepeatableRandom, kek, key_bytes


@pytest.fixture
def files(tmp_path: Path) -> OwnFiles:
    return OwnFiles(tmp_path, tmp_path / "access.db", RepeatableRandom())


def keep(folder: Path, name: str, key: str) -> None:
    (folder / name).write_bytes(key_bytes(key))
    (folder / name).chmod(0o600)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestOwnFiles:
    def test_a_new_folder_gets_its_first_key_and_keeps_it(
        self, files: OwnFiles, tmp_path: Path
    ) -> None:
        (first,) = files.read()

        assert [one.id for one in files.read()] == [first.id]
        assert names(tmp_path) == [FILE]
        assert not files.is_unfinished

    def test_a_key_that_is_lost_is_not_drawn_anew(self, files: OwnFiles, tmp_path: Path) -> None:
        (tmp_path / "access.db").touch()

        with pytest.raises(VaultError, match=r"access\.db needs it: put it back") as caught:
            files.read()
        assert caught.value.code == VaultCode.KEY_FILE_UNREADABLE
        assert names(tmp_path) == ["access.db"]

    def test_the_next_key_comes_first_then_the_key_then_the_old_one(
        self, files: OwnFiles, tmp_path: Path
    ) -> None:
        for name in (FILE, OLD, NEXT):
            keep(tmp_path, name, name)

        assert [one.id for one in files.read()] == [kek(name).id for name in (NEXT, FILE, OLD)]

    def test_a_key_that_has_two_names_is_one(self, files: OwnFiles, tmp_path: Path) -> None:
        for name in (FILE, OLD):
            keep(tmp_path, name, "one")

        assert [one.id for one in files.read()] == [kek("one").id]

    def test_the_way_from_one_key_to_the_next(self, files: OwnFiles, tmp_path: Path) -> None:
        (old,) = files.read()
        files.draw()
        new, still = files.read()
        assert (still.id, files.is_unfinished) == (old.id, True)

        files.settle()
        assert [one.id for one in files.read()] == [new.id, old.id]
        assert (names(tmp_path), files.is_unfinished) == ([FILE, OLD], True)

        files.forget({new.id, old.id})
        assert names(tmp_path) == [FILE, OLD], "it is needed"
        files.forget({new.id})
        assert ([one.id for one in files.read()], names(tmp_path)) == ([new.id], [FILE])

    def test_a_key_that_is_drawn_already_is_not_drawn_again(self, files: OwnFiles) -> None:
        files.read()
        files.draw()
        drawn = files.read()[0].id
        files.draw()

        assert files.read()[0].id == drawn

    def test_no_key_is_drawn_while_an_old_one_is_needed(
        self, files: OwnFiles, tmp_path: Path
    ) -> None:
        for name in (FILE, OLD):
            keep(tmp_path, name, name)

        with pytest.raises(VaultError, match=r"access\.key\.old") as caught:
            files.draw()
        assert (caught.value.code, names(tmp_path)) == (VaultCode.KEK_IN_USE, [FILE, OLD])

    def test_an_old_key_is_never_lost_to_another_one(self, files: OwnFiles, tmp_path: Path) -> None:
        for name in (FILE, OLD, NEXT):
            keep(tmp_path, name, name)
        files.settle()

        assert {one.id for one in files.read()} == {kek(name).id for name in (FILE, OLD, NEXT)}

    def test_what_a_process_that_died_left_half_made_is_removed(
        self, files: OwnFiles, tmp_path: Path
    ) -> None:
        (key,) = files.read()
        keep(tmp_path, f"{NEXT}.{'0' * 16}", "never used")
        (tmp_path / f"{FILE}.{'1' * 16}").hardlink_to(tmp_path / FILE)
        (tmp_path / f"{NEXT}.{'2' * 16}").hardlink_to(tmp_path / FILE)
        files.tidy()

        assert names(tmp_path) == [FILE]
        assert [one.id for one in files.read()] == [key.id]

    def test_what_somebody_else_may_keep_there_is_left_alone(
        self, files: OwnFiles, tmp_path: Path
    ) -> None:
        files.read()
        kept = (f"{FILE}.{'0' * 16}", f"{NEXT}.backup", f"{NEXT}.{'0' * 15}", f"{NEXT}.{'A' * 16}")
        for name in kept:
            keep(tmp_path, name, name)
        (tmp_path / f"{NEXT}.{'3' * 16}").mkdir()
        (tmp_path / f"{NEXT}.{'4' * 16}").symlink_to(tmp_path / FILE)
        before = names(tmp_path)
        files.tidy()

        assert names(tmp_path) == before

    def test_a_copy_of_the_key_under_the_old_name_is_the_key_that_is_kept(
        self, files: OwnFiles, tmp_path: Path
    ) -> None:
        keep(tmp_path, FILE, "one")
        keep(tmp_path, OLD, "one")
        keep(tmp_path, NEXT, "two")
        files.settle()

        assert [one.id for one in files.read()] == [kek("two").id, kek("one").id]

    def test_a_disk_that_refuses_is_told_by_its_code(
        self, files: OwnFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        files.read()
        files.draw()

        def refuses(_self: Path, _target: Path) -> None:
            raise OSError(28, os.strerror(28))

        monkeypatch.setattr(Path, "hardlink_to", refuses)
        with pytest.raises(VaultError, match="No space left") as caught:
            files.settle()
        assert caught.value.code == VaultCode.KEY_FILE_UNREADABLE


class TestNamedSources:
    def test_the_source_comes_first_and_older_ones_behind(self, tmp_path: Path) -> None:
        keep(tmp_path, "new", "new")
        environment = {"OLD": base64.b64encode(key_bytes("old")).decode()}
        place = NamedSources(f"file:{tmp_path / 'new'}", ("env:OLD",), environment, ManualClock())

        assert [one.id for one in place.read()] == [kek("new").id, kek("old").id]

    def test_an_older_file_that_is_not_there_is_passed_over(self, tmp_path: Path) -> None:
        keep(tmp_path, "new", "new")
        older = (f"file:{tmp_path / 'gone'}",)
        place = NamedSources(f"file:{tmp_path / 'new'}", older, {}, ManualClock())

        assert [one.id for one in place.read()] == [kek("new").id]

    @pytest.mark.parametrize("older", ["env:GONE", "command:/no/such/command", "what"])
    def test_any_other_source_that_gives_no_key_is_an_error(
        self, tmp_path: Path, older: str
    ) -> None:
        keep(tmp_path, "new", "new")
        place = NamedSources(f"file:{tmp_path / 'new'}", (older,), {}, ManualClock())

        with pytest.raises(VaultError):
            place.read()

    def test_it_is_read_anew_each_time_and_nothing_is_written(self, tmp_path: Path) -> None:
        keep(tmp_path, "key", "one")
        place = NamedSources(f"file:{tmp_path / 'key'}", (), {}, ManualClock())
        first = place.read()
        keep(tmp_path, "key", "two")
        place.draw()
        place.settle()
        place.forget(())

        assert [one.id for one in (*first, *place.read())] == [kek("one").id, kek("two").id]
        assert names(tmp_path) == ["key"]
        assert not place.is_unfinished
