"""What gateways and actors say to each other: batches of commands, and an answer to each, as MessagePack.

Plus how a gateway reaches an actor by its name, and what may come of it.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import msgspec

from actors.core.answers import Recorded
from actors.core.message import Message
from actors.core.rejection import Rejection
from actors.orders import commands as orders
from actors.orders.state import Order
from actors.shop import commands as shop
from actors.shop.state import Remembered, Reservation, StockOutcome

Command = shop.Command | orders.Command
Entry = tuple[str, Command]  # a ledger and a command for it

RULES_ARE_STALE: Final = b""  # a step's answer where the caller must hand over newer rules first


class Held(Message, frozen=True):
    """The answer to a Reserve that was accepted: all that the caller does not know already."""

    number: int
    created_at_ms: int
    expires_at_ms: int


class Stopped(Message, frozen=True):
    """The ledger is not served: its journal is damaged. Nothing was done."""

    why: str


class Refusal(Message, frozen=True):
    """A rejection and the version at which it was written down, 0 where it was not."""

    version: int
    rejection: Rejection


class Moved(Message, frozen=True):
    """The answer to a change of stock."""

    version: int
    outcome: StockOutcome


# None: there is no such order (any more).
Answer = Held | Refusal | Moved | Reservation | Order | Stopped | None

_encode: Final[Callable[[Any], bytes]] = msgspec.msgpack.Encoder().encode
_decode_answers: Final[Callable[[bytes], list[Answer]]] = msgspec.msgpack.Decoder(list[Answer]).decode


def batch_reader(command: Any) -> Callable[[bytes], tuple[int, list[tuple[str, Any]]]]:
    """The inverse of `pack_batch`, for the commands of one kind of ledger: the union of their types."""
    return msgspec.msgpack.Decoder(tuple[int, list[tuple[str, command]]]).decode


def pack_batch(rules_revision: int, entries: Sequence[Entry]) -> bytes:
    """A step's request. `rules_revision` is the newest that the caller knows."""
    return _encode((rules_revision, entries))


def pack_answers(answers: Sequence[Remembered | Recorded[Order | Rejection] | Stopped | None]) -> bytes:
    """A step's answer, one for each entry."""
    return _encode([_answer_of(answer) for answer in answers])


def _answer_of(answer: Remembered | Recorded[Order | Rejection] | Stopped | None) -> Answer:
    """What the caller is told of an answer as a ledger remembers it."""
    if isinstance(answer, Reservation):
        return Held(answer.number, answer.created_at_ms, answer.expires_at_ms)
    if not isinstance(answer, Recorded):
        return answer
    value = answer.answer
    if isinstance(value, Rejection):
        return Refusal(answer.version, value)
    return Moved(answer.version, value) if isinstance(value, StockOutcome) else value


def unpack_answers(payload: bytes) -> list[Answer]:
    """The inverse of `pack_answers`."""
    return _decode_answers(payload)


def weight_of(entries: Sequence[Entry]) -> int:
    """How many commands' worth of work and memory: a change of stock counts for a quarter of its rows."""
    if len(entries) > 1:
        return len(entries)
    match entries[0][1]:
        case shop.AdjustStock(movements=rows) | shop.CountStock(counts=rows) | shop.SetSafetyStock(safety_stocks=rows):
            return 1 + len(rows) // 4
        case _:
            return 1


class ActorGone(Exception):
    """The actor did not answer: it died, restarts, or cannot be reached. What it did is unknown."""


class LedgerStopped(Exception):
    """The ledger is not served: its journal is damaged. Asking again does not help."""


class Actors(Protocol):
    """Calls to actors by name. `actors.ray_actors.RayActors` is the real one."""

    async def call(self, actor: str, method: str, *args: Any) -> Any:
        """Call a method, making the actor first where it is not there. Raises ActorGone or LedgerStopped."""

    async def names(self) -> frozenset[str]:
        """The actors that have been made."""
