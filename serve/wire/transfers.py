"""Transfers between protobuf and a shop's commands and values."""

from actors.core.ids import format_transfer_id
from actors.shop import transfer_events as ev
from holdfast.v1 import event_pb2
from serve.wire.fields import fill_lines


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
        case ev.TransferAdvised(number):
            reply.transfer_id = format_transfer_id(store_id, number)
        case ev.TransferExpected(transfer) | ev.TransferClosed(transfer):
            reply.transfer_id = transfer.transfer_id
