"""What becomes of those who are served, and of those who are not, when far more is asked than can be done?

Reservations, of which some are confirmed and collected, through our client, in batches, and as unary calls: first the
knee of each, then 2, 3 and 5 times as much. What is accepted should come in time, promises already made go before, a
refusal come early; and once half of the knee is asked for again, it should soon be calm. Our client asks again after a
refusal for as long as its call may take, so its latencies are those that its users have.
"""

from typing import Final

from bench.load.figures import Said
from bench.load.knee import KNEE_MS
from bench.load.lanes import COLLECT, CONFIRM, MAKING, READY, Via
from bench.load.profile import constant
from bench.load.run import Ran, Stage, quiet_by
from bench.load.season import Scenario, alike, at_most, knee_told
from bench.load.session import Session
from bench.load.traffic import Mix
from bench.record import Headline

FACTORS: Final = (2, 3, 5)
TOLD: Final = 3  # at which the figures have targets
LANES: Final[dict[Via, float]] = {"client": 1_000.0, "batch": 10_000.0, "unary": 500.0}
"""Ways of asking, and the first rate of the search for the knee."""
BATCH: Final = 256
STEPS: Final = Mix(confirmed=0.3, released=0.1, think_s=1.0)
BATCHES: Final = Mix(confirmed=0.01, think_s=1.0)  # the steps go one by one
OVER_S, AFTER_S = 8.0, 6.0
ACCEPTED_MS_MAX: Final = 250.0
EARLY_MS_MAX: Final = 20.0
CALM_S_MAX: Final = 5.0


def run(session: Session, headlines: list[Headline]) -> None:
    """Each way of asking by itself."""
    asked = session.asked
    for via, first in LANES.items():
        mix, warm_s = BATCHES if via == "batch" else STEPS, asked.warm_s
        knee = session.find_knee(via, mix, via, first=first, seconds=asked.step_s, warm_s=warm_s, batch=BATCH)
        headlines.append(knee_told(via, knee))
        for factor in (TOLD,) if asked.brief else FACTORS:
            if not knee.rate:
                break
            over_s, after_s = asked.length(OVER_S), asked.size(int(AFTER_S), 2)
            profile = constant(factor * knee.rate, over_s).then(constant(knee.rate / 2, after_s))
            ran = session.do(Stage(f"{via}, {factor} times the knee", profile, mix, via, BATCH))
            if factor == TOLD:
                headlines += _told(ran, over_s)


def _told(ran: Ran, over_s: float) -> list[Headline]:
    """What is accepted, promised and refused while too much is asked for, and when it is calm again."""
    name, over = ran.stage.name, ran.between(0, over_s)
    early = over.of(MAKING, [Said.OVERLOADED])
    promised = over.of([CONFIRM, READY, COLLECT])
    calm = quiet_by(ran, over_s, KNEE_MS)
    found = [at_most(f"{name}, accepted, p99", over.of(MAKING).ms(0.99), ACCEPTED_MS_MAX)]
    if promised.count:
        found.append(at_most(f"{name}, confirmed and collected, p99", promised.ms(0.99), ACCEPTED_MS_MAX))
    if early.count:
        found.append(at_most(f"{name}, refused as too much, p99", early.ms(0.99), EARLY_MS_MAX))
    found.append(at_most(f"{name}, calm again after", float("inf") if calm is None else calm, CALM_S_MAX, "s"))
    return found


SCENARIO: Final = Scenario(alike(STEPS, BATCHES), run)
