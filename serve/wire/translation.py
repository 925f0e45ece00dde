"""Requests to commands: protobuf comes in here and goes no further. `replies` is the way back."""

from collections.abc import Callable
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from actors.core.status import ReleaseReason
from actors.protocol.messages import Entry
from actors.shop import commands as cm
from holdfast.v1 import reservation_service_pb2 as rs, stock_pb2, stock_service_pb2 as ss
from serve.wire import validation as va
from serve.wire.validation import Checked, InvalidRequest

RELEASE_REASONS_ASKED: Final = frozenset(map(int, ReleaseReason)) - {ReleaseReason.REPLACED, ReleaseReason.SHORTFALL}


def reserve(request: rs.ReserveRequest, prefix: str = "") -> tuple[str, cm.Reserve]:
    """The hot path: one quick test, and the long explanation only where it fails.

    The shop is left to the caller, who looks it up anyway: the chain has no shop with a malformed id.
    """
    key, store_id, customer_id = request.idempotency_key, request.store_id, request.customer_id
    channel, basket_id = request.channel, request.basket_id
    lines = tuple([(line.sku, line.quantity) for line in request.lines])
    ttl_ms = 0
    good = (
        0 < len(key) <= va.KEY_CHARS_MAX
        and 0 < len(customer_id) <= va.CUSTOMER_CHARS_MAX
        and 0 < len(channel) <= va.CHANNEL_CHARS_MAX
        and len(basket_id) <= va.BASKET_CHARS_MAX
        and 0 < len(lines) <= va.LINES_MAX
        and (key + customer_id + channel + basket_id).isprintable()
    )
    for sku, quantity in lines:
        good = good and 0 < len(sku) <= va.SKU_CHARS_MAX and 0 < quantity <= va.QUANTITY_MAX and sku.isprintable()
    if request.HasField("ttl"):
        checked = Checked()
        ttl_ms = checked.duration_ms("ttl", request.ttl)
        good = good and not checked.violations
    slot_start_ms = 0
    if request.HasField("slot_start"):
        checked = Checked()
        checked.instant("slot_start", request.slot_start)
        slot_start_ms = instant_ms(request.slot_start)
        good = good and not checked.violations
    if not good:
        raise InvalidRequest(va.check_reserve(request, prefix))
    return store_id, cm.Reserve(key, customer_id, channel, basket_id, lines, ttl_ms, slot_start_ms)


def confirm(request: rs.ConfirmReservationRequest, prefix: str = "") -> Entry:
    """ConfirmReservation."""
    checked = Checked(prefix)
    store_id, number = _keyed_reservation(checked, request)
    within_ms = (
        checked.duration_ms("collect_within", request.collect_within) if request.HasField("collect_within") else 0
    )
    checked.raise_if_faulty()
    return store_id, cm.Confirm(request.idempotency_key, number, within_ms)


def mark_ready(request: rs.MarkReservationReadyRequest, prefix: str = "") -> Entry:
    """MarkReservationReady."""
    checked = Checked(prefix)
    store_id, number = _keyed_reservation(checked, request)
    checked.raise_if_faulty()
    return store_id, cm.MarkReady(request.idempotency_key, number)


def collect(request: rs.CollectReservationRequest, prefix: str = "") -> Entry:
    """CollectReservation."""
    checked = Checked(prefix)
    store_id, number = _keyed_reservation(checked, request)
    checked.text("payment_reference", request.payment_reference, va.PAYMENT_CHARS_MAX)
    va.check_lines(checked, request.lines, required=False)
    checked.raise_if_faulty()
    command = cm.Collect(request.idempotency_key, number, request.payment_reference, lines_of(request.lines))
    return store_id, command


def release(request: rs.ReleaseReservationRequest, prefix: str = "") -> Entry:
    """ReleaseReservation."""
    checked = Checked(prefix)
    store_id, number = _keyed_reservation(checked, request)
    if int(request.reason) not in RELEASE_REASONS_ASKED:
        names = ", ".join(f"RELEASE_REASON_{ReleaseReason(reason).name}" for reason in sorted(RELEASE_REASONS_ASKED))
        checked.fault("reason", f"is required: one of {names}")
    va.check_lines(checked, request.lines, required=False)
    checked.raise_if_faulty()
    reason = ReleaseReason(request.reason)
    return store_id, cm.Release(request.idempotency_key, number, reason, lines_of(request.lines))


def extend(request: rs.ExtendReservationRequest, prefix: str = "") -> Entry:
    """ExtendReservation."""
    checked = Checked(prefix)
    store_id, number = _keyed_reservation(checked, request)
    ttl_ms = checked.duration_ms("ttl", request.ttl)
    checked.raise_if_faulty()
    return store_id, cm.Extend(request.idempotency_key, number, ttl_ms)


