"""The messages between gateways and actors as MessagePack: batches of commands, and an answer to each.

Also the interface by which a gateway calls an actor by name, and its errors.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any, Final, Protocol

import msgspec

from actors.core.answers import Recorded, fingerprint
from actors.core.message import Message
from actors.core.rejection import Rejection
from actors.core.transact import Deferred
from actors.orders import commands as orders
from actors.orders.state import Order
from actors.shop import commands as shop
from actors.shop.allotments.allotment import Allotment
from actors.shop.hot.units import HotTotals
from actors.shop.picking.pick_task import PickTask
from actors.shop.shortfalls.shortfall import ShortfallTask
from actors.shop.state import AnyReservation, MovingOut, Remembered, Reservation, StockOutcome
from actors.shop.transfers.transfer import Transfer

Command = shop.Command | shop.HotCommand | orders.Command
Entry = tuple[str, Command]  # a ledger and a command for it

NEVER_MS: Final = 1 << 53  # the deadline of an entry that has none
UNHEARD: Final = -2  # in place of a ledger's version, for who does not know it
CUT_OFF: Final = -1  # in place of a revision: the caller cannot reach the chain, whatever it knows
SUPPLIED: Final = ("hours",)  # what a gateway adds to a command, another one at each try
RULES_ARE_STALE: Final = b""  # a step's answer where the caller must first send its newer chain document


class Held(Message, frozen=True):
    """The answer to an accepted Reserve: only the fields that the caller does not have."""

    number: int
    created_at_ms: int
    expires_at_ms: int
    grant: int = 0


class Stopped(Message, frozen=True):
    """The ledger is not served, as its journal is damaged. Nothing was done."""

    why: str


class Unseen(Message, frozen=True):
    """In place of one thing that was asked for: its record is in an archive that is not there."""


class Elsewhere(Message, frozen=True):
    """The ledger is with another actor, or on its way from it. Nothing was done."""

    actor: str


class Late(Message, frozen=True):
    """The entry's deadline had passed before it was decided, or nobody knows its ledger's rules: nothing was done. From
    the router: its outcome is unknown.
    """


class Shed(Message, frozen=True):
    """From a gateway's queue: there was no room for the entry beside others of its SKU or channel. Nothing was done."""


class Refusal(Message, frozen=True):
    """A rejection and the version that recorded it, 0 where it was not recorded. `repeated`: it is not news, but was
    given under the same key before.
    """

    version: int
    rejection: Rejection
    repeated: bool = False


class Moved(Message, frozen=True):
    """The answer to a change of stock."""

    version: int
    outcome: StockOutcome


# None: there is no such order (any more).
Answer = (
    Held
    | Refusal
    | Moved
    | AnyReservation
    | Allotment
    | Transfer
    | ShortfallTask
    | PickTask
    | HotTotals
    | MovingOut
    | Order
    | shop.Grant
    | Stopped
    | Late
    | Shed
    | Deferred
    | Elsewhere
    | None
)

_encode: Final[Callable[[Any], bytes]] = msgspec.msgpack.Encoder().encode

# The inverse of `pack_answers`. Raises ValueError for any other bytes: msgspec.DecodeError, or UnicodeDecodeError.
unpack_answers: Final[Callable[[bytes], list[Answer]]] = msgspec.msgpack.Decoder(list[Answer]).decode


def batch_reader(command: Any) -> Callable[[bytes], tuple[int, list[tuple[str, int, Any]]]]:
    """The inverse of `pack_batch`; `command` is the union of one kind of ledger's. Raises as `unpack_answers`."""
    return msgspec.msgpack.Decoder(tuple[int, list[tuple[str, int, command]]]).decode


def pack_batch(
    rules_revision: int,
    entries: Sequence[Entry],
    deadlines_ms: Iterable[int] = (),
    encode: Callable[[Any], bytes] = _encode,
) -> bytes:
    """Encode a step's request. `rules_revision` is the newest chain revision that the caller knows, or CUT_OFF; the
    deadlines are of each entry, by the caller's clock. `encode` is how the service's format is written.
    """
    timed = zip(entries, deadlines_ms or repeat(NEVER_MS), strict=False)
    return encode((rules_revision, [(ledger_id, deadline_ms, command) for (ledger_id, command), deadline_ms in timed]))


# A ledger's answer, or why there is none.
Given = Remembered | Recorded[Order | Rejection] | Refusal | Stopped | Late | Deferred | Elsewhere | None


def pack_answers(answers: Sequence[Given], encode: Callable[[Any], bytes] = _encode) -> bytes:
    """Encode a step's answers, one for each entry, as the service's format is written."""
    return encode([_answer_of(answer) for answer in answers])


def _answer_of(answer: Given) -> Answer:
    """The answer to send for one that a ledger remembers."""
    if isinstance(answer, Reservation):
        return Held(answer.number, answer.created_at_ms, answer.expires_at_ms, answer.grant)
    if not isinstance(answer, Recorded):
        return answer
    value = answer.answer
    if isinstance(value, Rejection):
        return Refusal(answer.version, value)
    return Moved(answer.version, value) if isinstance(value, StockOutcome) else value


def refusal_of(answer: Given, before: int) -> Given:
    """A refusal as it is sent, by a ledger that was at the version `before` this step; other answers as they are."""
    if isinstance(answer, Recorded) and isinstance(answer.answer, Rejection):
        return Refusal(answer.version, answer.answer, 0 < answer.version <= before)
    return answer


def name_of(command: Command) -> str:
    """What a command that ends its actor is known by: the key, or the content without one; a claim by its caller's key,
    as its own is another one at each try. These two have a form that no key has.
    """
    if isinstance(command, shop.Claim) and command.call_key:
        return f"\ncall {command.call_key}"
    key = command.key if isinstance(command, shop.Command | shop.HotCommand) else orders.key_of(command)
    return key or f"\n{type(command).__name__} {fingerprint(command, SUPPLIED)}"


def weight_of(entries: Sequence[Entry]) -> int:
    """The work and memory of entries, in commands: a change of stock counts 1 and a quarter of its rows."""
    if len(entries) > 1:
        return len(entries)
    match entries[0][1]:
        case shop.AdjustStock(movements=rows) | shop.CountStock(counts=rows) | shop.SetSafetyStock(safety_stocks=rows):
            return 1 + len(rows) // 4
        case _:
            return 1


class ActorGone(Exception):
    """The actor did not answer: it died, restarts, or cannot be reached. Whether it acted is unknown."""


class CallLost(ActorGone):
    """The connection ended while the call was out: perhaps the call has ended the actor."""


class LedgerAway(ActorGone):
    """The ledger is read anew from its journal, and will be served again in a moment. Nothing was done."""


class LedgerElsewhere(LedgerAway):
    """The ledger is with another actor, or on its way from it. Nothing was done."""

    def __init__(self, ledger_id: str, actor: str) -> None:
        super().__init__(f"ledger {ledger_id} is with {actor}")
        self.ledger_id = ledger_id
        self.actor = actor


class MoveRefused(Exception):
    """A step of a move that is over, or that does not fit where the ledger is. Nothing was done."""


class LedgerStopped(Exception):
    """The ledger is not served, as its journal is damaged. Repeating the call does not help."""


class Actors(Protocol):
    """Calls to actors by name; implemented by `actors.ray_actors.RayActors`."""

    async def call(self, actor: str, method: str, *args: Any) -> Any:
        """Call a method, creating the actor if there is none. Raises ActorGone or LedgerStopped."""

    async def names(self) -> frozenset[str]:
        """The names of the actors that have been created."""
