"""`holdfast admin` against a service of this process."""

from collections.abc import Iterator

import pytest

from holdfast.client import BlockingChannelClient
from holdfast.v1 import admin_service_pb2
from tests.clients.command import Command
from tests.clients.faults import Answer
from tests.clients.service import Service
from tests.clients.serving import serving_in_thread


@pytest.fixture
def run(service: Service) -> Iterator[Command]:
    service.shop("s1", {"a": 10})
    with serving_in_thread(service) as target:
        yield Command(service, target)


def test_a_claim_is_barred_once_and_the_first_record_is_shown(run: Command) -> None:
    said = ("--operator", "eve", "--why", "restored")
    barred = run("admin", "bar-claim", "0007/1907.1", *said)["barred"]
    assert (barred["order_id"], barred["attempt"], barred["operator"]) == ("0007/1907", 1, "eve")
    assert run("admin", "bar-claim", "0007/1907.1", "--operator", "bob", "--why", "again")["barred"] == barred
    words = run.words("admin", "bar-claim", "0007/1907.1", *said)
    assert "restored" in words
    assert str(barred["barred_at_ms"]) not in words
    assert "Name order and attempt" in run.words("admin", "bar-claim", f"0007/1907.{'9' * 20}", *said, code=2)
    for named in ("0007/1907", "0007/1907.", "1907.1", "0007/1907.1001"):
        assert run("admin", "bar-claim", named, *said, code=2)["error"]
    assert run("verify", "--all")["orders"]["barred"] == [barred]
    trusting = admin_service_pb2.VerifyLedgerResponse(store_id="s1", version=30, holds=True, trusted_version=24)
    run.service.faults["VerifyLedger"].append(Answer([trusting]))
    words = run.words("verify", "s1")
    assert "taken on trust, as the archive is not there" in words
    assert "s1 up to version 24" in words
    left_out = admin_service_pb2.VerifyOrdersResponse(holds=True, left_out=["s9"])
    run.service.faults["VerifyOrders"].append(Answer([left_out]))
    assert run("verify", "--all", code=1)["orders"]["left_out"] == ["s9"]
    away = admin_service_pb2.VerifyOrdersResponse(holds=True)
    away.not_compared.add(ledger_id="s9", archived_version=9, count=500)
    run.service.faults["VerifyOrders"].append(Answer([away]))
    compared = run("verify", "--all", code=1)
    assert compared["holds"] is True
    assert compared["orders"]["not_compared"] == [{"ledger_id": "s9", "archived_version": 9, "count": 500}]


def test_a_grant_is_barred_as_a_claim_is(run: Command) -> None:
    said = ("admin", "bar-grant", "0007/1907", "--operator", "eve", "--why", "restored")
    assert run(*said, code=4)["error"]["kind"] == "NotFound", "there is none"
    record = admin_service_pb2.BarredClaim(order_id="0007/1907", operator="eve", why="restored")
    run.service.faults["BarGrant"].append(Answer([admin_service_pb2.BarGrantResponse(barred=record)]))
    barred = run(*said)["barred"]
    assert (barred["order_id"], barred["attempt"], barred["operator"]) == ("0007/1907", 0, "eve")


def test_readers_are_shown_with_what_they_keep_and_dropped(run: Command) -> None:
    assert run("admin", "readers") == {"readers": [], "left_out": []}
    with BlockingChannelClient(run.target) as client:
        client.acknowledge_events("warehouse", {"s1": 1})
    (reader,) = run("admin", "readers")["readers"]
    assert (reader["name"], reader["all_stores"], reader["behind"], reader["keeps"]) == ("warehouse", False, 1, [])
    number = str(reader["number"])
    keeping = admin_service_pb2.Reader(name="warehouse", furthest_ledger="s1", keeps=["s1", "s2"])
    kept = admin_service_pb2.ListReadersResponse(readers=[keeping], left_out=["s9"])
    run.service.faults["ListReaders"].extend(Answer([kept]) for _ in range(2))
    assert run("admin", "readers", code=1)["left_out"] == ["s9"]
    assert "s1, s2" in run.words("admin", "readers", code=1)
    run.service.faults["ListReaders"].append(Answer([admin_service_pb2.ListReadersResponse(left_out=["s9"])]))
    assert run("admin", "readers", code=1) == {"readers": [], "left_out": ["s9"]}
    for _ in range(2):
        assert run("admin", "drop-reader", "warehouse", number) == {"dropped": "warehouse"}
    assert run("admin", "readers") == {"readers": [], "left_out": []}
    assert run("admin", "drop-reader", "never named", number, code=4)["error"]["kind"] == "NotFound"
