"""Does the busiest day of the year go through, with all its shops and everything that is held by then?

Baskets of the real orders in ../shared/data, or made-up ones of the same skew (`bench.workload`), over 500 shops with
20,000 SKUs between them, and a million holds that are live before the day begins. Then the knee is looked for, and a
whole day goes by within minutes, in the shape of the busiest day of the week of the real lines where they are here,
else in that of all days: its busiest hour has 70 % of the knee.
"""

import csv
from pathlib import Path
from typing import Final

from bench.load.profile import LINES_BY_HOUR, constant, day
from bench.load.run import Stage
from bench.load.season import P99_9_MS_MAX, P99_MS_MAX, SHARE, Scenario, at_most, knee_and_below
from bench.load.session import Asked, Plan, Session
from bench.load.traffic import Mix
from bench.record import Headline
from bench.workload import SHARED_DATA_DEFAULT, named_folder

STORES: Final = 500
HOLDS: Final = 1_000_000
FILL_PER_S: Final = 5_000.0  # at first; ever faster until not all is accepted
FILL_PER_S_MAX: Final = 20_000.0
FILL_S: Final = 10.0
FILL_BATCH: Final = 256
FILLS_MAX: Final = 60
FIRST_PER_S: Final = 500.0
DAY_S: Final = 96.0
FILL: Final = Mix(baskets="orders", ttl_ms=6 * 3_600_000)
PEAK: Final = Mix(reads=0.2, stock=0.03, confirmed=0.6, released=0.15, baskets="orders")
HOURS_FILE: Final = "completejourney_lines_by_hour_of_week_utc.csv"


def plan(asked: Asked) -> Plan:
    """Shops with what the orders ask of them."""
    return Plan(asked.size(STORES, 8), 0, [FILL, PEAK])


def busiest_day(folder: Path | None = None) -> tuple[int, ...]:
    """Lines by hour of the weekday that has most; of all days where the real ones are not there. None looks for them
    where the orders are.
    """
    path = (folder or named_folder() or SHARED_DATA_DEFAULT) / HOURS_FILE
    if not path.is_file():
        return LINES_BY_HOUR
    with path.open(encoding="utf-8", newline="") as file:
        rows = [tuple(map(int, row[1:])) for row in list(csv.reader(file))[1:]]
    return max(rows, key=sum)


def run(session: Session, headlines: list[Headline]) -> None:
    """Fill, find the knee and hold below it, then the day."""
    asked = session.asked
    via = asked.via
    holds = asked.size(HOLDS // 10 if asked.brief else HOLDS, 2_048)
    headlines.append(Headline("holds before the day", _fill(session, holds), "holds", holds - FILL_BATCH))
    knee = knee_and_below(session, headlines, f"peak by {via}", PEAK, via, FIRST_PER_S)
    if not knee.rate:
        return
    profile = day(SHARE * knee.rate, asked.length(DAY_S / 2 if asked.brief else DAY_S, 3.0), busiest_day())
    figures = session.do(Stage("the busiest day", profile, PEAK, via, warm_s=asked.warm_s)).figures()
    headlines.append(at_most("the busiest day, p99", figures["p99_ms"], P99_MS_MAX))
    headlines.append(at_most("the busiest day, p99.9", figures["p99_9_ms"], P99_9_MS_MAX))


def _fill(session: Session, holds: int) -> int:
    """Bring so many holds, as fast as they are accepted, and tell how many there are."""
    accepted, rate = 0, FILL_PER_S
    for _ in range(FILLS_MAX):
        left = holds - accepted
        if left < FILL_BATCH:
            break
        profile = constant(rate, min(FILL_S, left / rate))
        ran = session.do(Stage(f"{left:,} holds to bring", profile, FILL, "batch", FILL_BATCH, is_even=True))
        session.steps.append(ran)
        made = sum(each.accepted for each in ran.told)
        accepted += made
        rate = rate / 2 if made < ran.between(0, profile.seconds).due else min(1.5 * rate, FILL_PER_S_MAX)
    return accepted


SCENARIO: Final = Scenario(plan, run)
