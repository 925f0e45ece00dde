"""What came of one stage of a scenario: the seconds that its generators told, what the service's processes took, and
the figures of both.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from bench.load.figures import ANSWERED, Report, Said, Second
from bench.load.knee import REACHED_MIN, Point, is_late
from bench.load.lanes import MAKING, Via
from bench.load.profile import Profile
from bench.load.traffic import Mix
from bench.load.worker import Told
from bench.record import QUANTILES, ratio
from bench.service import Usage

CPU_MAX: Final = 0.95  # of one core: a generator is one process of Python
DRAWN: Final = (0.0, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99999, 1.0)
"""Quantiles of the drawing of latency by percentile."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One load of a scenario. Its first `warm_s` seconds are not in its figures, but in the conservation check.
    Arrivals are a Poisson process, or even.
    """

    name: str
    profile: Profile
    mix: Mix
    via: Via = "client"
    batch: int = 1
    warm_s: float = 0.0
    is_even: bool = False


class Sample(NamedTuple):
    """What the service's processes had taken at a second of the stage, by role."""

    second: float
    usage: dict[str, Usage]


@dataclass(slots=True)
class Ran:
    """A stage that ran, or as much of it as there was until Ctrl-C. `marks` are faults, by their second."""

    stage: Stage
    seconds: dict[int, Second] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    cpu_s: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    marks: list[tuple[float, str]] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    unanswered: dict[int, int] = field(default_factory=dict)
    is_whole: bool = True

    def heed(self, report: Report, now: float) -> None:
        """What a generator told at a second of the stage."""
        for number, second in report.seconds.items():
            whole = Second()
            for each in (self.seconds.get(number), second):
                if each is not None:
                    whole.add(each)
            self.seconds[number] = whole  # a new one: the picture's thread may look into the one before
        self.cpu_s.setdefault(report.generator, []).append((now, report.cpu_s))
        self.unanswered[report.generator] = report.unanswered

    def between(self, first: float, last: float) -> Second:
        found = Second()
        for number, second in list(self.seconds.items()):
            if first <= number < last:
                found.add(second)
        return found

    @property
    def measured(self) -> tuple[float, float]:
        """From and until which second it counts: without what Ctrl-C cut off, and without the warming, if there is
        more.
        """
        first = self.stage.warm_s
        last = self.stage.profile.seconds if self.is_whole else float(max(self.seconds, default=0))
        return (first, last) if first < last else (0.0, last)

    @property
    def generators_cpu(self) -> float:
        """The CPU that the busiest generator took, as a part of one core."""
        shares = [
            ratio(each[-1][1] - each[0][1], each[-1][0] - each[0][0]) for each in self.cpu_s.values() if len(each) > 1
        ]
        return max(shares, default=0.0)

    def point(self) -> Point:
        """As a step of the search for the knee, in arrivals: what customers do later, the service bears as well."""
        first, last = self.measured
        all_of, asked = self.between(first, last), self.stage.profile.mean(first, last)
        return Point(asked, asked * ratio(all_of.came, all_of.due), all_of.of().ms(0.99), all_of.lag.ms(0.99))

    def late(self) -> str:
        """Why the generators held it back; empty where they did not."""
        all_of = self.between(*self.measured)
        if is_late(lag := all_of.lag.ms(0.99), all_of.of().ms(0.99)):
            return f"{self.stage.name}: one call in a hundred was made {lag:.0f} ms late or later"
        if (unsent := all_of.count(Said.NOT_SENT)) > (1 - REACHED_MIN) * all_of.due:
            return f"{self.stage.name}: {unsent:,} of {all_of.due:,} calls were not made, as too many were unanswered"
        if self.generators_cpu > CPU_MAX:
            return f"{self.stage.name}: a generator took {self.generators_cpu:.0%} of a core"
        return ""

    def cpu_by_role(self) -> dict[str, float]:
        """CPU seconds that the service's processes took, by role, while it counted."""
        first, last = self.measured
        chosen = [each for each in self.samples if first - 0.5 <= each.second <= last + 0.5]
        if len(chosen) < 2:
            return {}
        begin, end = chosen[0].usage, chosen[-1].usage
        return {role: max(0.0, end[role].cpu_s - begin[role].cpu_s) for role in end if role in begin}

    def figures(self) -> dict[str, float]:
        """Those of its row. Rates are of operations a second, CPU is in microseconds for each that was answered."""
        first, last = self.measured
        all_of = self.between(first, last)
        length, latencies = last - first, all_of.of()
        taken = {role: cpu for role, cpu in self.cpu_by_role().items() if cpu}
        return {
            "asked_per_s": ratio(all_of.due, length),
            "per_s": ratio(all_of.came, length),
            "reserved_per_s": ratio(all_of.count(Said.ACCEPTED, kinds=MAKING), length),
            **{f"{name}_ms": latencies.ms(quantile) for name, quantile in QUANTILES.items()},
            "longest_ms": latencies.ms(1.0),
            "refused_per_s": ratio(all_of.count(Said.REFUSED), length),
            "overloaded_per_s": ratio(all_of.count(Said.OVERLOADED), length),
            "errors_per_s": ratio(all_of.count(Said.NO_ANSWER, Said.FAILED, Said.NOT_SENT), length),
            "lag_p99_ms": all_of.lag.ms(0.99),
            "cpu_us": 1e6 * ratio(sum(taken.values()), all_of.came),
            **{f"{role.replace(' ', '_')}_us": 1e6 * ratio(cpu, all_of.came) for role, cpu in taken.items()},
            "generator_cpu": self.generators_cpu,
        }

    def document(self) -> dict[str, Any]:
        """All that the report draws, as JSON."""
        first, last = self.measured
        all_of = self.between(first, last)
        by_kind = {
            kind: all_of.of([kind]) for kind in sorted({kind for kind, said in all_of.latencies if said in ANSWERED})
        }
        outcomes = Counter[tuple[str, str, str]]()
        for outcome, count in all_of.outcomes.items():
            outcomes[outcome.kind, outcome.said.value, outcome.why] += count
        return {
            "name": self.stage.name,
            "via": self.stage.via,
            "batch": self.stage.batch,
            "measured": [first, last],
            "is_whole": self.is_whole,
            "profile": [list(point) for point in self.stage.profile.points],
            "percentiles": {kind: [[q, found.ms(q)] for q in DRAWN] for kind, found in by_kind.items()},
            "outcomes": [[*key, count] for key, count in outcomes.most_common()],
            "over_time": [self._second(number) for number in sorted(self.seconds)],
            "usage": [
                [each.second, {role: [one.cpu_s, one.memory_bytes] for role, one in each.usage.items()}]
                for each in self.samples
            ],
            "marks": [list(mark) for mark in self.marks],
            "generators_late": self.late(),
        }

    def _second(self, number: int) -> list[float]:
        """Second, due, answers that came, p50, p99 and longest in ms, refused, overloaded, errors."""
        second = self.seconds[number]
        latencies = second.of()
        failed = second.count(Said.NO_ANSWER, Said.FAILED, Said.NOT_SENT)
        quantiles = [latencies.ms(each) for each in (0.5, 0.99, 1.0)]
        return [
            number,
            second.due,
            second.came,
            *quantiles,
            second.count(Said.REFUSED),
            second.count(Said.OVERLOADED),
            failed,
        ]


def quiet_by(ran: Ran, since: float, limit_ms: float, kinds: Iterable[str] = ()) -> float | None:
    """How many seconds after a second p99 is back within a limit for good; None where it never is."""
    chosen: Sequence[int] = sorted(number for number in ran.seconds if number >= since)
    found = None
    for number in reversed(chosen):
        if not ran.seconds[number].of(kinds).ms(0.99) <= limit_ms:
            break
        found = number - since
    return None if found is None else max(0.0, found)
