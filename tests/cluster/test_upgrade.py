"""An upgrade and the way back over two real versions: that of a commit from before (`make upgrade SINCE=...`) and this
one.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from actors.protocol.formats import FIRST, NEWEST
from holdfast.client import ChannelClient, Timeouts
from tests.cluster.callers import CALL_MS, pid_of, with_client
from tests.cluster.service import ROOT, START_S, STORES
from tests.cluster.versions import SINCE, Book, VersionedCluster, VersionedService, agreed, trade, tree_of
from tests.journal.redis_process import ABSENT
from tests.waiting import until_async

pytestmark = pytest.mark.upgrade

UPGRADE_S_MAX: Final = 600
ACTORS: Final = "ray::Ray"  # and the watchdog
GATEWAYS: Final = "ray::ServeReplica"


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of the version before."""
    try:
        return tree_of(SINCE, tmp_path_factory.mktemp("trees") / "before")
    except LookupError as absent:
        pytest.skip(str(absent))


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of this version."""
    return tree_of("", tmp_path_factory.mktemp("trees") / "now")


@pytest.fixture
def upgraded(tmp_path: Path, before: Path) -> Iterator[VersionedService]:
    """A service, first of the version before."""
    service = VersionedService(tmp_path, before)
    try:
        yield service
    finally:
        service.kill()


def format_command(service: VersionedService, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`holdfast format` of this version."""
    command = [sys.executable, "-m", "serve.format", *arguments, str(service.data_dir), "--json"]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=START_S, cwd=ROOT)


@pytest.mark.timeout(UPGRADE_S_MAX)
def test_there_and_back_and_no_way_back_once_the_format_is_raised(
    upgraded: VersionedService, before: Path, now: Path
) -> None:
    book = Book()

    def serve(tree: Path, turn: str) -> None:
        async def main(client: ChannelClient) -> None:
            await book.ask_again(client)
            await agreed(client)
            await trade(client, book, turn)
            await book.ask_again(client)
            await agreed(client)
            if tree == now:
                assert (await client.ledger_status("S1")).format == FIRST

        upgraded.use(tree)
        upgraded.start()
        with_client(upgraded, main)
        if turn == "old again":
            upgraded.kill()  # so that what follows is recovered from records, and not from snapshots
        else:
            assert upgraded.stop() == []

    for tree, turn in ((before, "old"), (now, "new"), (before, "old again"), (now, "new again")):
        serve(tree, turn)

    shown = json.loads(format_command(upgraded, "show").stdout)
    assert (shown["format"], shown["newest"]) == (FIRST, NEWEST)
    kept = format_command(upgraded, "raise")
    assert kept.returncode == 1
    assert "--no-way-back" in kept.stderr
    raised = format_command(upgraded, "raise", "--no-way-back")
    assert raised.returncode == 0, raised.stderr
    said = json.loads(raised.stdout)
    assert (said["before"], said["format"]) == (FIRST, NEWEST)
    assert said["brings"]

    upgraded.use(before)
    upgraded.begin()
    assert upgraded.wait(START_S) != 0
    assert "was written by a later version" in upgraded.log.read_text()
    upgraded.kill()

    async def newest(client: ChannelClient) -> None:
        assert (await client.ledger_status("S1")).format == NEWEST
        await book.ask_again(client)
        await trade(client, book, "raised")
        await agreed(client)

    upgraded.use(now)
    upgraded.start()
    with_client(upgraded, newest)
    assert upgraded.stop() == []


@pytest.mark.timeout(UPGRADE_S_MAX)
@pytest.mark.parametrize(("first", "then"), [(ACTORS, GATEWAYS), (GATEWAYS, ACTORS)])
def test_processes_of_both_versions_serve_together(
    upgraded: VersionedService, before: Path, now: Path, first: str, then: str
) -> None:
    """Rolled there and back, actors first or gateways first, beside calls: a process that ends is started again by the
    version that is installed by then.
    """
    book = Book()
    runs = {ACTORS: before, GATEWAYS: before}

    def roll(tree: Path, title: str, turn: str) -> None:
        async def main(client: ChannelClient) -> None:
            await asyncio.gather(book.ask_again(client), asyncio.to_thread(upgraded.kill_processes, title))
            await book.ask_again(client)
            # Before there is business anew, which may make another actor, of the version that is installed.
            assert {each: upgraded.versions(each) for each in runs} == {each: {on.name} for each, on in runs.items()}
            await trade(client, book, turn)
            await agreed(client)

        upgraded.use(tree)
        runs[title] = tree
        with_client(upgraded, main)

    upgraded.start()
    with_client(upgraded, lambda client: trade(client, book, "before"))
    for tree, title, turn in (
        (now, first, "half"),
        (now, then, "whole"),
        (before, first, "back"),
        (before, then, "all"),
    ):
        roll(tree, title, turn)
    assert upgraded.stop() == []


@pytest.mark.timeout(UPGRADE_S_MAX)
def test_nodes_are_exchanged_one_after_another(tmp_path: Path, before: Path, now: Path) -> None:
    """A node of the new version joins, one of the old goes, and then the service's own process is started anew."""
    if ABSENT:
        pytest.skip(ABSENT)
    cluster, book = VersionedCluster(tmp_path, before), Book()

    async def uses(client: ChannelClient, host: str) -> None:
        async def looks() -> bool:
            return host in {cluster.node_of(await pid_of(client, store_id)) for store_id in STORES}

        async def serves() -> bool:
            return cluster.versions(GATEWAYS) == {before.name, now.name}

        await until_async(looks, within_s=START_S, what=f"an actor on {host}")
        await until_async(serves, within_s=START_S, what="gateways of both versions")

    async def goes_on(client: ChannelClient, turn: str) -> None:
        await book.ask_again(client)
        await trade(client, book, turn)
        await agreed(client)

    async def exchange(client: ChannelClient) -> None:
        await trade(client, book, "before")
        cluster.use(now)
        third = await asyncio.to_thread(cluster.add_node, 3)
        await uses(client, third)
        assert cluster.versions(ACTORS) == {before.name, now.name}
        async with ChannelClient(cluster.targets.rpartition(",")[2], timeouts=Timeouts(call_ms=CALL_MS)) as by_third:
            await goes_on(by_third, "by its gateway")
        await goes_on(client, "joined")
        await asyncio.to_thread(cluster.lose_node, second)
        await goes_on(client, "lost")
        os.kill(cluster.pid, signal.SIGKILL)
        await asyncio.to_thread(cluster.wait)
        await asyncio.to_thread(cluster.start)
        assert cluster.versions(ACTORS) == {before.name, now.name}
        await goes_on(client, "own")

    try:
        cluster.add_node(1)
        second = cluster.add_node(2)
        cluster.start()
        with_client(cluster, exchange)
    finally:
        cluster.kill()
