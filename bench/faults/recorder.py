"""The history of a run: every call that somebody made, when it was made and answered, and what it was answered. Times
are of one monotonic clock, in nanoseconds.

What was asked for several times under one key is one call, from the first time it was asked until the first answer.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from bench.demo.calls import Answered, Call, Kind, Outcome, Repeated, other_content
from holdfast.client import ChannelClient, HoldfastError, NotFound, Overloaded, Rejection, StaleRead

SEEN_MAX: Final = 4_096
SETTLE_MS: Final = 60_000
SETTLED_AT_ONCE: Final = 64
OUTCOMES: Final = ("accepted", "refused", "read", "overloaded", "no answer")

T = TypeVar("T")


class Seen(NamedTuple):
    """A change that was answered. `about` is the reservation or order, empty where it was refused."""

    call: Call
    about: str
    called_ns: int
    returned_ns: int


@dataclass(slots=True)
class Entry:
    """One call of the history, `asked` so many times. Open as long as it has no answer; `never` where it is known to
    have done nothing.
    """

    call: Call
    caller: str
    called_ns: int
    returned_ns: int | None = None
    outcome: Outcome | None = None
    never: bool = False
    asked: int = 0


@dataclass(slots=True)
class Read:
    """A read: of a position (store and SKU), or of a reservation by its id."""

    caller: str
    called_ns: int
    returned_ns: int
    what: tuple[str, str] | str
    said: object


@dataclass(slots=True)
class Recorder:
    """All that callers were told. `per_second` counts outcomes by second of the run, `errors` what was raised."""

    began_ns: int = field(default_factory=time.monotonic_ns)
    entries: dict[str, Entry] = field(default_factory=dict)
    reads: list[Read] = field(default_factory=list)
    repeats: list[Repeated] = field(default_factory=list)
    per_second: Counter[tuple[int, str]] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    seen: deque[Seen] = field(default_factory=lambda: deque(maxlen=SEEN_MAX))

    @property
    def outcomes(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for (_, name), count in self.per_second.items():
            found[name] += count
        return found

    async def ask(self, client: ChannelClient, caller: str, call: Call, timeout_ms: int) -> Outcome | None:
        """The answer, None where none came in time; asked again under its key, it is held against the first one."""
        entry = self.entries.get(call.key)
        if entry is None:
            entry = self.entries[call.key] = Entry(call, caller, time.monotonic_ns())
        entry.never, entry.asked = False, entry.asked + 1
        called_ns = time.monotonic_ns()
        outcome = await self._answer(client, call, timeout_ms)
        if isinstance(outcome, HoldfastError):
            entry.never = entry.asked == 1 and isinstance(outcome, Overloaded)
            return None
        if entry.outcome is not None:
            self.repeats.append(Repeated(call, entry.outcome, outcome, same_content=True))
            return outcome
        entry.outcome, entry.returned_ns = outcome, time.monotonic_ns()
        about = getattr(outcome, "order_id", "") or getattr(outcome, "reservation_id", "")
        about = "" if isinstance(outcome, Rejection) else about or call.store_id
        self.seen.append(Seen(call, about, called_ns, entry.returned_ns))
        return outcome

    async def ask_otherwise(self, client: ChannelClient, call: Call, timeout_ms: int) -> None:
        """A key that was answered already, with other content: it must be refused."""
        other, first = other_content(call), self.entries[call.key].outcome
        outcome = await self._answer(client, other, timeout_ms)
        if first is not None and not isinstance(outcome, HoldfastError):
            self.repeats.append(Repeated(other, first, outcome, same_content=False))

    async def read(self, caller: str, what: tuple[str, str] | str, asking: Callable[[], Awaitable[T]]) -> T | None:
        """What a read tells, None where nothing came."""
        called_ns = time.monotonic_ns()
        try:
            said = await asking()
        except (NotFound, StaleRead):
            return None
        except HoldfastError as error:
            self._count(error)
            return None
        self.reads.append(Read(caller, called_ns, time.monotonic_ns(), what, said))
        self.per_second[self._second(), "read"] += 1
        return said

    async def settle(self, client: ChannelClient, open_for_s: float = 0.0) -> int:
        """Ask again for everything that is open, and was first asked so long ago, until it is answered; how many are
        open still. A refusal is remembered for ten minutes: who asks later is decided anew.
        """
        gate = asyncio.Semaphore(SETTLED_AT_ONCE)

        async def one(entry: Entry) -> None:
            async with gate:
                await self.ask(client, entry.caller, entry.call, SETTLE_MS)

        until_ns = time.monotonic_ns() - int(open_for_s * 1_000_000_000)
        await asyncio.gather(*(one(entry) for entry in self.open() if entry.called_ns <= until_ns))
        return len(self.open())

    def open(self) -> list[Entry]:
        """The calls of which nobody knows what became of them."""
        return [entry for entry in self.entries.values() if entry.outcome is None and not entry.never]

    def answered(self, kinds: Sequence[Kind], store_ids: Sequence[str] | None = None) -> list[Answered]:
        """The answers to calls of these kinds, of these shops where any are named."""
        return [
            Answered(entry.call, entry.outcome)
            for entry in self.entries.values()
            if entry.outcome is not None
            and entry.call.kind in kinds
            and (store_ids is None or entry.call.store_id in store_ids)
        ]

    async def _answer(self, client: ChannelClient, call: Call, timeout_ms: int) -> Outcome | HoldfastError:
        method = getattr(client, call.kind.name.lower())
        try:
            outcome: Outcome = await method(**call.asked, idempotency_key=call.key, timeout_ms=timeout_ms)
        except HoldfastError as error:
            self._count(error)
            return error
        self.per_second[self._second(), "refused" if isinstance(outcome, Rejection) else "accepted"] += 1
        return outcome

    def _count(self, error: HoldfastError) -> None:
        self.errors[type(error).__name__] += 1
        self.per_second[self._second(), "overloaded" if isinstance(error, Overloaded) else "no answer"] += 1

    def _second(self) -> int:
        return (time.monotonic_ns() - self.began_ns) // 1_000_000_000
