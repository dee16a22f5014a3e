"""`phalanx audit export` and `verify`: whatever was done to a journal behind its back is named."""

import asyncio
import csv
import json
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from phalanx.cli.auditing.exported import read_export
from phalanx.cli.exit_codes import Exit
from phalanx.journal import SqliteJournal
from tests.api.cli.processes import run
from tests.unit.cli.auditing import folders


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    return await folders.make(tmp_path / "data")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
def exported(folder: Path, out: Path) -> Path:
    assert run("audit", "export", str(folder), "--out", str(out)).exit_code == Exit.OK
    return out


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def verify(folder: Path, *words: str) -> dict[str, Any]:
    found = run("audit", "verify", str(folder), *words, "--json")
    document: dict[str, Any] = json.loads(found.stdout)
    assert found.exit_code == (Exit.OK if document["ok"] else Exit.FAILURE)
    return document


def key_file(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_an_export_has_every_act_and_no_other(exported: Path) -> None:
    *acts, last = lines(exported)

    assert [act["subject"] for act in acts] == [f"user {number}" for number in range(2, 7)]
    assert [(act["record"], act["seq"]) for act in acts] == [
        (2, 3),
        (3, 5),
        (4, 7),
        (5, 9),
        (6, 11),
    ]
    assert {act["actor"] for act in acts} == {"ann"}
    assert acts[0]["address"] == "192.0.2.7"
    root = last["root"]
    assert (root["record"], root["seq"], root["acts"]) == (6, 12, 5)
    assert root["chain"] == acts[-1]["chain"]
    assert last["signature"] is None


def test_an_export_of_a_time_has_its_acts_and_the_whole_root(folder: Path, out: Path) -> None:
    first, last = "2025-06-15T20:36:43", "2025-06-15T20:36:44"

    found = run(
        "audit", "export", str(folder), "--out", str(out), "--since", first, "--until", last
    )

    *acts, end = lines(out)
    assert found.exit_code == Exit.OK, found.output
    assert [act["subject"] for act in acts] == ["user 3", "user 4"]
    assert (end["root"]["record"], end["root"]["acts"]) == (6, 2)
    assert verify(folder, "--root", str(out))["ok"]


def test_a_csv_has_its_root_beside_it_and_no_formula_in_it(tmp_path: Path, out: Path) -> None:
    folder = asyncio.run(folders.make(tmp_path / "other", 3, "=1+1"))

    assert run("audit", "export", str(folder), "--out", str(out), "--csv").exit_code == Exit.OK

    rows = list(csv.DictReader(StringIO(out.read_text(encoding="utf-8"), newline="")))
    assert [row["subject"] for row in rows] == ["'=1+1 2", "'=1+1 3"]
    root = out.with_name(f"{out.name}.root")
    assert lines(root)[0]["root"]["acts"] == 2
    assert verify(folder, "--root", str(root))["ok"]


def test_a_journal_that_grew_still_has_what_was_exported(folder: Path, exported: Path) -> None:
    async def more() -> None:
        journal = SqliteJournal(folder)
        journal.acquire()
        await folders.grow(journal, range(7, 10))
        journal.close()

    asyncio.run(more())

    document = verify(folder, "--root", str(exported))
    assert (document["ok"], document["trusted_to"]) == (True, 18)
    assert document["root"]["seq"] == 12


@pytest.mark.parametrize(
    ("harm", "code", "trusted_to"),
    [
        (lambda folder: folders.flip(folder, 4), "ALTERED_RECORD", 6),
        (lambda folder: folders.delete(folder, 4), "MISSING_RECORD", 6),
        (lambda folder: folders.swap(folder, 3, 5), "ALTERED_RECORD", 4),
    ],
    ids=["flipped", "deleted", "reordered"],
)
def test_harm_is_named_with_its_place(
    folder: Path, exported: Path, harm: Callable[[Path], None], code: str, trusted_to: int
) -> None:
    harm(folder)

    for words in ((), ("--root", str(exported))):
        document = verify(folder, *words)
        assert (document["problem"]["code"], document["trusted_to"]) == (code, trusted_to)
    said = run("audit", "verify", str(folder)).stdout
    assert f"event {trusted_to}; what is wrong begins behind it" in said
    assert said.endswith("NOT SOUND\n")


async def test_a_journal_that_was_cut_with_its_anchors_is_found_by_its_root_alone(
    tmp_path: Path, folder: Path, exported: Path
) -> None:
    cut = await folders.make(tmp_path / "cut", 4)

    assert verify(cut)["ok"]
    document = verify(cut, "--root", str(exported))

    assert (document["problem"]["code"], document["trusted_to"]) == ("BEHIND_ROOT", 8)
    assert "record 5 with event 9" in document["problem"]["message"]


async def test_a_tail_that_was_replaced_is_found_where_it_begins(
    tmp_path: Path, exported: Path
) -> None:
    forged = tmp_path / "forged"
    await folders.make(forged, 3)
    journal = SqliteJournal(forged)
    journal.acquire()
    await folders.grow(journal, range(4, 9), "nobody")
    journal.close()

    assert verify(forged)["ok"]
    document = verify(forged, "--root", str(exported))

    assert (document["problem"]["code"], document["trusted_to"]) == ("ROOT_MISMATCH", 6)


def test_an_export_that_was_altered_is_found(folder: Path, exported: Path) -> None:
    text = exported.read_text(encoding="utf-8")
    exported.write_text(text.replace("user 3", "user 9"), encoding="utf-8")

    document = verify(folder, "--root", str(exported))

    assert (document["ok"], document["acts_fit"], document["problem"]) == (False, False, None)
    assert "[ALTERED_EXPORT]" in run("audit", "verify", str(folder), "--root", str(exported)).stdout


@pytest.mark.parametrize(
    "harm",
    [
        lambda text: text.rpartition('{"root"')[0],
        lambda text: f"{text}{text.splitlines()[0]}\n",
        lambda text: "\n".join([*text.splitlines()[1::-1], *text.splitlines()[2:]]),
        lambda _: "",
        lambda _: "no JSON\n",
        lambda text: text.replace('"chain":"', '"chain":"zz', 1),
    ],
    ids=["cut", "longer", "reordered", "empty", "none", "no hash"],
)
def test_an_export_that_is_none_is_refused(
    folder: Path, exported: Path, harm: Callable[[str], str]
) -> None:
    exported.write_text(harm(exported.read_text(encoding="utf-8")), encoding="utf-8")

    found = run("audit", "verify", str(folder), "--root", str(exported), "--json")

    assert (found.exit_code, json.loads(found.stderr)["code"]) == (Exit.USAGE, "BAD_ROOT")


class TestSigning:
    @pytest.fixture
    def keys(self, tmp_path: Path) -> tuple[Path, Path]:
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return (
            key_file(tmp_path / "private.pem", private),
            key_file(tmp_path / "public.pem", public, 0o644),
        )

    def export(self, folder: Path, out: Path, key: Path) -> Any:  # noqa: ANN401  JSON
        found = run(
            *("audit", "export", str(folder), "--out", str(out), "--sign-key", str(key), "--json")
        )
        assert found.exit_code == Exit.OK, found.output
        return json.loads(found.stdout)

    def test_with_an_ed25519_key(self, folder: Path, out: Path, keys: tuple[Path, Path]) -> None:
        assert self.export(folder, out, keys[0])["signature"]["method"] == "ed25519"

        for key in keys:
            assert verify(folder, "--root", str(out), "--key", str(key))["signature"] == "good"
        assert verify(folder, "--root", str(out))["signature"] == "not checked"

    def test_with_a_secret(self, folder: Path, out: Path, tmp_path: Path) -> None:
        key = key_file(tmp_path / "secret", b"s" * 32)
        other = key_file(tmp_path / "other", b"t" * 32)
        assert self.export(folder, out, key)["signature"]["method"] == "hmac-sha256"

        assert verify(folder, "--root", str(out), "--key", str(key))["signature"] == "good"
        assert verify(folder, "--root", str(out), "--key", str(other))["signature"] == "bad"

    def test_a_root_that_was_altered_is_forged(
        self, folder: Path, out: Path, keys: tuple[Path, Path]
    ) -> None:
        self.export(folder, out, keys[0])
        text = out.read_text(encoding="utf-8")
        out.write_text(text.replace('"epoch":1', '"epoch":2'), encoding="utf-8")

        found = run("audit", "verify", str(folder), "--root", str(out), "--key", str(keys[1]))

        assert (found.exit_code, "[BAD_SIGNATURE]" in found.stdout) == (Exit.FAILURE, True)

    def test_a_root_without_a_signature_is_not_good(
        self, folder: Path, exported: Path, keys: tuple[Path, Path]
    ) -> None:
        document = verify(folder, "--root", str(exported), "--key", str(keys[1]))

        assert (document["ok"], document["signature"]) == (False, "bad")

    @pytest.mark.parametrize(
        ("content", "mode", "code"),
        [
            (b"s" * 32, 0o644, "KEY_TOO_OPEN"),
            (b"s" * 31, 0o600, "BAD_KEY"),
            (b"-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n", 0o600, "BAD_KEY"),
            (b"-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----\n", 0o600, "BAD_KEY"),
        ],
    )
    def test_a_key_that_is_none_is_refused_and_nothing_is_written(
        self, folder: Path, out: Path, tmp_path: Path, content: bytes, mode: int, code: str
    ) -> None:
        key = key_file(tmp_path / "key", content, mode)

        found = run(
            *("audit", "export", str(folder), "--out", str(out), "--sign-key", str(key), "--json")
        )

        assert (found.exit_code, json.loads(found.stderr)["code"]) == (Exit.USAGE, code)
        assert not list(tmp_path.glob("*audit.jsonl*"))


def test_a_key_alone_checks_nothing(folder: Path, tmp_path: Path) -> None:
    key = key_file(tmp_path / "key", b"s" * 32)

    found = run("audit", "verify", str(folder), "--key", str(key), "--json")

    assert json.loads(found.stderr)["code"] == "KEY_WITHOUT_ROOT"


def test_nothing_is_exported_of_a_damaged_journal(folder: Path, out: Path) -> None:
    folders.flip(folder, 4)

    found = run("audit", "export", str(folder), "--out", str(out), "--json")

    assert (found.exit_code, json.loads(found.stderr)["code"]) == (Exit.FAILURE, "ALTERED_RECORD")
    assert not out.exists()


@pytest.mark.parametrize("command", ["export", "verify"])
def test_there_is_nothing_in_an_empty_folder(tmp_path: Path, command: str) -> None:
    words = ("--out", str(tmp_path / "out")) if command == "export" else ()

    found = run("audit", command, str(tmp_path), *words, "--json")

    assert json.loads(found.stderr)["code"] == "JOURNAL_MISSING"


def test_reading_leaves_the_folder_as_it_was(folder: Path, out: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")

    run("audit", "export", str(folder), "--out", str(out))
    run("audit", "verify", str(folder), "--root", str(out))

    def contents(where: Path) -> dict[str, bytes]:
        files = (path for path in where.rglob("*") if path.is_file())
        return {
            str(path.relative_to(where)): path.read_bytes()
            for path in files
            if not path.name.endswith(("-wal", "-shm"))
        }

    assert contents(folder) == contents(copy)


@pytest.mark.parametrize("text", ["12", "soon"])
def test_what_is_no_time_is_refused(folder: Path, out: Path, text: str) -> None:
    found = run("audit", "export", str(folder), "--out", str(out), "--since", text, "--json")

    assert json.loads(found.stderr)["code"] == "BAD_MOMENT"


def test_the_signed_bytes_are_those_in_the_line(exported: Path) -> None:
    line = exported.read_bytes().splitlines()[-1]
    message = read_export(exported).said.root.message()

    assert message in line
    assert msgspec.json.decode(message)["acts"] == 5
