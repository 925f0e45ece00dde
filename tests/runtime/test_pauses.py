"""What is done in one hold of the mutex is bounded, however much a ledger has: counted in rows that are looked at."""

from collections.abc import Iterator
from threading import Lock
from typing import Any, Final

from actors.core.overlay import OVERLAID_AT_ONCE
from tests.runtime.runtime_fixture import ActorRuntime

HOLDS: Final = 30 * 110
SKUS: Final = 1_200


class Looked:
    """A mutex that counts what is looked at while it is held."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.rows = self.most = 0

    def __enter__(self) -> None:
        self._lock.acquire()
        self.rows = 0

    def __exit__(self, *_: object) -> None:
        self.most = max(self.most, self.rows)
        self._lock.release()


def counted(kind: type, mutex: Looked) -> Any:
    """A dictionary or list of which each row that is looked at counts."""

    class Counted(kind):
        def _walked(self, rows: Iterator[Any]) -> Iterator[Any]:
            for row in rows:
                mutex.rows += 1
                yield row

        def __iter__(self) -> Iterator[Any]:
            return self._walked(super().__iter__())

        def values(self) -> Iterator[Any]:
            return self._walked(iter(super().values()))

        def items(self) -> Iterator[Any]:
            return self._walked(iter(super().items()))

        def __setitem__(self, key: Any, value: Any) -> None:
            mutex.rows += 1
            super().__setitem__(key, value)

        def copy(self) -> Any:
            mutex.rows += len(self)
            return super().copy()

    return Counted


def test_a_snapshot_lets_no_step_wait_for_more_than_a_few_rows(runtime: ActorRuntime) -> None:
    runtime.say(*(f"receive A{number} 9000" for number in range(SKUS)))
    for number in range(0, HOLDS, 110):
        runtime.say(*(f"reserve c{place} A{place % SKUS} 1" for place in range(number, number + 110)))
    runtime.say(*(f"release #{SKUS + place}" for place in range(1, 111)))
    mutex, ledger = Looked(), runtime.host._hosted["S1"].ledger
    mapping, sequence = counted(dict, mutex), counted(list, mutex)
    ledger.positions, ledger.reservations = mapping(ledger.positions), mapping(ledger.reservations)
    ledger.answers.made._buckets = sequence(ledger.answers.made._buckets)
    runtime.host._deciding = mutex  # type: ignore[assignment]

    told: list[Any] = []
    numbers = iter(range(SKUS + 111, SKUS + HOLDS))

    def meanwhile() -> None:
        for _ in range(5):
            texts = [f"release #{next(numbers)}" for _ in range(100)]
            told.extend(runtime.say(*texts, *(f"reserve d{place} A{place} 1" for place in range(100))))

    runtime.host.snapshot("S1", meanwhile)
    assert len(told) > 2 * OVERLAID_AT_ONCE, "so it is put in its place in several pieces"
    assert 0 < mutex.most <= OVERLAID_AT_ONCE
    assert (ledger.positions.__class__, ledger.reservations.__class__) == (mapping, mapping), (
        "nothing is left over them"
    )
    state = runtime.state_hash()
    assert runtime.successor().state_hash() == state
