"""What stays in memory in the long run, at smoke sizes."""

from collections.abc import Callable
from pathlib import Path

from bench.record import Options, Outcome, Row
from bench.scenarios.month import DAYS, FULL_DAY, POINTS, flat, run_month, run_refusals


def quick(run: Callable[[Options], Outcome], scratch: Path) -> Outcome:
    return run(Options(scratch, lambda _: None, quick=True))


def test_a_month_leaves_state_flat_and_nothing_held(tmp_path: Path) -> None:
    outcome = quick(run_month, tmp_path)
    assert len(outcome.rows) == DAYS
    assert outcome.conservation is not None
    assert outcome.conservation.holds, outcome.conservation
    of_state = [headline for headline in outcome.headlines if "state" in headline.name]
    assert len(of_state) == 2
    assert all(headline.met for headline in of_state), of_state


def test_what_grows_by_the_day_is_not_flat() -> None:
    grown = [Row(f"day {day}", {"rss_mib": 100.0 + day}) for day in range(1, DAYS + 1)]
    assert not flat(grown, "rss_mib").met
    assert flat([*grown[:FULL_DAY], *[grown[FULL_DAY]] * (DAYS - FULL_DAY)], "rss_mib").met


def test_refusals_are_forgotten_and_the_shop_serves(tmp_path: Path) -> None:
    outcome = quick(run_refusals, tmp_path)
    remembered = [row.figures["remembered"] for row in outcome.rows]
    assert len(remembered) == POINTS
    assert max(remembered[1:]) == min(remembered[1:])
    assert outcome.conservation is not None
    assert (outcome.conservation.holds, outcome.conservation.told.accepted) == (True, 1)
