"""Who was served when, against the sequence of places in line, from the shops' feeds. Pure."""

from bisect import bisect_left, insort
from collections import defaultdict

from holdfast.client import Event
from holdfast.client.models import events as feed


class Turns:
    """Reads the feeds of shops, each in its sequence, and keeps the line of every SKU as it should be.

    A place is the number of its reservation: also who was served and passed over has it again. In place of one that is
    passed over, in the same moment, the next one is served; else nobody but the first. Who does not wait gets nothing
    of a SKU that somebody waits for, and is refused.
    """

    def __init__(self) -> None:
        self.waited: set[str] = set()
        self.served: set[str] = set()
        self.passed_over = self.kept_out = 0
        self.out_of_turn: list[str] = []  # a sentence for each who was served so
        self._lines: defaultdict[tuple[str, str], list[int]] = defaultdict(list)  # numbers, ascending
        self._passed: dict[str, tuple[int, int]] = {}  # by shop the version of the last pass, and who it was

    def see(self, event: Event) -> None:
        store_id, change = event.store_id, event.change
        match change:
            case feed.Queued(reservation):
                self.waited.add(reservation.reservation_id)
                insort(self._lines[store_id, reservation.lines[0].sku], _number(reservation.reservation_id))
            case feed.PassedOver(reservation_id, lines):
                self.passed_over += 1
                self._passed[store_id] = event.version, _number(reservation_id)
                insort(self._lines[store_id, lines[0][0]], _number(reservation_id))
            case feed.Served(reservation_id, lines):
                self._serve(event, reservation_id, self._lines[store_id, lines[0][0]])
            case feed.Left(reservation_id):
                number = _number(reservation_id)
                for (of, _), line in self._lines.items():
                    if of == store_id and number in line:
                        line.remove(number)
            case feed.Reserved(reservation) | feed.Claimed(reservation):
                for sku in (each.sku for each in reservation.lines if self._lines.get((store_id, each.sku))):
                    self.out_of_turn.append(f"{reservation.reservation_id} got {sku}, and did not wait")
            case feed.Refused(_, _, rejection):
                self.kept_out += bool(self._lines.get((store_id, rejection.sku)))
            case _:
                pass

    def skus(self) -> int:
        return len(self._lines)

    def waiting(self) -> int:
        return sum(map(len, self._lines.values()))

    def _serve(self, event: Event, reservation_id: str, line: list[int]) -> None:
        self.served.add(reservation_id)
        number, (passed_at, passed) = _number(reservation_id), self._passed.get(event.store_id, (0, 0))
        place = bisect_left(line, number)
        if place == len(line) or line[place] != number:
            self.out_of_turn.append(f"{reservation_id} was served, and did not wait")
            return
        ahead = [each for each in line[:place] if (passed_at, passed) != (event.version - 1, each)]
        if ahead:
            first = f"{event.store_id}:{ahead[0]}"
            self.out_of_turn.append(f"{reservation_id} was served before {first}, with {len(ahead)} ahead of it")
        del line[place]


def _number(reservation_id: str) -> int:
    return int(reservation_id.rpartition(":")[2])
