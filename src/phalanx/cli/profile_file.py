"""A profiles file ``{user: {strategy: [instrument, …]}}``, read strictly: every fault has its place."""

import json
import re
from collections.abc import Container
from json import JSONDecodeError
from typing import NoReturn

from phalanx.cli.exits import Exit, Failure
from phalanx.cli.random_profiles import Profiles

BYTES_MAX = 8 * 1024 * 1024
NAME_CHARACTERS_MAX = 128

_BLANKS = re.compile(r"[ \t\n\r]*")
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
# Control characters, and halves of surrogate pairs, which no journal and no terminal should meet.
_UNWELCOME = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def read_profiles(content: bytes, name: str) -> Profiles:
    """The profiles in a file's bytes; ``name`` is how the fault calls the file.

    Raises Failure with ``line`` and ``column`` (both from 1): NOT_UTF8, MALFORMED_JSON, WRONG_TYPE,
    EMPTY_NAME, TEXT_TOO_LONG, INVALID_TEXT, DUPLICATE_NAME.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = content[: error.start].decode()
        raise _fault("NOT_UTF8", "not UTF-8 here", name, good, len(good)) from None
    return _Scan(text, name).profiles()


class _Scan:
    """One pass over the text. It knows where it is, which no JSON library tells about a value."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name
        self._at = 0

    def profiles(self) -> Profiles:
        self._see_valid()
        found: Profiles = {}
        for user in self._members("users", found):
            found[user] = {}
            for strategy in self._members("strategies", found[user]):
                found[user][strategy] = self._names()
        return found

    def _see_valid(self) -> None:
        """Let the library say what is no JSON at all; what follows is about the shape."""
        try:
            json.loads(self._text)
        except JSONDecodeError as error:
            self._refuse("MALFORMED_JSON", error.msg, error.pos)
        except RecursionError:
            self._refuse("MALFORMED_JSON", "too many brackets inside each other", 0)

    def _members(self, what: str, known: Container[str]) -> "_Members":
        self._blanks()
        if not self._text.startswith("{", self._at):
            self._refuse("WRONG_TYPE", f"an object of {what} is expected here", self._at)
        self._at += 1
        return _Members(self, known)

    def _names(self) -> list[str]:
        self._blanks()
        if not self._text.startswith("[", self._at):
            self._refuse("WRONG_TYPE", "a list of instruments is expected here", self._at)
        self._at += 1
        names: list[str] = []
        while not self.ends_with("]"):
            names.append(self.name())
        return names

    def ends_with(self, bracket: str) -> bool:
        """Step over a comma, or over the closing bracket."""
        self._blanks()
        if self._text.startswith(bracket, self._at):
            self._at += 1
            return True
        if self._text.startswith(",", self._at):
            self._at += 1
        return False

    def key(self, known: Container[str]) -> str:
        """A name and the colon behind it."""
        self._blanks()
        start = self._at
        name = self.name()
        if name in known:
            self._refuse("DUPLICATE_NAME", f"{name!r} stands here already", start)
        self._blanks()
        self._at += 1
        return name

    def name(self) -> str:
        """One string that may be a name."""
        self._blanks()
        start = self._at
        match = _TEXT.match(self._text, start)
        if match is None:
            self._refuse("WRONG_TYPE", "a text is expected here", start)
        self._at = match.end()
        found = str(json.loads(match.group()))
        if not found.strip():
            self._refuse("EMPTY_NAME", "a name is empty", start)
        if len(found) > NAME_CHARACTERS_MAX:
            detail = f"a name has more than {NAME_CHARACTERS_MAX} characters"
            self._refuse("TEXT_TOO_LONG", detail, start)
        if _UNWELCOME.search(found) is not None:
            self._refuse("INVALID_TEXT", "a name holds a control character", start)
        return found

    def _blanks(self) -> None:
        match = _BLANKS.match(self._text, self._at)
        self._at = match.end() if match is not None else self._at

    def _refuse(self, code: str, what: str, at: int) -> NoReturn:
        raise _fault(code, what, self._name, self._text, at)


class _Members:
    """The keys of one object, one at a time; the caller reads the value between two of them."""

    def __init__(self, scan: _Scan, known: Container[str]) -> None:
        self._scan = scan
        self._known = known

    def __iter__(self) -> "_Members":
        return self

    def __next__(self) -> str:
        if self._scan.ends_with("}"):
            raise StopIteration
        return self._scan.key(self._known)


def _fault(code: str, what: str, name: str, text: str, at: int) -> Failure:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    detail = f"{name}, line {line}, column {column}: {what}"
    return Failure(Exit.FAILURE, code, detail, line=line, column=column)
