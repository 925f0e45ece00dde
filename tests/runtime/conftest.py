"""An office over each kind of storage, and a clock that stands."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.journal.storages import MemoryStorage, SqliteStorage, Storage
from tests.runtime.actors_here import ActorsHere
from tests.runtime.loop_time import run
from tests.runtime.office import ActorRuntime, ManualClock
from tests.runtime.way import Run, Way


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
def office(storage: Storage, clock: ManualClock) -> ActorRuntime:
    """A host in office."""
    return ActorRuntime(storage, clock)


@pytest.fixture
def on_the_way(tmp_path: Path, clock: ManualClock) -> Run:
    """Run a test's coroutine with a router of its own."""

    def run_with(test: Callable[[Way], Awaitable[None]]) -> None:
        async def main() -> None:
            actors = ActorsHere(tmp_path, clock)
            way = Way(actors)
            try:
                await way.open()
                await test(way)
            finally:
                way.router.close()
                actors.close()

        run(main)

    return run_with
