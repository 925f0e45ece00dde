"""An upgrade and the way back over two real versions: that of a commit from before (`make upgrade SINCE=...`) and this
one.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from actors.protocol.formats import FIRST, NEWEST
from holdfast.client import ChannelClient
from tests.cluster.callers import with_client
from tests.cluster.service import ROOT, START_S
from tests.cluster.versions import SINCE, Book, VersionedService, agreed, trade, tree_of

pytestmark = pytest.mark.upgrade

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
            await trade(client, book, turn)
            await agreed(client)

        upgraded.use(tree)
        with_client(upgraded, main)
        runs[title] = tree
        assert {each: upgraded.versions(each) for each in runs} == {each: {on.name} for each, on in runs.items()}

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
