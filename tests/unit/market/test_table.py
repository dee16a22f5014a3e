import pytest

from phalanx.market.table import ImportCode, ImportFault, Row, read_rows


def row(content: str) -> Row:
    (found,) = read_rows(content.encode(), ("name",), ("note",))
    return found


def test_columns_that_are_there_and_what_stands_in_them() -> None:
    found = row("name\nAnn\n")

    assert (found.has("name"), found.has("note")) == (True, False)
    assert (found.given("name"), found.given("note")) == ("Ann", "")
    assert row("note,name\n,Ann\n").has("note")


@pytest.mark.parametrize("text", ["Ann", "Ann Bo", " é ", "a" * 128])
def test_a_name_is_taken_as_it_stands(text: str) -> None:
    assert row(f"name\n{text}\n").name("name") == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('""', ImportCode.EMPTY_FIELD),
        ("  ", ImportCode.EMPTY_FIELD),
        ("a" * 129, ImportCode.FIELD_TOO_LONG),
        ("a\x1bb", ImportCode.BAD_TEXT),
        ('"a\nb"', ImportCode.BAD_TEXT),
    ],
)
def test_a_name_that_is_none(text: str, code: ImportCode) -> None:
    found = row(f"note,name\nx,{text}\n")

    with pytest.raises(ImportFault) as caught:
        found.name("name")

    assert (caught.value.code, caught.value.column, caught.value.line) == (code, "name", found.line)


def test_a_line_is_as_long_as_its_reader_allows() -> None:
    content = b"name\n" + b"a" * 20 + b"\n"

    assert len(list(read_rows(content, ("name",), line_bytes_max=21))) == 1
    with pytest.raises(ImportFault, match="LINE_TOO_LONG, line 2: at most 20 bytes"):
        list(read_rows(content, ("name",), line_bytes_max=20))
