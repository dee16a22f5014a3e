"""Check commit messages: Conventional Commits 1.0 with a few more types.

Without arguments: every commit of HEAD that the remote's default branch does not have. Where there
is none, or HEAD is part of it (a fresh clone), everything reachable, the newest 500 at most.
With ``--file PATH``: one message that is about to be committed, as git hands it to a hook.

Needs nothing but Python and git. Exit codes: 0 good, 1 a message is not, 2 git failed.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

TYPES = (
    *("feat", "fix", "docs", "style", "refactor", "perf", "test", "build", "ci", "chore", "revert"),
    *("wip", "merge", "hotfix", "security", "deps", "infra", "ux", "i18n", "release", "env"),
)
HEADER_LENGTH_MAX = 100
COMMITS_MAX = 500

_HEADER = re.compile(r"(?P<type>[^\s(:!]+)(?:\((?P<scope>[^()]*)\))?!?: (?P<subject>.*)")
_SCOPE = re.compile(r"[a-z0-9]+(?:[ ,./_-]+[a-z0-9]+)*")
_MADE_BY_GIT = re.compile(r'Merge |Revert "|(?:fixup|squash|amend)! ')
_SCISSORS = "# ------------------------ >8 ------------------------"


def faults(message: str) -> Iterator[str]:
    """What is wrong with a message; nothing if it is good."""
    header, _, rest = message.strip("\n").partition("\n")
    if len(header) > HEADER_LENGTH_MAX:
        yield f"the first line has {len(header)} characters, {HEADER_LENGTH_MAX} is the most"
    if rest and not rest.startswith("\n"):
        yield "the second line must be blank"
    match = _HEADER.fullmatch(header)
    if match is None:
        yield "the first line must read `type(scope): subject`, the scope being optional"
        return
    if match["type"] not in TYPES:
        yield f"unknown type {match['type']!r}; one of {', '.join(sorted(TYPES))}"
    if match["scope"] is not None and not _SCOPE.fullmatch(match["scope"]):
        yield f"the scope {match['scope']!r} must be a word in lower case, such as `engine`"
    subject = match["subject"]
    if not subject.strip() or subject != subject.strip():
        yield "the subject must not be empty, begin or end with a blank"
    elif subject.endswith("."):
        yield "the subject must not end with a full stop"


def without_comments(text: str) -> str:
    """The message in an editor's file: git drops comments, and all below the scissors."""
    text = text.partition(_SCISSORS)[0]
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


def unmerged(root: Path) -> list[tuple[str, str]]:
    """Hash and message of every commit to check, newest first; merges made by git are left out."""
    if not _git(root, "rev-list", "--all", "--max-count=1"):
        return []
    base = _git(root, "rev-parse", "--verify", "--quiet", "origin/HEAD", may_fail=True)
    base = base or _git(root, "rev-parse", "--verify", "--quiet", "origin/main", may_fail=True)
    log = ("log", "--no-merges", f"--max-count={COMMITS_MAX}", "--format=%h%x1f%B%x1e", "HEAD")
    text = _git(root, *log, *(["--not", base] if base else [])) or _git(root, *log)
    commits = (entry.strip("\n").partition("\x1f") for entry in text.split("\x1e"))
    return [(commit, message) for commit, _, message in commits if commit]


def _git(root: Path, *arguments: str, may_fail: bool = False) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=root, check=False, capture_output=True, text=True, encoding="utf-8"
    )
    if done.returncode and not may_fail:
        sys.stderr.write(done.stderr)
        raise SystemExit(2)
    return done.stdout.strip()


def _report(name: str, message: str) -> bool:
    found = list(faults(message))
    if found:
        print(f"{name}: {message.strip().partition(chr(10))[0]}")
        print("".join(f"    {fault}\n" for fault in found), end="")
    return bool(found)


def main(arguments: Sequence[str] | None = None, root: Path | None = None) -> int:
    """Run the check; the exit code."""
    parser = argparse.ArgumentParser(description="Check commit messages.")
    parser.add_argument("--file", type=Path, help="a message about to be committed")
    file = parser.parse_args(arguments).file
    if file is not None:
        message = without_comments(file.read_text(encoding="utf-8"))
        return 0 if _MADE_BY_GIT.match(message) else int(_report("commit message", message))

    root = root or Path(__file__).parent.parent
    if not (root / ".git").exists():
        print("commit messages: not a git checkout, nothing to check")
        return 0
    if shutil.which("git") is None:
        print("commit messages: there is no git here, not checked")
        return 0
    commits = unmerged(root)
    bad = sum([_report(commit, message) for commit, message in commits])
    print(f"commit messages: {len(commits)} checked, {bad} to mend")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
