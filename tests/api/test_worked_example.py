"""The worked example of the signal API, to the letter, over HTTP."""

from pathlib import Path

from tests.api.conftest import Site, open_site


async def test_the_worked_example(example: Site) -> None:
    first = await example.signal("STRATEGY_A", "GRASIM", "SELL")
    assert first["RESPONSE"] == "REJECTED"
    assert [(o["client"], o["reason"]) for o in first["outcomes"]] == [
        ("Holland Proctor", "NO_OPEN_LOT")
    ]
    assert await example.get("/api/v1/open-buys") == []

    second = await example.signal("STRATEGY_B", "MINDA", "BUY")
    assert second["RESPONSE"] == "ACCEPTED"
    (outcome,) = second["outcomes"]
    assert outcome == {
        "client": "Holland Proctor",
        "client_id": 1,
        "account": "PAPER-1",
        "status": "ACCEPTED",
        "reason": None,
        "message": None,
        "order_id": outcome["order_id"],
    }
    (held,) = await example.get("/api/v1/open-buys")
    assert held | {"client": "Holland Proctor", "strategy": "STRATEGY_B"} == held
    assert (held["instrument"], held["symbol"], held["quantity"]) == ("MINDA", "UNOMINDA", "1")
    assert held["order_id"] == outcome["order_id"]

    third = await example.signal("STRATEGY_D", "INFY", "BUY")
    assert third["RESPONSE"] == "REJECTED"
    assert [(o["client"], o["reason"]) for o in third["outcomes"]] == [
        ("Oaklee Wagner", "NOT_IN_SUBSCRIPTION")
    ]

    fourth = await example.signal("STRATEGY_A", "MINDA", "SELL")
    assert fourth["RESPONSE"] == "ACCEPTED"
    assert [o["client"] for o in fourth["outcomes"]] == ["Holland Proctor"]
    assert await example.get("/api/v1/open-buys") == []


async def test_with_the_scope_strategy_the_fourth_is_rejected(example: Site) -> None:
    ties = "/api/v1/strategies/STRATEGY_A/subscriptions/PAPER-1"
    terms = (await example.send("PATCH", ties, {"sell_scope": "strategy"})).json()
    bought = await example.signal("STRATEGY_B", "MINDA", "BUY")
    (held,) = await example.get("/api/v1/open-buys")

    fourth = await example.signal("STRATEGY_A", "MINDA", "SELL")
    after_fourth = await example.get("/api/v1/open-buys")
    own = await example.signal("STRATEGY_B", "MINDA", "SELL")

    assert terms["sell_scope"] == "strategy"
    assert (bought["RESPONSE"], held["strategy"]) == ("ACCEPTED", "STRATEGY_B")
    assert fourth["RESPONSE"] == "REJECTED"
    assert [(o["client"], o["reason"], o["order_id"]) for o in fourth["outcomes"]] == [
        ("Holland Proctor", "NO_OPEN_LOT", None)
    ]
    assert [(one["order_id"], one["quantity"]) for one in after_fourth] == [
        (held["order_id"], held["quantity"])
    ]
    assert own["RESPONSE"] == "ACCEPTED"
    assert [o["client"] for o in own["outcomes"]] == ["Holland Proctor"]
    assert await example.get("/api/v1/open-buys") == []


async def test_the_scope_chosen_again_is_the_example_again(example: Site) -> None:
    ties = "/api/v1/strategies/STRATEGY_A/subscriptions/PAPER-1"
    await example.send("PATCH", ties, {"sell_scope": "strategy"})
    await example.signal("STRATEGY_B", "MINDA", "BUY")
    await example.send("PATCH", ties, {"sell_scope": "account"})

    assert (await example.signal("STRATEGY_A", "MINDA", "SELL"))["RESPONSE"] == "ACCEPTED"


async def test_no_second_buy_before_the_sell(example: Site) -> None:
    first = await example.signal("STRATEGY_B", "MINDA", "BUY")
    again = await example.signal("STRATEGY_B", "MINDA", "BUY")

    assert (first["RESPONSE"], again["RESPONSE"]) == ("ACCEPTED", "REJECTED")
    assert again["outcomes"][0]["reason"] == "LOT_ALREADY_OPEN"


async def test_what_nobody_knows_is_rejected_without_outcomes(example: Site) -> None:
    strategy = await example.signal("STRATEGY_Z", "MINDA", "BUY")
    instrument = await example.signal("STRATEGY_A", "NO_SUCH_THING", "BUY")

    assert strategy["RESPONSE"] == instrument["RESPONSE"] == "REJECTED"
    assert (strategy["reason"], instrument["reason"]) == ("UNKNOWN_STRATEGY", "UNKNOWN_INSTRUMENT")
    assert strategy["outcomes"] == instrument["outcomes"] == []
    assert strategy["instruction_id"] != instrument["instruction_id"]


async def test_a_sell_of_an_unfilled_buy_is_its_cancel(example: Site) -> None:
    await example.send("PATCH", "/api/v1/accounts/PAPER-1", {"fill_profile": {"filled_bps": 0}})
    bought = await example.signal("STRATEGY_B", "MINDA", "BUY")

    sold = await example.signal("STRATEGY_B", "MINDA", "SELL")

    assert sold["RESPONSE"] == "ACCEPTED"
    assert sold["outcomes"][0]["order_id"] == bought["outcomes"][0]["order_id"]

    async def may_buy_again() -> bool:
        answer = await example.signal("STRATEGY_B", "MINDA", "BUY")
        return bool(answer["RESPONSE"] == "ACCEPTED")

    await example.until(may_buy_again)


async def test_a_token_names_the_instrument_too(example: Site) -> None:
    by_number = {"STRATEGY": "STRATEGY_B", "INSTRUMENT": 14154, "POSITION": "BUY"}
    bought = (await example.send("POST", "/create_order", by_number)).json()
    sold = await example.signal("STRATEGY_B", "NSE:14154", "SELL")

    assert (bought["RESPONSE"], sold["RESPONSE"]) == ("ACCEPTED", "ACCEPTED")


async def test_open_buys_survive_a_restart(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        await site.profiles({"Holland Proctor": {"STRATEGY_B": ["MINDA"]}})
        await site.signal("STRATEGY_B", "MINDA", "BUY")

        async def filled() -> bool:
            return bool((await site.get("/api/v1/open-buys"))[0]["filled"] == "1")

        await site.until(filled)
        before = await site.get("/api/v1/open-buys")
    async with open_site(tmp_path) as site:
        after = await site.get("/api/v1/open-buys")
        again = await site.signal("STRATEGY_B", "MINDA", "BUY")
        sold = await site.signal("STRATEGY_B", "MINDA", "SELL")

    assert before == after
    assert len(before) == 1
    assert (again["RESPONSE"], sold["RESPONSE"]) == ("REJECTED", "ACCEPTED")
