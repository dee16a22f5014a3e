"""One request and its answer: the path that every door takes, whichever face it is behind.

Head, authorization, body within its bound, handler, answer; every failure becomes a problem
document on the way. The hot face and the ordinary one both call ``respond`` and nothing else, so
that neither can miss a step.
"""

import logging
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from http import HTTPStatus
from typing import Any, TypeAlias, TypeVar

import msgspec

from phalanx.access.errors import AccessError
from phalanx.api.bodies import Receive, Send, check_size, read_body, too_large
from phalanx.api.decoding import Body, decode_query
from phalanx.api.direct import Direct, direct_of
from phalanx.api.edges import headers as safe
from phalanx.api.facts import tell_refused
from phalanx.api.fields import name
from phalanx.api.head import Head, Scope, read_head
from phalanx.api.house import House
from phalanx.api.peers import address_of
from phalanx.api.policy import Policy
from phalanx.api.problems import PROBLEM_JSON, Headers, Problem, as_problem
from phalanx.api.reach import Reach, reach_of
from phalanx.api.system import System
from phalanx.desk.desk import Desk, Executed
from phalanx.domain.access import Principal
from phalanx.domain.audit import Act
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.instructions import Origin
from phalanx.domain.time import Nanoseconds
from phalanx.engine.commands import Command
from phalanx.engine.idempotency import first_use
from phalanx.views.within import Within

Query = TypeVar("Query", bound=msgspec.Struct)
Decoded = TypeVar("Decoded")

JSON = b"application/json"
BODY_BYTES_MAX = 64 * 1024
"""What a body may have where a door does not say otherwise."""
NO_STORE = safe.NO_STORE
REPLAYED = (b"idempotent-replayed", b"true")
_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder(order="sorted").encode


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What a handler answers."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = JSON


class Reply(msgspec.Struct, frozen=True, gc=False):
    """What goes back: an answer with all its headers."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Call:
    """One request, as a handler sees it. ``received`` is monotonic, ns; 0 while there is no desk.

    ``is_counted``: its rates were looked at; a request that is admitted twice counts once.
    """

    __slots__ = (
        "_reach",
        "body",
        "head",
        "house",
        "is_counted",
        "principal",
        "received",
        "request_id",
        "scope",
    )

    def __init__(self, house: House, scope: Scope, head: Head, request_id: str) -> None:
        self.house = house
        self.scope = scope
        self.head = head
        self.request_id = request_id
        self.principal: Principal
        self.body = b""
        self.received: Nanoseconds = 0
        self.is_counted = False
        self._reach: Reach | None = None

    @property
    def system(self) -> System:
        """The system behind the doors."""
        return self.house.open_system()

    @property
    def desk(self) -> Desk:
        """The desk behind the doors."""
        return self.house.open_system().desk

    @property
    def reach(self) -> Reach:
        """How much of the book the caller may touch, as it is when this is first asked."""
        if self._reach is None:
            self._reach = reach_of(self.principal, self.desk.state)
        return self._reach

    @property
    def within(self) -> Within | None:
        """How far the caller sees in the views; None: everything."""
        if self.principal.sees_all:
            return None
        return self.reach.within(self.principal.actor)

    def query(self, shape: type[Query]) -> Query:
        """The query string as ``shape``. Raises Problem."""
        return decode_query(self.scope["query_string"], shape)

    def path(self, part: str) -> str:
        """One named part of the path. Raises Problem for what can be no id."""
        return name(self.scope["path_params"][part], part)

    def decode(self, body: Body[Decoded]) -> Decoded:
        """The body as its shape. Raises Problem."""
        return body.decode(self.body)

    def origin(self, door: DoorName, *asked: object) -> Origin:
        """Who asked through which door; ``asked`` is the decoded command that a key stands for.

        Raises Problem IDEMPOTENCY_KEY_INVALID.
        """
        key = self.head.idempotency_key()
        fingerprint = blake2b(_pack((door.value, asked)), digest_size=16).digest() if key else b""
        whence = address_of(self.scope)
        who = self.principal
        return Origin(who.actor, door, self.request_id, key, fingerprint, whence, who.sponsor)

    def record(self, act: Act, subject: str, detail: str = "") -> None:
        """Put what the call brought about on the record, in the name of its principal."""
        whence = address_of(self.scope)
        origin = Origin(self.principal.actor, DoorName.ACCESS, self.request_id, address=whence)
        self.house.facts.tell(act, subject, detail, origin)

    def is_repeat(self, origin: Origin) -> bool:
        """Whether the key was used before, so that the first answer comes again, whatever holds by now.

        Raises Refused ``IDEMPOTENCY_KEY_REUSED``.
        """
        return first_use(self.desk.state, origin) is not None

    async def as_of(self, body: Callable[[int], object]) -> Answer:
        """Answer ``body(seq)``, read from the state now, once everything it tells of is durable."""
        desk = self.desk
        seq = desk.state.seq
        content = _encode(body(seq))
        await desk.durable(seq)
        return Answer(200, content, (NO_STORE,))


class _NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The query string of a door that asks for none."""


