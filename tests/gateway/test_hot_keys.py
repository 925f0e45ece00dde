"""Keys of calls for a hot SKU that callers use again for something else: that is refused, and the first answer stays
what it was.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from msgspec.structs import replace

from actors.core.rejection import Reason
from actors.protocol.messages import Answer, Entry, LedgerStopped, Refusal
from actors.protocol.placement import Placement
from actors.shop import commands as shop
from actors.shop.hot import decide as decide_hot, keys as hot_keys
from actors.store_transfers import LearnedKeys
from holdfast.v1 import error_pb2, reservation_service_pb2 as rs, stock_pb2, stock_service_pb2 as ss
from serve.routing import key_owners, router
from serve.routing.batcher import DeadlinePassed
from serve.routing.key_owners import KeyOwners
from tests.gateway.front import Front, reserve_request
from tests.gateway.hot import again, demote, first, promote, release, tidy
from tests.gateway.test_one_key import BY_PLACE
from tests.runtime.loop_time import skip, turns
from tests.runtime.runtime_fixture import WAIT_S, ManualClock
from tests.waiting import until_async

REUSED = error_pb2.REASON_IDEMPOTENCY_KEY_REUSED


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    with Front(tmp_path, ManualClock()) as front:
        front.receive("H", 5)
        front.receive("A", 500)
        promote(front)
        yield front


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("wait", [False, True])
def test_the_first_answer_is_given_again_whatever_the_key_was_used_for_since(
    front: Front, *, closed: bool, wait: bool
) -> None:
    held = front.accept("Reserve", first("k")).reservation.reservation_id
    assert held.startswith("hot/H:")
    other = reserve_request("k", "H" if wait else "A")
    if wait:
        other.wait.FromSeconds(60)
    assert front.accept("Reserve", other).rejection.reason == REUSED
    if closed:
        demote(front)
        tidy(front)
    assert front.accept("Reserve", again(first("k"))).reservation.reservation_id == held
    assert front.accept("Reserve", again(first("k", units=2))).rejection.reason == REUSED
    release(front, held)
    assert front.accept("Reserve", again(first("k"))).reservation.reservation_id == held


@pytest.mark.parametrize("closed", [False, True])
def test_a_key_of_something_else_is_refused_as_reused(front: Front, *, closed: bool) -> None:
    other = front.accept("Reserve", reserve_request("k", "A")).reservation.reservation_id
    if closed:
        demote(front)
        tidy(front)
    for _ in range(2):
        assert front.accept("Reserve", again(first("k"))).rejection.reason == REUSED
    assert front.accept("Reserve", reserve_request("k", "A")).reservation.reservation_id == other


def hot_actor() -> str:
    return Placement(0).actor_of("hot/H")


def stamped(front: Front, key: str) -> str:
    return f"{key}{front.accept('Reserve', again(first(f'before {key}'))).key_stamp}"


@pytest.mark.parametrize("is_stamped", [False, True])
@pytest.mark.parametrize("since", ["", "restart", "demotion", "both", "promotion"])
def test_a_shop_knows_which_keys_the_ledger_of_a_sku_has_answered(
    front: Front, since: str, *, is_stamped: bool
) -> None:
    """Also a process of the shop that has sent none of them there, and after the stamp is none any more."""
    front.receive("H", 5, "S2")
    key = stamped(front, "k") if is_stamped else "k"
    held = front.accept("Reserve", again(first(key))).reservation.reservation_id
    assert held.startswith("hot/H:")
    if since in ("restart", "both"):
        front.actors.kill("store-S1")
    if since in ("demotion", "both", "promotion"):
        demote(front)
        tidy(front)
    if since == "promotion":
        promote(front)
    assert front.reserve(key).rejection.reason == REUSED
    basket = reserve_request(key, "H")
    basket.basket_id = "b"
    assert front.accept("Reserve", basket).rejection.reason == REUSED
    row = stock_pb2.Adjustment(sku="A", delta=1, kind=stock_pb2.ADJUSTMENT_KIND_RECEIPT)
    moved = ss.AdjustStockRequest(idempotency_key=key, store_id="S1", source="w", adjustments=[row])
    assert front.accept("AdjustStock", moved).rejection.reason == REUSED
    mine = front.reserve("other").reservation.reservation_id
    step = rs.ConfirmReservationRequest(idempotency_key=key, reservation_id=mine)
    assert front.accept("ConfirmReservation", step).rejection.reason == REUSED
    batch = rs.ReserveBatchRequest(requests=[reserve_request(key), reserve_request("free"), reserve_request(key, "H")])
    told = front.accept("ReserveBatch", batch).outcomes
    assert told[0].rejection.reason == REUSED
    assert told[1].HasField("reservation")
    assert told[2].reservation.reservation_id == held
    assert front.reserve(key, store_id="S2").rejection.reason != REUSED, "a key is one shop's"


def test_an_order_under_such_a_key_is_refused_too(front: Front) -> None:
    """Its claim has the key of its call."""
    front.accept("Reserve", first("k"))
    order = reserve_request("k", "A")
    order.ClearField("store_id")
    order.sourcing.CopyFrom(BY_PLACE)
    assert front.accept("Reserve", order).rejection.reason == REUSED


def test_another_hot_sku_does_not_have_it_either(front: Front) -> None:
    front.receive("G", 5)
    promote(front, "G")
    of_h = stamped(front, "k")
    assert front.accept("Reserve", again(first(of_h, sku="G"))).rejection.reason == REUSED, "it is for H"
    assert front.accept("Reserve", again(first(of_h))).HasField("reservation")
    for key in ("a", "b"):
        assert front.accept("Reserve", again(first(key))).HasField("reservation")
        assert front.accept("Reserve", again(first(key, sku="G"))).rejection.reason == REUSED
        front.actors.kill("store-S1")


@pytest.mark.parametrize("restarted", [False, True])
def test_a_key_that_was_refused_there_a_moment_ago_is_used_for_nothing_else(front: Front, *, restarted: bool) -> None:
    refused = front.accept("Reserve", again(first("k", units=6)))
    assert refused.rejection.reason == error_pb2.REASON_INSUFFICIENT_STOCK
    if restarted:
        front.actors.kill("store-S1")
    assert front.reserve("k").rejection.reason == REUSED
    assert front.accept("Reserve", again(first("k", units=6))).rejection == refused.rejection


def test_a_key_that_was_sent_on_for_two_skus_is_asked_of_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On two pages of notes: the ledger that has refused it has forgotten that."""
    monkeypatch.setattr(hot_keys, "NOTED_MAX", 2)
    clock = ManualClock()
    with Front(tmp_path, clock) as front:
        for sku in ("H", "G"):
            front.receive(sku, 5)
            promote(front, sku)
        front.receive("A", 5)
        for key in ("x", "k"):
            assert front.accept("Reserve", again(first(key, units=6))).HasField("rejection")
        clock.move(700_000)
        front.accept("Reserve", again(first("y")))
        held = front.accept("Reserve", again(first("k", sku="G"))).reservation.reservation_id
        assert held.startswith("hot/G:")
        assert front.reserve("k").rejection.reason == REUSED
        assert front.accept("Reserve", again(first("k", sku="G"))).reservation.reservation_id == held


