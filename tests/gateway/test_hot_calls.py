"""PromoteSku, DemoteSku and ListHotSkus: what an operator says of hot SKUs."""

import grpc

from actors.core.chain import HOT_SKUS_MAX
from actors.core.policy import LimitRule, Policy
from holdfast.v1 import admin_service_pb2 as ad
from serve.wire.fields import fill_instant, instant_ms
from tests.gateway.front import Front


def listed(front: Front) -> list[ad.HotSku]:
    return list(front.accept("ListHotSkus", ad.ListHotSkusRequest()).hot_skus)


def promoted(front: Front, sku: str, starts_at_ms: int = 0) -> ad.HotSku:
    request = ad.PromoteSkuRequest(sku=sku)
    if starts_at_ms:
        fill_instant(starts_at_ms, request.starts_at)
    hot = front.accept("PromoteSku", request).hot_sku
    assert isinstance(hot, ad.HotSku)
    return hot


def test_a_sku_is_promoted_listed_and_demoted(front: Front) -> None:
    assert listed(front) == []
    hot = promoted(front, "A")
    assert (hot.sku, hot.open, hot.announced) == ("A", True, True)
    assert instant_ms(hot.starts_at) == front.clock.now_ms()
    assert not hot.HasField("closed_at")
    assert promoted(front, "A") == hot, "a repeat changes nothing"
    front.clock.move(1_000)
    closed = front.accept("DemoteSku", ad.DemoteSkuRequest(sku="A")).hot_sku
    assert (closed.open, closed.announced, closed.HasField("starts_at")) == (False, False, False)
    assert instant_ms(closed.closed_at) == front.clock.now_ms()
    assert listed(front) == [closed]


def test_an_announced_one_is_told_before_it_begins_and_can_be_taken_back(front: Front) -> None:
    starts_at_ms = front.clock.now_ms() + 60_000
    hot = promoted(front, "A", starts_at_ms)
    assert (hot.open, hot.announced, instant_ms(hot.starts_at)) == (False, True, starts_at_ms)
    later = promoted(front, "A", starts_at_ms + 1)
    assert instant_ms(later.starts_at) == starts_at_ms + 1
    for _ in range(2):
        assert front.accept("DemoteSku", ad.DemoteSkuRequest(sku="A")).hot_sku == ad.HotSku(sku="A")
    assert listed(front) == []


def test_a_late_copy_of_a_call_undoes_nothing_that_was_said_since(front: Front) -> None:
    """Where it says what it is based on. A repeat that finds what it asked for is answered."""
    before = front.accept("ListHotSkus", ad.ListHotSkusRequest()).revision
    promote = ad.PromoteSkuRequest(sku="A", expected_revision=before)
    opened = front.accept("PromoteSku", promote)
    assert front.accept("PromoteSku", promote) == opened
    assert opened.revision > before
    demote = ad.DemoteSkuRequest(sku="A", expected_revision=opened.revision)
    closed = front.accept("DemoteSku", demote)
    assert front.accept("DemoteSku", demote) == closed
    later = ad.PromoteSkuRequest(sku="B", expected_revision=closed.revision)
    fill_instant(front.clock.now_ms() + 60_000, later.starts_at)
    announced = front.accept("PromoteSku", later)
    assert front.accept("PromoteSku", later) == announced
    front.accept("DemoteSku", ad.DemoteSkuRequest(sku="B"))
    newest = front.accept("ListHotSkus", ad.ListHotSkusRequest())
    for late in (promote, later):
        refused = front.ask("PromoteSku", late)
        assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "HOT_SKUS_CHANGED")
        assert refused.metadata == {"sku": late.sku, "revision": str(newest.revision)}
    promoted(front, "A")
    refused = front.ask("DemoteSku", demote)
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "HOT_SKUS_CHANGED")
    assert [hot.sku for hot in listed(front) if hot.open] == ["A"]


def test_a_limit_within_shops_takes_an_announcement_back(front: Front) -> None:
    promoted(front, "A", front.clock.now_ms() + 60_000)
    promoted(front, "B", front.clock.now_ms() + 60_000)
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.limit_rules.add(sku="A", units_max=1)
    front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
    assert [hot.sku for hot in listed(front)] == ["B"]


def test_one_too_many_is_refused_by_name(front: Front) -> None:
    for number in range(HOT_SKUS_MAX):
        promoted(front, f"A{number:02d}")
    refused = front.ask("PromoteSku", ad.PromoteSkuRequest(sku="B"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "TOO_MANY_HOT_SKUS")
    assert refused.metadata == {"sku": "B"}
    assert [hot.sku for hot in listed(front)] == [f"A{number:02d}" for number in range(HOT_SKUS_MAX)]


def test_what_is_limited_within_shops_is_refused_by_name(front: Front) -> None:
    front.run(lambda: front.actors.set_policy(Policy(limit_rules=(LimitRule("", "A", 1, 0),))))
    refused = front.ask("PromoteSku", ad.PromoteSkuRequest(sku="A"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "SKU_LIMITED_IN_SHOPS")
    assert promoted(front, "B").open
