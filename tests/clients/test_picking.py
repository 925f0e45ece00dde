"""Picking by the clients and `holdfast pick`, against a service of this process."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.client import BlockingChannelClient, PickStatus, PickTask, Reason, Rejection, Reservation, Store
from tests.clients.command import Command
from tests.clients.faults import LoseAnswer
from tests.clients.service import Service
from tests.clients.serving import serving_in_thread


@pytest.fixture
def run(service: Service) -> Iterator[Command]:
    service.shop("s1", {"a": 9})
    service.shop("s2", {"a": 9})
    with serving_in_thread(service) as target:
        yield Command(service, target)


@pytest.fixture
def confirmed(run: Command) -> list[str]:
    """Ann and bob have each confirmed two units in s1, which picks."""
    found = []
    with BlockingChannelClient(run.target) as client:
        policy = client.get_policy()
        client.set_policy(replace(policy, picks=True))
        for customer in ("ann", "bob"):
            held = client.reserve("s1", [("a", 2)], customer_id=customer, channel="web")
            assert isinstance(held, Reservation)
            client.confirm(held.reservation_id)
            found.append(held.reservation_id)
    return found


def test_a_task_is_picked_by_the_command(run: Command, confirmed: list[str]) -> None:
    ann, bob = confirmed
    assert [task["reservation_id"] for task in run("pick", "list", "s1")["pick_tasks"]] == [ann, bob]
    assert run("pick", "arrived", bob, "--at", "P4")["pick_task"]["waits_at"] == "P4"
    claimed = run("pick", "claim", "s1", "--as", "t1", "--lease", "5m")["pick_task"]
    assert (claimed["reservation_id"], claimed["status"], claimed["picker_id"]) == (bob, "PICKING", "t1")
    assert run("pick", "scan", bob, "b", "--as", "t1", code=1)["rejection"]["reason"] == "ARTICLE_NOT_ORDERED"
    run("pick", "scan", bob, "a", "--as", "t1", "--quantity", "2")
    assert "2 of 2 x a" in run.words("pick", "show", bob)
    done = run("pick", "finish", bob, "--as", "t1", "--bay", "B7", "--ready")["pick_task"]
    assert (done["status"], done["bay"]) == ("READY", "B7")
    assert [one["status"] for one in run("pick", "list", "s1", "--status", "ready")["pick_tasks"]] == ["READY"]
    run("release", bob, "--reason", "no-show")
    assert run("pick", "show", bob)["pick_task"]["lines"][0]["to_put_back"] == 2
    assert run("pick", "put-back", bob, "--as", "t1", "--line", "a=2")["pick_task"]["status"] == "PUT_BACK"
    assert run("pick", "show", bob, code=4)["error"]["reason"] == "PICK_TASK_NOT_FOUND"
    run("pick", "claim", "s1", "--as", "t1", "--task", ann)
    assert run("pick", "leave", ann, "--as", "t1")["pick_task"]["status"] == "TO_PICK"


def test_threads_tick_once_whatever_is_lost_on_the_way(run: Command, confirmed: list[str]) -> None:
    with BlockingChannelClient(run.target) as client:
        assert [task.status for task in client.list_pick_tasks("s1", page_size=1)] == [PickStatus.TO_PICK] * 2
        first = client.claim_pick_task("s1", "t1")
        assert isinstance(first, PickTask)
        run.service.faults["ScanPickTask"].append(LoseAnswer())
        ticked = client.scan_pick_task(first.reservation_id, "t1", "a")
        assert isinstance(ticked, PickTask)
        assert [line.picked for line in ticked.lines] == [1]
        refused = client.claim_pick_task("s1", "t2", reservation_id=confirmed[0])
        assert isinstance(refused, Rejection)
        assert (refused.reason, refused.picker_id) == (Reason.PICK_TASK_CLAIMED, "t1")


def test_the_rule_is_shown_and_set_from_what_was_shown(run: Command, tmp_path: Path) -> None:
    shown = run("policy", "show")["policy"]
    assert (shown["picks"], shown["pick_rules"]) == (False, [])
    file = tmp_path / "policy.json"
    rules = {"picks": True, "pick_rules": [{"store_id": "s1", "picks": False, "put_back_first": False}]}
    file.write_text(json.dumps({"policy": shown | rules}))
    assert run("policy", "set", "--file", str(file))["policy"]["pick_rules"] == rules["pick_rules"]
    assert "do not pick: s1" in run.words("policy", "show")


def test_what_is_not_there_is_had_in_another_shop(run: Command, confirmed: list[str]) -> None:
    with BlockingChannelClient(run.target) as client:
        client.put_stores([Store("s1", latitude=0.0, longitude=0.0), Store("s2", latitude=0.0, longitude=0.1)])
    for reservation_id in confirmed:
        run("pick", "claim", "s1", "--as", "t1", "--task", reservation_id)
    ann, bob = confirmed
    where = run("pick", "short", ann, "a", "2", "--as", "t1", "--elsewhere")["pick_task"]["elsewhere"]
    assert (where["store_id"], where["applied"]) == ("s2", "ELSEWHERE")
    assert run("show", where["reservation_id"])["reservation"]["status"] == "CONFIRMED"
    named = run("pick", "short", bob, "a", "1", "--as", "t1", "--to-store", "s2")["pick_task"]
    assert (named["elsewhere"]["store_id"], named["lines"][0]["ordered"]) == ("s2", 1)
    assert (
        run("pick", "short", bob, "a", "1", "--as", "t1", "--elsewhere", "--without", code=2)["error"]["kind"]
        == "Usage"
    )
    [first, second] = run("shortfalls", "list", "s1")["tasks"]
    assert (first["cause"], first["resolution"], second["resolution"]) == ("NOT_FOUND", "MOVED", "MOVED")
