"""Calls of a channel system as values, so that they can be logged and repeated word for word, and the log of one act:
every answer by its call, how long each took, and what repeats were answered.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from random import Random
from time import perf_counter
from typing import Any, Final, NamedTuple, TypeAlias
from zlib import crc32

from holdfast.client import (
    ChannelClient,
    HoldfastError,
    Order,
    PartOutcome,
    Reason,
    Rejection,
    Reservation,
    ServiceFault,
    StockChange,
)

CALL_MS_MAX: Final = 45_000  # over all attempts: longer than any restart of an actor takes
MEANWHILE_MS_MAX: Final = 250  # longer than most orders take: a second call comes at any moment of the first

Outcome: TypeAlias = Reservation | StockChange | Order | tuple[PartOutcome, ...] | Rejection


class Kind(Enum):
    """What is asked, by the client's method. Of single shops the values are the names that refusals have in the feed;
    of orders they are names for people.
    """

    ADJUST_STOCK = "AdjustStock"
    RESERVE = "Reserve"
    CONFIRM = "Confirm"
    MARK_READY = "MarkReady"
    COLLECT = "Collect"
    RELEASE = "Release"
    EXTEND = "Extend"
    RESERVE_NEAR = "order near a place"
    CONFIRM_ORDER = "confirm order"
    READY_ORDER = "mark order ready"
    COLLECT_ORDER = "collect order"
    RELEASE_ORDER = "release order"
    EXTEND_ORDER = "extend order"
    AMEND_ORDER = "amend order"


SHOP_KINDS: Final = tuple(Kind)[:7]
ORDER_KINDS: Final = tuple(Kind)[7:]


@dataclass(frozen=True, slots=True)
class Call:
    """One call: `asked` are the keyword arguments of the client's method, apart from the key and the time-out."""

    kind: Kind
    key: str
    asked: Mapping[str, Any]

    @property
    def store_id(self) -> str:
        """The shop that is asked, empty for orders; a reservation's id begins with its shop."""
        named: str = self.asked.get("store_id", "")
        return named or self.asked.get("reservation_id", "").rpartition(":")[0]

    def asking(self, **more: Any) -> "Call":
        return replace(self, asked={**self.asked, **more})


def reserve_call(key: str, store_id: str, sku: str, units: int = 1, **more: Any) -> Call:
    """A reservation of one line, by a customer who is called as its key is."""
    asked = {"store_id": store_id, "lines": ((sku, units),), "customer_id": key, "channel": "web"}
    return Call(Kind.RESERVE, key, {**asked, **more})


class Answered(NamedTuple):
    """A call and its answer."""

    call: Call
    outcome: Outcome


class Repeated(NamedTuple):
    """The first answer and the second. `same_content` False: the key came again with other content."""

    call: Call
    first: Outcome
    second: Outcome
    same_content: bool

    @property
    def differs(self) -> bool:
        """True where it was answered otherwise than the first time, or a reused key was not refused as such."""
        if self.same_content:
            return self.first != self.second
        return not isinstance(self.second, Rejection) or self.second.reason is not Reason.IDEMPOTENCY_KEY_REUSED

    def __str__(self) -> str:
        return f"repeated {self.call.key}: first {self.first}, then {self.second}"


class Repeat(Enum):
    """Whether a call is repeated on purpose."""

    NO = "no"
    AFTER = "after"
    AT_ONCE = "at once"
    OTHER_CONTENT = "other content"


_HAVE_OTHER_CONTENT: Final = (
    Kind.RESERVE,
    Kind.CONFIRM,
    Kind.COLLECT,
    Kind.EXTEND,
    Kind.RESERVE_NEAR,
    Kind.CONFIRM_ORDER,
    Kind.EXTEND_ORDER,
)


def draw_repeat(kind: Kind, draw: Random, shares: Mapping[Repeat, float]) -> Repeat:
    """Whether a call of this kind is repeated; `shares` are parts of all calls."""
    [drawn] = draw.choices([*shares, Repeat.NO], [*shares.values(), 1 - sum(shares.values())])
    return Repeat.NO if drawn is Repeat.OTHER_CONTENT and kind not in _HAVE_OTHER_CONTENT else drawn


