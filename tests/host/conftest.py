"""An office over each kind of storage, and a clock that stands."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.office import ManualClock, Office
from tests.journal.storages import MemoryStorage, SqliteStorage, Storage


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
def office(storage: Storage, clock: ManualClock) -> Office:
    """A host in office."""
    return Office(storage, clock)
