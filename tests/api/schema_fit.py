"""Whether a value is what a JSON schema of the document allows; only the words that the document uses."""

from collections.abc import Iterator
from typing import Any

KINDS: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}
WORDS = {
    *("$ref", "anyOf", "type", "enum", "minLength", "maxLength", "minimum", "maximum"),
    *("items", "minItems", "maxItems", "properties", "required", "additionalProperties"),
    *("title", "description", "default", "discriminator", "format"),
}
"""The words that ``misfits`` looks at, and those that allow and forbid nothing."""


def misfits(value: object, schema: Any, document: Any) -> Iterator[str]:  # noqa: ANN401  JSON
    """What is wrong with the value, a word for each fault."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema and all(any(misfits(value, one, document)) for one in schema["anyOf"]):
        yield "anyOf"
    if "type" in schema and not _is_of(value, schema["type"]):
        yield "type"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield "enum"
    if isinstance(value, str):
        yield from _bounds(len(value), schema, "minLength", "maxLength")
    elif isinstance(value, list):
        yield from _bounds(len(value), schema, "minItems", "maxItems")
        for one in value:
            yield from misfits(one, schema.get("items", {}), document)
    elif isinstance(value, dict):
        yield from _fields(value, schema, document)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _bounds(value, schema, "minimum", "maximum")


def schemas(part: object, where: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema in the document, with its place."""
    if isinstance(part, list):
        for place, one in enumerate(part):
            yield from schemas(one, f"{where}/{place}")
    if not isinstance(part, dict):
        return
    if where.endswith("/schema") or "/schemas/" in where:
        yield where, part
    for name, one in part.items():
        if name not in {"default", "example", "examples", "enum", "required"}:
            yield from schemas(one, f"{where}/{name}")


def _is_of(value: object, kinds: str | list[str]) -> bool:
    names = [kinds] if isinstance(kinds, str) else kinds
    if isinstance(value, bool):
        return "boolean" in names
    return any(isinstance(value, KINDS[name]) for name in names)


def _bounds(size: float, schema: dict[str, Any], least: str, most: str) -> Iterator[str]:
    if size < schema.get(least, size):
        yield least
    if size > schema.get(most, size):
        yield most


def _fields(
    value: dict[str, Any],
    schema: dict[str, Any],
    document: Any,  # noqa: ANN401  JSON
) -> Iterator[str]:
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    yield from (f"required {name}" for name in schema.get("required", ()) if name not in value)
    for name, one in value.items():
        if name in known:
            yield from (f"{name}: {fault}" for fault in misfits(one, known[name], document))
        elif others is False:
            yield f"additionalProperties {name}"
        elif isinstance(others, dict):
            yield from (f"{name}: {fault}" for fault in misfits(one, others, document))
