import re
import tomllib
from importlib.metadata import version

import phalanx
from tests.conftest import ROOT


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert phalanx.__version__ == project["version"] == version("phalanx")


def test_the_package_is_marked_as_typed() -> None:
    assert (ROOT / "src/phalanx/py.typed").is_file()


def test_every_dependency_is_explained() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = pyproject["project"]["dependencies"] + pyproject["dependency-groups"]["dev"]
    names = {re.split(r"[^a-z0-9-]", line)[0] for line in wanted}
    page = (ROOT / "docs/dependencies.md").read_text()

    assert sorted(name for name in names if f"| {name} " not in page) == []
