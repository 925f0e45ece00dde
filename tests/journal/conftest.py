"""The candidates of the exam."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journal.storages import STORAGES, SqliteStorage, Storage


@pytest.fixture(params=STORAGES)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """Fresh storage, of each kind in turn."""
    fresh = STORAGES[request.param](tmp_path)
    yield fresh
    fresh.close()


@pytest.fixture
def sqlite_storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    """A fresh folder for a database file."""
    fresh = SqliteStorage(tmp_path)
    yield fresh
    fresh.close()