Handler: TypeAlias = Callable[[Call], Awaitable[Answer]]


class AtOnce(msgspec.Struct, frozen=True):
    """A handler's ordinary case in two halves, between which the desk executes the command.

    ``read`` raises as the handler does; None: this is another case, the handler is to be asked.
    """

    read: Callable[[Call], Command | None]
    answer: Callable[[Call, Executed], Answer]


class _Guarded(msgspec.Struct, frozen=True, kw_only=True):
    """Who may come through."""

    policy: Policy


class Door(_Guarded, frozen=True):
    """One method on one path, for those whom ``policy`` admits. What the document says of it is in ``about``.

    ``body``: the struct or union a JSON body must be, None for no body; bytes for CSV or plain text,
    which ``media_type`` says. ``csv``: an example of a CSV body, where a door takes that as well. With
    ``body_optional`` no body means ``{}``. ``query``: the struct of the query string. ``keyed``:
    it changes something and takes an idempotency key. ``hot``: the front answers it itself.
    ``at_once``: how it does so without a task. ``examples`` are of bodies, ``answers`` of successes.
    ``unlimited``: no rate of a key or an address is in its way, because it stops risk. ``loosens``: what it
    changes may have to wait for another person, which is a 202.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    answer: Any = None
    status: int = 200
    tag: str = ""
    about: str = ""
    body: Any = None
    body_optional: bool = False
    body_max: int = BODY_BYTES_MAX
    media_type: str = "application/json"
    csv: str = ""
    query: type[msgspec.Struct] | None = None
    examples: dict[str, Any] = {}
    problems: tuple[str, ...] = ()
    keyed: bool = False
    hot: bool = False
    at_once: AtOnce | None = None
    answers: dict[str, Any] = {}
    unlimited: bool = False
    loosens: bool = False


def answer_json(status: int, body: object, executed: Executed | None = None) -> Answer:
    """An answer in JSON, marked when it repeats the first one under its idempotency key."""
    headers: Headers = (REPLAYED,) if executed is not None and executed.replayed else ()
    return Answer(status, _encode(body), tuple(headers))


def open_call(house: House, scope: Scope) -> Call:
    """A request that has just come."""
    head = read_head(scope["headers"])
    call = Call(house, scope, head, name_request(house, head))
    if house.system is not None:
        call.received = house.system.desk.clock.monotonic()
    return call


def read_at_once(way: AtOnce, door: Door, call: Call, direct: Direct) -> Command | Answer | None:
    """What a request through a door asks of the desk, or what it is answered where it asks nothing that
    could be done. None: ``respond`` to it. Never raises.
    """
    try:
        body = _admit(door, call, direct)
        if body is None:
            return None
        call.body = body
        _check_query(door, call)
        return way.read(call)
    except Exception as error:  # noqa: BLE001  a door answers, whatever happened behind it
        return refuse(error, call.request_id)


async def respond(
    house: House, door: Door, scope: Scope, receive: Receive, call: Call | None = None
) -> Reply:
    """Take a request through a door; ``call`` where it was opened before. Never raises, cancellation
    aside.
    """
    call = call or open_call(house, scope)
    try:
        body = _admit(door, call, direct_of(scope))
        call.body = await _body(house, door, call.head, receive) if body is None else body
        _check_query(door, call)
        answer = await door.handler(call)
    except Exception as error:  # noqa: BLE001  a door answers, whatever happened behind it
        answer = refuse(error, call.request_id)
    return reply_to(call, answer)


def name_request(house: House, head: Head) -> str:
    """The request's id: what its caller calls it, or a new one."""
    return head.request_id() or house.request_ids.next()


