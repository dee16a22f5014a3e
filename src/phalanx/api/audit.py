"""The audit: who did what from where, the latest first."""

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from phalanx.api.exchange import NO_STORE, Answer, Call, Door
from phalanx.api.instruction_shapes import Moment
from phalanx.api.lists import ViewLimit
from phalanx.api.new_instructions import moment
from phalanx.api.policy import ADMINISTER
from phalanx.api.reading import Zone, gently, read_views
from phalanx.api.shapes import ID_MAX
from phalanx.api.tables import FormatName, csv_answer, struct_rows
from phalanx.domain.audit import SUBJECT_CHARACTERS_MAX
from phalanx.domain.time import MICROSECOND
from phalanx.views.audit_list import AuditFilters, AuditRow
from phalanx.views.queries import Views

PATH = "/api/v1/audit"
_encode = msgspec.json.Encoder().encode

Word: TypeAlias = Annotated[str, Meta(max_length=SUBJECT_CHARACTERS_MAX)]


class AuditAnswer(msgspec.Struct, frozen=True, gc=False):
    """An act: who did what, from where, about whom or what. ``count``: how many alike it stands for, which
    came between ``first`` and ``time``; of failures that anybody can repeat only so many are kept.
    """

    seq: int
    time: str
    actor: str
    address: str
    door: str
    act: str
    subject: str
    detail: str
    request_id: str
    count: int
    first: str


class AuditList(msgspec.Struct, frozen=True):
    """Acts, the latest first. ``total``: so many fit, of those below ``before``."""

    items: list[AuditAnswer]
    total: int
    as_of: int


class AuditQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which acts; filters are combined with "and". ``since`` and ``until`` are included; ``before``: only acts
    of events below this ``seq``, to go on where a page ended.
    """

    actor: Word | None = None
    act: Word | None = None
    door: Word | None = None
    subject: Word | None = None
    since: Moment | None = None
    until: Moment | None = None
    before: Annotated[int, Meta(ge=1, le=ID_MAX)] | None = None
    limit: ViewLimit = 100
    format: FormatName = "json"


async def list_audit(call: Call) -> Answer:
    """Acts of people and machines; not what the desk does by itself."""
    query = call.query(AuditQuery)
    filters = AuditFilters(
        query.actor,
        query.act,
        query.door,
        query.subject,
        None if query.since is None else moment(query.since, "since"),
        # An act is shown by the microsecond: all of it is taken in.
        None if query.until is None else moment(query.until, "until") + MICROSECOND - 1,
    )
    zone = Zone(call)

    def work(views: Views) -> Answer:
        found = views.audit(filters, limit=query.limit, before=query.before)
        items = [_shown(row, zone) for row in gently(found.items)]
        if query.format == "csv":
            columns = AuditAnswer.__struct_fields__
            return csv_answer("audit", columns, struct_rows(columns, items), found.total)
        return Answer(200, _encode(AuditList(items, found.total, found.as_of)), (NO_STORE,))

    return await read_views(call, work)


def _shown(row: AuditRow, zone: Zone) -> AuditAnswer:
    return AuditAnswer(
        row.seq,
        zone.at(row.time_ns),
        row.actor,
        row.address,
        row.door.value,
        row.act,
        row.subject,
        row.detail,
        row.request_id,
        row.count,
        zone.at(row.first_ns or row.time_ns),
    )


doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        list_audit,
        "The audit",
        AuditList,
        policy=ADMINISTER,
        tag="audit",
        about="Who did what from where: instructions, cancels, kills, limits, settings, reference data, "
        "breaks, logins, users, keys, secrets. It is read from the journal, whose hash chain "
        "`phalanx audit verify` checks; nobody can change or remove a line. What the desk does by itself "
        "is not in it, and neither is reading, but for secrets. A page ends where the next begins: "
        "`before` takes the last `seq`.",
        query=AuditQuery,
        problems=("INVALID_TIME", "VIEWS_UNAVAILABLE", "QUERY_TOO_LONG"),
    ),
)
