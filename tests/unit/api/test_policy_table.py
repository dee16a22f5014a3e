"""The page about who may come through which door is made of the doors."""

import re
from pathlib import Path

from phalanx.api.catalogue import DOORS
from tests.unit.api.policy_table import policy_table

PAGE = Path(__file__).parents[3] / "docs/security.md"
BEGIN, END = "<!-- doors: generated -->\n", "<!-- end of doors -->"


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    shown = page.partition(BEGIN)[2].partition(END)[0]

    assert shown == f"\n{policy_table(DOORS)}\n"


def test_every_door_has_a_row() -> None:
    named = re.findall(r"^\| `(\w+ [^`]+)`", policy_table(DOORS), re.MULTILINE)

    assert named == [f"{door.method} {door.path}" for door in DOORS]


def test_a_row_says_who_comes_in_and_to_how_much() -> None:
    rows = {row.split("`")[1]: row.split(" | ")[1:] for row in policy_table(DOORS).splitlines()[2:]}

    assert rows["GET /api/v1/orders"] == ["–", "yes", "yes", "yes", "own", "own", "read", "own |"]
    assert rows["PUT /api/v1/kill"] == ["–", "yes", "yes", "–", "–", "–", "stop", "own |"]
    assert rows["GET /health/live"] == 7 * ["yes"] + ["yes |"]
    assert rows["GET /metrics"][:2] == ["`metrics_open`", "yes"]
