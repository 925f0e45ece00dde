"""Transfers of units between two shops. Changes answer with `Transfer | Rejection`; keys and deadlines are as in
`calls.reservations`.
"""

from collections.abc import AsyncIterator, Iterable
from typing import Protocol, cast

from holdfast.client.blocking import BlockingClient, blocking, iterating
from holdfast.client.internals import Client, change, pages, read
from holdfast.client.models import transfers as models
from holdfast.client.models.reservations import TransferStatus
from holdfast.client.wire_types import LineQuantities, to_message
from holdfast.v1 import transfer_service_pb2 as service_pb2


class TransferCalls(Client, Protocol):
    """Calls for transfers."""

    async def propose_transfer(
        self,
        source_store_id: str,
        destination_store_id: str,
        lines: LineQuantities,
        *,
        arrives_in_ms: int | None = None,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.TransferOutcome:
        """Set units aside at the source, all of them or none. They are expected `arrives_in_ms` from now."""
        request = to_message(
            service_pb2.ProposeTransferRequest,
            source_store_id=source_store_id,
            destination_store_id=destination_store_id,
            lines=lines,
            arrives_in_ms=arrives_in_ms,
        )
        return cast("models.TransferOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def send_transfer(
        self,
        transfer_id: str,
        *,
        arrives_in_ms: int | None = None,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.TransferOutcome:
        """The units have left. `arrives_in_ms` None keeps when they are expected."""
        request = to_message(service_pb2.SendTransferRequest, transfer_id=transfer_id, arrives_in_ms=arrives_in_ms)
        return cast("models.TransferOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def receive_transfer(
        self,
        store_id: str,
        transfer_id: str,
        lines: LineQuantities = (),
        *,
        loss_bearer: models.LossBearer = models.LossBearer.UNSPECIFIED,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.TransferOutcome:
        """Book what came, at its destination. `lines` are what was counted, zero allowed; a SKU that was sent and is
        not among them did not come. Without lines all came as it was sent. A difference is the carrier's loss, unless
        said.
        """
        request = to_message(
            service_pb2.ReceiveTransferRequest,
            store_id=store_id,
            transfer_id=transfer_id,
            lines=lines,
            loss_bearer=loss_bearer,
        )
        return cast("models.TransferOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def cancel_transfer(
        self, transfer_id: str, *, idempotency_key: str | None = None, timeout_ms: int | None = None
    ) -> models.TransferOutcome:
        """Return what was set aside; refused once it was sent."""
        request = service_pb2.CancelTransferRequest(transfer_id=transfer_id)
        return cast("models.TransferOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def get_transfer(self, transfer_id: str, *, timeout_ms: int | None = None) -> models.Transfer:
        """The transfer as both ends have it. Raises NotFound."""
        request = service_pb2.GetTransferRequest(transfer_id=transfer_id)
        return models.transfer_from((await read(self, request, timeout_ms)).transfer)

    def list_transfers(
        self,
        store_id: str,
        *,
        statuses: Iterable[TransferStatus] = (),
        page_size: int = 100,
        timeout_ms: int | None = None,
    ) -> AsyncIterator[models.Transfer]:
        """A shop's transfers, from it and to it, page by page as they are consumed; `statuses` empty lists all.

        `page_size` is 1 to 1,000; `timeout_ms` is the deadline of each page.
        """
        request = to_message(
            service_pb2.ListTransfersRequest, store_id=store_id, statuses=statuses, page_size=page_size
        )
        return pages(self, request, "transfers", models.transfer_from, timeout_ms)

    async def verify_transfers(self, *, timeout_ms: int | None = None) -> models.TransfersVerification:
        """Compare both ends of all transfers. `timeout_ms` None is `Timeouts.verify_ms`."""
        timeout = self.internals.caller.timeouts.verify_ms if timeout_ms is None else timeout_ms
        answer = await read(self, service_pb2.VerifyTransfersRequest(), timeout, attempt_ms=timeout)
        return models.transfers_verification_from(answer)


class BlockingTransferCalls(BlockingClient):
    """`TransferCalls` for threads."""

    propose_transfer = blocking(TransferCalls.propose_transfer)
    send_transfer = blocking(TransferCalls.send_transfer)
    receive_transfer = blocking(TransferCalls.receive_transfer)
    cancel_transfer = blocking(TransferCalls.cancel_transfer)
    get_transfer = blocking(TransferCalls.get_transfer)
    list_transfers = iterating(TransferCalls.list_transfers)
    verify_transfers = blocking(TransferCalls.verify_transfers)
