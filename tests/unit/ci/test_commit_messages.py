import os
import subprocess
from pathlib import Path

import pytest

import commit_messages


@pytest.mark.parametrize(
    "message",
    [
        "feat: add the priority buy",
        "fix(engine): keep the lot of a cancelled buy",
        "feat(api)!: answer exact numbers as strings",
        "security(access, api): refuse a replayed code",
        "wip: half of the reconciler",
        "i18n: say it in Hindi",
        "revert: bring back the moving window\n\nIt was right.\n\nRefs: 1a2b3c4",
        'docs: quote "it: works" in the README',
    ],
)
def test_a_good_message(message: str) -> None:
    assert list(commit_messages.faults(message)) == []


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("add the priority buy", "must read"),
        ("", "must read"),
        ("feat : add", "must read"),
        ("feat:add", "must read"),
        ("feat(engine: add", "must read"),
        ("feature: add", "unknown type 'feature'"),
        ("Feat: add", "unknown type 'Feat'"),
        ("fix(): add", "the scope ''"),
        ("fix(The Engine): add", "the scope 'The Engine'"),
        ("fix:  add", "begin or end with a blank"),
        ("fix: ", "must not be empty"),
        ("fix: add.", "full stop"),
        ("fix: add\nmore", "second line"),
        ("fix: " + "a" * 96, "101 characters"),
    ],
)
def test_a_bad_message(message: str, fault: str) -> None:
    assert fault in " ".join(commit_messages.faults(message))


@pytest.mark.parametrize("kind", ["wip", "merge", "hotfix", "security", "deps", "infra", "ux"])
def test_the_types_beyond_the_convention(kind: str) -> None:
    assert list(commit_messages.faults(f"{kind}: something")) == []


class Repository:
    """A git repository in a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> None:
        nobody = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.com")
        subprocess.run(["git", *nobody, *arguments], cwd=self.root, check=True)

    def commit(self, message: str) -> None:
        self.git("commit", "--quiet", "--allow-empty", "--message", message)

    def subjects(self) -> list[str]:
        return [message.partition("\n")[0] for _, message in commit_messages.unmerged(self.root)]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    return Repository(tmp_path)


def test_a_repository_without_commits_has_nothing_to_check(repository: Repository) -> None:
    assert repository.subjects() == []
    assert commit_messages.main([], repository.root) == 0


def test_without_a_remote_every_commit_is_checked(repository: Repository) -> None:
    repository.commit("feat: one\n\nWith a body.")
    repository.commit("fix: two")

    assert repository.subjects() == ["fix: two", "feat: one"]
    assert commit_messages.main([], repository.root) == 0


def test_a_branch_is_checked_from_the_remote_s_base(repository: Repository) -> None:
    repository.commit("an old sin")
    repository.git("update-ref", "refs/remotes/origin/main", "HEAD")
    repository.commit("fix: two")

    assert repository.subjects() == ["fix: two"]


def test_a_fresh_clone_is_checked_from_the_newest_commit_down(repository: Repository) -> None:
    for number in range(3):
        repository.commit(f"feat: number {number}")
    repository.git("update-ref", "refs/remotes/origin/main", "HEAD")

    assert repository.subjects() == ["feat: number 2", "feat: number 1", "feat: number 0"]


def test_the_number_of_commits_is_bounded(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_messages, "COMMITS_MAX", 2)
    for number in range(3):
        repository.commit(f"feat: number {number}")

    assert repository.subjects() == ["feat: number 2", "feat: number 1"]


def test_merges_made_by_git_are_left_out(repository: Repository) -> None:
    repository.commit("feat: one")
    repository.git("checkout", "--quiet", "-b", "side")
    repository.commit("fix: two")
    repository.git("checkout", "--quiet", "main")
    repository.git("merge", "--quiet", "--no-ff", "--message", "Merge branch 'side'", "side")

    assert sorted(repository.subjects()) == ["feat: one", "fix: two"]


def test_a_bad_commit_fails_the_check_and_is_named(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit("feat: one")
    repository.commit("oops")

    assert commit_messages.main([], repository.root) == 1
    assert "oops" in capsys.readouterr().out


def test_outside_a_checkout_there_is_nothing_to_check(tmp_path: Path) -> None:
    assert commit_messages.main([], tmp_path) == 0


def test_a_git_that_fails_is_not_taken_for_a_good_history(repository: Repository) -> None:
    (repository.root / ".git" / "HEAD").write_text("nonsense")

    with pytest.raises(SystemExit) as failure:
        commit_messages.main([], repository.root)

    assert failure.value.code == 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("feat: add\n\n# Please enter the commit message\n#\tmodified: x.py\n", 0),
        ("feat: add\n# ------------------------ >8 ------------------------\ndiff --git x\n", 0),
        ("Merge branch 'side'\n", 0),
        ("fixup! feat: add\n", 0),
        ("add\n", 1),
    ],
)
def test_the_hook_reads_what_git_hands_it(tmp_path: Path, text: str, code: int) -> None:
    file = tmp_path / "COMMIT_EDITMSG"
    file.write_text(text)

    assert commit_messages.main(["--file", str(file)]) == code
