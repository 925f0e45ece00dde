"""`holdfast store move` against a service of this process."""

from collections.abc import Iterator

import pytest

from holdfast.client import BlockingChannelClient, Conflict
from tests.clients.command import Command
from tests.clients.service import Service
from tests.clients.serving import serving_in_thread


@pytest.fixture
def run(service: Service) -> Iterator[Command]:
    service.shop("s1", {"a": 10})
    service.shop("s2", {"a": 10})
    with serving_in_thread(service) as target:
        yield Command(service, target)


def test_a_shop_moves_and_status_says_where_it_lies(run: Command) -> None:
    moved = run("store", "move", "s1", "store-s2")["move"]
    assert (moved["store_id"], moved["actor"], moved["source"]) == ("s1", "store-s2", "store-s1")
    assert run("store", "move", "s1", "store-s2")["move"] == moved
    (status,) = run("status", "s1")["ledgers"]
    assert (status["actor"], status["moving_to"]) == ("store-s2", "")
    assert "store-s2" in run.words("store", "move", "s1", "store-s2")
    with BlockingChannelClient(run.target) as client:
        assert client.move_store("s1", "store-s1").source == "store-s2"
        with pytest.raises(Conflict, match="no shops lie with one named chain"):
            client.move_store("s1", "chain")
    assert run("store", "move", "s1", "x", code=5)["error"]["reason"] == "ACTOR_UNKNOWN"
