"""`phalanx signal`: one strategy says BUY or SELL an instrument, for every account subscribed to it."""

from typing import Annotated

import typer

from phalanx.cli.input import completion
from phalanx.cli.option_sets import ForWhom, Timed, expanded
from phalanx.cli.options import Side


@expanded
def signal(
    strategy: Annotated[
        str,
        typer.Argument(
            help="The strategy, such as STRATEGY_B.", autocompletion=completion.strategies
        ),
    ],
    position: Annotated[Side, typer.Argument(help="BUY or SELL.", case_sensitive=False)],
    instrument: Annotated[str, typer.Argument(help="Name, 2885 or NSE:2885.")],
    *,
    whom: ForWhom,
    firing: Timed,
) -> None:
    """Send a signal (with --confirm).

    Without --confirm nothing is sent: the plan is shown, as it would be now.
    """
    from phalanx.cli.instructing.draft import Draft
    from phalanx.cli.instructing.firing import run

    body: dict[str, object] = {
        "kind": "signal",
        "strategy": strategy,
        "instrument": instrument,
        "position": position.value,
        **whom.chosen(),
        **firing.remarks(),
    }
    run(Draft(body=body), firing, previewed=False)
