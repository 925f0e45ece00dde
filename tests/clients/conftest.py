"""A service for each test."""

from collections.abc import Iterator

import pytest

from tests.clients.service import AROUND_THE_CLOCK, VIENNA, Service
from tests.gateway.shops import KILOMETRES_A_DEGREE


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Without shops; the modules add theirs."""
    with Service(tmp_path_factory.mktemp("chain")) as service:
        yield service


@pytest.fixture
def three_shops(service: Service) -> Service:
    """Near Vienna's centre s1 has a, s2 has b, s3 has both and is farther; each pickup slot has one place."""
    for store_id, kilometres, stock in (("s1", 1, {"a": 5}), ("s2", 2, {"b": 5}), ("s3", 9, {"a": 5, "b": 5})):
        latitude = VIENNA.latitude + kilometres / KILOMETRES_A_DEGREE
        service.shop(store_id, stock, latitude=latitude, longitude=VIENNA.longitude, hours=AROUND_THE_CLOCK)
    return service
