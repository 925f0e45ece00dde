"""What one end of a transfer has to hear of the other: that it was sent, and that it was received. Told at once where a
call brought it about, and by a reconciler from the shops' outboxes whatever is lost on the way. Everything may be told
twice.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from msgspec.structs import replace

from actors.core.ids import parse_transfer_id
from actors.core.rejection import Reason
from actors.protocol.messages import Answer, LedgerStopped, Moved, Refusal, Stopped, Unseen
from actors.shop.transfers.transfer import (
    AdviseTransfer,
    CloseTransfer,
    NoteAdvised,
    ReceiveTransfer,
    Transfer,
    is_undelivered,
)
from serve.coordination.deliveries import PASSING
from serve.routing.router import Router

TELL_SOON_S: Final = 1.0  # how long the answer to a step waits for the other end


async def tell(router: Router, store_id: str, transfer: Transfer, deadline: float) -> None:
    """Tell the other end of what a shop has, and the shop that it was told. Raises as `Router.send`."""
    if not is_undelivered(transfer, store_id):
        return
    if transfer.source == store_id:
        there, first, then = transfer.destination, AdviseTransfer(transfer), NoteAdvised(transfer.number)
        if await _is_done(router, there, first, deadline):
            await _is_done(router, store_id, then, deadline)
        return
    close = CloseTransfer(transfer)
    if await _is_done(router, transfer.source, close, deadline):
        await _is_done(router, store_id, close, deadline)


async def _is_done(
    router: Router, store_id: str, command: AdviseTransfer | NoteAdvised | CloseTransfer, deadline: float
) -> bool:
    answer = await router.send((store_id, command), deadline, promise=True)
    if isinstance(answer, Stopped):
        raise LedgerStopped(answer.why)
    return isinstance(answer, Moved | Transfer)


async def receive(router: Router, store_id: str, command: ReceiveTransfer, deadline: float) -> Answer:
    """The destination decides; where it has not heard of the transfer, by what the source says of it. Raises as
    `Router.send` and `transfers_of`.
    """
    answer = await router.send((store_id, command), deadline, promise=True)
    if isinstance(answer, Refusal) and answer.rejection.reason is Reason.TRANSFER_NOT_FOUND:
        source, _ = parse_transfer_id(command.transfer_id)
        [advice] = await transfers_of(router, source, [command.transfer_id], deadline)
        if advice is not None:
            answer = await router.send((store_id, replace(command, advice=advice)), deadline, promise=True)
    if isinstance(answer, Transfer):
        await tell_soon(router, store_id, answer, deadline)
    return answer


async def transfers_of(
    router: Router, store_id: str, transfer_ids: Sequence[str], deadline: float
) -> list[Transfer | None]:
    """What one end has of these. Raises LedgerStopped, also where it is in an archive that is not there."""
    found = await router.ask(store_id, "transfers_of", store_id, list(transfer_ids), deadline=deadline)
    for each in found:
        if isinstance(each, Unseen):
            raise LedgerStopped(f"a transfer of {store_id} is in an archive that is not there")
    return list(found)


async def tell_soon(router: Router, store_id: str, transfer: Transfer, deadline: float) -> None:
    """The same behind a call's decision: so that who looks at the other end next finds what was answered."""
    until = min(deadline, asyncio.get_running_loop().time() + TELL_SOON_S)
    with suppress(*PASSING):
        await tell(router, store_id, transfer, until)
