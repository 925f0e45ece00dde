"""When one that waits in line may be served, which is no promise: by what came free of its SKU lately, and by what is
on its way to the shop.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from msgspec.structs import replace

from actors.core.policy import HOUR_MS
from actors.core.status import Status
from actors.shop.position import Trail
from actors.shop.state import Ledger, Reservation

ESTIMATE_WINDOW_MS: Final = HOUR_MS  # what came free within is the rate of an estimate
ESTIMATE_MOVES_MAX: Final = 64  # likewise, of each trail
ESTIMATE_TRANSFERS_MAX: Final = 64  # likewise, to one shop with one SKU, of those that were sent first


class Rate(NamedTuple):
    """What came free of a position lately: so many units since an instant, and what is available of it as of now; and
    what is on its way to here and promised to nobody, by when it is expected.
    """

    came: int
    since_ms: int
    available: int
    now_ms: int
    arrivals: tuple[tuple[int, int], ...] = ()

    def expected_at_ms(self, units: int) -> int:
        """When so many units will be free if they go on coming free like that, or by the transfers that bring them,
        whichever is sooner; 0 where nothing came, and nothing brings as many.
        """
        short = max(0, units - max(0, self.available))
        by_transfers_ms = self._brought_at_ms(short)
        if self.came <= 0 or self.since_ms == self.now_ms:
            return by_transfers_ms
        by_rate_ms = self.now_ms + short * (self.now_ms - self.since_ms) // self.came
        return min(by_rate_ms, by_transfers_ms or by_rate_ms)

    def _brought_at_ms(self, short: int) -> int:
        for expected_at_ms, units in self.arrivals if short else ():
            short -= units
            if short <= 0:
                return expected_at_ms
        return 0


class Estimate(NamedTuple):
    """One that waits, and what its place and its time follow from."""

    waiting: Reservation
    place: int
    units: int  # that those up to it wait for
    rate: Rate

    def told(self) -> Reservation:
        """The reservation with both."""
        assert self.waiting.in_line is not None, "it waits"
        expected = self.rate.expected_at_ms(self.units)
        in_line = replace(self.waiting.in_line, queue_position=self.place, expected_at_ms=expected)
        return self.waiting.changed(in_line=in_line)


class Rates:
    """The rates of one ledger's positions at one instant: of each it is looked once what came, however many wait."""

    def __init__(self, ledger: Ledger, now_ms: int) -> None:
        self._ledger, self._now_ms = ledger, now_ms
        self._by_sku: dict[str, Rate] = {}

    def of(self, sku: str) -> Rate:
        """That of one position."""
        rate = self._by_sku.get(sku)
        if rate is None:
            rate = self._by_sku[sku] = rate_of(self._ledger, sku, self._now_ms)
        return rate

    def estimate(self, waiting: Reservation) -> Estimate:
        """One that waits, as of now. Those ahead of it need as many units as all do on average: to add them up would
        look at a thousand for each of a thousand.
        """
        ((sku, _),) = waiting.lines
        line = self._ledger.lines[sku]
        place = line.position_of(waiting.number)
        return Estimate(waiting, place, line.units * place // len(line.numbers), self.of(sku))


# Reservations in memory, and of those that are over the versions of the events that have them, by number.
Found = tuple[dict[int, Reservation | Estimate], dict[int, int]]


def found_now(ledger: Ledger, numbers: Iterable[int], now_ms: int) -> Found:
    """Where reservations are. Of those that wait no more is reckoned here than has to be read of the ledger."""
    rows, version_of, rates = ledger.reservations, ledger.finished.version_of, Rates(ledger, now_ms)
    here: dict[int, Reservation | Estimate] = {}
    for number in numbers:
        row = rows.get(number)
        if row is not None:
            here[number] = rates.estimate(row) if row.status is Status.QUEUED else row
    return here, {each: version for each in numbers if each not in here and (version := version_of(each))}


def rate_of(ledger: Ledger, sku: str, now_ms: int) -> Rate:
    """What came free lately, and what will come. Units promised come free when they are given back, those on hand are
    more by what is delivered and fewer by what tills sell.
    """
    position = ledger.positions[sku]
    came, since_ms = 0, now_ms
    trails: tuple[tuple[Trail | None, int], ...] = ((position.on_hand_trail, 1), (position.reserved_trail, -1))
    for trail, sign in trails:
        moves = () if trail is None else trail.moves[-2 * ESTIMATE_MOVES_MAX :]
        for at_ms, delta in zip(moves[::2], moves[1::2], strict=True):
            if now_ms - ESTIMATE_WINDOW_MS < at_ms <= now_ms and (sign > 0 or delta < 0):
                came += sign * delta
                since_ms = min(since_ms, at_ms)
    return Rate(came, since_ms, position.available, now_ms, tuple(sorted(_arrivals(ledger, sku, now_ms))))


def _arrivals(ledger: Ledger, sku: str, now_ms: int) -> Iterator[tuple[int, int]]:
    """Yield when transfers are expected, and the units of the SKU that they bring beside those that are promised. When
    one comes that is late, nobody knows.
    """
    on_the_way = ledger.transfers.on_the_way.get(sku)
    for number, sent in islice(on_the_way.items(), ESTIMATE_TRANSFERS_MAX) if on_the_way else ():
        units = sent - ledger.in_transit.promised.get((number, sku), 0)
        expected_at_ms = ledger.transfers.live[number].expected_at_ms
        if units > 0 and expected_at_ms > now_ms:
            yield expected_at_ms, units
