"""Stock between protobuf and a shop's commands and values: movements, counts, safety stock, positions, shortfalls."""

from typing import Final

from actors.core.ids import SEPARATOR, format_reservation_id
from actors.protocol.messages import Entry, Moved
from actors.shop import commands as cm
from actors.shop.lines.decide import Row
from actors.shop.shortfalls.shortfall import Shortfall
from holdfast.v1 import stock_pb2, stock_service_pb2 as ss
from serve.wire.fields import fill_value, instant_ms, instant_text, lines_of, value_of
from serve.wire.rules import Checked

# A count ahead of the service's clock is taken as one of now, as if what was sold since it was made were still there.
# Clocks that NTP sets differ by less than a second; one that differs by more than this is wrong.
AHEAD_MS_MAX: Final = 10_000
NAMES_NO_STORE: Final = "names a shop that store_ids does not; name it there too"


def adjust_stock(request: ss.AdjustStockRequest) -> Entry:
    """AdjustStock. Raises InvalidRequest, as all of these."""
    checked = Checked(request)
    named = [_allotment_of(request.store_id, row.allotment_id) for row in request.adjustments]
    for index, number in enumerate(named):
        if number is None:
            checked.fault(
                f"adjustments[{index}].allotment_id", "is of another shop than store_id; send each to its own"
            )
    checked.raise_if_faulty()
    movements = tuple(
        cm.Movement(row.sku, row.delta, row.sequence, cm.AdjustmentKind(row.kind), instant_ms(row.age), number or 0)
        for row, number in zip(request.adjustments, named, strict=True)
    )
    return request.store_id, value_of(cm.AdjustStock, request, movements=movements)


def _allotment_of(store_id: str, allotment_id: str) -> int | None:
    """The number of an allotment, 0 for none, None for one of another shop."""
    if not allotment_id:
        return 0
    shop, _, number = allotment_id.rpartition(SEPARATOR)
    return int(number) if shop == store_id and number.isdigit() else None


def count_stock(request: ss.CountStockRequest, now_ms: int) -> Entry:
    """CountStock, which is none of a time to come by the service's clock."""
    checked = Checked(request)
    checked.once("counts", request.counts, "sku")
    if instant_ms(request.as_of) > now_ms + AHEAD_MS_MAX:
        mend = "send one that has passed, or leave it out to count as of now"
        checked.fault("as_of", f"is in the future: by the service's clock it is {instant_text(now_ms)}; {mend}")
    checked.raise_if_faulty()
    holds_included = request.holds == stock_pb2.HOLDS_COUNTED_INCLUDED
    allotted = request.allotted != stock_pb2.ALLOTTED_COUNTED_EXCLUDED
    told = {"holds_included": holds_included, "allotted_counted": allotted}
    return request.store_id, value_of(cm.CountStock, request, counts=lines_of(request.counts), **told)


def set_safety_stock(request: ss.SetSafetyStockRequest) -> Entry:
    """SetSafetyStock."""
    checked = Checked(request)
    checked.once("safety_stocks", request.safety_stocks, "sku")
    checked.raise_if_faulty()
    return request.store_id, value_of(cm.SetSafetyStock, request, safety_stocks=lines_of(request.safety_stocks))


def check_availability(request: ss.GetAvailabilityRequest) -> None:
    """GetAvailability: versions are asked of those shops that are asked about."""
    checked = Checked(request)
    asked = set(request.store_ids)
    for index, store_id in enumerate(sorted(request.min_versions)):
        if asked and store_id not in asked:
            checked.fault(f"min_versions[{index}]", NAMES_NO_STORE)
    checked.raise_if_faulty()


def fill_change(moved: Moved, store_id: str, reply: stock_pb2.StockChange) -> None:
    """What a change of stock did."""
    reply.version = moved.version
    fill_value(moved.outcome, reply, ("shortfalls",))
    for shortfall in moved.outcome.shortfalls:
        fill_shortfall(shortfall, store_id, reply.shortfalls.add())


def fill_shortfall(shortfall: Shortfall, store_id: str, reply: stock_pb2.Shortfall) -> None:
    """Promises that can no longer be kept."""
    reply.sku = shortfall.sku
    reply.quantity = shortfall.quantity
    for number, units in shortfall.losses:
        reply.losses.add(reservation_id=format_reservation_id(store_id, number), quantity=units)
    reply.cause = int(shortfall.cause or 0)  # type: ignore[assignment]


def fill_position(sku: str, row: Row | None, reply: stock_pb2.Position) -> None:
    """One SKU; `row` is as `lines.decide.Row`, None where it was never stocked."""
    reply.sku = sku
    if row is not None:
        reply.on_hand, reply.reserved, reply.allotted, reply.safety_stock, reply.unknown, reply.kept, _ = row
        reply.available = max(0, row[0] - row[1] - row[2] - row[3] - row[5])
        reply.stocked = True