def other_content(call: Call) -> Call:
    """The same key with other content: a payment, a unit or a minute that differs."""
    asked = call.asked
    if "payment_reference" in asked:
        return call.asking(payment_reference=f"{asked['payment_reference']}-other")
    if "lines" in asked:
        return call.asking(lines=one_more(asked["lines"]))
    name = "ttl_ms" if "ttl_ms" in asked else "collect_within_ms"
    return call.asking(**{name: asked.get(name, 0) + 60_000})


def one_more(lines: Sequence[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """The same lines with one more unit of the first."""
    (sku, quantity), *rest = lines
    return ((sku, quantity + 1), *rest)


class Answers:
    """The log of one act. `unanswered` says which calls got no answer, and why.

    `meanwhile_ms_max`: where a call is made twice at once, the second comes by so much later at the most.
    """

    def __init__(self, client: ChannelClient, *, meanwhile_ms_max: int = 0) -> None:
        self._client = client
        self._meanwhile_ms_max = meanwhile_ms_max
        self.log: list[Answered] = []
        self.repeats: list[Repeated] = []
        self.unanswered: list[str] = []
        self.accepted: Counter[Kind] = Counter()
        self.refused: Counter[str] = Counter()
        self.latencies: defaultdict[Kind, list[float]] = defaultdict(list)  # in ms, retries and outages included

    @property
    def calls(self) -> int:
        """Calls that were answered so far, repeats included."""
        return len(self.log) + len(self.repeats)

    async def ask(self, call: Call, repeat: Repeat = Repeat.NO) -> Outcome | None:
        """The answer, logged, None where none came in time; the call is repeated as asked for."""
        if repeat is Repeat.AT_ONCE:
            # Somebody comes with the same call while the first is carried from shop to shop.
            delay_ms = crc32(call.key.encode()) % self._meanwhile_ms_max if self._meanwhile_ms_max else 0
            first, second = await asyncio.gather(self._first(call), self._timed(call, delay_ms))
            self._repeated(call, first, second, same_content=True)
            return first
        outcome = await self._first(call)
        if repeat is Repeat.AFTER and outcome is not None:
            await self.ask_again(call, outcome)
        if repeat is Repeat.OTHER_CONTENT and outcome is not None:
            other = other_content(call)
            self._repeated(other, outcome, await self._timed(other), same_content=False)
        return outcome

    async def ask_again(self, call: Call, first: Outcome) -> None:
        """Repeat a call under its key, and keep the second answer."""
        self._repeated(call, first, await self._timed(call), same_content=True)

    async def ask_some_again(self, answered: Sequence[Answered], count_max: int, seed: str) -> None:
        """Repeat some of these calls, drawn from the seed, all at once: each answer must be remembered."""
        chosen = Random(seed).sample(answered, min(count_max, len(answered)))
        await asyncio.gather(*(self.ask_again(each.call, each.outcome) for each in chosen))

    async def _first(self, call: Call) -> Outcome | None:
        outcome = await self._timed(call)
        if outcome is None:
            return None
        self.log.append(Answered(call, outcome))
        if isinstance(outcome, Rejection):
            self.refused[outcome.reason.name] += 1
        else:
            self.accepted[call.kind] += 1
        return outcome

    def _repeated(self, call: Call, first: Outcome | None, second: Outcome | None, *, same_content: bool) -> None:
        if first is not None and second is not None:
            self.repeats.append(Repeated(call, first, second, same_content))

    async def _timed(self, call: Call, delay_ms: int = 0) -> Outcome | None:
        """Call; the client retries by itself until an answer comes or the time is over."""
        await asyncio.sleep(delay_ms / 1_000)
        method = getattr(self._client, call.kind.name.lower())
        began = perf_counter()
        try:
            outcome: Outcome = await method(**call.asked, idempotency_key=call.key, timeout_ms=CALL_MS_MAX)
            if call.kind is Kind.RESERVE and isinstance(outcome, Order):
                raise ServiceFault("Reserve", where=call.store_id, why=f"it became {outcome}")
        except HoldfastError as error:
            self.unanswered.append(f"{call.kind.value} {call.key}: {error}")
            return None
        answers = [part.answer for part in outcome] if isinstance(outcome, tuple) else []
        if errors := [answer for answer in answers if isinstance(answer, HoldfastError)]:
            self.unanswered.append(f"{call.kind.value} {call.key}: {errors[0]}")
        self.latencies[call.kind].append(1_000 * (perf_counter() - began))
        return outcome
