"""Shortfalls by the clients and `holdfast shortfalls`, against a service of this process."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.client import (
    BlockingChannelClient,
    LosesFirst,
    Reason,
    Rejection,
    Reservation,
    ShortfallCause,
    ShortfallResolution,
    ShortfallTask,
    Store,
)
from tests.clients.command import Command
from tests.clients.faults import LoseAnswer
from tests.clients.service import Service
from tests.clients.serving import serving_in_thread


@pytest.fixture
def run(service: Service) -> Iterator[Command]:
    service.shop("s1", {"a": 3})
    service.shop("s2", {"a": 9})
    with serving_in_thread(service) as target:
        yield Command(service, target)


@pytest.fixture
def lost(run: Command) -> list[str]:
    """Ann and bob have lost what they held in s1; s2 has some, 11 km away."""
    with BlockingChannelClient(run.target) as client:
        client.put_stores([Store("s1", latitude=0.0, longitude=0.0), Store("s2", latitude=0.0, longitude=0.1)])
        held = [client.reserve("s1", [("a", 1)], customer_id=customer, channel="web") for customer in ("ann", "bob")]
    short = run("stock", "count", "s1", "a=0", "--holds", "included")["change"]["shortfalls"]
    assert [(one["quantity"], one["cause"]) for one in short] == [(2, "COUNT")]
    return [one.reservation_id for one in held if isinstance(one, Reservation)]


def test_tasks_are_listed_with_ways_out_and_resolved(run: Command, lost: list[str]) -> None:
    ann, bob = lost
    first, second = run("shortfalls", "list", "s1")["tasks"]
    assert [one["reservation_id"] for one in (first, second)] == [bob, ann], "the youngest lost first"
    assert (first["cause"], first["was"], first["lines"]) == ("COUNT", "HELD", [{"sku": "a", "held": 1, "lost": 1}])
    assert [(near["store_id"], round(near["kilometres"])) for near in first["near_stores"]] == [("s2", 11)]
    assert "s2 at 11.1 km" in run.words("shortfalls", "list", "s1")
    moved = run("shortfalls", "resolve", first["task_id"], "--move-to", "s2")["task"]
    assert (moved["resolution"], moved["moved_to_reservation_id"][:3]) == ("MOVED", "s2:")
    waits = run("shortfalls", "resolve", second["task_id"], "--wait")["task"]
    assert run("show", waits["waiting_reservation_id"])["reservation"]["queue_position"] == 1
    assert run("shortfalls", "list", "s1", "--open")["tasks"] == []
    again = run("shortfalls", "resolve", first["task_id"], "--release", code=1)["rejection"]
    assert again["reason"] == "SHORTFALL_RESOLVED"
    assert run("shortfalls", "resolve", first["task_id"], "--release", "--wait", code=2)["error"]["kind"] == "Usage"


def test_threads_resolve_once_whatever_is_lost_on_the_way(run: Command, lost: list[str]) -> None:
    with BlockingChannelClient(run.target) as client:
        tasks = list(client.list_shortfalls("s1", page_size=1))
        assert [task.reservation_id for task in tasks] == list(reversed(lost))
        assert tasks[0].cause is ShortfallCause.COUNT
        run.service.faults["ResolveShortfall"].append(LoseAnswer())
        moved = client.resolve_shortfall(tasks[0].task_id, ShortfallResolution.MOVED, to_store_id="s2")
        assert isinstance(moved, ShortfallTask)
        assert [one.reservation_id for one in client.list_reservations("s2")] == [moved.moved_to_reservation_id]
        told = client.resolve_shortfall(tasks[0].task_id, ShortfallResolution.RELEASED)
        assert isinstance(told, Rejection)
        assert told.reason is Reason.SHORTFALL_RESOLVED


def test_the_rule_is_shown_and_set_from_what_was_shown(run: Command, tmp_path: Path) -> None:
    shown = run("policy", "show")["policy"]
    assert (shown["loses_first"], shown["losers_wait"]) == ("LOWEST_STATUS", False)
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"policy": shown | {"loses_first": "YOUNGEST", "losers_wait": True}}))
    done = run("policy", "set", "--file", str(file))["policy"]
    assert (done["loses_first"], done["losers_wait"]) == ("YOUNGEST", True)
    assert "youngest" in run.words("policy", "show")
    with BlockingChannelClient(run.target) as client:
        assert client.get_policy().loses_first is LosesFirst.YOUNGEST
