"""The ordinary face: FastAPI routes to every door, and describes them all.

It holds no rule of its own. A door behind it goes through ``exchange.respond`` like a hot one;
what FastAPI itself has to say (no such path, wrong method) becomes a problem document here.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import cache

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.routing import Route

from phalanx import __version__
from phalanx.api.edges.cors import preflight
from phalanx.api.exchange import Answer, Door, Reply, name_request, refuse, reply, respond
from phalanx.api.head import Head, read_head
from phalanx.api.house import House
from phalanx.api.openapi import ABOUT, TAGS, build_document, build_document_door, describe
from phalanx.api.problems import Problem
from phalanx.api.reference_page import build_reference_page

Endpoint = Callable[[Request], Awaitable[Response]]


def build_ordinary(house: House, doors: Sequence[Door]) -> FastAPI:
    """The FastAPI application with a route for each door."""
    app = FastAPI(
        title="Phalanx",
        version=__version__,
        description=ABOUT,
        openapi_tags=TAGS,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        swagger_ui_oauth2_redirect_url=None,
    )
    for door in doors:
        app.add_api_route(
            door.path, _endpoint(house, door), methods=[door.method], **describe(door)
        )
    app.add_exception_handler(HTTPException, _no_such_door(house, app))
    app.openapi = cache(lambda: build_document(app, doors))  # type: ignore[method-assign]
    for page in (build_document_door(app.openapi), build_reference_page(app.openapi)):
        app.add_api_route(
            page.path, _endpoint(house, page), methods=[page.method], include_in_schema=False
        )
    return app


def _endpoint(house: House, door: Door) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return _response(await respond(house, door, request.scope, request.receive))

    return endpoint


def _no_such_door(
    house: House, app: FastAPI
) -> Callable[[Request, Exception], Awaitable[Response]]:
    # Routing raises for these two reasons only; everything else is inside the doors.
    async def handle(request: Request, _: Exception) -> Response:
        head = read_head(request.scope["headers"])
        request_id = name_request(house, head)
        try:
            answer = _answer_nowhere(request, head, _methods(app, request.scope["path"]), house)
        except Problem as problem:
            answer = refuse(problem, request_id)
        return _response(reply(answer, request_id, house.edges.cors(head)))

    return handle


def _answer_nowhere(request: Request, head: Head, allowed: list[str], house: House) -> Answer:
    """What no door answers; ``allowed``: the methods that one on this path takes.

    Raises Problem ``NOT_FOUND``, ``METHOD_NOT_ALLOWED``, ``ORIGIN_NOT_ALLOWED``.
    """
    shown = _shown(request.scope["path"])
    if not allowed:
        raise Problem("NOT_FOUND", f"nothing is at {shown}")
    if request.method == "OPTIONS":
        told = preflight(head, allowed, house.edges.origins)
        if told is not None:
            return Answer(200, b"{}", tuple(told))
    allow = (b"allow", ", ".join(allowed).encode("ascii"))
    detail = f"{shown} takes {', '.join(allowed)}"
    raise Problem("METHOD_NOT_ALLOWED", detail, headers=(allow,))


def _shown(path: str) -> str:
    """A path as it may be repeated; behind ``/hooks/`` may be a secret."""
    return "/hooks/…" if path.startswith("/hooks/") else path


def _methods(app: FastAPI, path: str) -> list[str]:
    """The methods that some door on this path takes."""
    found: set[str] = set()
    for route in app.routes:
        if isinstance(route, Route) and route.path_regex.match(path):
            found |= route.methods or set()
    return sorted(found | {"HEAD"} if "GET" in found else found)


def _response(found: Reply) -> Response:
    response = Response(found.body, found.status)
    response.raw_headers = found.headers
    return response