def test_a_shop_of_the_version_before_is_asked_as_it_asks(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names one SKU, and is told of the key alone."""
    before = decide_hot._hot_key
    monkeypatch.setattr(
        decide_hot, "_hot_key", lambda page, found, unlearned: replace(before(page, found[:1], unlearned), number=0)
    )
    front.accept("Reserve", first("k"))
    front.actors.kill("store-S1")
    assert front.reserve("k").rejection.reason == REUSED
    assert front.reserve("other").HasField("reservation")
    assert "settle_key" in {method for _, method, _ in front.actors.calls}


def test_what_the_ledger_of_the_sku_has_not_answered_may_be_used_and_is_never_answered_there(front: Front) -> None:
    """It was sent there, and did not arrive."""
    actor = hot_actor()
    sent: list[Entry] = []
    send = front.gateway._router.send

    async def lost(entry: Entry, deadline: float, *, promise: bool) -> Answer:
        if entry[0] == "hot/H" and isinstance(entry[1], shop.Reserve):
            sent.append(entry)
            raise DeadlinePassed(sent=True)
        return await send(entry, deadline, promise=promise)

    front.gateway._router.send = lost  # type: ignore[method-assign]
    assert front.ask("Reserve", again(first("k"))).code.name == "UNAVAILABLE"
    front.gateway._router.send = send  # type: ignore[method-assign]
    assert front.reserve("k").HasField("reservation")
    front.actors.kill(actor)

    async def arrives() -> Answer:
        return await send(sent[0], asyncio.get_running_loop().time() + WAIT_S, promise=False)

    late = front.run(arrives)
    assert isinstance(late, Refusal)
    assert late.rejection.reason is Reason.IDEMPOTENCY_KEY_REUSED


def test_a_shop_goes_on_without_the_ledger_of_a_sku_that_does_not_answer(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some keys may then be used twice; nobody's calls end for it."""
    monkeypatch.setattr(key_owners, "ASK_S", 0.05)
    front.accept("Reserve", first("k"))
    front.actors.kill("store-S1")
    held = front.actors.hold(hot_actor())
    assert front.reserve("cold").HasField("reservation")
    held.set()
    monkeypatch.setattr(key_owners, "ASK_AWAY_S", WAIT_S)
    assert front.reserve("k").rejection.reason == REUSED


@pytest.mark.parametrize("stopped", [False, True])
def test_a_large_batch_is_decided_without_the_ledger_of_a_sku(
    front: Front, monkeypatch: pytest.MonkeyPatch, *, stopped: bool
) -> None:
    """Of a shop that has just started, with more keys than there may be questions to its actor."""
    monkeypatch.setattr(router, "ASKING_MAX", key_owners.SETTLING_MAX + 10)
    front.accept("Reserve", first("k"))
    front.actors.kill("store-S1")
    if stopped:
        monkeypatch.setattr(KeyOwners, "_sent", _stopped)
    else:
        monkeypatch.setattr(key_owners, "ASK_S", 0.05)
        front.actors.hold(hot_actor())
    keys = [f"cold {number}" for number in range(2 * router.ASKING_MAX)]
    batch = rs.ReserveBatchRequest(requests=[reserve_request(key) for key in keys])
    assert {each.WhichOneof("result") for each in front.accept("ReserveBatch", batch).outcomes} == {"reservation"}


async def _stopped(*_: Any) -> None:
    raise LedgerStopped("the ledger is stopped; verify it")


def test_a_ledger_that_has_answered_is_waited_for_however_many_keys_it_has(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its keys are none that count as free, and the shop decides other calls while it takes them in."""
    front.accept("Reserve", first("k"))
    front.actors.kill("store-S1")
    takes_in, goes_on, with_heads = Event(), Event(), LearnedKeys.with_heads

    def slowly(*told: Any) -> Any:
        takes_in.set()
        assert goes_on.wait(WAIT_S)
        return with_heads(*told)

    monkeypatch.setattr(LearnedKeys, "with_heads", slowly)

    async def main() -> Any:
        asked = asyncio.create_task(front.asked("Reserve", reserve_request("k")))
        await until_async(lambda: asyncio.sleep(0, takes_in.is_set()), within_s=WAIT_S, what="keys that are learned")
        skip(2 * key_owners.ASK_S)
        await turns()
        host = front.actors.store_actor("store-S1").host
        assert not host._deciding.locked()
        goes_on.set()
        return await asked

    assert front.run(main).reply.rejection.reason == REUSED


def test_a_ledger_that_did_not_answer_is_hardly_waited_for_the_next_time(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_owners, "ASK_S", 0.05)
    front.accept("Reserve", first("k"))
    front.actors.kill("store-S1")
    held = front.actors.hold(hot_actor())
    assert front.reserve("one").HasField("reservation")
    monkeypatch.setattr(key_owners, "ASK_S", 1_000.0)
    assert front.reserve("two").HasField("reservation"), "it waits for a moment, or the test for ever"
    held.set()
    monkeypatch.setattr(key_owners, "ASK_AWAY_S", WAIT_S)
    assert front.reserve("k").rejection.reason == REUSED


def test_a_ledger_that_is_back_and_slow_is_waited_for_again(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """The question of a call that goes on without it goes on as well: by its answer the ledger is known to be back."""
    for key in ("k", "l", "m"):
        front.accept("Reserve", first(key))
    front.actors.kill("store-S1")
    assert front.reserve("cold").HasField("reservation"), "the shop has learned which keys are there"
    monkeypatch.setattr(key_owners, "ASK_S", 0.05)
    held = front.actors.hold(hot_actor())
    assert front.reserve("k").HasField("reservation")
    held.set()
    monkeypatch.setattr(key_owners, "ASK_S", WAIT_S)
    monkeypatch.setattr(key_owners, "ASK_AWAY_S", 0.01)
    sent, answers = KeyOwners._sent, asyncio.Event()

    async def slow(*asked: Any) -> Answer:
        await answers.wait()
        return await sent(*asked)

    monkeypatch.setattr(KeyOwners, "_sent", slow)
    assert front.reserve("l").HasField("reservation"), "nobody knows that it is back"
    answers.set()

    async def is_back() -> bool:
        return not front.gateway._router._owners._away

    front.run(lambda: until_async(is_back, within_s=WAIT_S, what="a ledger that has answered"))
    monkeypatch.setattr(key_owners, "ASK_AWAY_S", 0.0)
    assert front.reserve("m").rejection.reason == REUSED


def test_a_shop_asks_once_for_each_sku_after_its_start(front: Front) -> None:
    front.accept("Reserve", first("k"))
    front.actors.kill("store-S1")
    before = len(front.actors.calls)
    for number in range(4):
        assert front.reserve(f"cold {number}").HasField("reservation")
    methods = [(actor, method) for actor, method, _ in front.actors.calls[before:] if method != "step"]
    assert [method for _, method in methods if method in ("answered", "learn_keys", "settle_keys")] == [
        "answered",
        "learn_keys",
    ]
