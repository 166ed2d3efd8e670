import anyio
import pytest

pytestmark = pytest.mark.anyio

THE_BUG = pytest.mark.xfail(strict=True, raises=AssertionError, reason="votes are lost")


@pytest.mark.parametrize("fix", [pytest.param(None, marks=THE_BUG), "atomic", "no_await", "lock"])
async def test_no_vote_is_lost(started, monkeypatch, fix):
    async with started("race", fix) as (race, client):
        # each vote that has read waits here until the others have read or are blocked
        monkeypatch.setattr(race, "check_voter", anyio.wait_all_tasks_blocked)
        async with anyio.create_task_group() as voters:
            for _ in range(10):
                voters.start_soon(client.post, "/vote")
        assert race.acknowledged.value == 10
        assert race.stored.value == 10
