"""The search after the suite finds a secret in whatever form and place, or it would prove nothing."""

import base64
from pathlib import Path

import pytest

from tests.canary import forms, found_in
from tests.left_behind import CHUNK_BYTES, search

OTHER = "another-5Kd8Wc3Jh6Ny0Pf"
"""Not the canary: the search after this suite would find that."""
PLACES = (
    *("journal/journal.db", "journal/journal.db-wal", "journal/snapshots/7", "views.db", "anchor"),
    *("access.db", "logs/phalanx.jsonl", "logs/phalanx.jsonl.3", "instruments/8a.csv"),
)


@pytest.mark.parametrize("place", PLACES)
def test_it_is_found_where_a_server_may_leave_it(place: str, tmp_path: Path) -> None:
    path = tmp_path / "test_it0" / "data" / place
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\0" * 99 + OTHER.encode() + b"\xff")

    assert search(tmp_path, 60, OTHER) == ([path], 1, 0)


def test_it_is_found_across_the_parts_in_which_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "views.db"
    path.write_bytes(b"\0" * (CHUNK_BYTES - 5) + OTHER.encode())

    assert search(tmp_path, 60, OTHER)[0] == [path]


def test_files_of_tests_themselves_and_files_without_it_are_none(tmp_path: Path) -> None:
    (tmp_path / "fields.txt").write_text(OTHER)
    (tmp_path / "views.db").write_text("nothing")

    assert search(tmp_path, 60, OTHER) == ([], 1, 0)


def test_time_that_is_over_is_said(tmp_path: Path) -> None:
    (tmp_path / "views.db").write_text(OTHER)

    assert search(tmp_path, -1, OTHER) == ([], 0, 1)


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "abcd"])
def test_it_is_found_in_hex_and_in_base64_wherever_it_stands(before: str) -> None:
    text = f"{before}{OTHER}{before}".encode()
    written = (text, text.hex().encode(), text.hex().upper().encode(), base64.b64encode(text))

    assert [found_in(one, OTHER) for one in written] == [True] * 4
    assert found_in(OTHER.encode("utf-16"), OTHER)
    assert not found_in(text.upper(), OTHER)
    assert len(set(forms(OTHER))) == len(forms(OTHER))
