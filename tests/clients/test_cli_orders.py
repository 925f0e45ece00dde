"""`holdfast find`, `explain`, `slots`, `amend`, `reserve --near` and `order`, against a service of this process."""

import json
from collections.abc import Iterator

import pytest

from holdfast.client.cli.orders import store_plans
from holdfast.client.cli.tables import RULES
from holdfast.client.models.orders import Exclusion, StorePlan
from holdfast.v1 import order_service_pb2
from tests.clients.command import Command
from tests.clients.faults import Answer, FailItems, LoseAnswer
from tests.clients.service import NOW_S, Service
from tests.clients.serving import serving_in_thread

NOBODY = "127.0.0.1:1"
NEAR = ("--near", "48.2082,16.3738")
# Within 5 km no shop has both.
SPLIT = ("reserve", "a=2", "b=1", *NEAR, "--policy", "split", "--km-max", "5", "--customer", "c1")
SLOT = "2023-12-09T02:00:00+01:00"
SLOT_S = NOW_S + 3_600
ORDER = "0033/2"


@pytest.fixture
def run(three_shops: Service) -> Iterator[Command]:
    with serving_in_thread(three_shops) as target:
        yield Command(three_shops, target)


def test_shops_are_found(run: Command) -> None:
    found = run("find", "a", "b=2", *NEAR, "--channel", "web", "--slot", SLOT)
    assert [(one["store_id"], one["exclusion"]) for one in found["candidates"]] == [("s3", "UNSPECIFIED")]
    assert found["plan"] == [{"store_id": "s3", "lines": [["a", 1], ["b", 2]], "slot_start_ms": None}]
    assert found["left_off"] == 0
    assert found["excluded"] == [{"exclusion": "NOT_ENOUGH_STOCK", "stores": 2}]
    (asked,) = run.service.asked("FindStores")
    assert (asked.sourcing.place.latitude, asked.sourcing.place.longitude) == (48.2082, 16.3738)
    assert (asked.channel, asked.slot_start.seconds, asked.sourcing.policy) == ("web", SLOT_S, 1)
    split = run("find", "a", "b", "--postcode", "1010", "--policy", "split", "--stores-max", "2", "--km-max", "2.5")
    assert [plan["store_id"] for plan in split["plan"]] == ["s1", "s2"]
    asked = run.service.asked("FindStores")[1].sourcing
    assert (asked.place.postcode, asked.policy, asked.stores_max, asked.kilometres_max) == ("1010", 2, 2, 2.5)
    run("find", "a", "--postcode", "FR:75 001")
    asked = run.service.asked("FindStores")[2].sourcing
    assert (asked.place.postcode, asked.place.country) == ("75 001", "FR")
    words = run.words("find", "a=9", "--policy", "partial", "--stores-max", "1", *NEAR)
    assert "s1: 5 x a" in words
    assert "4 x a" in words
    assert "out: has nothing of it" in words
    assert "1 shop " in words
    assert "2 shops" in run.words("find", "a", "b", *NEAR)
    for near in (("--near", "1010"), ("--near", "AT:1010")):
        assert run("find", "a", *near)["plan"] == run("find", "a", *NEAR)["plan"]
    south = run("find", "a", "--near", "-33.87, -151.21")
    assert south["plan"]
    assert run.service.asked("FindStores")[-1].sourcing.place.longitude == -151.21


def test_every_shop_that_is_out_is_explained(run: Command) -> None:
    told = run("explain", "a", "b", "--km-max", "5", *NEAR)
    assert [(one["store_id"], one["exclusion"]) for one in told["candidates"]] == [
        ("s1", "NOT_ENOUGH_STOCK"),
        ("s2", "NOT_ENOUGH_STOCK"),
        ("s3", "TOO_FAR"),
    ]
    (asked,) = run.service.asked("FindStores")
    assert (asked.explain, asked.candidates_max) == (True, 100)
    assert "--km-max" in run("explain", "a", "--km-max", "0", *NEAR, code=2)["error"]["why"], "zero is not anywhere"
    words = run.words("explain", "a", "b", "--km-max", "5", *NEAR)
    assert "farther than asked" in words
    assert "cannot be placed" in words
    assert "holdfast explain" not in words
    assert "holdfast explain" in run.words("find", "a=99", *NEAR)
    assert set(RULES) == set(Exclusion)


