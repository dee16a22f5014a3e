"""Schemas for people: the type of a value in words, and the fields of a shape as a table."""

from typing import Any, TypeAlias

from phalanx.api.markup import Html, code, element, inline, join, prose, separated

Schema: TypeAlias = dict[str, Any]
_WORDS = {"integer": "integer", "number": "number", "string": "text", "boolean": "true or false"}


def name_of(reference: str) -> str:
    """The shape that a ``$ref`` leads to."""
    return reference.rpartition("/")[2]


def alternatives(schema: Schema) -> list[Schema]:
    """What a value may be one of."""
    found: list[Schema] = schema.get("anyOf", [schema])
    return found


def type_of(schema: Schema, *, nullable: bool = True) -> Html:
    """A type in words, with links to shapes; without ``nullable`` null goes unsaid."""
    if "anyOf" in schema:
        some = [one for one in schema["anyOf"] if nullable or one.get("type") != "null"]
        return separated([type_of(one) for one in some], " or ")
    if "$ref" in schema:
        name = name_of(schema["$ref"])
        return element("a", name, href=f"#shape-{name}")
    if "enum" in schema:
        return separated([code(str(value)) for value in schema["enum"]], " or ")
    kind: Any = schema.get("type", "any value")
    if isinstance(kind, list):
        return separated([_word(one) for one in kind], " or ")
    if kind == "array":
        return join("list of ", type_of(schema.get("items", {})))
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return join("object of ", type_of(schema["additionalProperties"]))
    return _word(kind)


def _word(kind: str) -> Html:
    return join(_WORDS.get(kind, kind))


def limits_of(schema: Schema) -> str:
    """Bounds and default, as a sentence part; empty when there are none."""
    found = []
    for one in (schema, *schema.get("anyOf", ())):
        if bounds := _range(one.get("minimum"), one.get("maximum")):
            found.append(bounds)
        if bounds := _range(one.get("minLength"), one.get("maxLength")):
            found.append(f"{bounds} characters")
    default = schema.get("default")
    if isinstance(default, bool):
        found.append(f"default {str(default).lower()}")
    elif isinstance(default, int) or (isinstance(default, str) and default):
        found.append(f"default {default}")
    return "; ".join(found)


def _range(least: int | None, most: int | None) -> str:
    if least is None and most is None:
        return ""
    if least is None:
        return f"at most {most:,}"
    return f"at least {least:,}" if most is None else f"{least:,} to {most:,}"


def meaning_of(schema: Schema, description: str = "") -> Html:
    """What else is to be said of a value."""
    text = description or schema.get("description", "")
    said = [inline(text.removesuffix("."))] if text else []
    if limits := limits_of(schema):
        said.append(join(limits))
    return separated(said, "; ")


def shape(schema: Schema) -> Html:
    """A shape's description and fields. Only what is sent has required fields: answers have all."""
    sent = schema.get("additionalProperties") is False
    required = schema.get("required", ())
    rows = []
    for name, field in schema.get("properties", {}).items():
        cells = [join(code(name)), type_of(field)]
        if sent:
            cells.append(_need(needed=name in required))
        rows.append([*cells, meaning_of(field)])
    heads = ["Field", "Type", *(["Required"] if sent else []), "Meaning"]
    return join(prose(schema.get("description", "")), table(heads, rows))


def parameters(found: list[Schema]) -> Html:
    """A door's parameters: path, query, headers."""
    rows = [
        [
            code(one["name"]),
            join(one["in"]),
            type_of(one["schema"], nullable=False),
            _need(needed=one["required"]),
            meaning_of(one["schema"], one.get("description", "")),
        ]
        for one in found
    ]
    return table(["Parameter", "In", "Type", "Required", "Meaning"], rows)


def _need(*, needed: bool) -> Html:
    return element("strong", "required") if needed else join("optional")


def table(heads: list[str], rows: list[list[Html]]) -> Html:
    """A table that scrolls by itself where the screen is narrow; nothing without rows."""
    if not rows:
        return Html()
    head = element("tr", *(element("th", text, scope="col") for text in heads))
    body = [element("tr", *(element("td", cell) for cell in row)) for row in rows]
    inside = element("table", element("thead", head), element("tbody", *body))
    return element("div", inside, class_="wide", tabindex="0")
