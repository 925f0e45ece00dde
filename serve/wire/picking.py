"""Pick tasks between protobuf and a shop's commands and values."""

from typing import Any

from actors.core.ids import format_reservation_id, is_hot, parse_reservation_id
from actors.core.status import ShortChoice
from actors.protocol.messages import Entry
from actors.shop.commands import by_sku
from actors.shop.picking import pick_task as picking
from holdfast.v1 import pick_pb2, pick_service_pb2 as ps
from serve.products.table import NOWHERE, Place, Products
from serve.wire.fields import fill_instant, value_of
from serve.wire.rules import Checked


def number_of(checked: Checked, reservation_id: str) -> tuple[str, int]:
    """The shop and the number of a task's reservation. Raises InvalidRequest, as all of these."""
    checked.raise_if_faulty()
    store_id, number = parse_reservation_id(reservation_id)
    if is_hot(store_id):
        checked.fault(
            "reservation_id", "is of a hot SKU's ledger, and a task is its shop's; send the id that it has there"
        )
    checked.raise_if_faulty()
    return store_id, number


def claim_pick(request: ps.ClaimPickTaskRequest) -> Entry:
    """ClaimPickTask."""
    checked = Checked(request)
    if not request.reservation_id:
        checked.raise_if_faulty()
        return request.store_id, value_of(picking.ClaimPick, request, number=0)
    store_id, number = number_of(checked, request.reservation_id)
    if store_id != request.store_id:
        checked.fault("reservation_id", "is of another shop; leave it out for the first of the queue")
    checked.raise_if_faulty()
    return store_id, value_of(picking.ClaimPick, request, number=number)


def step(kind: type[Any], request: Any, **given: Any) -> Entry:
    """A step of a task: its shop, and a command of this kind, which has `given` beside what the request has."""
    store_id, number = number_of(Checked(request), request.reservation_id)
    return store_id, value_of(kind, request, number=number, **given)


def scan_pick(request: ps.ScanPickTaskRequest) -> Entry:
    """ScanPickTask."""
    return step(picking.ScanPick, request, quantity=request.quantity or 1, article="")


def short_pick(request: ps.ShortPickTaskRequest) -> Entry:
    """ShortPickTask, without what the table of products says, and where the units are to be had."""
    checked = Checked(request)
    checked.raise_if_faulty()
    if request.to_store_id and request.to_store_id == parse_reservation_id(request.reservation_id)[0]:
        checked.fault("to_store_id", "is the shop in which the units are missing; name another one")
    checked.raise_if_faulty()
    substitute, choice = request.substitute_sku, ShortChoice(request.choice)
    units = (request.substitute_quantity or request.quantity) if substitute else 0
    given = {"substitute": substitute, "substitute_quantity": units, "is_listed": False, "near": ()}
    return step(picking.ShortPick, request, choice=choice, to_store=request.to_store_id, **given)


def fill_place(place: Place, reply: pick_pb2.ProductPlace) -> None:
    """Where a product stands."""
    reply.aisle, reply.bay, reply.photo_url = place


def fill_places(products: Products, reply: pick_pb2.PickTask) -> None:
    """Where the products of a task stand, as far as the table says."""
    for line in reply.lines:
        if (place := products.place_of(reply.store_id, line.sku)) != NOWHERE:
            fill_place(place, line.place)


def fill_pick_task(task: picking.PickTask, store_id: str, reply: pick_pb2.PickTask) -> None:
    """Any task, without its reservation."""
    reply.reservation_id = format_reservation_id(store_id, task.number)
    reply.store_id = store_id
    reply.status = int(task.status)  # type: ignore[assignment]
    ordered, picked, back = dict(by_sku(task.lines)), dict(task.picked), dict(task.back)
    for sku in ordered | back:
        if ordered.get(sku) or back.get(sku):
            units = ordered.get(sku, 0), picked.get(sku, 0), back.get(sku, 0)
            reply.lines.add(sku=sku, ordered=units[0], picked=units[1], to_put_back=units[2])
    for ms, instant in (
        (task.promise_ms, reply.promised_at),
        (task.created_at_ms, reply.created_at),
        (task.lease_until_ms, reply.lease_expires_at),
        (task.arrived_ms, reply.arrived_at),
        (task.expected_at_ms, reply.expected_at),
        (task.not_before_ms, reply.not_before),
    ):
        if ms:
            fill_instant(ms, instant)
    reply.picker_id, reply.bay, reply.waits_at = task.picker_id, task.bay, task.waits_at
    reply.version = task.version
