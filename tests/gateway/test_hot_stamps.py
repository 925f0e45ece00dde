"""Stamps: keys that prove by their end that they are younger than the word of their shop, and keys that do not."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from actors.core.policy import HotSku
from actors.core.stamps import STAMP_CHARS
from actors.protocol.messages import Entry
from actors.shop.commands import Reserve
from holdfast.v1 import (
    admin_service_pb2 as ad,
    reservation_service_pb2 as rs,
    stock_pb2,
    stock_service_pb2 as ss,
)
from serve.coordination.hot_stamps import Stamps
from serve.routing.sold_out import SoldOut
from tests.gateway.front import Front
from tests.gateway.hot import OtherGateway, again, demote, first, promote, sold, tidy
from tests.runtime.runtime_fixture import ManualClock


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """Ten of H in each of three shops."""
    with Front(tmp_path, ManualClock()) as front:
        for store_id in ("S1", "S2", "S3"):
            front.receive("H", 10, store_id)
        front.gateway._router.sold_out = SoldOut(0.0)  # no hints: what is short is known without them
        yield front


def stamp_of(front: Front | OtherGateway, key: str, store_id: str = "S1") -> str:
    return str(front.accept("Reserve", again(first(key, store_id))).key_stamp)


def asked(front: Front, request: rs.ReserveRequest) -> tuple[list[str], rs.ReserveResponse]:
    """The actors that a Reserve took a step of, in sequence, and the answer."""
    before = len(front.actors.calls)
    answer = front.accept("Reserve", request)
    return [actor for actor, method, _ in front.actors.calls[before:] if method == "step"], answer


def test_a_stamped_key_is_decided_with_one_step(front: Front) -> None:
    assert stamp_of(front, "cold") == ""
    promote(front)
    stamp = stamp_of(front, "a")
    assert len(stamp) == STAMP_CHARS
    hot = asked(front, again(first("b")))[0][-1:]
    request = again(first(f"b{stamp}"))
    steps, answer = asked(front, request)
    assert steps == hot
    assert answer.reservation.reservation_id.startswith("hot/H:")
    assert not answer.key_stamp, "the caller knows it"
    assert front.accept("Reserve", request) == answer
    assert len(asked(front, again(first("c")))[0]) == 2, "its shop was asked for its word"


def test_in_a_batch_each_item_is_told_its_own(front: Front) -> None:
    promote(front)
    batch = rs.ReserveBatchRequest(requests=[again(first(f"k{shop}", shop)) for shop in ("S1", "S2", "S1")])
    stamps = [each.key_stamp for each in front.accept("ReserveBatch", batch).outcomes]
    assert stamps[0] == stamps[2] != stamps[1]
    assert all(len(each) == STAMP_CHARS for each in stamps)


def test_what_is_sold_out_is_told_with_a_stamp_too(front: Front) -> None:
    promote(front)
    assert front.accept("Reserve", first("all", "S1", 10)).HasField("reservation")
    refused = front.accept("Reserve", again(first("b")))
    assert refused.HasField("rejection")
    assert len(refused.key_stamp) == STAMP_CHARS


def test_under_a_limit_of_the_chain_too(front: Front) -> None:
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.chain_limit_rules.add(sku="H", units_max=2)
    front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
    promote(front)
    stamp = stamp_of(front, "a")
    batch = rs.ReserveBatchRequest(requests=[again(first(f"b{stamp}")), again(first("c"))])
    told = front.accept("ReserveBatch", batch).outcomes
    assert [each.reservation.reservation_id[:6] for each in told] == ["hot/H:"] * 2
    assert [each.key_stamp for each in told] == ["", stamp]


def test_of_what_its_ledger_is_short_of_one_call_of_a_batch_asks_for_all(front: Front) -> None:
    """And each is decided when the units were fetched that are there, those of a shop apart from another's."""
    promote(front)
    stamps = {shop: stamp_of(front, f"a {shop}", shop) for shop in ("S1", "S2")}
    assert front.accept("Reserve", first(f"all{stamps['S1']}", "S1", 9)).HasField("reservation")
    assert front.accept("Reserve", first(f"more{stamps['S1']}", "S1")).HasField("rejection")
    row = stock_pb2.Adjustment(sku="H", delta=2, kind=stock_pb2.ADJUSTMENT_KIND_RECEIPT)
    other = OtherGateway(front)  # or this one would know that there is some
    other.accept(
        "AdjustStock", ss.AdjustStockRequest(idempotency_key="r", store_id="S1", source="w", adjustments=[row])
    )
    sent: list[list[str]] = []
    router = front.gateway._router
    submit = router.submit

    def noted(ledgers: Sequence[str], entries: Sequence[Any], deadline: float, **more: Any) -> Any:
        sent.append([command.key for ledger_id, command in entries if ledger_id == "hot/H" and command.key])
        return submit(ledgers, entries, deadline, **more)

    router.submit = noted  # type: ignore[method-assign,assignment]
    shops = ["S1", "S1", "S2", "S1", "S1", "S2"]
    requests = [again(first(f"k{number}{stamps[shop]}", shop)) for number, shop in enumerate(shops)]
    told = front.accept("ReserveBatch", rs.ReserveBatchRequest(requests=requests)).outcomes
    assert [each.HasField("reservation") for each in told] == [True, True, True, False, False, True]
    assert [len(keys) for keys in sent if keys] == [3, 4], "the first of S1, those of S2; and then all of S1"
    assert sold(front) == 10 + 2 + 3
    other.close()


