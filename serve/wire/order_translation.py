"""Requests about orders to commands; a part of `translation`."""

from hashlib import blake2b
from itertools import starmap
from math import isfinite
from typing import Any, Final

from actors.core.ids import parse_order_id
from actors.core.status import ReleaseReason
from actors.orders import commands as cm
from actors.shop import commands as shop
from holdfast.v1 import order_pb2, order_service_pb2 as os_, reservation_service_pb2 as rs
from serve.sourcing.places import Place, Postcodes, UnknownPostcode
from serve.sourcing.ranking import STORES_MAX, Ask, Demand, Limits, SourcingPolicy
from serve.wire import validation as va
from serve.wire.translation import RELEASE_REASONS_ASKED, instant_ms, lines_of
from serve.wire.validation import Checked

STORES_MAX_DEFAULT: Final = 3
ORDER_ID_CHARS_MAX: Final = 32
CONTENT_BYTES: Final = 12
STORE_PLANS_MAX: Final = 16


def content_of(*said: Any) -> str:
    """What a caller asked, in 24 hex digits; the same on every process."""
    return blake2b(repr(said).encode(), digest_size=CONTENT_BYTES).hexdigest()


def content_of_reserve(request: rs.ReserveRequest) -> str:
    """The same for a Reserve that becomes an order: all that it says but its key."""
    sourcing = request.sourcing.SerializeToString(deterministic=True) if request.HasField("sourcing") else b""
    basket = (request.basket_id,) if request.basket_id else ()
    return content_of(
        request.store_id,
        lines_of(request.lines),
        request.customer_id,
        request.channel,
        instant_ms(request.ttl),
        instant_ms(request.slot_start),
        sourcing,
        *basket,
    )


def check_sourcing(checked: Checked, request: rs.ReserveRequest | os_.FindStoresRequest, postcodes: Postcodes) -> Place:
    """The place of a request's sourcing; its faults are noted."""
    field, sourcing = "sourcing", request.sourcing
    place = sourcing.place
    checked.whole(f"{field}.policy", sourcing.policy, 0, len(SourcingPolicy))
    checked.whole(f"{field}.stores_max", sourcing.stores_max, 0, STORES_MAX)
    if not (isfinite(sourcing.kilometres_max) and sourcing.kilometres_max >= 0):
        checked.fault(f"{field}.kilometres_max", f"is {sourcing.kilometres_max}; send kilometres, zero for no limit")
    if sourcing.HasField("collect_by"):
        checked.instant(f"{field}.collect_by", sourcing.collect_by)
        if request.HasField("slot_start"):
            checked.fault(f"{field}.collect_by", "is set beside slot_start, which says by when; send one of them")
    if place.postcode:
        if place.latitude or place.longitude:
            checked.fault(f"{field}.place", "has degrees and a postcode; send one of them")
        if not len(postcodes):
            checked.fault(f"{field}.place.postcode", "is of no use: the service has no table; send degrees")
            return Place(0.0, 0.0)
        found = postcodes.find(place.postcode[: va.NAME_CHARS_MAX], place.country[: va.NAME_CHARS_MAX])
        if isinstance(found, UnknownPostcode):
            checked.fault(f"{field}.place.{'country' if found.countries else 'postcode'}", found.message)
            return Place(0.0, 0.0)
        return found
    if place.country:
        checked.fault(f"{field}.place.country", "is set without a postcode, which it would tell apart; leave it out")
    if not sourcing.HasField("place"):
        checked.fault(f"{field}.place", "is required: degrees, or a postcode")
    for name, value, most in (("latitude", place.latitude, 90), ("longitude", place.longitude, 180)):
        if not -most <= value <= most:  # false for what is not a number, too
            checked.fault(f"{field}.place.{name}", f"is {value}; send -{most} to {most} degrees")
    return Place(place.latitude, place.longitude)


def ask_of(sourcing: order_pb2.Sourcing, place: Place, lines: Any, channel: str) -> tuple[Ask, SourcingPolicy]:
    """The question that a valid sourcing puts."""
    limits = Limits(sourcing.stores_max or STORES_MAX_DEFAULT, sourcing.kilometres_max or float("inf"))
    policy = SourcingPolicy(sourcing.policy or SourcingPolicy.ONE_STORE)
    ask = Ask(place, Demand.of(lines_of(lines)), channel, limits, instant_ms(sourcing.collect_by))
    return ask, policy


