"""One signal, a thousand accounts, over HTTP."""

import asyncio

from tests.api.conftest import Site

ACCOUNTS = 1_000


async def test_a_thousand_accounts_in_one_signal(site: Site) -> None:
    await site.profiles({f"Client {n}": {"S": ["RELIANCE"]} for n in range(ACCOUNTS)})

    bought = await site.signal("S", "RELIANCE", "BUY", "k")

    assert bought["RESPONSE"] == "ACCEPTED"
    assert len(bought["outcomes"]) == ACCOUNTS
    assert {outcome["status"] for outcome in bought["outcomes"]} == {"ACCEPTED"}
    assert len({outcome["account"] for outcome in bought["outcomes"]}) == ACCOUNTS
    assert len({outcome["order_id"] for outcome in bought["outcomes"]}) == ACCOUNTS

    async def all_filled() -> bool:
        return bool((await site.get("/api/v1/orders", status="FILLED"))["total"] == ACCOUNTS)

    await site.until(all_filled)
    tree, buys = await asyncio.gather(
        site.get(f"/api/v1/instructions/{bought['instruction_id']}"),
        site.get("/api/v1/open-buys"),
    )
    assert (tree["filled"], len(tree["orders"]), len(buys)) == (ACCOUNTS, ACCOUNTS, ACCOUNTS)
    assert await site.signal("S", "RELIANCE", "BUY", "k") == bought
    again = await site.signal("S", "RELIANCE", "BUY")
    assert {outcome["reason"] for outcome in again["outcomes"]} == {"LOT_ALREADY_OPEN"}
    sold = await site.signal("S", "RELIANCE", "SELL")
    assert len([o for o in sold["outcomes"] if o["status"] == "ACCEPTED"]) == ACCOUNTS
