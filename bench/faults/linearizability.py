"""Is a recorded history linearizable: could each operation have taken effect at one instant between its call and its
return, one after the other, as a sequential model has it? Pure; after Wing and Gong (1993) and Lowe (2017).

A history is read event by event. Where an operation returns that has not taken effect yet, it does so now, after any of
the others that are under way and must go before it; nothing takes effect earlier than it has to. Of each event a set of
pairs is remembered that led nowhere, of a model's state and who has taken effect, so that none is looked at twice. Of
operations under way that were asked and told the same, the one that returns first goes first: the others could take its
place in any sequence, and it theirs.

An operation without a return (its caller gave up) stays open: it may take effect at any later time, or never. What was
refused for certain is left out, or is an operation of its own whose model says when it may be refused.

Linearizability is local: a history is partitioned by object first, and each is examined by itself.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Generic, NamedTuple, TypeVar

EXAMINED_MAX: Final = 2_000_000
"""Pairs looked at before a history is given up as undecided; some 300 MB and ten seconds."""

STATES_TOLD_MAX: Final = 8
_LAST: Final = 1 << 62  # after every return


class Operation(NamedTuple):
    """One call of one caller, with instants of one clock; `returned` None where nobody knows what became of it.

    `asked` and `said` are the model's and hashable: what was asked for and what the answer was, None for one that is
    open. What a model makes of an operation depends on these two alone.
    """

    caller: str
    called: int
    returned: int | None
    asked: Any
    said: Any = None


StateT = TypeVar("StateT", bound=Hashable)
StateT_co = TypeVar("StateT_co", bound=Hashable, covariant=True)


class Model(NamedTuple, Generic[StateT]):
    """A sequential object: its first state, and the state after an operation, None where it could not have said so."""

    initial: StateT
    step: Callable[[StateT, Operation], StateT | None]


class Outcome(Enum):
    """What came of it. UNDECIDED: more was to be looked at than may be."""

    LINEARIZABLE = "linearizable"
    VIOLATED = "violated"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Verdict(Generic[StateT_co]):
    """What was found, and how many pairs were looked at.

    Of a violation, `prefix` are the operations that were called up to the first return which no sequence explains, that
    of `refused`: without that return it is linearizable. `states` are those that the object may have been in after the
    return before, at most STATES_TOLD_MAX.
    """

    outcome: Outcome
    operations: int
    examined: int
    prefix: tuple[Operation, ...] = ()
    refused: Operation | None = None
    states: tuple[StateT_co, ...] = ()

    @property
    def holds(self) -> bool:
        return self.outcome is Outcome.LINEARIZABLE


class _Event(NamedTuple):
    """The return of an operation by its bit, when it was, and who is under way then: itself, and then the others in the
    sequence of their returns; each with its bit, and the number of what it was asked and told.
    """

    at: int
    bit: int
    under_way: tuple[tuple[int, int, Operation], ...]
    operation: Operation


def check(history: Iterable[Operation], model: Model[StateT], *, examined_max: int = EXAMINED_MAX) -> Verdict[StateT]:
    """Examine the history of one object."""
    history = sorted(history, key=lambda operation: operation.called)
    events = _events(history)
    seen: set[tuple[int, StateT, int]] = set()
    furthest, states = 0, {model.initial: None}  # the last return that was reached, and in which states
    # Depth first: (the next return, the state, the bits of those under way that have taken effect).
    stack: list[tuple[int, StateT, int]] = [(0, model.initial, 0)]
    while stack:
        pair = stack.pop()
        if pair in seen:
            continue
        at, state, done = pair
        if at == len(events):
            return Verdict(Outcome.LINEARIZABLE, len(history), len(seen))
        if len(seen) >= examined_max:
            return Verdict(Outcome.UNDECIDED, len(history), len(seen))
        seen.add(pair)
        event = events[at]
        if done & event.bit:
            stack.append((at + 1, state, done & ~event.bit))
            if at + 1 > furthest:
                furthest, states = at + 1, {}
            if at + 1 == furthest and len(states) < STATES_TOLD_MAX:
                states[state] = None
            continue
        following, tried = [], set[int]()
        for bit, alike, operation in event.under_way:
            if done & bit or alike in tried:
                continue
            tried.add(alike)
            if (after := model.step(state, operation)) is not None:
                following.append((at, after, done | bit))
        stack.extend(reversed(following))  # the operation itself is tried first
    event = events[furthest]
    refused = event.operation
    prefix = tuple(each for each in history if each.called <= event.at)
    return Verdict(Outcome.VIOLATED, len(history), len(seen), prefix, refused, tuple(states))


def _events(history: Sequence[Operation]) -> list[_Event]:
    """The returns in their sequence. Bits are used again once their operation has returned."""
    # At the same instant calls go before returns: then both may be either way round, which favours the service.
    moments = [(each.called, 0, number) for number, each in enumerate(history)]
    moments += [(each.returned, 1, number) for number, each in enumerate(history) if each.returned is not None]
    numbers: dict[tuple[Any, Any], int] = {}
    alike = [numbers.setdefault((each.asked, each.said), len(numbers)) for each in history]
    ends = [_LAST if each.returned is None else each.returned for each in history]
    free: list[int] = []
    under_way: dict[int, int] = {}  # the bit of each operation, by its number
    events = []
    for at, returns, number in sorted(moments):
        if not returns:
            under_way[number] = free.pop() if free else 1 << len(under_way)
            continue
        bit = under_way[number]
        in_sequence = sorted(under_way, key=lambda each: (each != number, ends[each]))
        others = tuple((under_way[each], alike[each], history[each]) for each in in_sequence)
        events.append(_Event(at, bit, others, history[number]))
        del under_way[number]
        free.append(bit)
    return events
