"""Which words a field of a request takes, for whoever sent another one."""

from collections.abc import Iterator, Sequence

from msgspec import inspect


def choices(shape: object, path: str) -> Sequence[str]:
    """The words that the field at ``path`` (``sizing.method``, ``[0].side``) takes; empty: any, or unknown."""
    found: list[inspect.Type] = [inspect.type_info(shape)]
    *way, last = path.replace("[", ".[").strip(".").split(".")
    for step in way:
        found = [inner for one in found for inner in _inside(one, step)]
    words = [word for one in found for word in _words(one, last)]
    return list(dict.fromkeys(words))


def _members(found: inspect.Type) -> Iterator[inspect.Type]:
    """The types that a value may be of, without what surrounds them."""
    match found:
        case inspect.UnionType(types=types):
            for one in types:
                yield from _members(one)
        case inspect.Metadata(type=inner):
            yield from _members(inner)
        case _:
            yield found


def _inside(found: inspect.Type, step: str) -> Iterator[inspect.Type]:
    for member in _members(found):
        match member:
            case inspect.StructType(fields=fields):
                yield from (field.type for field in fields if field.encode_name == step)
            case inspect.ListType(item_type=inner) | inspect.DictType(value_type=inner):
                yield inner
            case _:
                pass


def _words(found: inspect.Type, last: str) -> Iterator[str]:
    """What a struct's field ``last`` takes: of a tag, what tells the structs of a union apart."""
    for member in _members(found):
        if isinstance(member, inspect.StructType) and member.tag_field == last:
            yield str(member.tag)
    for inner in _inside(found, last):
        for member in _members(inner):
            match member:
                case inspect.LiteralType(values=values):
                    yield from map(str, values)
                case inspect.EnumType(cls=cls):
                    yield from (str(one.value) for one in cls)
                case _:
                    pass
