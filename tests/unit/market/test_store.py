from pathlib import Path

import pytest

from phalanx.market.store import InstrumentsAltered, InstrumentsMissing, InstrumentStore
from phalanx.market.table import BYTES_MAX, ImportCode, ImportFault, read_content

CONTENT = b"symbol,token_id,exchange,instrument_type,lot_size,tick_size\nX,7,NSE,EQ,1,0.05\n"


@pytest.fixture
def store(tmp_path: Path) -> InstrumentStore:
    return InstrumentStore(tmp_path / "data/instruments")


def test_what_was_saved_is_loaded(store: InstrumentStore) -> None:
    sha256 = store.save(CONTENT)

    index = store.load(sha256, {"OTHER": "X"})

    assert index.sha256 == sha256
    assert index.resolve("OTHER") == index.get("NSE:7")


def test_versions_stay_beside_each_other(store: InstrumentStore, tmp_path: Path) -> None:
    first = store.save(CONTENT)
    second = store.save(CONTENT.replace(b"0.05", b"0.01"))

    assert first != second
    assert store.content(first) == CONTENT
    names = sorted(path.name for path in (tmp_path / "data/instruments").iterdir())
    assert names == sorted([f"{first}.csv", f"{second}.csv"])


def test_saving_again_writes_nothing(store: InstrumentStore, tmp_path: Path) -> None:
    sha256 = store.save(CONTENT)
    path = tmp_path / f"data/instruments/{sha256}.csv"
    before = path.stat()

    store.save(CONTENT)

    assert path.stat().st_ino == before.st_ino


def test_a_file_is_synced_before_it_has_its_name(
    store: InstrumentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[str] = []
    replace = Path.replace

    def renamed(path: Path, target: Path) -> Path:
        log.append("name")
        return replace(path, target)

    monkeypatch.setattr("os.fsync", lambda handle: log.append("sync"))
    monkeypatch.setattr(Path, "replace", renamed)

    store.save(CONTENT)

    assert log == ["sync", "name", "sync"]


def test_a_file_half_written_by_a_crash_is_overwritten(
    store: InstrumentStore, tmp_path: Path
) -> None:
    sha256 = store.save(CONTENT)
    path = tmp_path / f"data/instruments/{sha256}.csv"
    path.rename(path.with_suffix(".half"))
    path.with_suffix(".half").write_bytes(b"sym")

    store.save(CONTENT)

    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_a_file_that_is_gone_is_named(store: InstrumentStore) -> None:
    with pytest.raises(InstrumentsMissing) as caught:
        store.load("0" * 64)

    assert caught.value.sha256 == "0" * 64


def test_a_file_that_was_altered_is_named_and_can_be_mended(
    store: InstrumentStore, tmp_path: Path
) -> None:
    sha256 = store.save(CONTENT)
    path = tmp_path / f"data/instruments/{sha256}.csv"
    path.write_bytes(CONTENT.replace(b"0.05", b"5.00"))

    with pytest.raises(InstrumentsAltered) as caught:
        store.load(sha256)
    store.save(CONTENT)

    assert caught.value.sha256 == sha256
    assert caught.value.found != sha256
    assert len(store.load(sha256)) == 1


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63])
def test_only_a_hash_is_a_name(store: InstrumentStore, name: str) -> None:
    with pytest.raises(ValueError, match="not a SHA-256"):
        store.load(name)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse.csv"
    with path.open("wb") as file:
        file.truncate(BYTES_MAX + 1)

    with pytest.raises(ImportFault) as caught:
        read_content(path)

    assert caught.value.code == ImportCode.FILE_TOO_LARGE