def refuse(error: Exception, request_id: str) -> Answer:
    """The problem document for anything that went wrong; what nobody foresaw is logged."""
    problem = as_problem(error)
    if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request %s failed", request_id, exc_info=error)
    return Answer(
        problem.status, problem.document(request_id), tuple(problem.headers), PROBLEM_JSON
    )


def reply_to(call: Call, answer: Answer) -> Reply:
    """What goes back to whoever called."""
    return reply(answer, call.request_id, call.house.edges.cors(call.head))


def reply(answer: Answer, request_id: str, cors: Headers = ()) -> Reply:
    """An answer with the headers that every answer has; ``cors``: what it says to other origins' pages."""
    headers = [
        (b"content-type", answer.content_type),
        (b"content-length", b"%d" % len(answer.body)),
        (b"x-request-id", request_id.encode("ascii")),
        *answer.headers,
        *safe.guards(answer.headers),
        *cors,
    ]
    return Reply(answer.status, headers, answer.body)


async def send_reply(said: Reply, _scope: Scope, _receive: Receive, send: Send) -> None:
    """ASGI's way to answer a request."""
    await send({"type": "http.response.start", "status": said.status, "headers": said.headers})
    await send({"type": "http.response.body", "body": said.body})


def _admit(door: Door, call: Call, direct: Direct | None) -> bytes | None:
    """Find out who asks, and whether they may; the body, where it is there already. Raises Problem."""
    house = call.house
    try:
        call.principal = house.guard.admit(call.scope, call.head, door.policy)
    except (Problem, AccessError) as error:
        tell_refused(house.facts, error, call.scope, call.request_id)
        raise house.edges.refused(as_problem(error), call.scope) from None
    if not (door.unlimited or call.is_counted):
        call.is_counted = True
        house.edges.admit(call.principal, call.scope)
    return _body_at_once(door, call.head, direct)


def _check_query(door: Door, call: Call) -> None:
    """A filter that is silently passed over answers another question. Raises Problem."""
    if door.query is None and call.scope["query_string"]:
        call.query(_NoQuery)


def _body_at_once(door: Door, head: Head, direct: Direct | None) -> bytes | None:
    """A JSON body that is there already; None for anything else."""
    if direct is None or door.body is None or door.body_optional or door.csv:
        return None
    if door.media_type != "application/json":
        return None
    head.check_json()
    check_size(head.content_length, door.body_max)
    content = direct.whole_body()
    if content is not None and len(content) > door.body_max:
        raise too_large(door.body_max, close=True)
    return content


async def _body(house: House, door: Door, head: Head, receive: Receive) -> bytes:
    if not head.has_body and (door.body is None or door.body_optional):
        return b"{}"
    if door.body is not None:
        is_csv = door.media_type == "text/csv" or (door.csv and head.is_csv)
        # What a plain text may be said to be is for its door to say.
        if door.media_type != "text/plain":
            (head.check_csv if is_csv else head.check_json)()
    content = await read_body(receive, head.content_length, door.body_max, house.deadlines)
    if door.body is None and content.strip() not in {b"", b"{}"}:
        raise Problem("UNKNOWN_FIELD", "this door takes no body")
    return content
