"""The candidates of the exam."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.journal.redis_storage import RedisStorage
from tests.journal.storages import STORAGES, SqliteStorage, Storage

CANDIDATES: Final[dict[str, Callable[[Path], Storage]]] = {**STORAGES, "redis": RedisStorage}


@pytest.fixture(params=CANDIDATES)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """Fresh storage, of each kind in turn."""
    fresh = CANDIDATES[request.param](tmp_path)
    yield fresh
    fresh.close()


@pytest.fixture
def sqlite_storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    """A fresh folder for a database file."""
    fresh = SqliteStorage(tmp_path)
    yield fresh
    fresh.close()


@pytest.fixture
def redis_storage(tmp_path: Path) -> Iterator[RedisStorage]:
    """A fresh server."""
    fresh = RedisStorage(tmp_path)
    yield fresh
    fresh.close()
