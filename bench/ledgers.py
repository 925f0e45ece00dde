"""What a run does to a service's ledgers besides loading them: it opens stock before, and asks for a verdict after."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

import grpc

from actors.shop.audit_books import Violation
from bench.record import Conservation, Told, judged
from bench.samples import sku
from holdfast.v1 import (
    admin_service_pb2 as admin_pb2,
    admin_service_pb2_grpc as admin_grpc,
    stock_pb2,
    stock_service_pb2,
    stock_service_pb2_grpc as stock_grpc,
)

UNITS: Final = 100_000_000  # on hand of each SKU: no run sells out
ROWS_MAX: Final = 4_096
CALL_S: Final = 60.0
# Serve hides a call's deadline from the service, so it goes along.
TIME: Final = (("holdfast-timeout-ms", str(int(CALL_S * 1_000))),)


@contextmanager
def connected(target: str) -> Iterator[grpc.Channel]:
    """A blocking channel, closed at the end."""
    with grpc.insecure_channel(target, options=(("grpc.max_receive_message_length", 64 << 20),)) as channel:
        yield channel


def open_stock(target: str, store_ids: Sequence[str], skus: int) -> None:
    """Receive so many SKUs into each shop."""
    with connected(target) as channel:
        service: Any = stock_grpc.StockServiceStub(channel)
        for store_id in store_ids:
            for first in range(0, skus, ROWS_MAX):
                request = stock_service_pb2.AdjustStockRequest(
                    idempotency_key=uuid4().hex, store_id=store_id, source="bench"
                )
                for number in range(first, min(skus, first + ROWS_MAX)):
                    request.adjustments.add(
                        sku=sku(number), delta=UNITS, sequence=number + 1, kind=stock_pb2.ADJUSTMENT_KIND_RECEIPT
                    )
                service.AdjustStock(request, timeout=CALL_S, metadata=TIME)


def status(target: str, store_id: str) -> admin_pb2.GetLedgerStatusResponse:
    """Where a ledger stands."""
    with connected(target) as channel:
        service: Any = admin_grpc.AdminServiceStub(channel)
        found: admin_pb2.GetLedgerStatusResponse = service.GetLedgerStatus(
            admin_pb2.GetLedgerStatusRequest(store_id=store_id), timeout=CALL_S, metadata=TIME
        )
        return found


def receive(target: str, store_id: str, of_sku: str, units: int = UNITS) -> None:
    """Receive one more SKU into one shop."""
    with connected(target) as channel:
        service: Any = stock_grpc.StockServiceStub(channel)
        request = stock_service_pb2.AdjustStockRequest(idempotency_key=uuid4().hex, store_id=store_id, source=of_sku)
        request.adjustments.add(sku=of_sku, delta=units, sequence=1, kind=stock_pb2.ADJUSTMENT_KIND_RECEIPT)
        service.AdjustStock(request, timeout=CALL_S, metadata=TIME)


def verdict(target: str, store_ids: Iterable[str], told: Iterable[Told]) -> Conservation:
    """Every shop's stock computed again from its journal, and all accepted answers counted against what it says."""
    found, violations = 0, []
    with connected(target) as channel:
        service: Any = admin_grpc.AdminServiceStub(channel)
        for store_id in store_ids:
            request = admin_pb2.VerifyLedgerRequest(store_id=store_id)
            reply = service.VerifyLedger(request, timeout=2 * CALL_S, metadata=TIME)
            found += reply.accepted
            violations += [
                Violation(d.invariant, f"{store_id} {d.subject}", d.expected, d.found) for d in reply.discrepancies
            ]
            if reply.units_oversold:
                violations.append(Violation("I2", store_id, "no unit oversold", str(reply.units_oversold)))
    answers = list(told)
    return judged(Told(sum(one.accepted for one in answers), sum(one.unknown for one in answers)), found, violations)
