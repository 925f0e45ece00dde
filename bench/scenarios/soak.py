"""Is it after an hour as it was in the beginning?

The mixed traffic at one rate for as long as `--seconds` says, an hour where it says nothing. Holds live for a minute,
so that after two the service is as full as it will be; from then on memory and latency should stay flat.
"""

from statistics import median
from typing import Final

from bench.load.profile import constant
from bench.load.run import Ran, Stage
from bench.load.season import Scenario, alike, at_most
from bench.load.session import Session
from bench.load.traffic import MIXED
from bench.record import Headline, ratio

HOUR_S: Final = 3_600.0
RATE_PER_S: Final = 200.0
FULL_S: Final = 120.0
PARTS: Final = 6
TIMES_MAX: Final = 1.1
LATER_TIMES_MAX: Final = 1.5  # of p99, which the machine's other work moves


def run(session: Session, headlines: list[Headline]) -> None:
    """One long stage; its last sixth is compared with its first."""
    asked = session.asked
    via = asked.via
    lasts_s = asked.length(HOUR_S, 6.0)
    warm_s = min(FULL_S, lasts_s / 3)
    ran = session.do(Stage("soak", constant(asked.rate or RATE_PER_S, warm_s + lasts_s), MIXED, via, warm_s=warm_s))
    first, last = ran.measured
    part = (last - first) / PARTS
    p99 = [ran.between(begin, begin + part).of().ms(0.99) for begin in (first, last - part)]
    headlines.append(at_most("p99, the last sixth to the first", ratio(p99[1], p99[0]), LATER_TIMES_MAX, "times"))
    if ran.samples:
        memory = [_memory(ran, begin, begin + part) for begin in (first, last - part)]
        name = "memory of all processes, the last sixth to the first"
        headlines.append(at_most(name, ratio(memory[1], memory[0]), TIMES_MAX, "times"))


def _memory(ran: Ran, first: float, last: float) -> float:
    """Bytes, the median of the samples between two seconds."""
    found = [
        sum(used.memory_bytes for used in each.usage.values()) for each in ran.samples if first <= each.second <= last
    ]
    return median(found) if found else float("nan")


SCENARIO: Final = Scenario(alike(MIXED), run)
