"""What one end of a transfer has to hear of the other: that it was sent, and that it was received. Told at once where a
call brought it about, and by a reconciler from the shops' outboxes whatever is lost on the way. Everything may be told
twice.
"""

import asyncio
from contextlib import suppress
from typing import Final

from actors.protocol.messages import LedgerStopped, Moved, Stopped
from actors.shop.transfers import AdviseTransfer, CloseTransfer, NoteAdvised, Transfer, is_undelivered
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


async def tell_soon(router: Router, store_id: str, transfer: Transfer, deadline: float) -> None:
    """The same behind a call's decision: so that who looks at the other end next finds what was answered."""
    until = min(deadline, asyncio.get_running_loop().time() + TELL_SOON_S)
    with suppress(*PASSING):
        await tell(router, store_id, transfer, until)