def test_by_when_it_is_to_be_had_is_asked_for_and_when_it_is_ready_is_shown(run: Command) -> None:
    listed = run("store", "list")["stores"]
    listed[0]["hours"]["lead"] = "3660s"
    run("store", "put", "--file", "-", stdin=json.dumps(listed))
    found = run("explain", "a", *NEAR, "--collect-by", SLOT)
    told = {one["store_id"]: (one["exclusion"], one["earliest_ready_ms"]) for one in found["candidates"]}
    assert told == {
        "s1": ("NOT_READY_IN_TIME", (SLOT_S + 60) * 1000),
        "s2": ("NO_STOCK", NOW_S * 1000),
        "s3": ("UNSPECIFIED", NOW_S * 1000),
    }
    words = run.words("find", "a", *NEAR, "--collect-by", SLOT)
    assert "2023-12-09 00:00:00Z" in words
    assert "out: not ready in time" in words
    assert "1 shop " in words
    near = ("reserve", "a=1", "--near", "48.2082,16.3738", "--customer", "c1")
    assert run(*near, "--collect-by", SLOT)["order"]["parts"][0]["store_id"] == "s3"
    assert run(*near)["order"]["parts"][0]["store_id"] == "s1"


def test_slots_are_listed_in_the_shops_own_time(run: Command) -> None:
    told = run("slots", "s1", "--from", SLOT, "--window", "7d")
    assert [(slot["start_ms"], slot["left"]) for slot in told["slots"][:2]] == [
        (SLOT_S * 1000, 1),
        ((SLOT_S + 3_600) * 1000, 1),
    ]
    assert len(told["slots"]) == 7 * 24
    assert (told["zone"], told["earliest_ready_ms"]) == ("Europe/Vienna", NOW_S * 1000)
    (asked,) = run.service.asked("ListSlots")
    assert (asked.not_before.seconds, asked.window.seconds) == (SLOT_S, 7 * 86_400)
    run("reserve", "s1", "a", "--customer", "c1", "--slot", SLOT)
    words = run.words("slots", "s1")
    assert SLOT in words
    assert "full" in words
    run.service.faults["ListSlots"].append(Answer([order_service_pb2.ListSlotsResponse()]))
    assert "stays closed" in run.words("slots", "s1")


def test_a_slot_is_taken_with_the_reservation(run: Command) -> None:
    held = run("reserve", "s1", "a", "--customer", "c1", "--slot", SLOT)["reservation"]
    assert held["slot_start_ms"] == SLOT_S * 1000
    refused = run("reserve", "s1", "a", "--customer", "c1", "--slot", SLOT, code=1)["rejection"]
    assert refused["reason"] == "SLOT_FULL"
    assert "pickup slot" in run.words("show", held["reservation_id"])


def test_an_order_from_hold_to_sale(run: Command) -> None:
    order = run(*SPLIT, "--stores-max", "2", "--km-max", "5", "--ttl", "1h")["order"]
    assert (order["status"], [part["store_id"] for part in order["parts"]]) == ("HELD", ["s1", "s2"])
    order_id = order["order_id"]
    assert run("order", "show", order_id)["order"]["parts"] == order["parts"]
    assert order["parts"][1]["reservation_id"] in run.words("order", "show", order_id)
    either = [run(*words, order_id)["order"] | {"version": 0} for words in (("show",), ("order", "show"))]
    assert either[0] == either[1], "as the steps, it takes either id"  # its shops may report between the two
    assert run("order", "confirm", order_id, "--collect-within", "24h")["order"]["status"] == "CONFIRMED"
    assert run("order", "extend", order_id, "--ttl", "2h")["order"]["expires_at_ms"] == (NOW_S + 7_200) * 1000
    ready = run("order", "ready", order_id)["outcomes"]
    assert [(one["store_id"], one["reservation"]["status"]) for one in ready] == [("s1", "READY"), ("s2", "READY")]
    assert "COLLECTED" in run.words("order", "collect", order_id, "--payment", "p1")
    refused = run("order", "ready", order_id, code=1)["outcomes"]
    assert [one["rejection"]["reason"] for one in refused] == ["TRANSITION_NOT_ALLOWED"] * 2
    assert "refused: TRANSITION_NOT_ALLOWED" in run.words("order", "ready", order_id, code=1)


