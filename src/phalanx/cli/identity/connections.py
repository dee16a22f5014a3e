"""`phalanx connections`: the servers that somebody uses, and as whom."""

from typing import Annotated

import typer

from phalanx.cli.input import completion
from phalanx.cli.options import JsonOption

app = typer.Typer(help="List connections, choose the default, forget one.", rich_markup_mode=None)

NameArgument = Annotated[
    str, typer.Argument(help="The connection's name.", autocompletion=completion.connections)
]


@app.command("list")
def listed(*, as_json: JsonOption = False) -> None:
    """List the connections of this machine's user; no server is asked."""
    from phalanx.cli.display.screen import Column, Screen
    from phalanx.cli.remote.connections import read_book
    from phalanx.cli.remote.folder import home

    book = read_book(home())
    rows: list[dict[str, object]] = [
        {
            "name": name,
            "url": one.url,
            "user": one.user or None,
            "kind": "user" if one.user else "machine key",
            "secret": one.secret.value,
            "ca": one.ca or None,
            "default": name == book.default,
        }
        for name, one in sorted(book.connections.items())
    ]
    screen = Screen(as_json=as_json)
    if as_json:
        screen.document({"items": rows})
        return
    columns = [Column(name, name) for name in ("name", "url", "user", "kind", "secret", "default")]
    screen.table(columns, rows, empty="no connections; make one: phalanx login")


@app.command("use")
def use(name: NameArgument, *, as_json: JsonOption = False) -> None:
    """Make a connection the default one."""
    from phalanx.cli.display.screen import Screen
    from phalanx.cli.remote.connections import change_book
    from phalanx.cli.remote.folder import home

    book = change_book(home(), lambda book: book.with_default(name))
    url = book.connections[name].url
    screen = Screen(as_json=as_json)
    if as_json:
        screen.document({"name": name, "url": url, "default": True})
    else:
        screen.say(f"{name} is the default: {url}")


@app.command("forget")
def forget(name: NameArgument, *, as_json: JsonOption = False) -> None:
    """Forget a connection and its secret here; its session goes on until it is over, see "logout"."""
    from phalanx.cli.display.screen import Screen
    from phalanx.cli.remote.connections import change_book, read_book
    from phalanx.cli.remote.folder import home
    from phalanx.cli.remote.safes import safe_of

    folder = home()
    connection = read_book(folder).named(name)
    safe_of(folder, name, connection).forget()
    change_book(folder, lambda book: book.without(name))
    screen = Screen(as_json=as_json)
    if as_json:
        screen.document({"name": name, "url": connection.url, "forgotten": True})
    else:
        screen.say(f"{name} is forgotten")