def test_nobody_is_told_one_before_the_shop_has_given_its_word(front: Front) -> None:
    """Or its key, which is young enough by its stamp, might be decided by a shop that has not heard yet."""
    front.accept("PromoteSku", ad.PromoteSkuRequest(sku="H"))
    calls = front.gateway._reconciler._hot
    hot = front.gateway._router.chain.hot["H"]
    assert calls.stamp(_entry("a")) == ""
    tidy(front)
    stamp = calls._stamps.of("S1", hot)
    assert calls.stamp(_entry("a")) == stamp != ""
    assert calls.stamp(_entry(f"a{stamp}")) == ""
    assert calls.stamp(_entry("a", "B")) == ""


def test_a_gateway_that_has_not_heard_of_the_opening_sends_it_by_the_shop(front: Front) -> None:
    other = OtherGateway(front)
    promote(front)
    request = again(first(f"a{stamp_of(front, 'b')}"))
    held = other.accept("Reserve", request).reservation
    assert front.accept("Reserve", request).reservation == held
    other.close()


def test_a_stamp_of_an_opening_that_is_over_is_no_word(front: Front) -> None:
    promote(front)
    stamp = stamp_of(front, "a")
    demote(front)
    tidy(front)
    cold = front.accept("Reserve", again(first(f"b{stamp}"))).reservation
    assert cold.reservation_id.startswith("S1:")
    promote(front)
    newer = stamp_of(front, "c")
    assert newer not in ("", stamp)
    steps, found = asked(front, again(first(f"b{stamp}")))
    assert (steps, found.reservation.reservation_id) == (["store-S1"], cold.reservation_id)
    assert sold(front) == 3


FORGERIES: dict[str, Callable[[HotSku], str]] = {
    "of another shop": lambda hot: Stamps().of("S2", hot),
    "of another SKU": lambda hot: Stamps().of("S1", replace(hot, sku="G")),
    "of a later generation": lambda hot: Stamps().of("S1", replace(hot, generation=hot.generation + 2)),
    "of a chain that was restored": lambda hot: Stamps().of("S1", replace(hot, seal="another")),
    "made up": lambda _: "~" + "A" * (STAMP_CHARS - 1),
    "cut off": lambda hot: Stamps().of("S1", hot)[:-1],
    "in front of more": lambda hot: Stamps().of("S1", hot) + "x",
}


@pytest.mark.parametrize("forged", FORGERIES.values(), ids=FORGERIES)
def test_any_other_stamp_is_no_word(forged: Callable[[HotSku], str]) -> None:
    hot = HotSku("H", 3, is_open=True, seal="secret")
    assert Stamps().is_on("k" + Stamps().of("S1", hot), "S1", hot)
    assert not Stamps().is_on("k" + forged(hot), "S1", hot)


def test_a_key_with_a_made_up_stamp_is_decided_once(front: Front) -> None:
    request = again(first("k~" + "A" * (STAMP_CHARS - 1)))
    cold = front.accept("Reserve", request).reservation
    promote(front)
    steps, found = asked(front, request)
    assert (steps, found.reservation.reservation_id) == (["store-S1"], cold.reservation_id)
    assert sold(front) == 1


def _entry(key: str, sku: str = "H") -> Entry:
    return "S1", Reserve(key, "c", "web", "", ((sku, 1),), 0)


def test_one_that_was_opened_without_a_secret_has_no_stamps() -> None:
    """By a version that knew none."""
    hot = HotSku("H", 3, True)
    assert Stamps().of("S1", hot) == ""
    assert not Stamps().is_on("k", "S1", hot)
    assert not Stamps().is_on("", "S1", hot)
