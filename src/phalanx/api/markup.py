"""HTML that is escaped by construction: a plain text can enter it as text only."""

import re
from html import escape

_VOID = frozenset({"meta", "wbr"})
_INLINE = re.compile(r"``(?P<literal>.+?)``|`(?P<code>.+?)`|\*\*(?P<strong>.+?)\*\*", re.DOTALL)


class Html(str):
    """Markup. Every other text is escaped where it becomes part of one."""

    __slots__ = ()


def join(*parts: str) -> Html:
    """Parts one after another: markup as it is, text escaped."""
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in parts))


def element(name: str, /, *children: str, **attributes: str) -> Html:
    """An element. ``class_`` means ``class``, ``aria_label`` ``aria-label``; empty is left out."""
    named = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value
    )
    if name in _VOID:
        return Html(f"<{name}{named}>")
    return Html(f"<{name}{named}>{join(*children)}</{name}>")


def code(text: str) -> Html:
    """A word that is meant literally."""
    return element("code", text)


def block(text: str) -> Html:
    """Lines that are meant literally; the keyboard can scroll them."""
    return element("pre", code(text), tabindex="0")


def separated(parts: list[Html], separator: str) -> Html:
    """Parts with a text between them."""
    return Html(escape(separator).join(parts))


def prose(text: str) -> Html:
    """Paragraphs, with what is between backquotes as code and between double asterisks strong."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return join(*(element("p", inline(paragraph)) for paragraph in paragraphs if paragraph))


def inline(text: str) -> Html:
    """One paragraph's inside."""
    text = " ".join(text.split())
    parts: list[str] = []
    end = 0
    for found in _INLINE.finditer(text):
        parts.append(text[end : found.start()])
        strong = found["strong"]
        literal = found["literal"] or found["code"] or ""
        parts.append(element("strong", strong) if strong else code(literal))
        end = found.end()
    return join(*parts, text[end:])
