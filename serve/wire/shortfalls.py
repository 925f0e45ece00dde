"""Tasks of shortfalls between protobuf and a shop's commands and values."""

from typing import Final

from actors.core.ids import format_reservation_id, parse_reservation_id
from actors.shop.events import Released
from actors.shop.shortfalls.events import MoveBegun, MoveRefused, Requeued, ShortfallResolved
from actors.shop.shortfalls.shortfall import Resolution, ResolveShortfall, ShortfallTask
from holdfast.v1 import event_pb2, shortfall_pb2, shortfall_service_pb2 as sf
from serve.wire.fields import fill_instant, fill_lines
from serve.wire.rules import Checked

format_task_id: Final = format_reservation_id  # numbers are versions of the shop, of both kinds


def resolve_shortfall(request: sf.ResolveShortfallRequest) -> tuple[str, ResolveShortfall]:
    """ResolveShortfall: the task's shop, and the command, without the reservation in the other shop. Raises
    InvalidRequest.
    """
    checked = Checked(request)
    checked.raise_if_faulty()
    store_id, number = parse_reservation_id(request.task_id)
    if request.to_store_id == store_id:
        checked.fault("to_store_id", "is the shop in which the units are missing; name another one")
    checked.raise_if_faulty()
    of = number, Resolution(request.resolution), request.to_store_id
    return store_id, ResolveShortfall(request.idempotency_key, *of)


def fill_task(task: ShortfallTask, store_id: str, reply: shortfall_pb2.ShortfallTask) -> None:
    """Any task, as its shop has it."""
    reply.task_id = format_task_id(store_id, task.number)
    reply.store_id = store_id
    reply.reservation_id = format_reservation_id(store_id, task.reservation)
    reply.order_id = task.order
    reply.customer_id = task.customer_id
    reply.channel = task.channel
    for sku, held, lost in task.lines:
        reply.lines.add(sku=sku, held=held, lost=lost)
    reply.was = int(task.was)  # type: ignore[assignment]
    reply.cause = int(task.cause)  # type: ignore[assignment]
    fill_instant(task.created_at_ms, reply.created_at)
    if task.place:
        reply.waiting_reservation_id = format_reservation_id(store_id, task.place)
    reply.not_in_line = int(task.no_place or 0)  # type: ignore[assignment]
    reply.resolution = int(task.resolution or 0)  # type: ignore[assignment]
    if task.resolved_at_ms:
        fill_instant(task.resolved_at_ms, reply.resolved_at)
    reply.moved_to_reservation_id = task.moved_to
    reply.version = task.version
    reply.asked_store_ids.extend(task.near)


def fill_event_of_shortfall(
    event: Released | Requeued | MoveBegun | MoveRefused | ShortfallResolved, store_id: str, reply: event_pb2.Event
) -> None:
    """What became of who lost, or of a task."""
    match event:
        case Released():
            reply.released.reservation_id = format_reservation_id(store_id, event.number)
            fill_lines(event.lines, reply.released.lines)
            reply.released.reason = int(event.reason)  # type: ignore[assignment]
            reply.released.cause = int(event.cause or 0)  # type: ignore[assignment]
            reply.released.not_in_line = int(event.no_place or 0)  # type: ignore[assignment]
        case Requeued():
            reply.requeued.reservation_id = format_reservation_id(store_id, event.number)
            fill_lines(event.lines, reply.requeued.lines)
            fill_instant(event.expires_at_ms, reply.requeued.expires_at)
            reply.requeued.cause = int(event.cause)  # type: ignore[assignment]
        case MoveBegun() | MoveRefused():
            told = reply.move_begun if isinstance(event, MoveBegun) else reply.move_refused
            told.task_id = format_task_id(store_id, event.number)
            told.to_store_id = event.to_store
        case ShortfallResolved():
            closed = reply.shortfall_resolved
            closed.task_id = format_task_id(store_id, event.number)
            closed.resolution = int(event.resolution)  # type: ignore[assignment]
            closed.moved_to_reservation_id = event.moved_to
            if event.place:
                closed.waiting_reservation_id = format_reservation_id(store_id, event.place)
