"""A service whose format nobody has raised: what would need a later one is refused by name, and nothing is done."""

from collections.abc import Iterator
from inspect import Parameter, signature
from pathlib import Path

import grpc
import pytest

from actors.protocol.formats import FIRST, FORMATS, NEWEST, Format, Writing
from actors.shop.events import SafetyStockSet
from holdfast.v1 import (
    admin_service_pb2 as ad,
    allotment_pb2,
    allotment_service_pb2 as als,
    pick_service_pb2 as ps,
    stock_service_pb2 as ss,
)
from serve.gateway import Gateway
from tests.gateway.front import Front
from tests.gateway.hot import again, first, promote
from tests.gateway.test_hot_quota import of, shop_of
from tests.runtime.runtime_fixture import ManualClock


@pytest.fixture
def former(tmp_path: Path) -> Iterator[Front]:
    """A gateway over a service of the first format."""
    with Front(tmp_path, ManualClock(), writing=Writing(FIRST)) as front:
        front.receive("A")
        yield front


def policy() -> ad.SetPolicyRequest:
    request = ad.SetPolicyRequest()
    for field, seconds in (("ttl_default", 60), ("ttl_max", 600), ("collect_within", 600)):
        getattr(request.policy, field).FromSeconds(seconds)
    return request


def test_rules_of_a_later_format_are_refused_by_name(former: Front) -> None:
    request = policy()
    request.policy.line_rules.add(store_id="S1", may_pass=True)
    answer = former.ask("SetPolicy", request)
    assert (answer.code, answer.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "FORMAT_NOT_RAISED")
    assert "holdfast format raise" in answer.message
    assert answer.metadata == {"format": str(FIRST), "needed": str(NEWEST)}
    assert former.accept("GetPolicy", ad.GetPolicyRequest()).policy.version == 1
    assert former.accept("SetPolicy", policy()).policy.version == 2


def test_a_shop_of_the_first_format_picks_nothing(former: Front) -> None:
    request = policy()
    request.policy.picks = True
    asked = ps.ClaimPickTaskRequest(idempotency_key="k1", store_id="S1", picker_id="t1")
    for answer in (former.ask("SetPolicy", request), former.ask("ClaimPickTask", asked)):
        assert (answer.code, answer.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "FORMAT_NOT_RAISED")
    assert list(former.accept("ListPickTasks", ps.ListPickTasksRequest(store_id="S1")).tasks) == []


def test_events_of_a_later_format_are_not_decided(former: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    later = Format(("safety stock",), kinds=(SafetyStockSet,))
    monkeypatch.setitem(FORMATS, NEWEST, later)
    former.actors.kill("store-S1")
    former.actors.writing = Writing(FIRST)
    request = ss.SetSafetyStockRequest(store_id="S1", idempotency_key="k1")
    request.safety_stocks.add(sku="A", quantity=1)
    answer = former.ask("SetSafetyStock", request)
    assert (answer.code, answer.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "FORMAT_NOT_RAISED")
    version = former.accept("GetLedgerStatus", ad.GetLedgerStatusRequest(store_id="S1")).version

    monkeypatch.setitem(FORMATS, NEWEST, later._replace(kinds=()))
    former.actors.kill("store-S1")
    former.actors.writing = Writing(FIRST)
    assert former.accept("SetSafetyStock", request).change.version == version + 1, "the key is as new"


def test_what_only_tells_more_is_left_out(former: Front) -> None:
    """A channel's quota of a hot SKU is in its shop, as in the version before; nobody is sold more than there is."""
    former.receive("H", 5)
    request = als.AllotStockRequest(
        idempotency_key="quota", store_id="S1", holder_kind=allotment_pb2.HOLDER_KIND_CHANNEL, holder="app"
    )
    request.lines.add(sku="H", quantity=2)
    request.ttl.FromSeconds(3_600)
    assert former.accept("AllotStock", request).HasField("allotment")
    promote(former)
    assert shop_of(former.accept("Reserve", of("web", "w", 3))) == "hot/H"
    refused = former.accept("Reserve", of("app", "a"))
    assert refused.HasField("rejection")
    assert former.accept("Reserve", again(first("w2"))).HasField("rejection")


def test_status_says_the_format(former: Front, front: Front) -> None:
    for each, number in ((former, FIRST), (front, NEWEST)):
        assert each.accept("GetLedgerStatus", ad.GetLedgerStatusRequest(store_id="S1")).format == number


def test_a_ledger_is_verified_by_the_format_that_it_has(former: Front) -> None:
    assert former.accept("VerifyLedger", ad.VerifyLedgerRequest(store_id="S1")).holds


def test_no_shop_moves_before_a_format_that_has_it(former: Front) -> None:
    answer = former.ask("MoveStore", ad.MoveStoreRequest(store_id="S1", actor="store-S2"))
    assert (answer.code, answer.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "FORMAT_NOT_RAISED")
    assert former.gateway._router.chain.moves == {}
    assert former.accept("GetLedgerStatus", ad.GetLedgerStatusRequest(store_id="S1")).actor == "store-S1"


def test_a_gateway_is_started_by_what_the_version_before_gives() -> None:
    """Serve starts it anew as the service's process has told it at its start, which may be of that version."""
    own = list(signature(Gateway.__init__).parameters.values())[1:]
    given = ["journals", "actor_host", "store_actors", "customer_actors", "postcodes", "hint_ms", "hot_rate"]
    assert [each.name for each in own[: len(given)]] == given
    assert [each.name for each in own[len(given) :] if each.default is Parameter.empty] == []
