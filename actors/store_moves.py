"""The steps of moving a shop from one StoreActor to another, as gateways carry them: see `runtime.moving`."""

from typing import Final

from actors.journal.port import Phase, Record
from actors.protocol.messages import MoveRefused
from actors.rpc.methods import rpc
from actors.runtime.actor_runtime import LedgerActor
from actors.runtime.hosted import within_bytes
from actors.runtime.moving import Left

HANDED_EVENTS_MAX: Final = 5_000
HANDED_BYTES_MAX: Final = 4 * 1024 * 1024  # a record that is larger goes alone


class MoveSteps(LedgerActor):
    """The part of a StoreActor that lets shops go and takes them in. All of them may be repeated. All raise
    MoveRefused, and JournalError.
    """

    @rpc
    def take_in(self, store_id: str, actor: str, move: int) -> int | None:
        """Have a shop arrive from an actor; up to which sequence its records are here, None where it has arrived."""
        return self.host.take_in(store_id, actor, move)

    @rpc
    def hand_over(self, store_id: str, after: int) -> list[Record]:
        """Durable records of a shop that is here, or has left, after a sequence; none where there are no more."""
        at = self._journal.whereabouts().get(store_id)
        if at is not None and at.phase is Phase.ARRIVING:
            raise MoveRefused(f"{store_id} is on its way to {self.name} itself")
        return within_bytes(self._journal.read(store_id, after, HANDED_EVENTS_MAX), HANDED_BYTES_MAX)

    @rpc
    def receive(self, store_id: str, move: int, records: list[Record]) -> int:
        """Records that were handed over; returns as `take_in`."""
        return self.host.receive(store_id, move, records)

    @rpc
    def prepare(self, store_id: str, move: int) -> None:
        """Build the state of what has arrived."""
        self.host.prepare(store_id, move)

    @rpc
    def leave(self, store_id: str, actor: str, move: int) -> Left:
        """Let a shop go to an actor."""
        left = self.host.leave(store_id, actor, move)
        self._followers.tell()
        return left

    @rpc
    def settle(self, store_id: str, move: int, left: Left) -> None:
        """Serve a shop that has arrived whole."""
        self.host.settle(store_id, move, left)
        self._followers.tell()
