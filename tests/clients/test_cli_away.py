"""Commands that concern several shops, of which one hangs or is stopped: the others are told, and that one is named."""

from collections.abc import Iterator

import pytest

from holdfast.client.cli.output import ExitCode
from holdfast.v1 import admin_service_pb2, error_pb2, stock_pb2, stock_service_pb2
from tests.clients.command import Command
from tests.clients.faults import Answer
from tests.clients.service import Service
from tests.clients.serving import serving_in_thread


@pytest.fixture
def run(service: Service) -> Iterator[Command]:
    for store_id in ("s1", "s2"):
        service.shop(store_id, {"a": 7})
    with serving_in_thread(service) as target:
        yield Command(service, target)


def test_stock_of_several_shops_is_shown_without_numbers_of_one_that_is_away(run: Command) -> None:
    error = error_pb2.ItemError(code=14, message="shop s2 did not answer; ask again", reason="SHOP_AWAY")
    read = stock_pb2.StoreAvailability(store_id="s1", version=3, positions=[stock_pb2.Position(sku="a", available=7)])
    away = stock_pb2.StoreAvailability(store_id="s2", error=error)
    reply = Answer([stock_service_pb2.GetAvailabilityResponse(stores=[read, away])])
    run.service.faults["GetAvailability"].extend([reply, reply])
    here, there = run("stock", "show", "s1,s2", "a", code=ExitCode.UNAVAILABLE)["stores"]
    assert (here["store_id"], here["positions"][0]["available"]) == ("s1", 7)
    assert there.keys() == {"store_id", "error"}
    assert (there["error"]["kind"], there["error"]["reason"]) == ("Unavailable", "SHOP_AWAY")
    words = run.words("stock", "show", "s1,s2", "a", code=ExitCode.UNAVAILABLE)
    assert "shop s2 could not be read" in words


def test_shops_that_have_not_adopted_what_was_put_are_named(run: Command) -> None:
    reply = Answer([admin_service_pb2.PutStoresResponse(chain_version=7, pending=["s1"], pending_count=1)])
    run.service.faults["PutStores"].extend([reply, reply])
    told = run("store", "put", "s1")
    assert (told["pending"], told["pending_count"]) == (["s1"], 1)
    assert "not adopted yet" in run.words("store", "put", "s1")
    assert "not adopted yet" not in run.words("store", "put", "s1")
