"""One caller's entries in the queue before an actor."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from actors.core.rejection import Reason
from actors.core.transact import Deferred
from actors.protocol.messages import Answer, Elsewhere, Entry, Refusal, Shed, name_of, weight_of
from actors.telemetry.traces import ENTRIES_MAX as TRACED_MAX, Trace, named

_SHED: Final = Shed()


@dataclass(frozen=True, slots=True, eq=False)
class Rest:
    """In place of the answer to one of several entries that was deferred: where it comes, and at which place."""

    answers: "asyncio.Future[list[Answer]]"
    place: int


@dataclass(slots=True, eq=False)
class Queued:
    """One caller's entries for one actor, and the answers to come."""

    entries: Sequence[Entry]
    answers: "asyncio.Future[list[Answer]]"
    queued_at: float
    deadline: float
    weight: int
    promise: bool
    each: bool
    asked: int  # entries, of which those in `places` are here, where not all were taken
    traces: tuple[Trace, ...]  # the call's, if its caller gave ids
    places: Sequence[int] | None = None
    sent: bool = False

    def answered(self, answers: list[Answer]) -> list[Answer]:
        if self.places is None:
            return answers
        given = dict(zip(self.places, answers, strict=True))
        return [given.get(place, _SHED) for place in range(self.asked)]

    def rest(self, answers: list[Any], future: "asyncio.Future[list[Answer]]") -> "Queued":
        """Answer what is decided, and have what is deferred be another one, whose answers come by this future. This one
        where nothing is, or where the others are not decided either.
        """
        places = [place for place, answer in enumerate(answers) if type(answer) is Deferred]
        if len(places) == len(answers) or any(is_unsettled(each) or isinstance(each, Elsewhere) for each in answers):
            return self
        entries = [self.entries[place] for place in places]
        for number, place in enumerate(places):
            answers[place] = Rest(future, number)
        self.answers.set_result(self.answered(answers))
        weight = weight_of(entries)
        return replace(self, entries=entries, answers=future, weight=weight, asked=len(entries), places=None)

    def fail(self, error: Exception) -> None:
        """End it, unless that was done. Its caller may be gone in the same moment, which is no fault to be logged."""
        if not self.answers.done():
            self.answers.set_exception(error)
            self.answers.exception()  # asyncio takes it as seen

    def named(self) -> tuple[Trace, ...]:
        """Its caller's ids with the keys that they are for."""
        return named(self.traces, (name_of(command) for _, command in self.entries[:TRACED_MAX]))


Waiting = dict["asyncio.Future[list[Answer]]", list[int]]


def parted(places: Sequence[int], answers: list[Any]) -> tuple[Sequence[int], list[Answer], Waiting]:
    """What was answered, with the places that it is for; and those of what comes later, by its futures."""
    if Rest not in map(type, answers):
        return places, answers, {}
    later: Waiting = {}
    for place, answer in zip(places, answers, strict=True):
        if isinstance(answer, Rest):
            later.setdefault(answer.answers, []).append(place)
    kept = [number for number, answer in enumerate(answers) if not isinstance(answer, Rest)]
    return [places[number] for number in kept], [answers[number] for number in kept], later


def is_unsettled(answer: Answer) -> bool:
    """Whether the actor has to know more of the key first."""
    return type(answer) is Refusal and answer.rejection.reason is Reason.HOT_KEY
