from phalanx.domain.instructions import Door, OrderRequest, Origin
from phalanx.domain.orders import OrdType, Product, Side
from phalanx.engine.commands import Submit
from phalanx.simulation.faults.trace import STEPS_KEPT, Trace, What, command_text

ORIGIN = Origin("local", Door.INSTRUCTIONS, "k1", "k1", b"k1")


def test_a_step_has_its_time_its_kind_and_its_words() -> None:
    trace = Trace(lambda: 1_500_000_000)

    trace.add(What.WRITE, "PlaceRequest 7100000002 of A2")

    assert [str(step).split() for step in trace.steps] == [
        ["1.500000", "write", "PlaceRequest", "7100000002", "of", "A2"]
    ]


def test_only_the_latest_steps_are_kept() -> None:
    trace = Trace(lambda: 0)

    for number in range(STEPS_KEPT + 5):
        trace.add(What.FATE, str(number))

    assert (trace.steps[0].text, len(trace.steps)) == ("5", STEPS_KEPT)


def test_a_command_is_told_without_what_is_empty_in_it() -> None:
    request = OrderRequest(
        0, "A2", "NSE:1", Side.SELL, Product.DELIVERY, OrdType.MARKET, 500_000_000
    )

    text = command_text(Submit(ORIGIN, request))

    assert text.startswith("Submit (request=(account=A2 instrument=NSE:1 side=SELL")
    assert "price" not in text
    assert "local" not in text
