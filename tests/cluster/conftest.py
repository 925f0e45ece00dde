"""One service for all tests here that leave it standing; at the end nothing of it may be left."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.service import Service

TEST_S_MAX = 240  # a service takes half a minute to start on a busy machine
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Starting processes takes its time."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(TEST_S_MAX))


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that serves."""
    service = Service(tmp_path_factory.mktemp("service"))
    try:
        service.start()
        yield service
        left = service.stop()
    finally:
        service.kill()
    assert left == [], "processes that outlived the service"
