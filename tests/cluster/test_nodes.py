"""Actors on two nodes: gateways reach them by their nodes' addresses, and a node that is lost is a delay.

Both nodes are processes of this machine with addresses of their own, so that both have the disk with the journals.
"""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
from ray.cluster_utils import Cluster

from actors.journal.open import sqlite_setting
from actors.protocol.messages import ActorGone, Answer, Held, Refusal, pack_batch, unpack_answers
from actors.ray_actors import RayActors, start_ray, stop_ray
from actors.shop.commands import AdjustmentKind, AdjustStock, Movement, Reserve
from tests.cluster.service import ROOT
from tests.waiting import until_async

NODES: Final = ("127.0.0.2", "127.0.0.3")  # not 127.0.0.1, which Ray takes for the machine's own address
ACTORS: Final = tuple(f"store-{number}" for number in range(16))  # made until each node has one; Ray chooses
NODE: Final[dict[str, Any]] = {"num_cpus": 4, "object_store_memory": 80 * 1024 * 1024}
HELD, REFUSED = (Reserve(key, "ann", "web", "", (("mug", 1),), 0) for key in ("k1", "k2"))
LOST_S: Final = 60.0  # until Ray believes that a node is gone, and has started its actors elsewhere


@pytest.fixture
def second_node(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The second of two nodes of a cluster of this test's own, which it has joined."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "proto")]))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_health_check_period_ms", "500")
    monkeypatch.setenv("RAY_health_check_timeout_ms", "1000")
    monkeypatch.setenv("RAY_health_check_failure_threshold", "2")
    with tempfile.TemporaryDirectory(prefix="hf-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("RAY_TMPDIR", folder)
        cluster = Cluster()
        try:
            cluster.add_node(node_ip_address=NODES[0], include_dashboard=False, **NODE)
            second = cluster.add_node(node_ip_address=NODES[1], **NODE)
            start_ray(cluster.address)
            yield second
        finally:
            stop_ray()
            cluster.shutdown()


def lose(node: Any) -> None:
    """The node's power goes: its raylet and every worker at once."""
    (raylet,) = node.all_processes["raylet"]
    processes = [psutil.Process(raylet.process.pid)]
    processes += processes[0].children(recursive=True)
    for process in processes:
        process.kill()


def test_a_node_that_is_lost_is_a_delay(tmp_path: Path, second_node: Any) -> None:
    actors = RayActors(sqlite_setting(tmp_path), "")

    async def step(actor: str, command: Any) -> Answer:
        async def attempt() -> bool:
            try:
                answers.extend(unpack_answers(await actors.call(actor, "step", pack_batch(0, [("S1", command)]))))
            except ActorGone:
                return False
            return True

        answers: list[Answer] = []
        await until_async(attempt, within_s=LOST_S, what=f"an answer of {actor}")
        return answers[0]

    async def host_of(actor: str) -> str:
        async def attempt() -> bool:
            try:
                hosts_found.append(str((await actors._address_of(actor)).host))
            except ActorGone:  # on a busy machine it takes longer than an address is waited for
                return False
            return True

        hosts_found: list[str] = []
        await until_async(attempt, within_s=LOST_S, what=f"the address of {actor}")
        return hosts_found[0]

    async def main() -> None:
        hosts: dict[str, str] = {}
        given: dict[str, Answer] = {}
        for actor in ACTORS:
            receipt = AdjustStock("receipt", "wms", (Movement("mug", 1, 1, AdjustmentKind.RECEIPT, 0),))
            await step(actor, receipt)
            given[actor] = await step(actor, HELD)
            assert isinstance(given[actor], Held)
            hosts[actor] = await host_of(actor)
            if set(hosts.values()) == set(NODES):
                break
        assert set(hosts.values()) == set(NODES), "there are actors on either node"
        lose(second_node)
        for actor, answer in given.items():
            assert await step(actor, HELD) == answer
            assert isinstance(await step(actor, REFUSED), Refusal)
            assert await host_of(actor) == NODES[0]
        await actors.close()

    asyncio.run(main())
