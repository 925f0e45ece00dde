"""What is added to refusals of steps that a shop does not say in them: which order a part is of, and who has handed
over what was collected before.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from actors.core.ids import parse_holder
from actors.core.rejection import Reason, Rejection
from actors.core.status import Status
from actors.protocol.messages import Answer, Refusal
from actors.shop.state import Reservation
from serve.calls import ENDINGS
from serve.routing.router import Router
from serve.wire.fields import fill_hand_over

Refused = tuple[Rejection, Any]  # and the reply


def is_unsaid(answer: Answer) -> bool:
    """Whether something is to be added to an answer."""
    if not isinstance(answer, Refusal):
        return False
    return answer.rejection.reason is Reason.PART_OF_ORDER or _is_collected(answer.rejection)


async def say(router: Router, store_id: str, refused: Sequence[Refused], deadline: float) -> None:
    """Add it to the replies. Raises as the calls do, where the order of a part cannot be asked for."""
    parts = [each for each in refused if not _is_collected(each[0])]
    if parts:
        numbers = [rejection.number for rejection, _ in parts]
        holders = await router.ask(store_id, "holders_of", store_id, numbers, deadline=deadline)
        for (_, reply), holder in zip(parts, holders, strict=True):
            reply.rejection.order_id = parse_holder(holder)[0] if holder else ""
    collected = [each for each in refused if _is_collected(each[0])]
    if collected:
        with suppress(*ENDINGS):  # it is decided, and told beside
            numbers = [rejection.number for rejection, _ in collected]
            found = await router.ask(store_id, "reservations_of", store_id, numbers, deadline=deadline)
            for (_, reply), reservation in zip(collected, found, strict=True):
                if isinstance(reservation, Reservation):
                    fill_hand_over(reservation.hand_over, reply.rejection)


def _is_collected(rejection: Rejection) -> bool:
    return rejection.reason is Reason.TRANSITION_NOT_ALLOWED and rejection.status is Status.COLLECTED
