"""What generators tell: counts and latencies by the second in which an arrival was due, whatever was answered when.

A latency counts from the moment at which its call was to be made, so a stall is felt by all who would have called
during it. Latencies are HdrHistograms, of microseconds to three digits, and travel and are kept encoded.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple, Self

from hdrh.histogram import HdrHistogram

LOWEST_US: Final = 1
HIGHEST_US: Final = 120_000_000
DIGITS: Final = 3


class Said(Enum):
    """What became of a call. OVERLOADED and FAILED: nothing was done. NO_ANSWER: nobody knows. NOT_SENT: so many were
    unanswered that the generator did not call.
    """

    ACCEPTED = "accepted"
    REFUSED = "refused"
    OVERLOADED = "overloaded"
    NO_ANSWER = "no answer"
    FAILED = "failed"
    NOT_SENT = "not sent"


ANSWERED: Final = (Said.ACCEPTED, Said.REFUSED)


class Outcome(NamedTuple):
    """Of a kind of call: what became of it, and the refusal's reason or the error's kind."""

    kind: str
    said: Said
    why: str = ""


class Latencies:
    """A distribution of times."""

    __slots__ = ("_histogram",)

    def __init__(self) -> None:
        self._histogram = HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS)

    def record(self, seconds: float, count: int = 1) -> None:
        """So many calls took this long; what is out of range counts as its end."""
        self._histogram.record_value(min(max(int(1e6 * seconds), LOWEST_US), HIGHEST_US), count)

    def add(self, encoded: bytes) -> None:
        """Those of another, as `encoded` gave them."""
        self._histogram.decode_and_add(encoded)

    def encoded(self) -> bytes:
        return bytes(self._histogram.encode())

    @property
    def count(self) -> int:
        return int(self._histogram.total_count)

    def ms(self, quantile: float) -> float:
        """The latency that this share of calls did not exceed, in milliseconds; NaN for none."""
        if not self.count:
            return float("nan")
        return float(self._histogram.get_value_at_percentile(100 * quantile)) / 1_000

    @classmethod
    def merged(cls, encoded: Iterable[bytes]) -> Self:
        found = cls()
        for each in encoded:
            found.add(each)
        return found


@dataclass(slots=True)
class Second:
    """Calls that were due in one second. `due` counts them, in operations; `lag` is how late they were made. `came` are
    the answers that came in it, whenever they were due.
    """

    due: int = 0
    came: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    latencies: defaultdict[tuple[str, Said], list[bytes]] = field(default_factory=lambda: defaultdict(list))
    lags: list[bytes] = field(default_factory=list)

    def add(self, other: "Second") -> None:
        self.due += other.due
        self.came += other.came
        self.outcomes += other.outcomes
        for key, encoded in other.latencies.items():
            self.latencies[key] += encoded
        self.lags += other.lags

    def of(self, kinds: Iterable[str] = (), said: Iterable[Said] = ANSWERED) -> Latencies:
        """Latencies of these kinds of calls, all for none, that came to this."""
        chosen, wanted = set(kinds), set(said)
        return Latencies.merged(
            each
            for (kind, what), encoded in self.latencies.items()
            if (not chosen or kind in chosen) and what in wanted
            for each in encoded
        )

    def count(self, *said: Said, kinds: Iterable[str] = ()) -> int:
        chosen = set(kinds)
        return sum(
            count
            for outcome, count in self.outcomes.items()
            if outcome.said in said and (not chosen or outcome.kind in chosen)
        )

    @property
    def lag(self) -> Latencies:
        return Latencies.merged(self.lags)


class Report(NamedTuple):
    """What a generator, by its number, tells now and then: what is new by second, its own CPU seconds so far, and how
    many calls it waits for.
    """

    generator: int
    seconds: Mapping[int, Second]
    cpu_s: float
    unanswered: int


@dataclass(slots=True)
class Gathering:
    """What a generator has counted since its last report."""

    _due: Counter[int] = field(default_factory=Counter)
    _came: Counter[int] = field(default_factory=Counter)
    _outcomes: defaultdict[int, Counter[Outcome]] = field(default_factory=lambda: defaultdict(Counter))
    _latencies: dict[tuple[int, str, Said], Latencies] = field(default_factory=dict)
    _lags: dict[int, Latencies] = field(default_factory=dict)

    def sent(self, due: float, lag: float, operations: int) -> None:
        """An arrival's call was made, or was not to be."""
        second = int(due)
        self._due[second] += operations
        if (lags := self._lags.get(second)) is None:
            lags = self._lags[second] = Latencies()
        lags.record(lag)

    def answered(self, due: float, took: float, outcome: Outcome, count: int = 1) -> None:
        """So many calls that were due then came to this after so many seconds."""
        second = int(due)
        self._outcomes[second][outcome] += count
        if outcome.said in ANSWERED:
            self._came[int(due + took)] += count
        key = (second, outcome.kind, outcome.said)
        if (latencies := self._latencies.get(key)) is None:
            latencies = self._latencies[key] = Latencies()
        latencies.record(took, count)

    def noted(self, now: float, outcome: Outcome) -> None:
        """Something came that nobody called for."""
        self._outcomes[int(now)][outcome] += 1

    def taken(self) -> dict[int, Second]:
        """All of it; from then on it begins anew."""
        found = {second: Second() for second in {*self._due, *self._outcomes, *self._came}}
        for second, due in self._due.items():
            found[second].due = due
            found[second].lags.append(self._lags[second].encoded())
        for second, came in self._came.items():
            found[second].came = came
        for second, outcomes in self._outcomes.items():
            found[second].outcomes = outcomes
        for (second, kind, said), latencies in self._latencies.items():
            found[second].latencies[kind, said].append(latencies.encoded())
        self._due, self._came, self._outcomes = Counter(), Counter(), defaultdict(Counter)
        self._latencies, self._lags = {}, {}
        return found
