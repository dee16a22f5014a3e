import pytest

from phalanx.brokers.motilal.logins_file import BYTES_MAX, LoginsFault, read_logins

INVESTOR = """
[ann]
public_ip = "203.0.113.7"
registered = ["203.0.113.7", "203.0.113.8"]
algo_id = "77"
ca = "authorities.pem"
"""
DEALER = """
[house]
public_ip = "203.0.113.8"
registered = ["203.0.113.8"]
source = "10.0.0.8"
dealer = true
"""


def test_each_table_is_a_login() -> None:
    found = read_logins((INVESTOR + DEALER).encode())

    assert list(found) == ["ann", "house"]
    assert (found["ann"].algo_id, str(found["ann"].ca)) == ("77", "authorities.pem")
    assert found["ann"].rest == "https://openapi.motilaloswal.com"
    assert found["house"].source == "10.0.0.8"
    assert (found["ann"].dealer, found["house"].dealer) == (False, True)


def test_an_empty_file_has_no_login() -> None:
    assert read_logins(b"") == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[ann", "end of a table declaration"),
        ("ann = 1", r"\$\[\.\.\.\]"),
        (INVESTOR + 'password = "hush"', "unknown field `password`"),
        (INVESTOR.replace("203.0.113.7", "198.51.100.1", 1), "is not registered"),
        (INVESTOR.replace('"authorities.pem"', "7"), "a path is expected"),
        (DEALER + "[house.clients]\nA = 'AA020'", "unknown field `clients`"),
    ],
    ids=["toml", "table", "secret", "address", "path", "clients"],
)
def test_a_file_that_cannot_be_used_says_why(content: str, words: str) -> None:
    with pytest.raises(LoginsFault, match=words):
        read_logins(content.encode())


@pytest.mark.parametrize("content", [b"\xff", b"a" * (BYTES_MAX + 1)], ids=["bytes", "size"])
def test_what_is_no_file_of_logins_is_refused(content: bytes) -> None:
    with pytest.raises(LoginsFault):
        read_logins(content)
