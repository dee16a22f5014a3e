import msgspec
import pytest

from phalanx.api.tables import csv_answer, csv_content, struct_rows


class Row(msgspec.Struct):
    name: str
    count: int
    flag: bool
    price: str | None = None
    funds: msgspec.Raw = msgspec.Raw(b"0")


def test_every_value_has_its_cell() -> None:
    rows = [Row("Ann, Bo", -1, True), Row('a "b"', 2, False, "-1.5", msgspec.Raw(b"12.50"))]

    content = csv_content(Row.__struct_fields__, struct_rows(Row.__struct_fields__, rows))

    assert content == (
        b'name,count,flag,price,funds\r\n"Ann, Bo",-1,true,,0\r\n"a ""b""",2,false,-1.5,12.50\r\n'
    )


def test_a_table_without_rows_has_its_header() -> None:
    assert csv_content(("a", "b"), []) == b"a,b\r\n"


def test_text_is_utf_8() -> None:
    assert csv_content(("a",), [["é ₹"]]) == b"a\r\n" + "é ₹\r\n".encode()


def test_what_has_no_cell_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="no cell for list"):
        csv_content(("a",), [[["x"]]])


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("orders", b'attachment; filename="orders.csv"'),
        ('a"b\r\nc/d é', b'attachment; filename="a_b_c_d_.csv"'),
    ],
)
def test_the_name_of_a_file_breaks_no_header(name: str, file: bytes) -> None:
    answer = csv_answer(name, ("a",), [], 7)

    headers = dict(answer.headers)
    assert headers[b"content-disposition"] == file
    assert headers[b"x-total-count"] == b"7"
    assert answer.content_type == b"text/csv; charset=utf-8"


def test_without_a_total_none_is_said() -> None:
    assert b"x-total-count" not in dict(csv_answer("a", ("a",), []).headers)
