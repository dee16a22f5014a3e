"""The secrets of webhook sources: drawn, shown once, ended. They take no idempotency key: an answer with
a secret in it is not kept, so that it could not be given again.
"""

from typing import Final

from msgspec.structs import replace

from phalanx.api.exchange import NO_STORE, Answer, Call, Door, answer_json
from phalanx.api.hooks.shapes import SecretAnswer, SecretEndedAnswer
from phalanx.api.hooks.sources import PATH, find_source
from phalanx.api.hooks.vault import SLOTS, draw_secret, end_secret
from phalanx.api.policy import ADMINISTER
from phalanx.api.problems import Problem
from phalanx.domain.audit import Act
from phalanx.domain.hooks import HookVerification

_SLOTS: Final = tuple(str(slot) for slot in SLOTS)
_VAULT: Final = ("STORE_FAILED", "CANNOT_UNSEAL", "KEK_MISSING", "VERSION_CONFLICT")


async def draw_hook_secret(call: Call) -> Answer:
    """A new secret for a source, shown this once."""
    source = find_source(call)
    drawn, good = await draw_secret(call, source.name)
    places = list(good)
    call.record(Act.HOOK_SECRET_DRAWN, source.name, str(places[-1]))
    path = f"/hooks/{source.name}"
    if source.verification is HookVerification.PATH_SECRET:
        path = f"{path}/{drawn.reveal()}"
    answer = SecretAnswer(source.name, drawn.reveal(), places[-1], path, places)
    return replace(answer_json(200, answer), headers=(NO_STORE,))


async def end_hook_secret(call: Call) -> Answer:
    """A secret of a source ends."""
    source = find_source(call)
    said = call.path("slot")
    if said not in _SLOTS:
        raise Problem("NOT_FOUND", f"a source has no other secrets than {', '.join(_SLOTS)}")
    left = await end_secret(call, source.name, int(said))
    call.record(Act.HOOK_SECRET_ENDED, source.name, said)
    return answer_json(200, SecretEndedAnswer(source.name, int(said), list(left)))


doors: tuple[Door, ...] = (
    Door(
        "POST",
        f"{PATH}/{{source}}/secret",
        draw_hook_secret,
        "A new secret for a source of webhooks",
        SecretAnswer,
        policy=ADMINISTER,
        tag="webhooks",
        about="It is shown this once. Two are good at a time, so that a sender can be changed over; "
        "a third takes the place of the older one.",
        problems=("NOT_FOUND", *_VAULT),
    ),
    Door(
        "DELETE",
        f"{PATH}/{{source}}/secret/{{slot}}",
        end_hook_secret,
        "End a secret of a source of webhooks",
        SecretEndedAnswer,
        policy=ADMINISTER,
        tag="webhooks",
        about="A secret keeps its place as long as it is good: asking twice never ends the other one.",
        problems=("NOT_FOUND", *_VAULT),
    ),
)
