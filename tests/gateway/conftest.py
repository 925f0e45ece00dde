"""A gateway for each test, and one for a whole module where its tests only try what must change nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.front import Front
from tests.runtime.runtime_fixture import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def front(tmp_path: Path, clock: ManualClock) -> Iterator[Front]:
    """A gateway with a thousand of A in S1."""
    with Front(tmp_path, clock) as front:
        front.receive("A")
        yield front


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """The same, for a module."""
    with Front(tmp_path_factory.mktemp("front"), ManualClock()) as front:
        front.receive("A")
        yield front
