"""A ledger host over each kind of storage, and a clock that stands."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.journal.storages import MemoryStorage, SqliteStorage, Storage
from tests.runtime.actors_here import ActorsHere
from tests.runtime.loop_time import run
from tests.runtime.routed import Routed, Run
from tests.runtime.runtime_fixture import ActorRuntime, ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory", "sqlite"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """Fresh storage, of each kind in turn."""
    fresh = MemoryStorage() if request.param == "memory" else SqliteStorage(tmp_path)
    yield fresh
    fresh.close()


@pytest.fixture
def runtime(storage: Storage, clock: ManualClock) -> ActorRuntime:
    """A host that owns its ledgers."""
    return ActorRuntime(storage, clock)


@pytest.fixture
def on_the_way(tmp_path: Path, clock: ManualClock) -> Run:
    """Run a test's coroutine with a router of its own."""

    def run_with(test: Callable[[Routed], Awaitable[None]]) -> None:
        async def main() -> None:
            actors = ActorsHere(tmp_path, clock)
            routed = Routed(actors)
            try:
                await routed.open()
                await test(routed)
            finally:
                routed.router.close()
                actors.close()

        run(main)

    return run_with
