"""TransferService: steps of a transfer at its two ends, and reads that correct the source by its destination."""

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

import grpc
from msgspec.structs import replace

from actors.core.ids import parse_transfer_id
from actors.core.status import TransferStatus
from actors.protocol.messages import Answer, Entry
from actors.shop.transfers.transfer import CancelTransfer, SendTransfer, Transfer
from holdfast.v1 import transfer_service_pb2 as ts
from serve.calls import Call
from serve.coordination.hot import HotCalls
from serve.coordination.hot_home import bring_home
from serve.coordination.hot_units import HotUnits
from serve.coordination.transfers import receive, tell_soon, transfers_of
from serve.routing.beside import KEPT, beside
from serve.routing.router import Router
from serve.services.filling import made
from serve.services.store_directory import StoreDirectory
from serve.wire import fields, transfers as wt
from serve.wire.rules import Checked
from serve.wire.statuses import refused
from serve.wire.transfers import fill_transfer


class Transfers:
    """Serves TransferService, but for VerifyTransfers."""

    def __init__(self, router: Router, stores: StoreDirectory, units: HotUnits, hot: HotCalls) -> None:
        self._router = router
        self._units = units
        self._hot = hot
        self._stores = stores
        self.calls: Final = {
            "ProposeTransfer": Call(self._propose),
            "SendTransfer": Call(partial(self._step, SendTransfer), is_step=True),
            "ReceiveTransfer": Call(self._receive, is_step=True),
            "CancelTransfer": Call(partial(self._step, CancelTransfer), is_step=True),
            "GetTransfer": Call(self._get),
            "ListTransfers": Call(self._list),
        }

    async def _propose(
        self, request: ts.ProposeTransferRequest, deadline: float, reply: ts.ProposeTransferResponse
    ) -> None:
        entry = wt.propose(request)
        await self._stores.require(request.source_store_id, "source_store_id", deadline=deadline)
        await self._stores.require(request.destination_store_id, "destination_store_id", deadline=deadline)
        _fill(await self._units.send(entry, deadline, promise=False), entry[0], reply)

    async def _step(self, kind: type[SendTransfer | CancelTransfer], request: Any, deadline: float, reply: Any) -> None:
        entry = wt.step(kind, request)
        await self._stores.require(entry[0], "transfer_id", deadline=deadline)
        await self._decide(entry, deadline, reply)

    async def _decide(self, entry: Entry, deadline: float, reply: Any) -> None:
        answer = await self._router.send(entry, deadline, promise=True)
        if isinstance(answer, Transfer):
            await tell_soon(self._router, entry[0], answer, deadline)
        _fill(answer, entry[0], reply)

    async def _receive(
        self, request: ts.ReceiveTransferRequest, deadline: float, reply: ts.ReceiveTransferResponse
    ) -> None:
        store_id, command = wt.receive(request)
        await self._stores.require(store_id, deadline=deadline)
        source, _ = parse_transfer_id(command.transfer_id)
        await self._stores.require(source, "transfer_id", deadline=deadline)
        answer = await receive(self._router, store_id, command, deadline)
        if self._router.chain.hot and isinstance(answer, Transfer) and answer.loss_bearer is not None:
            short = replace(command, lines=answer.received)  # which others may have been promised
            await bring_home(self._router, self._units, self._hot, (store_id, short), deadline)
        _fill(answer, store_id, reply)

    async def _get(self, request: ts.GetTransferRequest, deadline: float, reply: ts.GetTransferResponse) -> None:
        Checked(request).raise_if_faulty()
        source, _ = parse_transfer_id(request.transfer_id)
        await self._stores.require(source, "transfer_id", deadline=deadline)
        [found] = await transfers_of(self._router, source, [request.transfer_id], deadline)
        if found is None:
            message = "is of no transfer, or of one that was forgotten; check the id"
            raise refused(grpc.StatusCode.NOT_FOUND, "TRANSFER_NOT_FOUND", message, field="transfer_id")
        [(corrected, is_away)] = await self._corrected(source, [found], deadline)
        fill_transfer(corrected, reply.transfer)
        reply.transfer.destination_unreachable = is_away

    async def _list(self, request: ts.ListTransfersRequest, deadline: float, reply: ts.ListTransfersResponse) -> None:
        store_id, statuses = request.store_id, sorted({int(status) for status in request.statuses})
        scope = (store_id, *statuses)
        token = fields.read_token(request, "ListTransfers", scope)
        await self._stores.require(store_id, deadline=deadline)
        # One that was received counts as such also where this shop, its source, has not heard of it.
        wanted = sorted({*statuses, int(TransferStatus.SENT)}) if TransferStatus.RECEIVED in statuses else statuses
        asked = (store_id, wanted, int(token or 0), fields.page_size(request.page_size))
        version, page, after = await self._router.ask(store_id, "transfers", *asked, deadline=deadline)
        for transfer, is_away in await self._corrected(store_id, page, deadline):
            if not statuses or transfer.status in statuses or is_away:
                fill_transfer(transfer, told := reply.transfers.add())
                told.destination_unreachable = is_away
        reply.next_page_token = fields.issue_token("ListTransfers", scope, after) if after else ""
        reply.version = version

    async def _corrected(self, store_id: str, page: Iterable[Transfer], deadline: float) -> list[tuple[Transfer, bool]]:
        """A shop's transfers; those that it sent as their destinations have them, where they were received there, and
        whether these are stopped, or did not answer in time.
        """
        found = {transfer.transfer_id: transfer for transfer in page}
        sent: dict[str, list[str]] = {}
        for transfer in found.values():
            if transfer.source == store_id and transfer.status is TransferStatus.SENT:
                sent.setdefault(transfer.destination, []).append(transfer.transfer_id)
        until = beside(deadline)
        asked = (transfers_of(self._router, destination, mine, until) for destination, mine in sent.items())
        away: set[str] = set()
        for mine, said in zip(sent.values(), await asyncio.gather(*asked, return_exceptions=True), strict=True):
            if isinstance(said, BaseException):
                if not isinstance(said, KEPT):
                    raise said
                away.update(mine)
                continue
            for there in said:
                if there is not None and there.status is TransferStatus.RECEIVED:
                    found[there.transfer_id] = there
        return [(transfer, name in away) for name, transfer in found.items()]


def _fill(answer: Answer, store_id: str, reply: Any) -> None:
    """The transfer, or why it was refused. Raises as the calls do."""
    if (transfer := made(Transfer, answer, store_id, reply)) is not None:
        fill_transfer(transfer, reply.transfer)
