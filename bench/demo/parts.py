"""What the feed says of parts of orders and of places in pickup slots, kept for the verdict over orders. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from bench.demo.projection import LIVE
from holdfast.client import Event, Rejection, Reservation, Status
from holdfast.client.models import events as told

INSIDE: Final = "\n"
"""The keys that shops and customers' ledgers use among themselves begin so, and no caller's key does."""

CLAIM_KEY: Final = f"{INSIDE}claim "


class Stage(NamedTuple):
    """A reservation after one of its events, and when that was by its shop's ledger."""

    at_ms: int
    reservation: Reservation


class History:
    """One part of an order, or a reservation with a pickup slot, from its first event on."""

    __slots__ = ("stages",)

    def __init__(self, stages: list[Stage]) -> None:
        self.stages = stages

    @property
    def last(self) -> Reservation:
        """As it is now."""
        return self.stages[-1].reservation

    def held_at_ms(self) -> int | None:
        """When it was first held for certain; None where it never was."""
        return next((stage.at_ms for stage in self.stages if stage.reservation.status in LIVE), None)

    def over_at_ms(self) -> int | None:
        """When it ended; None where it has not."""
        over = self.last.status not in LIVE and self.last.status is not Status.CLAIMED
        return self.stages[-1].at_ms if over else None


class RefusedStep(NamedTuple):
    """What a shop said to a step of one part, under the key that the gateway made for it."""

    key: str
    rejection: Rejection


class PartWatch:
    """Gathers, event by event, what the verdict over orders is made of."""

    def __init__(self) -> None:
        self.histories: dict[str, History] = {}
        self.refused: dict[tuple[str, int], RefusedStep] = {}
        self.steps: dict[tuple[str, int], str] = {}
        """Where a shop went on with a part because somebody asked it to: READY and COLLECTED, by shop and version."""

    def takes(self, event: Event, after: Reservation | None) -> bool:
        """Note an event with the reservation after it; True where the verdict over orders answers for it."""
        change = event.change
        if after is not None and (after.order_id or after.slot_start_ms is not None):
            stage = Stage(event.at_ms, after)
            known = self.histories.get(after.reservation_id)
            if known is None:
                self.histories[after.reservation_id] = History([stage])
            else:
                known.stages.append(stage)
        if isinstance(change, told.Refused) and change.idempotency_key.startswith(INSIDE):
            if not change.idempotency_key.startswith(CLAIM_KEY):  # a refused claim is its order's affair
                self.refused[event.store_id, event.version] = RefusedStep(change.idempotency_key, change.rejection)
            return True
        if after is not None and after.order_id and isinstance(change, told.ReadyMarked | told.Collected):
            self.steps[event.store_id, event.version] = after.reservation_id
            return True
        return False

    def by_order(self) -> dict[str, dict[str, History]]:
        """The parts of each order that any shop ever claimed for, by reservation id."""
        found: dict[str, dict[str, History]] = {}
        for reservation_id, history in self.histories.items():
            if history.last.order_id:
                found.setdefault(history.last.order_id, {})[reservation_id] = history
        return found


def with_slots(histories: Mapping[str, History]) -> Iterator[History]:
    """Those that ever had a place in a pickup slot."""
    for history in histories.values():
        if any(stage.reservation.slot_start_ms is not None for stage in history.stages):
            yield history