def check_order_id(checked: Checked, value: str) -> tuple[str, int]:
    """Ledger and number of an order id; its fault is noted."""
    if not value:
        checked.fault("order_id", "is required: the id that Reserve gave")
        return "", 0
    try:
        return parse_order_id(value[:ORDER_ID_CHARS_MAX])
    except ValueError:
        checked.fault("order_id", "is not an order id; send the one that Reserve gave, such as 0007/1907")
        return "", 0


def confirm_order(request: os_.ConfirmOrderRequest) -> tuple[str, cm.Confirm]:
    """ConfirmOrder."""
    checked = Checked()
    ledger_id, number = _keyed_order(checked, request)
    within_ms = (
        checked.duration_ms("collect_within", request.collect_within) if request.HasField("collect_within") else 0
    )
    checked.raise_if_faulty()
    return ledger_id, cm.Confirm(request.idempotency_key, number, within_ms, cm.NO_HOURS)


def release_order(request: os_.ReleaseOrderRequest) -> tuple[str, cm.Release]:
    """ReleaseOrder."""
    checked = Checked()
    ledger_id, number = _keyed_order(checked, request)
    if int(request.reason) not in RELEASE_REASONS_ASKED:
        names = ", ".join(f"RELEASE_REASON_{ReleaseReason(reason).name}" for reason in sorted(RELEASE_REASONS_ASKED))
        checked.fault("reason", f"is required: one of {names}")
    checked.raise_if_faulty()
    return ledger_id, cm.Release(request.idempotency_key, number, ReleaseReason(request.reason))


def extend_order(request: os_.ExtendOrderRequest) -> tuple[str, cm.Extend]:
    """ExtendOrder."""
    checked = Checked()
    ledger_id, number = _keyed_order(checked, request)
    ttl_ms = checked.duration_ms("ttl", request.ttl)
    checked.raise_if_faulty()
    return ledger_id, cm.Extend(request.idempotency_key, number, ttl_ms, cm.NO_HOURS)


def step_of_parts(request: os_.MarkOrderReadyRequest | os_.CollectOrderRequest) -> tuple[str, cm.FanOut]:
    """MarkOrderReady and CollectOrder: the order to visit; each part gets a command of its own."""
    checked = Checked()
    ledger_id, number = _keyed_order(checked, request)
    paid = ""
    if isinstance(request, os_.CollectOrderRequest):
        paid = request.payment_reference
        checked.text("payment_reference", paid, va.PAYMENT_CHARS_MAX)
    checked.raise_if_faulty()
    content = content_of(type(request).__name__, number, paid)
    return ledger_id, cm.FanOut(request.idempotency_key, content, number)


def amend_order(request: os_.AmendOrderRequest) -> tuple[str, cm.Amend]:
    """AmendOrder."""
    checked = Checked()
    ledger_id, number = _keyed_order(checked, request)
    wanted: list[tuple[str, shop.Lines, int]] = []
    if checked.count("stores", request.stores, STORE_PLANS_MAX):
        for index, row in enumerate(request.stores):
            checked.store_id(f"stores[{index}].store_id", row.store_id)
            inner = Checked(f"stores[{index}].")
            va.check_lines(inner, row.lines, required=False)
            checked.violations += inner.violations
            if row.HasField("slot_start"):
                checked.instant(f"stores[{index}].slot_start", row.slot_start)
            wanted.append((row.store_id, lines_of(row.lines), instant_ms(row.slot_start)))
        checked.once("stores", (row.store_id for row in request.stores), "store_id")
    ttl_ms = checked.duration_ms("ttl", request.ttl) if request.HasField("ttl") else 0
    checked.raise_if_faulty()
    content = content_of(number, wanted, ttl_ms) if ttl_ms else content_of(number, wanted)
    return ledger_id, cm.Amend(request.idempotency_key, content, number, tuple(starmap(cm.Plan, wanted)), ttl_ms)


def _keyed_order(checked: Checked, request: Any) -> tuple[str, int]:
    checked.text("idempotency_key", request.idempotency_key, va.KEY_CHARS_MAX)
    return check_order_id(checked, request.order_id)
