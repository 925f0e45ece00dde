"""What ledgers have answered, into the outcomes of calls."""

from typing import Any, TypeVar

from actors.core.chain import Chain
from actors.protocol.messages import Answer, Entry, Held, Refusal
from actors.shop import commands as shop
from actors.shop.state import Reservation
from serve.calls import failure_of
from serve.wire.reservations import fill_held, fill_reservation
from serve.wire.statuses import fill_rejection

T = TypeVar("T")


def made(kind: type[T], answer: Answer, store_id: str, reply: Any) -> T | None:
    """What a shop has made of a command, which is of this kind; None where it has refused, as the reply says then.
    Raises as the calls do.
    """
    if (failure := failure_of(answer)) is not None:
        raise failure
    if isinstance(answer, Refusal):
        fill_rejection(answer, store_id, reply.rejection)
        return None
    assert isinstance(answer, kind), "nothing else is an answer to it"
    return answer


def fill(answer: Answer, entry: Entry, ledger_id: str, chain: Chain, reply: Any) -> None:
    """What a ledger has answered to what was asked of a shop, or of the reservation's ledger."""
    if isinstance(answer, Held):
        fill_new_hold(answer, entry, ledger_id, chain, reply)
    elif (failure := failure_of(answer)) is not None:
        raise failure
    elif isinstance(answer, Refusal):
        fill_rejection(answer, entry[0] if isinstance(entry[1], shop.Reserve) else ledger_id, reply.rejection)
    else:
        assert isinstance(answer, Reservation), "a step is answered with the reservation"
        fill_reservation(answer, ledger_id, chain, reply.reservation)


def fill_new_hold(answer: Held, entry: Entry, ledger_id: str, chain: Chain, reply: Any) -> None:
    """The same of a Reserve that was accepted."""
    store_id, command = entry
    assert isinstance(command, shop.Reserve), "nothing else is answered so"
    fill_held(answer, ledger_id, store_id, command, chain, reply.reservation)
