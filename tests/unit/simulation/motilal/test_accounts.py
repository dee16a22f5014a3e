"""Who acts for whom, and from where."""

import msgspec

from tests.fakes.motilal import (
    CANCEL,
    DEALER,
    INVESTOR,
    ORDERS,
    PLACE,
    PROFILE,
    order,
    simulated,
)


async def test_a_dealer_names_the_client_each_time() -> None:
    async with simulated(DEALER) as caller:
        unique_id = await caller.place(clientcode="AA021")

        assert unique_id.endswith("AA021")
        (row,) = await caller.rows(ORDERS, clientcode="AA021")
        assert (row["clientid"], row["orderinitiatorid"]) == ("AA021", "DL001")
        assert await caller.code(ORDERS, clientcode="AA020") == "MO1013"
        assert await caller.code(CANCEL, uniqueorderid=unique_id, clientcode="AA020") == "MO1060"
        profile = await caller.post(PROFILE, clientcode="AA020")
        assert profile["data"]["usertype"] == "Dealer"


async def test_a_dealer_who_names_nobody_itself_or_a_stranger_is_refused() -> None:
    async with simulated(DEALER) as caller:
        assert await caller.code(ORDERS) == "MO1062"
        assert await caller.code(ORDERS, clientcode="") == "MO1062"
        assert await caller.code(ORDERS, clientcode="DL001") == "MO1087"
        assert await caller.code(ORDERS, clientcode="AA017") == "MO1098"
        assert await caller.code(ORDERS, clientcode=["AA020"]) == "MO1098"


async def test_an_investor_names_nobody_or_itself() -> None:
    async with simulated() as caller:
        assert await caller.place(clientcode="")
        assert await caller.place(clientcode="AA017")
        assert await caller.code(PLACE, **order(clientcode="AA020")) == "MO1098"


async def test_orders_come_from_the_registered_addresses_only() -> None:
    login = msgspec.structs.replace(INVESTOR, addresses=("127.0.0.1", "127.0.0.3"))
    for address, expected in (("127.0.0.1", ""), ("127.0.0.3", ""), ("127.0.0.2", "MO2035")):
        async with simulated(login, address, logins=(login,)) as caller:
            envelope = await caller.post(PLACE, **order())

            assert envelope["errorcode"] == expected
            wanted = "MO1013" if expected else ""
            assert (await caller.post(ORDERS))["errorcode"] == wanted
