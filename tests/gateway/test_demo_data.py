"""What a service is laid out with to play with."""

from pathlib import Path

from holdfast.client import ChannelClient, PickStatus, digest_of
from serve.pages.demo_data import ORDERS, SHOPS, lay_out
from tests.clients.service import Service
from tests.clients.serving import against


def test_it_is_there_once_however_often_the_service_starts(tmp_path: Path) -> None:
    async def use(client: ChannelClient) -> None:
        for token in ("first", "second"):
            await lay_out(client, token)
            for shop in SHOPS:
                tasks = [task async for task in client.list_pick_tasks(shop.store_id)]
                assert len(tasks) == len(ORDERS)
                assert [task.bay for task in tasks if task.status is PickStatus.READY] == ["B1"]
                assert [task.waits_at for task in tasks if task.arrived_at_ms] == ["car park 3"]
        former, latter = await client.find_devices([digest_of("first"), digest_of("second")])
        assert former is None
        assert latter is not None
        assert (latter.store_id, latter.name) == ("S001", "demo")

    with Service(tmp_path) as service:
        against(service, use)
