"""One service for the tests that leave it standing: they come first, then it ends, and nothing of it may be left."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.service import Service

TEST_S_MAX = 240  # a service takes half a minute to start on a busy machine
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Starting processes takes its time. Who has a service of his own comes after those that share one."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(TEST_S_MAX))
    items.sort(key=lambda item: _HERE in item.path.parents and not _shares(item))


def _shares(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and "service" in item.fixturenames


def _end(running: list[Service]) -> None:
    while running:
        service = running.pop()
        try:
            left = service.stop()
        finally:
            service.kill()
        assert left == [], "processes that outlived the service"


@pytest.fixture(scope="session")
def running() -> Iterator[list[Service]]:
    """The service that is shared, while it is up."""
    running: list[Service] = []
    yield running
    _end(running)


@pytest.fixture(autouse=True)
def nothing_beside(request: pytest.FixtureRequest, running: list[Service]) -> None:
    """A test that shares no service has the machine to itself: one that idles takes a tenth of a processor."""
    if not _shares(request.node):
        _end(running)


@pytest.fixture(scope="session")
def service(running: list[Service], tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A service that serves."""
    service = Service(tmp_path_factory.mktemp("service"))
    try:
        service.start()
    except BaseException:
        service.kill()
        raise
    running.append(service)
    return service
