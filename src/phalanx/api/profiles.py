"""Profiles ``{user: {strategy: [instrument, …]}}``: who trades which strategy, imported and exported."""

import asyncio

import msgspec

from phalanx.api import examples
from phalanx.api.exchange import NO_STORE, Answer, Call, Door, answer_json
from phalanx.api.naming import plain_name
from phalanx.api.policy import MANAGE, READ
from phalanx.api.problems import Problem
from phalanx.desk.desk import Desk
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.profiles import BYTES_MAX, ProfileFault, Profiles, read_profiles

PATH = "/api/v1/profiles"


class ProfilesReport(msgspec.Struct, frozen=True):
    """What an imported file names: users, different strategies, ties of users to strategies, and
    different instruments. A function of the file, whatever of it was there before.
    """

    users: int
    strategies: int
    subscriptions: int
    instruments: int


async def import_profiles(call: Call) -> Answer:
    """Upsert users, their accounts, strategies and subscriptions: all of the file or nothing."""
    # Eight MiB take longer to read than the desk may be kept waiting.
    profiles = await asyncio.to_thread(_read, call.body)
    origin = call.origin(DoorName.IMPORT, "profiles", profiles)
    executed = await call.system.import_profiles(profiles, origin)
    return answer_json(200, _report(profiles), executed)


async def export_profiles(call: Call) -> Answer:
    """All subscriptions of primary accounts, as a file that can be imported again."""
    desk = call.desk
    seq = desk.state.seq
    content = msgspec.json.format(msgspec.json.encode(_exported(desk)), indent=2)
    await desk.durable(seq)
    return Answer(200, content, (NO_STORE,))


def _read(content: bytes) -> Profiles:
    """The profiles in a body. Raises Problem with the line of what is wrong."""
    try:
        return read_profiles(content)
    except ProfileFault as fault:
        raise Problem(fault.code, str(fault), line=fault.line) from None


def _report(profiles: Profiles) -> ProfilesReport:
    suites = profiles.values()
    return ProfilesReport(
        len(profiles),
        len({strategy for suite in suites for strategy in suite}),
        sum(len(suite) for suite in suites),
        len({found for suite in suites for names in suite.values() for found in names}),
    )


def _exported(desk: Desk) -> Profiles:
    state = desk.state
    exported: Profiles = {}
    names: dict[InstrumentKey, str] = {}
    for client_id, account in state.primary_accounts.items():
        suite = exported.setdefault(state.clients[client_id].name, {})
        for called, strategy in state.strategies.items():
            subscription = state.subscriptions.get(called, {}).get(account)
            if subscription is None:
                continue
            own = subscription.instruments
            keys = strategy.instruments if own is None else own
            for key in keys:
                if key not in names:
                    names[key] = plain_name(desk, key)
            suite[called] = [names[key] for key in keys]
    return exported


doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        export_profiles,
        "Export profiles",
        Profiles,
        policy=READ,
        tag="profiles",
        about="Users with their strategies and instruments, as POST takes them.",
    ),
    Door(
        "POST",
        PATH,
        import_profiles,
        "Import profiles",
        ProfilesReport,
        policy=MANAGE,
        tag="profiles",
        about="A new user gets a paper account with the opening cash and instant fills. What the "
        "file does not name stays as it is; importing the same file again changes nothing.",
        body=Profiles,
        body_max=BYTES_MAX,
        examples=examples.PROFILES,
        problems=(
            "RAW_DETAILS",
            "TOO_MANY_USERS",
            "DUPLICATE_INSTRUMENT",
            "AMBIGUOUS_TOKEN",
            "TEXT_TOO_LONG",
        ),
        keyed=True,
    ),
)
