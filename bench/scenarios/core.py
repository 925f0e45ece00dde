"""The pure ledger on one core, and what carries commands to it: no process, no disk, no network."""

import gc
from collections.abc import Sequence
from typing import Any, Final

from actors.core.policy import HOUR_MS
from actors.protocol.messages import (
    command_from_wire,
    command_to_wire,
    pack_answers,
    pack_batch,
    unpack_answers,
    unpack_batch,
)
from actors.shop.commands import Collect, Command, Confirm
from actors.shop.state import Ledger, Remembered, Reservation
from actors.shop.transact import expire, transact
from bench.record import Headline, Options, Outcome, Row, Told, medians, of_ledger, timed
from bench.samples import NOW_MS, STORE, key, reserves, stocked

SKUS: Final = 5_000
BATCH: Final = 256


class Round:
    """One pass through a reservation's life on a fresh ledger."""

    def __init__(self, count: int, seed: int) -> None:
        self.count = count
        self.ledger = stocked(SKUS)
        self.ones = list(reserves(count, SKUS, 1, seed))
        self.threes = list(reserves(count, SKUS, 3, seed))
        # As the actor does once it has recovered: the collector does not walk what stays.
        gc.collect()
        gc.freeze()

    def measure(self) -> dict[str, dict[str, float]]:
        """Every operation, in the sequence of a life."""
        found: dict[str, dict[str, float]] = {}
        answers: list[Remembered] = []
        found["reserve, 1 line"] = self._all(self.ones, answers)
        found["reserve, 3 lines"] = self._all(self.threes, answers)
        found["reserve, repeated"] = self._all(self.ones)
        absent = [each._replace(key=key(), lines=((each.lines[0][0], 10**9),)) for each in self.ones]
        found["reserve, refused for stock"] = self._all(absent)
        numbers = [answer.number for answer in answers[: self.count] if isinstance(answer, Reservation)]
        found["confirm"] = self._all([Confirm(key(), number, 0) for number in numbers])
        collects = [Collect(key(), number, "P-1", ()) for number in numbers[: self.count // 2]]
        found["collect"] = self._all(collects)
        found["envelope to the actor and back"] = timed(self.count, lambda: self._carry(answers))
        return found

    def expire(self) -> dict[str, float]:
        """All that is still held or confirmed goes back. The last measurement: nothing is left after it."""
        due = self.ledger.open_reservations
        return timed(due, lambda: expire(self.ledger, NOW_MS + 72 * HOUR_MS))

    def _all(self, commands: Sequence[Command], answers: list[Remembered] | None = None) -> dict[str, float]:
        ledger, kept = self.ledger, [] if answers is None else answers

        def work() -> None:
            for command in commands:
                kept.append(transact(ledger, command, NOW_MS).answer)

        return timed(len(commands), work)

    def _carry(self, answers: Sequence[Remembered]) -> None:
        """What a batch costs both ends beyond deciding: pack and unpack, there and back."""
        for first in range(0, self.count, BATCH):
            chosen = self.ones[first : first + BATCH]
            packed = pack_batch(1, [(STORE, command_to_wire(each)) for each in chosen])
            for _, wire in unpack_batch(packed)[1]:
                command_from_wire(wire)
            unpack_answers(pack_answers(list(answers[first : first + BATCH])))


def run_core(options: Options) -> Outcome:
    """Medians of the rounds, each on a ledger of its own."""
    count = options.size(30_000, 1_000)
    rounds: list[dict[str, dict[str, float]]] = []
    conservation = of_ledger(Ledger(STORE), Told(0))
    for number in range(options.rounds):
        options.say(f"core: round {number + 1} of {options.rounds}")
        each = Round(count, number)
        found = each.measure()
        told = Told(2 * count - count // 2)
        conservation = of_ledger(each.ledger, told)
        found["expire"] = each.expire()
        left = of_ledger(each.ledger, Told(0))
        rounds.append(found)
        gc.unfreeze()
        if not (conservation.holds and left.holds):
            conservation = left if conservation.holds else conservation
            break
    rows = [Row(name, medians([each[name] for each in rounds])) for name in rounds[0]]
    reserve = next(row for row in rows if row.name == "reserve, 1 line")
    headline = Headline("reserve of 1 line, one core", reserve.figures["per_s"], "/s")
    parameters: dict[str, Any] = {"operations": count, "skus": SKUS, "rounds": options.rounds, "quick": options.quick}
    return Outcome(parameters, rows, [headline], conservation)
