"""A service over several nodes: one that is lost is a delay, the head too, and one that joins gets its share."""

import asyncio
import subprocess
from collections.abc import Iterator

import grpc
import pytest
import yaml

from holdfast.client import ChannelClient, Timeouts
from tests.cluster.callers import CALL_MS, Crowd, available, pid_of, receive, verified, with_client
from tests.cluster.nodes import ClusterService
from tests.cluster.service import ROOT, START_S, STORES
from tests.journal.redis_process import ABSENT
from tests.waiting import until_async

pytestmark = pytest.mark.nodes

SKU, HEADLESS = "spread", "headless"
CALLERS, UNITS = 240, 150
BACK_S = 30.0  # a busy machine takes its time over what takes six seconds on a quiet one


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterService]:
    """Two nodes, and no service yet."""
    if ABSENT:
        pytest.skip(ABSENT)
    service = ClusterService(tmp_path_factory.mktemp("cluster"))
    try:
        service.add_node(1)
        service.add_node(2)
        yield service
    finally:
        service.kill()


async def nodes_of_shops(cluster: ClusterService, client: ChannelClient) -> dict[str, str]:
    """The address of each shop's actor's node."""
    return {store_id: cluster.node_of(await pid_of(client, store_id)) for store_id in STORES}


def test_files_serve_no_more_than_one_node(cluster: ClusterService) -> None:
    environment = {**cluster.environment(), "HOLDFAST_JOURNAL": ""}
    ended = subprocess.run(
        cluster.command(), check=False, env=environment, capture_output=True, text=True, timeout=START_S
    )
    assert ended.returncode == 2, ended.stderr
    assert f"Ray has 2 nodes ({', '.join(cluster.nodes)}), and the journals in {cluster.data_dir}" in ended.stderr


def test_a_node_is_lost_and_another_joins(cluster: ClusterService) -> None:
    head, second = cluster.nodes

    async def main(client: ChannelClient) -> None:
        for store_id in STORES:
            await receive(client, store_id, SKU, UNITS)
        at = await nodes_of_shops(cluster, client)
        assert set(at.values()) == {head, second}
        moved = next(store_id for store_id in STORES if at[store_id] == second)
        before = await client.ledger_status(moved)

        crowd = Crowd(cluster, moved, SKU)
        keys = [f"{SKU}-{number}" for number in range(CALLERS)]
        await crowd.come(keys, at_once=16, during=lambda: asyncio.to_thread(cluster.lose_node, second))
        assert (crowd.accepted, crowd.refused["INSUFFICIENT_STOCK"]) == (UNITS, CALLERS - UNITS)
        assert (await client.ledger_status(moved)).epoch > before.epoch
        assert set((await nodes_of_shops(cluster, client)).values()) == {head}

        third = await asyncio.to_thread(cluster.add_node, 3)

        async def uses_third() -> bool:
            return third in (await nodes_of_shops(cluster, client)).values()

        await until_async(uses_third, within_s=BACK_S, what="an actor on the node that has joined")
        assert " did not move " not in cluster.log.read_text(encoding="utf-8")
        await crowd.ask_again()
        assert await available(client, moved, SKU) == (UNITS, UNITS, 0)
        await verified(client, *STORES)
        async with grpc.aio.insecure_channel(cluster.targets.rpartition(",")[2]) as channel:
            await asyncio.wait_for(channel.channel_ready(), BACK_S)

    cluster.start()
    with_client(cluster, main)


def test_a_file_for_serve_starts_it_as_the_command_does(cluster: ClusterService) -> None:
    """The one for Kubernetes; the journals are those that the test before has left."""
    manifest = (ROOT / "docs" / "deploy" / "rayservice.yaml").read_text(encoding="utf-8")
    configuration = next(
        one["spec"]["serveConfigV2"] for one in yaml.safe_load_all(manifest) if one["kind"] == "RayService"
    )

    async def main(client: ChannelClient) -> None:
        positions = [await available(client, store_id, SKU) for store_id in STORES]
        assert sorted({reserved for _, reserved, _ in positions}) == [0, UNITS]
        assert {on_hand for on_hand, _, _ in positions} == {UNITS}
        nodes = await nodes_of_shops(cluster, client)
        assert len(set(nodes.values())) == 2

    cluster.terminate()
    assert cluster.wait() == 0
    cluster.deploy(configuration.replace("num_replicas: 3", "num_replicas: 2"))
    with_client(cluster, main)
    assert cluster.processes("ray::RayKeeper")


def test_the_head_is_lost_and_started_again(cluster: ClusterService) -> None:
    """The other node serves on without it, and is the same afterwards. What Serve has deployed needs nobody else."""
    head, others = cluster.host_of(1), set(cluster.nodes) - {cluster.host_of(1)}

    async def main(client: ChannelClient) -> None:
        for store_id in STORES:
            await receive(client, store_id, HEADLESS, UNITS)
        at = await nodes_of_shops(cluster, client)
        lost = next(store_id for store_id in STORES if at[store_id] == head)
        kept = next(store_id for store_id in STORES if at[store_id] in others)
        before = {store_id: await client.ledger_status(store_id) for store_id in (lost, kept)}
        # Its gateway, which may be on its way, has to have found the actor: nobody finds one without the head.
        port = cluster.address.rpartition(":")[2]
        async with ChannelClient(f"{at[kept]}:{port}", timeouts=Timeouts(call_ms=CALL_MS)) as there:
            assert (await there.ledger_status(kept)).pid == before[kept].pid

        await asyncio.to_thread(cluster.lose_node, head)
        crowd = Crowd(cluster, kept, HEADLESS)
        await crowd.come([f"{HEADLESS}-{number}" for number in range(CALLERS)], at_once=16)
        assert (crowd.accepted, crowd.refused["INSUFFICIENT_STOCK"]) == (UNITS, CALLERS - UNITS)
        assert (await client.ledger_status(kept)).pid == before[kept].pid

        await asyncio.to_thread(cluster.add_node, 1)
        assert await available(client, lost, HEADLESS) == (UNITS, 0, UNITS)
        assert (await client.ledger_status(lost)).epoch > before[lost].epoch
        await crowd.ask_again()
        await verified(client, *STORES)
        async with grpc.aio.insecure_channel(cluster.address) as channel:
            await asyncio.wait_for(channel.channel_ready(), 2 * BACK_S)

    with_client(cluster, main)
