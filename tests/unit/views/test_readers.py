from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from phalanx.views import readers as reading
from phalanx.views.readers import KEPT_MAX, QueryTooLong, Readers, ViewsUnavailable
from phalanx.views.schema import drop, open_for_writing

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


@pytest.fixture
def distrusted() -> list[str]:
    return []


@pytest.fixture
def readers(path: Path, distrusted: list[str]) -> Iterator[Readers]:
    made = Readers(path, lambda: distrusted.append("told"))
    yield made
    made.close()


def seq(readers: Readers) -> object:
    with readers.lend() as connection:
        return connection.execute("SELECT seq FROM cursor").fetchone()


def test_a_connection_is_used_again(path: Path, readers: Readers) -> None:
    open_for_writing(path)
    with readers.lend() as first:
        pass
    with readers.lend() as second:
        with readers.lend() as another:
            assert another is not second
        assert second is first


def test_no_more_connections_are_kept_than_are_of_use(path: Path, readers: Readers) -> None:
    open_for_writing(path)
    lent = [readers.lend() for _ in range(KEPT_MAX + 3)]
    for one in lent:
        one.__enter__()
    for one in lent:
        one.__exit__(None, None, None)

    assert len(readers._free) == KEPT_MAX


def test_before_the_views_are_built_they_are_unavailable(path: Path, readers: Readers) -> None:
    with pytest.raises(ViewsUnavailable, match="not there yet"):
        seq(readers)
    connection = open_for_writing(path)
    connection.pragma("user_version", 99)
    with pytest.raises(ViewsUnavailable, match="not there yet"):
        seq(readers)


def test_another_file_of_the_same_name_is_noticed(path: Path, readers: Readers) -> None:
    old = open_for_writing(path)
    old.execute("UPDATE cursor SET seq = 1")
    assert seq(readers) == (1,)
    drop(path)
    new = open_for_writing(path)
    new.execute("UPDATE cursor SET seq = 2")

    assert seq(readers) == (2,)


def test_a_file_that_is_always_replaced_is_given_up(
    path: Path, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_for_writing(path)
    files = iter(range(100))
    monkeypatch.setattr(readers, "_file", lambda: (0, next(files)))

    with pytest.raises(ViewsUnavailable):
        seq(readers)


def test_a_query_that_takes_too_long_is_stopped(
    path: Path, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_for_writing(path)
    monkeypatch.setattr(reading, "READ_S_MAX", 0.05)

    with pytest.raises(QueryTooLong), readers.lend() as connection:
        connection.execute(ENDLESS).fetchone()

    assert seq(readers) == (0,), "the connection is as good as before"


def test_damage_is_told(path: Path, readers: Readers, distrusted: list[str]) -> None:
    path.write_bytes(b"no database, " * 1_000)

    with pytest.raises(ViewsUnavailable, match="built again"):
        seq(readers)

    assert distrusted == ["told"]


@pytest.mark.parametrize("error", [apsw.BusyError, apsw.IOError, apsw.CantOpenError])
def test_trouble_of_the_moment_is_no_damage(
    path: Path, readers: Readers, distrusted: list[str], error: type[apsw.Error]
) -> None:
    open_for_writing(path)

    with pytest.raises(ViewsUnavailable, match="for now"), readers.lend():
        raise error("for now")

    assert distrusted == []


def test_what_comes_back_after_the_end_is_closed(path: Path, readers: Readers) -> None:
    open_for_writing(path)
    with readers.lend() as connection:
        readers.close()
        assert connection.execute("SELECT 1").fetchone() == (1,)

    with pytest.raises(apsw.ConnectionClosedError):
        connection.execute("SELECT 1")
    with pytest.raises(ViewsUnavailable, match="closed"):
        seq(readers)
