"""Profiles ``{user: {strategy: [instrument, …]}}``, read strictly: every fault has its place."""

import json
import re
from collections.abc import Collection
from json import JSONDecodeError
from typing import NoReturn, TypeAlias

from phalanx.domain.names import NAME_CHARACTERS_MAX, is_printable

Profiles: TypeAlias = dict[str, dict[str, list[str]]]

BYTES_MAX = 8 * 1024 * 1024
USERS_MAX = 10_000
STRATEGIES_MAX = 1_000
"""Most strategies of one user."""
INSTRUMENTS_MAX = 1_000
"""Most instruments of one strategy of one user."""

_BLANKS = re.compile(r"[ \t\n\r]*")
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_RAW_DETAILS = frozenset({"USERS", "STRATEGIES", "INSTRUMENTS"})


class ProfileFault(Exception):
    """Why a text is no profiles. ``code`` is stable; ``line`` and ``column`` count from 1."""

    def __init__(self, code: str, what: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {what}")
        self.code = code
        self.what = what
        self.line = line
        self.column = column


def read_profiles(content: bytes) -> Profiles:
    """The profiles in a file's or a request's bytes; the caller has bounded their number.

    Raises ProfileFault: NOT_UTF8, MALFORMED_JSON, TOO_DEEP, WRONG_TYPE, EMPTY_TEXT, TEXT_TOO_LONG,
    INVALID_TEXT, DUPLICATE_FIELD, DUPLICATE_INSTRUMENT (one twice in a list), TOO_MANY_USERS,
    TOO_MANY_STRATEGIES, TOO_MANY_INSTRUMENTS, and RAW_DETAILS for the generator's other file.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = content[: error.start].decode()
        raise _fault("NOT_UTF8", "not UTF-8 here", good, len(good)) from None
    return _Scan(text).profiles()


class _Scan:
    """One pass over the text. It knows where it is, which no JSON library tells about a value."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def profiles(self) -> Profiles:
        self._see_valid()
        found: Profiles = {}
        for user in self._members("users", found, USERS_MAX):
            if user in _RAW_DETAILS and self._is_next("["):
                self._refuse("RAW_DETAILS", "this is the file of raw details", self._at)
            found[user] = {}
            for strategy in self._members("strategies", found[user], STRATEGIES_MAX):
                found[user][strategy] = self._names()
        return found

    def _see_valid(self) -> None:
        """Let the library say what is no JSON at all; what follows is about the shape."""
        try:
            # No number belongs here, and one of very many digits would not be read.
            json.loads(self._text, parse_int=str, parse_float=str)
        except JSONDecodeError as error:
            self._refuse("MALFORMED_JSON", error.msg, error.pos)
        except RecursionError:
            self._refuse("TOO_DEEP", "too many brackets inside each other", 0)

    def _is_next(self, bracket: str) -> bool:
        self._blanks()
        return self._text.startswith(bracket, self._at)

    def _members(self, what: str, known: Collection[str], most: int) -> "_Members":
        if not self._is_next("{"):
            self._refuse("WRONG_TYPE", f"an object of {what} is expected here", self._at)
        self._at += 1
        return _Members(self, known, what, most)

    def _names(self) -> list[str]:
        if not self._is_next("["):
            self._refuse("WRONG_TYPE", "a list of instruments is expected here", self._at)
        self._at += 1
        names: dict[str, None] = {}
        while not self.ends_with("]"):
            if len(names) >= INSTRUMENTS_MAX:
                self._refuse("TOO_MANY_INSTRUMENTS", f"at most {INSTRUMENTS_MAX}", self._at)
            self._blanks()
            start = self._at
            name = self.name()
            if name in names:
                self._refuse("DUPLICATE_INSTRUMENT", f"{name!r} stands in this list already", start)
            names[name] = None
        return list(names)

    def ends_with(self, bracket: str) -> bool:
        """Step over a comma, or over the closing bracket."""
        if self._is_next(bracket):
            self._at += 1
            return True
        if self._text.startswith(",", self._at):
            self._at += 1
        return False

    def key(self, known: Collection[str], what: str, most: int) -> str:
        """A name and the colon behind it."""
        self._blanks()
        start = self._at
        if len(known) >= most:
            self._refuse(f"TOO_MANY_{what.upper()}", f"at most {most} {what}", start)
        name = self.name()
        if name in known:
            self._refuse("DUPLICATE_FIELD", f"{name!r} stands here already", start)
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
            self._refuse("EMPTY_TEXT", "a name is empty", start)
        if len(found) > NAME_CHARACTERS_MAX:
            detail = f"a name has more than {NAME_CHARACTERS_MAX} characters"
            self._refuse("TEXT_TOO_LONG", detail, start)
        if not is_printable(found):
            self._refuse("INVALID_TEXT", "a name holds a control character", start)
        return found

    def _blanks(self) -> None:
        match = _BLANKS.match(self._text, self._at)
        self._at = match.end() if match is not None else self._at

    def _refuse(self, code: str, what: str, at: int) -> NoReturn:
        raise _fault(code, what, self._text, at)


class _Members:
    """The keys of one object, one at a time; the caller reads the value between two of them."""

    def __init__(self, scan: _Scan, known: Collection[str], what: str, most: int) -> None:
        self._scan = scan
        self._known = known
        self._what = what
        self._most = most

    def __iter__(self) -> "_Members":
        return self

    def __next__(self) -> str:
        if self._scan.ends_with("}"):
            raise StopIteration
        return self._scan.key(self._known, self._what, self._most)


def _fault(code: str, what: str, text: str, at: int) -> ProfileFault:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return ProfileFault(code, what, line, column)
