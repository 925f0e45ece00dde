"""Transfers between protobuf and a shop's commands and values."""

from actors.core.ids import format_reservation_id, format_transfer_id, parse_transfer_id
from actors.core.status import LossBearer
from actors.protocol.messages import Entry
from actors.shop.transfers import events as ev, transfer as cm
from holdfast.v1 import event_pb2, transfer_pb2, transfer_service_pb2 as ts
from serve.wire.fields import fill_instant, fill_lines, value_of
from serve.wire.rules import Checked


def propose(request: ts.ProposeTransferRequest) -> Entry:
    """ProposeTransfer. Raises InvalidRequest, as all of these."""
    Checked(request).raise_if_faulty()
    command = value_of(cm.ProposeTransfer, request, destination=request.destination_store_id)
    return request.source_store_id, command


def step(kind: type[cm.SendTransfer | cm.CancelTransfer], request: ts.SendTransferRequest) -> Entry:
    """SendTransfer or CancelTransfer, which the source decides."""
    Checked(request).raise_if_faulty()
    source, number = parse_transfer_id(request.transfer_id)
    return source, value_of(kind, request, number=number)


def receive(request: ts.ReceiveTransferRequest) -> tuple[str, cm.ReceiveTransfer]:
    """ReceiveTransfer, which the destination decides."""
    Checked(request).raise_if_faulty()
    bearer = LossBearer(request.loss_bearer) if request.loss_bearer else None
    return request.store_id, value_of(cm.ReceiveTransfer, request, loss_bearer=bearer, advice=None)


def fill_transfer(transfer: cm.Transfer, reply: transfer_pb2.Transfer) -> None:
    """A transfer as one end has it."""
    reply.transfer_id = transfer.transfer_id
    reply.source_store_id, reply.destination_store_id = transfer.source, transfer.destination
    reply.status = int(transfer.status)  # type: ignore[assignment]
    sent, came = dict(transfer.lines), dict(transfer.received)
    for sku in sent | came:
        reply.lines.add(sku=sku, quantity=sent.get(sku, 0), received=came.get(sku, 0))
    for ms, field in (
        (transfer.expected_at_ms, reply.expected_at),
        (transfer.created_at_ms, reply.created_at),
        (transfer.sent_at_ms, reply.sent_at),
        (transfer.received_at_ms, reply.received_at),
    ):
        if ms:
            fill_instant(ms, field)
    reply.loss_bearer = int(transfer.loss_bearer or 0)  # type: ignore[assignment]
    reply.version = transfer.version


def fill_transfer_event(
    event: ev.TransferEvent, store_id: str, version: int, reply: event_pb2.TransferChangedEvent
) -> None:
    """What happened to a transfer at one of its ends."""
    reply.kind = str(event.__struct_config__.tag).removeprefix("transfer_")
    match event:
        case ev.TransferProposed(command):
            reply.transfer_id = format_transfer_id(store_id, version)
            fill_lines(command.lines, reply.lines)
        case ev.TransferSent():
            reply.transfer_id = format_transfer_id(store_id, event.number)
            fill_lines(event.lines, reply.lines)
        case ev.TransferCancelled(before=before):
            reply.transfer_id = before.transfer_id
            fill_lines(before.lines, reply.lines)
        case ev.TransferReceived():
            reply.transfer_id = event.answer.transfer_id if event.answer is not None else ""
            fill_lines(event.lines, reply.lines)
            reply.loss_bearer = int(event.loss_bearer or 0)  # type: ignore[assignment]
            reply.reservation_ids.extend(format_reservation_id(store_id, number) for number, _, _ in event.awaited)
        case ev.TransferAdvised(number):
            reply.transfer_id = format_transfer_id(store_id, number)
        case ev.TransferExpected(transfer) | ev.TransferClosed(transfer):
            reply.transfer_id = transfer.transfer_id
