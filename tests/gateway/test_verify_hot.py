"""VerifyLedger and GetLedgerStatus of hot SKUs' ledgers: of one that nobody knows nothing is said."""

from typing import Any, Final

import grpc
import pytest

from holdfast.v1 import admin_service_pb2 as ad
from serve.wire.fields import fill_instant
from tests.gateway.front import Front
from tests.gateway.hot import demote, first, promote, tidy

DAY_MS: Final = 86_400_000
REQUESTS: Final[dict[str, Any]] = {"VerifyLedger": ad.VerifyLedgerRequest, "GetLedgerStatus": ad.GetLedgerStatusRequest}


def verified(front: Front, ledger_id: str) -> ad.VerifyLedgerResponse:
    told: ad.VerifyLedgerResponse = front.accept("VerifyLedger", ad.VerifyLedgerRequest(store_id=ledger_id))
    return told


@pytest.mark.parametrize("method", REQUESTS)
def test_one_that_neither_the_chain_nor_a_journal_knows_is_not_found(front: Front, method: str) -> None:
    front.receive("H", 5)
    promote(front)
    for wrong in ("hot/h", "hot/NOPE"):
        found = front.ask(method, REQUESTS[method](store_id=wrong))
        assert (found.code, found.reason, found.fields) == (grpc.StatusCode.NOT_FOUND, "LEDGER_UNKNOWN", ["store_id"])
        assert found.metadata == {"ledger_id": wrong}
    assert front.version("hot/H") == verified(front, "hot/H").version > 0


def test_of_one_that_has_not_begun_there_is_nothing_yet(front: Front) -> None:
    announced = ad.PromoteSkuRequest(sku="H")
    fill_instant(front.clock.now_ms() + DAY_MS, announced.starts_at)
    front.accept("PromoteSku", announced)
    for _ in range(2):
        assert front.version("hot/H") == 0
        assert (verified(front, "hot/H").holds, verified(front, "hot/H").version) == (True, 0)


def test_what_the_chain_has_forgotten_its_journal_tells(front: Front) -> None:
    front.receive("H", 5)
    promote(front)
    assert front.accept("Reserve", first("k")).HasField("reservation")
    demote(front)
    tidy(front)
    before = verified(front, "hot/H")
    assert before.events > 0
    front.clock.move(90 * DAY_MS)
    front.accept("PromoteSku", ad.PromoteSkuRequest(sku="other"))
    assert "H" not in [hot.sku for hot in front.accept("ListHotSkus", ad.ListHotSkusRequest()).hot_skus]
    assert front.version("hot/H") >= before.version
    told = verified(front, "hot/H")
    assert told.holds, told
    assert told.events >= before.events