def test_an_order_is_released(run: Command) -> None:
    order_id = run(*SPLIT)["order"]["order_id"]
    assert run("order", "release", order_id, "--reason", "fraud")["order"]["release_reason"] == "FRAUD"
    assert run("order", "extend", order_id, "--ttl", "1h", code=1)["rejection"]["order_id"] == order_id
    assert run("order", "show", "0007/9", code=4)["error"]["kind"] == "NotFound"
    assert run("order", "collect", "0007/9", "--payment", "p", code=1)["rejection"]["reason"] == (
        "RESERVATION_NOT_FOUND"
    )


def test_a_shop_that_did_not_decide_is_exit_code_3_and_names_the_key(run: Command) -> None:
    order_id = run(*SPLIT)["order"]["order_id"]
    run("order", "confirm", order_id)
    run.service.faults["MarkOrderReady"].extend([FailItems(lambda outcome: outcome.store_id == "s2", 14)] * 1_000)
    told = run("order", "ready", order_id, "--key", "k1", "--timeout", "100ms", code=3)["outcomes"]
    assert told[0]["reservation"]["status"] == "READY"
    assert (told[1]["error"]["kind"], told[1]["error"]["idempotency_key"]) == ("OutcomeUnknown", "k1")
    words = run.words("order", "ready", order_id, "--key", "k1", "--timeout", "100ms", code=3)
    assert "not decided" in words
    assert "k1" in words


def test_a_lost_order_is_placed_once(run: Command) -> None:
    run.service.faults["Reserve"].append(LoseAnswer())
    assert run(*SPLIT, "--key", "k1") == run(*SPLIT, "--key", "k1")
    assert len(run.service.asked("Reserve")) == 3
    assert run.service.orders_decided() == 1


def test_where_no_shop_is_in_reach_the_nearest_are_named(run: Command) -> None:
    refused = run("reserve", "a=99", "--near", "1010", "--customer", "c1", code=1)["rejection"]
    assert refused["reason"] == "NO_STORE_IN_REACH"
    assert refused["near_stores"][0] == {"store_id": "s1", "kilometres": 1.0, "has_everything": False}
    assert run.service.asked("Reserve")[0].sourcing.place.postcode == "1010"
    assert "s1 at 1.0 km" in run.words("reserve", "a=99", "--near", "1010", "--customer", "c1", code=1)


def test_a_reserve_under_a_limit_of_the_whole_chain_is_a_reservation(run: Command) -> None:
    policy = run("policy", "show")["policy"]
    policy["chain_limit_rules"] = [{"channel": "app", "units_max": 3}]
    run("policy", "set", "--file", "-", stdin=json.dumps({"policy": policy}))
    held = run("reserve", "s1", "a", "--customer", "c1", "--channel", "app")["reservation"]
    assert run("show", held["reservation_id"])["reservation"] == held
    refused = run("reserve", "s3", "a=9", "--customer", "c1", "--channel", "app", code=1)["rejection"]
    assert (refused["reason"], refused["available"]) == ("UNITS_LIMIT", 2)


