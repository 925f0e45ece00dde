"""What the scenarios of a season have in common: what one is, how one is run from its shops to its verdict, and the
loads that more than one of them has.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from rich.console import Console

from bench import record
from bench.load.display import picture
from bench.load.knee import KNEE_MS, Knee, knee_of
from bench.load.lanes import Via
from bench.load.profile import constant
from bench.load.run import Ran, Stage
from bench.load.session import Asked, Over, Plan, Session, Stopping, session
from bench.load.traffic import Mix
from bench.record import Conservation, Headline, Outcome, Row
from bench.screen import Screen

SHARE: Final = 0.7  # of the knee, as operators would load a service that they rely on
ALONE_PER_S, ALONE_S = 5_000.0, 2.0
GENERATOR_BENT: Final = "the generator bent, not the service"
P99_MS_MAX: Final = KNEE_MS
P99_9_MS_MAX: Final = 250.0
AT_KNEE_P99_9_MS_MAX: Final = 1_000.0


class Scenario(NamedTuple):
    """What a run with these wishes needs, and the run: its figures against their targets."""

    plan: Callable[[Asked], Plan]
    run: Callable[[Session, list[Headline]], None]


def alike(*mixes: Mix) -> Callable[[Asked], Plan]:
    """A plan of shops that have the same SKUs, for these mixes."""
    return lambda asked: Plan(asked.size(16, 2), asked.size(2_000, 20), mixes)


@dataclass(slots=True)
class Result:
    """What came of a scenario: its record, what the report draws, and why it does not count."""

    outcome: Outcome
    document: dict[str, Any]
    late: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def holds(self) -> bool:
        """Conservation holds, and it was the service that was measured."""
        conservation = self.outcome.conservation
        return conservation is not None and conservation.holds and not self.late


def conduct(name: str, scenario: Scenario, asked: Asked, console: Console) -> Result:
    """Run a scenario, prove what it was told, and put its shops away. Raises ServiceFailed, HoldfastError,
    GeneratorFailed where it could not be run.
    """
    plan, stopping = scenario.plan(asked), Stopping()
    opened: list[Session] = []
    screen = Screen(console, lambda: picture(name, opened[0] if opened else None))
    headlines: list[Headline] = []
    left, interrupted = "", False
    with ExitStack() as started:
        started.enter_context(stopping.heard())
        started.enter_context(screen.shown())
        found = started.enter_context(session(asked, plan, screen.say, stopping))
        opened.append(found)
        try:
            found.steps.append(found.do(alone(plan.mixes[0], found.fleet.size)))
            scenario.run(found, headlines)
        except Over:
            interrupted = True
            screen.say("stopped; what there is counts")
        conservation = found.conserved()
        screen.say(conservation.sentence())
        if asked.target:
            away = found.put_away()
            left = away.sentence()
            screen.say(left)
            if away.failures:
                conservation = Conservation(
                    conservation.told, conservation.found, [*conservation.discrepancies, *away.failures]
                )
    return _result(found, headlines, conservation, left, interrupted=interrupted)


def _result(
    found: Session, headlines: list[Headline], conservation: Conservation, left: str, *, interrupted: bool
) -> Result:
    asked, ran = found.asked, [each for each in found.ran if each.seconds]
    parameters = {
        "target": asked.target or "a service of its own",
        "seed": asked.seed,
        "generators": asked.generators,
        "store_actors": asked.store_actors,
        "stores": len(found.places.store_ids),
        "positions": sum(map(len, found.stock.values())),
        "quick": asked.quick,
        "file_system": record.file_system_of(asked.scratch),
    }
    document = {
        "stages": [each.document() for each in ran],
        "searches": {
            name: {"points": [list(point) for point in points], "knee": list(knee_of(points))}
            for name, points in found.searches.items()
            if points
        },
        "steps": [each.stage.name for each in found.steps],
        "left": left,
        "interrupted": interrupted,
        "generator_alone_per_s": limit_of(ran[:1]),
        "generator_limit_per_s": limit_of(ran[1:]),
    }
    # The steps of a search go on until something bends; what bent there, the knee says. Seconds measure nothing.
    late = [late for each in ran if each not in found.steps and not asked.quick and (late := each.late())]
    late += [f"{each.name}: {each.detail}" for each in headlines if GENERATOR_BENT in each.detail and not asked.quick]
    rows = [Row(each.stage.name, each.figures()) for each in ran]
    return Result(Outcome(parameters, rows, headlines, conservation), document, late, interrupted=interrupted)


def alone(mix: Mix, generators: int) -> Stage:
    """What the generators take by themselves."""
    return Stage("the generators alone", constant(ALONE_PER_S * generators, ALONE_S), mix, "nothing")


def limit_of(ran: Sequence[Ran]) -> float:
    """What one generator could ask for in a second, by the CPU that it took where it took most."""
    best = max(ran, key=lambda each: each.generators_cpu, default=None)
    if best is None or not best.generators_cpu:
        return float("nan")
    return best.figures()["per_s"] / len(best.cpu_s) / best.generators_cpu


# --- loads -----------------------------------------------------------------------------------------------------------


def knee_and_below(found: Session, headlines: list[Headline], name: str, mix: Mix, via: Via, first: float) -> Knee:
    """The knee; then 70 % of it, and the knee itself, for longer."""
    asked = found.asked
    warm_s = asked.warm_s
    knee = found.find_knee(name, mix, via, first=first, seconds=asked.step_s, warm_s=warm_s)
    headlines.append(knee_told(name, knee))
    if not knee.rate:
        return knee
    for share in (SHARE, 1.0):
        stage = Stage(
            f"{name}, {share:.0%} of the knee",
            constant(share * knee.rate, warm_s + asked.length(30.0 if share < 1 else 15.0)),
            mix,
            via,
            warm_s=warm_s,
        )
        figures = found.do(stage).figures()
        if share < 1:
            headlines.append(at_most(f"{stage.name}, p99", figures["p99_ms"], P99_MS_MAX))
        most = P99_9_MS_MAX if share < 1 else AT_KNEE_P99_9_MS_MAX
        headlines.append(at_most(f"{stage.name}, p99.9", figures["p99_9_ms"], most))
    return knee


def knee_told(name: str, knee: Knee) -> Headline:
    """The knee as a figure."""
    detail = f"above it {knee.why}" if knee.why else "nothing bent"
    detail += f"; {GENERATOR_BENT}" if knee.is_generators else ""
    return Headline(f"{name}, knee", knee.rate, "arrivals/s", detail=detail)


def at_most(name: str, value: float, target: float, unit: str = "ms") -> Headline:
    """A figure that should not be larger than this."""
    return Headline(name, value, unit, target, at_most=True)
