import anyio
import pytest

pytestmark = pytest.mark.anyio

THE_BUG = pytest.mark.xfail(strict=True, raises=AssertionError, reason="the card is charged twice")


@pytest.mark.parametrize("fix", [pytest.param(None, marks=THE_BUG), "unique", "reserve"])
async def test_a_payment_requested_twice_is_charged_once(started, monkeypatch, fix):
    receipts = []

    async def ask(client):
        response = await client.post("/pay/order-17")
        receipts.append(response.json()["receipt"])

    async with started("idem", fix) as (idem, client):
        # the first charge completes only when the second request can go no further
        monkeypatch.setattr(idem, "payment_provider", anyio.wait_all_tasks_blocked)
        async with anyio.create_task_group() as clients:
            clients.start_soon(ask, client)
            clients.start_soon(ask, client)
        await ask(client)  # and once more, when all is done
        assert idem.charges.value == 1
        assert receipts == [receipts[0]] * 3
