"""Shares of a bounded room by SKU and by channel: near its limits none of them takes the room of the others. A room is
an actor's queue, or a gateway's places for one kind of work.

The thresholds are dynamic (Choudhury and Hahne, 1998): a SKU may take half as much of the room as is free, a channel
twice as much. So one SKU in great demand ends with a third of the room, two with a quarter each, and some is always
left for the others, without anything to configure. See ADR 0041.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from actors.core.ids import is_hot, sku_of_ledger
from actors.orders.commands import RequestGrant
from actors.protocol.messages import Entry
from actors.shop.commands import Claim, Reserve

SHARES_FROM: Final = 0.25  # of the room: below that nothing is counted, and nobody is refused
SKU_SHARE: Final = 0.5  # of what is free
CHANNEL_SHARE: Final = 2.0  # more than a SKU's, so that a SKU does not take the room of its channel's others
ENTRIES_MIN: Final = 64  # of a SKU; so many are taken as long as there is any room
CHANNEL_ENTRIES_MIN: Final = 4 * ENTRIES_MIN
_SHARED: Final = (Reserve, Claim, RequestGrant)  # changes of stock have no channel, and are of a few callers


class Shares:
    """The entries that wait or are out, counted by SKU and by channel. It is as large as what is counted."""

    def __init__(self) -> None:
        self._skus: dict[str, int] = {}
        self._channels: dict[str, int] = {}
        self._total = 0

    def count(self, entries: Iterable[Entry]) -> None:
        for ledger_id, command in entries:
            self._total += 1
            if isinstance(command, _SHARED):
                _add(self._channels, command.channel, 1)
                for sku in _skus_of(ledger_id, command):
                    _add(self._skus, sku, 1)

    def drop(self, entries: Iterable[Entry]) -> None:
        """Count what was counted, and is over, no more."""
        for ledger_id, command in entries:
            self._total -= 1
            if isinstance(command, _SHARED):
                _add(self._channels, command.channel, -1)
                for sku in _skus_of(ledger_id, command):
                    _add(self._skus, sku, -1)

    def admit(self, entries: Sequence[Entry], fullness: float) -> list[int]:
        """Count those that may come in, and return their places. `fullness` is how much of the room is taken, of 1.

        What other ledgers may have done something for already is counted alone, and so are requests for grants, of
        which a gateway has a limited number out.
        """
        free = (1.0 - fullness) / fullness * (self._total + len(entries))
        sku_max, channel_max = max(ENTRIES_MIN, SKU_SHARE * free), max(CHANNEL_ENTRIES_MIN, CHANNEL_SHARE * free)
        skus, channels = self._skus, self._channels
        admitted: list[int] = []
        for place, entry in enumerate(entries):
            ledger_id, command = entry
            if (isinstance(command, Reserve) and command.grant is None) and (
                channels.get(command.channel, 0) >= channel_max
                or any(skus.get(sku, 0) >= sku_max for sku in _skus_of(ledger_id, command))
            ):
                continue
            self.count((entry,))
            admitted.append(place)
        return admitted


class Room:
    """Places of a gateway for one kind of work: the first `shared_from` are for whoever comes, also for a full batch of
    one SKU; the rest is shared.
    """

    def __init__(self, places_max: int, shared_from: int) -> None:
        self._places_max, self._shared_from = places_max, shared_from
        self.taken = 0
        self._shares = Shares()

    def enter(self, entries: Sequence[Entry]) -> list[int]:
        """Take places for as many as there may be; returns which."""
        admitted = list(range(min(len(entries), max(0, self._shared_from - self.taken))))
        self._shares.count(entries[: len(admitted)])
        self.taken += len(admitted)
        for place in range(len(admitted), len(entries)):
            fullness = (self.taken + 1) / self._places_max
            if fullness <= 1 and self._shares.admit((entries[place],), fullness):
                admitted.append(place)
                self.taken += 1
        return admitted

    def leave(self, entries: Sequence[Entry]) -> None:
        """Give back the places of those that were let in."""
        self.taken -= len(entries)
        self._shares.drop(entries)


def _skus_of(ledger_id: str, command: Reserve | Claim | RequestGrant) -> Iterable[str]:
    """What is asked for: the ledger of a hot SKU has shops in the lines."""
    return (sku_of_ledger(ledger_id),) if is_hot(ledger_id) else (sku for sku, _ in command.lines)


def _add(counts: dict[str, int], name: str, change: int) -> None:
    left = counts.get(name, 0) + change
    if left:
        counts[name] = left
    else:
        del counts[name]