def test_a_reservation_is_amended(run: Command) -> None:
    name = run("reserve", "s3", "a", "--customer", "c1")["reservation"]["reservation_id"]
    found = run("amend", name, "a=2", "b=1", "--ttl", "2h", "--slot", SLOT, "--key", "k1")["reservation"]
    assert [(line["sku"], line["quantity"]) for line in found["lines"]] == [("a", 2), ("b", 1)]
    assert (found["slot_start_ms"], found["expires_at_ms"] // 1000) == (SLOT_S * 1000, NOW_S + 7_200)
    assert run("amend", name, "a=99", code=1)["rejection"]["reason"] == "INSUFFICIENT_STOCK"
    assert run.service.asked("AmendReservation")[0].idempotency_key == "k1"
    assert "2 of 2 x a" in run.words("show", name)


def test_an_order_is_amended_shop_by_shop(run: Command) -> None:
    order_id = run(*SPLIT)["order"]["order_id"]
    stores = ("--store", "s3:a=2,b=1", "--store", "s1:", "--store", "s2:")
    found = run("amend", order_id, *stores, "--slot", SLOT, "--ttl", "3h")["order"]
    assert found["expires_at_ms"] == (NOW_S + 3 * 3_600) * 1_000
    assert [(part["store_id"], part["slot_start_ms"]) for part in found["parts"]] == [("s3", SLOT_S * 1000)]
    plans = run.service.asked("AmendOrder")[0].stores
    assert [(plan.store_id, len(plan.lines), plan.HasField("slot_start")) for plan in plans] == [
        ("s3", 2, True),
        ("s1", 0, False),
        ("s2", 0, False),
    ]
    assert run("amend", order_id, "--store", "s3:a=99", code=1)["rejection"]["reason"] == "INSUFFICIENT_STOCK"


def test_a_sku_may_have_a_colon_or_a_comma() -> None:
    (plan,) = store_plans(["s1:ean:9=3,red=2,b=1"], None)
    assert plan == StorePlan("s1", (("ean:9", 3), ("red", 2), ("b", 1)))
    (plan,) = store_plans(["s1:tie,red=2"], 5)
    assert plan == StorePlan("s1", (("tie,red", 2),), 5)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["reserve", "s1", "--customer", "c"], "What is s1 to hold"),
        (["reserve", "a=1", "b=1", "--customer", "c"], "stands where the shop does"),
        (["reserve", "s1", "a=1", "--near", "1010", "--customer", "c"], "is 's1' a shop, leave it out"),
        (["reserve", "a=1", "--near", "91,0", "--customer", "c"], "is not a place"),
        (["reserve", "a=1", "--near", "", "--customer", "c"], "is empty"),
        (["find", "a=1", "--postcode", "DE:"], "is empty"),
        (["reserve", "s1", "a=1", "--policy", "split", "--customer", "c"], "give --near too"),
        (["reserve", "s1", "a=1", "--km-max", "3", "--customer", "c"], "--km-max"),
        (["reserve", "s1", "a=1", "--slot", "noon", "--customer", "c"], "--slot"),
        (["reserve", "s1", "a=1", "--collect-by", SLOT, "--customer", "c"], "give --near too"),
        (["reserve", "a=1", "--near", "1,1", "--collect-by", "noon", "--customer", "c"], "is not an instant"),
        (["find", "a", "--near", "1,1", "--collect-by", "tomorrow"], "--collect-by"),
        (["find", "a"], "--near LAT,LON or --postcode"),
        (["find", "a", "--near", "1,1", "--postcode", "1"], "one of them"),
        (["find", "a", "--near", "1,"], "is not a place"),
        (["explain", "a", "--near", "1,1", "--policy", "nearest"], "nearest"),
        (["explain", "a", "--near", "1,1", "--stores-max", "6"], "--stores-max"),
        (["slots", "s1", "--window", "long"], "is not a time"),
        (["amend", "s1:1"], "Nothing would change"),
        (["amend", "s1:1", "a"], "SKU=UNITS"),
        (["amend", "s1:1", "--store", "s2:a=1"], "stays in its shop"),
        (["amend", ORDER], "Nothing would change"),
        (["amend", ORDER, "a=1"], "--store S1:a=1"),
        (["amend", ORDER, "--ttl", "1h"], "holdfast order extend"),
        (["amend", ORDER, "--store", "s1"], "is not STORE:SKU=UNITS"),
        (["amend", ORDER, "--store", "s1:a"], "is not STORE:SKU=UNITS"),
        (["amend", ORDER, "--store", "s1:a=1,"], "is not STORE:SKU=UNITS"),
        (["amend", ORDER, "--store", ":a=1"], "is not STORE:SKU=UNITS"),
        (["amend", ORDER, "--store", "s1:a=1", "--store", "s1:b=1"], "named twice"),
        (["order", "release", ORDER, "--reason", "replaced"], "--reason"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_says_what_to_do(service: Service, arguments: list[str], why: str) -> None:
    told = Command(service, NOBODY)(*arguments, code=2)
    assert told["error"]["kind"] == "Usage"
    assert why in told["error"]["why"]