def amend(request: rs.AmendReservationRequest, prefix: str = "") -> Entry:
    """AmendReservation."""
    checked = Checked(prefix)
    store_id, number = _keyed_reservation(checked, request)
    va.check_lines(checked, request.lines, required=False)
    ttl_ms = checked.duration_ms("ttl", request.ttl) if request.HasField("ttl") else 0
    if request.HasField("slot_start"):
        checked.instant("slot_start", request.slot_start)
    if not (request.lines or request.HasField("ttl") or request.HasField("slot_start")):
        checked.fault("lines", "is required, unless ttl or slot_start is set: nothing would change")
    checked.raise_if_faulty()
    lines, slot_start_ms = lines_of(request.lines), instant_ms(request.slot_start)
    return store_id, cm.Amend(request.idempotency_key, number, lines, ttl_ms, slot_start_ms)


def adjust_stock(request: ss.AdjustStockRequest, prefix: str = "") -> Entry:
    """AdjustStock."""
    checked = Checked(prefix)
    _keyed_store(checked, request)
    checked.text("source", request.source, va.SOURCE_CHARS_MAX)
    if checked.count("adjustments", request.adjustments, va.STOCK_ROWS_MAX):
        for index, row in enumerate(request.adjustments):
            _check_adjustment(checked, f"adjustments[{index}]", row)
    checked.raise_if_faulty()
    movements = tuple(
        cm.Movement(row.sku, row.delta, row.sequence, cm.AdjustmentKind(row.kind), instant_ms(row.occurred_at))
        for row in request.adjustments
    )
    return request.store_id, cm.AdjustStock(request.idempotency_key, request.source, movements)


_KIND_SIGN: Final[dict[int, Callable[[int], bool]]] = {
    cm.AdjustmentKind.RECEIPT: lambda delta: delta > 0,
    cm.AdjustmentKind.SALE: lambda delta: delta < 0,
    cm.AdjustmentKind.RETURN: lambda delta: delta > 0,
    cm.AdjustmentKind.CORRECTION: lambda delta: delta != 0,
}


def _check_adjustment(checked: Checked, field: str, row: stock_pb2.Adjustment) -> None:
    checked.text(f"{field}.sku", row.sku, va.SKU_CHARS_MAX)
    checked.whole(f"{field}.sequence", row.sequence, 1, va.SEQUENCE_MAX)
    sign = _KIND_SIGN.get(row.kind)
    if sign is None:
        checked.fault(f"{field}.kind", "is required: RECEIPT, SALE, RETURN or CORRECTION")
    elif not sign(row.delta):
        checked.fault(f"{field}.delta", "has the wrong sign: RECEIPT and RETURN add, SALE takes, zero is nothing")
    if abs(row.delta) > va.STOCK_QUANTITY_MAX:
        checked.fault(f"{field}.delta", f"is {row.delta}; at most {va.STOCK_QUANTITY_MAX} either way")
    if row.HasField("occurred_at"):
        checked.instant(f"{field}.occurred_at", row.occurred_at)


def count_stock(request: ss.CountStockRequest, prefix: str = "") -> Entry:
    """CountStock."""
    checked = Checked(prefix)
    _keyed_store(checked, request)
    _check_sku_rows(checked, "counts", request.counts)
    if request.HasField("as_of"):
        checked.instant("as_of", request.as_of)
    if request.holds not in (stock_pb2.HOLDS_COUNTED_INCLUDED, stock_pb2.HOLDS_COUNTED_EXCLUDED):
        checked.fault("holds", "is required: HOLDS_COUNTED_INCLUDED or HOLDS_COUNTED_EXCLUDED")
    checked.raise_if_faulty()
    included = request.holds == stock_pb2.HOLDS_COUNTED_INCLUDED
    command = cm.CountStock(request.idempotency_key, lines_of(request.counts), instant_ms(request.as_of), included)
    return request.store_id, command


def set_safety_stock(request: ss.SetSafetyStockRequest, prefix: str = "") -> Entry:
    """SetSafetyStock."""
    checked = Checked(prefix)
    _keyed_store(checked, request)
    _check_sku_rows(checked, "safety_stocks", request.safety_stocks)
    checked.raise_if_faulty()
    return request.store_id, cm.SetSafetyStock(request.idempotency_key, lines_of(request.safety_stocks))


def _check_sku_rows(checked: Checked, field: str, rows: Any) -> None:
    if checked.count(field, rows, va.STOCK_ROWS_MAX):
        for index, row in enumerate(rows):
            checked.text(f"{field}[{index}].sku", row.sku, va.SKU_CHARS_MAX)
            checked.whole(f"{field}[{index}].quantity", row.quantity, 0, va.STOCK_QUANTITY_MAX)
        checked.once(field, (row.sku for row in rows), "sku")


def _keyed_reservation(checked: Checked, request: Any) -> tuple[str, int]:
    checked.text("idempotency_key", request.idempotency_key, va.KEY_CHARS_MAX)
    return checked.reservation_id("reservation_id", request.reservation_id)


def _keyed_store(checked: Checked, request: Any) -> None:
    checked.text("idempotency_key", request.idempotency_key, va.KEY_CHARS_MAX)
    checked.store_id("store_id", request.store_id)


def lines_of(rows: Any) -> cm.Lines:
    """(sku, quantity) lines."""
    return tuple([(row.sku, row.quantity) for row in rows])


def instant_ms(instant: Timestamp | Duration) -> int:
    """Milliseconds of an instant since 1970, or of an interval; 0 where it is not set."""
    return int(instant.seconds) * 1_000 + int(instant.nanos) // 1_000_000
