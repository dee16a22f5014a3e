"""Rehearse an instruction, or fire what was rehearsed: every command that may open risk ends here."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from phalanx.cli.display.progress import upload
from phalanx.cli.exit_codes import Exit, Failure, exit_of_answer, exit_of_progress
from phalanx.cli.input.moments import check_ahead
from phalanx.cli.instructing.draft import Draft
from phalanx.cli.instructing.outcomes import headline, show_outcomes, sum_of_skips
from phalanx.cli.instructing.waiting import say_progress, wait_until_ended
from phalanx.cli.option_sets import Firing, Sending
from phalanx.cli.remote.answers import Answer
from phalanx.cli.remote.documents import decode, decode_as, rows_at

if TYPE_CHECKING:
    from phalanx.cli.display.screen import Screen
    from phalanx.cli.remote.client import Server

LARGE_BYTES = 256 * 1024
"""From here on a bar shows how a file goes to the server."""


def run(draft: Draft, firing: Firing, *, previewed: bool = True) -> None:
    """Show the plan; with --confirm, fire it.

    Without a --preview of the caller's one is asked for and fired in the same breath, so that what
    is sent is what would have been shown; with an --idempotency-key of the caller's it is not, or a
    repeat would not be the same request; nor is it for what fires later, which is planned then.
    Raises Failure, typer.Exit.
    """
    if draft.fire_at is not None and firing.preview is not None:
        detail = "--preview is not for --at: what fires later is planned then"
        raise Failure(Exit.USAGE, "USAGE", detail)
    screen = firing.screen()
    with firing.connect() as there:
        if not firing.confirm:
            rehearse(there, screen, draft, firing)
            return
        token = firing.preview
        if token is None and firing.key is None and previewed and draft.fire_at is None:
            token = decode_as(draft.preview(there), Answer).token
        if token is not None:
            draft = draft.pinned(token, firing.on_moved)
        try:
            content = _sent(there, screen, draft, firing)
        except Failure as failure:
            raise _with_token(failure, token) from None
        finish(there, screen, content, firing)


def rehearse(there: "Server", screen: "Screen", draft: Draft, firing: Firing) -> None:
    """Show what would be sent. Raises Failure for an --at that is none, typer.Exit REFUSED when
    there is nothing to send at all.
    """
    if draft.fire_at is not None:
        check_ahead(draft.fire_at, datetime.now(UTC))
    content = draft.preview(there)
    answer = decode_as(content, Answer)
    code = exit_of_answer(answer)
    if screen.as_json:
        screen.document(decode(content))
    else:
        if draft.fire_at is not None:
            screen.say(f"planned at {draft.fire_at}; this is what it would be now")
        screen.say(f"preview: {headline(answer)}")
        if answer.needs_approval is not None:
            screen.say(f"It would be held: {answer.needs_approval}.")
        show_outcomes(screen, answer, rows_at(content, "outcomes"), detail=firing.detail)
        screen.say("Nothing was sent." if code is Exit.REFUSED else _how_to_fire(draft, answer))
    if code is Exit.REFUSED:
        _say_refused(screen, answer)
        raise typer.Exit(code)


def finish(there: "Server", screen: "Screen", content: bytes, sending: Sending) -> None:
    """Show the answer to an instruction and, with --wait, what became of it. Raises typer.Exit."""
    answer = decode_as(content, Answer)
    if screen.as_json:
        screen.document(decode(content))
    elif answer.status == "HELD":
        screen.say(f"{_held_words(answer)}, instruction {answer.instruction_id}")
    else:
        screen.say(f"{answer.instruction_id}: {headline(answer)}")
        if answer.undo_until is not None:
            undo = f"phalanx instructions cancel {answer.instruction_id}"
            screen.say(f"new orders go at {answer.undo_until}; until then undo them with: {undo}")
        show_outcomes(screen, answer, rows_at(content, "outcomes"), detail=sending.detail)
    code = exit_of_answer(answer)
    if code is Exit.REFUSED:
        _say_refused(screen, answer)
    if sending.wait and code is not Exit.REFUSED and answer.instruction_id:
        ended = wait_until_ended(there, screen, answer.instruction_id, sending.wait_s)
        say_progress(screen, ended)
        code = exit_of_progress(code, ended.progress)
    if code is not Exit.OK:
        raise typer.Exit(code)


def _held_words(answer: Answer) -> str:
    """``held until 09:15`` or ``waits for approval until 09:30``, with why."""
    if answer.waits_for != "approval":
        return f"held until {answer.fire_at}"
    why = f" ({answer.message})" if answer.message else ""
    later = f", then held until {answer.fire_at}" if answer.fire_at else ""
    return f"waits for approval until {answer.approve_by}{why}{later}"


def _say_refused(screen: "Screen", answer: Answer) -> None:
    if not screen.as_json:
        why = answer.message or answer.reason or "not valid for any account"
        screen.note(f"refused: {why}{sum_of_skips(answer)}")


def _sent(there: "Server", screen: "Screen", draft: Draft, firing: Firing) -> bytes:
    if draft.content is None or len(draft.content) < LARGE_BYTES:
        return draft.send(there, firing.key)
    with upload(screen, "sending the basket", len(draft.content)) as sent:
        return draft.send(there, firing.key, sent)


def _with_token(failure: Failure, token: str | None) -> Failure:
    """An unknown outcome is repeated with the same key and the same preview, or it is another request."""
    if failure.exit_code is not Exit.UNKNOWN or token is None:
        return failure
    detail = failure.detail.replace("--idempotency-key", f"--preview={token} --idempotency-key")
    return Failure(failure.exit_code, failure.code, detail, **failure.facts, preview=token)


def _how_to_fire(draft: Draft, answer: Answer) -> str:
    if answer.token is None or draft.fire_at is not None:
        return "Nothing was sent. Send it with --confirm."
    return (
        "Nothing was sent. Fire a plan made then with --confirm, or exactly this one, until "
        f"{answer.expires_at}, with --confirm --preview={answer.token}"
    )
