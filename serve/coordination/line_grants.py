"""Grants for those who wait in line under a limit of the whole chain, asked for when units are kept for them.

    shop's ledger       GrantAwaited                    ServeGranted ─> Served | Left    ReportGrant
                             │ outbox                        ^                                ^
    customer's ledger        └──> RequestGrant ─> Granted | refused ··························┘

A reconciler finds them in the shop's outbox; any does, again and again, until the shop has heard. A grant is asked for
under a key of the place as it stands, so whoever asks twice gets the same one. One that the shop does not use is given
back by its word: at once, or where this gateway has died in 15 s, as any grant that nobody reported.
"""

from actors.core.rejection import Reason, Rejection
from actors.orders.commands import RequestGrant
from actors.protocol.messages import LedgerStopped, Refusal, Stopped
from actors.shop.commands import ServeGranted, line_key
from actors.shop.state import Reservation
from serve.coordination.grants import Grants
from serve.routing.router import Router


def request_in_line(store_id: str, waiting: Reservation) -> RequestGrant:
    """What the customer's ledger is asked for one that waits. Units that it had by a grant before are not counted
    beside these, where its ledger has not heard yet that it was passed over.
    """
    key, lines = line_key(waiting.number, waiting.version), waiting.lines
    of = waiting.customer_id, waiting.channel, store_id
    return RequestGrant(*of, key, waiting.basket_id, lines, lines, waiting.grant, waiting.number)


async def serve_by_grant(router: Router, grants: Grants, store_id: str, waiting: Reservation, deadline: float) -> None:
    """Fetch the grant that one in line waits for, have the shop serve it, and report what it holds. Does nothing where
    that depends on what shops have still to report: the next round does. Raises as `Grants.send`.
    """
    request = request_in_line(store_id, waiting)
    said = await grants.ask(request, deadline)
    if isinstance(said, Rejection) and said.reason is Reason.ORDER_UNDECIDED:
        return
    answer = await router.send((store_id, ServeGranted(waiting.number, waiting.version, said)), deadline, promise=True)
    if isinstance(answer, Stopped):
        raise LedgerStopped(answer.why)
    if isinstance(said, Rejection):
        return
    if isinstance(answer, Reservation) and answer.grant == said.number:
        await grants.report(store_id, answer, deadline)
    elif isinstance(answer, Reservation | Refusal):
        await grants.settle(said.number, request, deadline)
