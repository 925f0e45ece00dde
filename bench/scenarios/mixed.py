"""How much of a channel's whole day does the service take, and how fast is each kind of call meanwhile?

Reservations whose customers confirm, have them made ready, collect, give them back or let them expire; reads, rows of
stock feeds, and orders over two shops, in the shares of `bench.load.traffic.MIXED`. First the knee is looked for; then
70 % of it and the knee itself are held for longer.
"""

from typing import Final

from bench.load.season import Scenario, alike, knee_and_below
from bench.load.session import Session
from bench.load.traffic import MIXED
from bench.record import Headline

FIRST_PER_S: Final = 500.0


def run(session: Session, headlines: list[Headline]) -> None:
    """All of it by the lane that was asked for; batches are for what reserves alone."""
    via = session.asked.via
    knee_and_below(session, headlines, f"mixed by {via}", MIXED, via, FIRST_PER_S)


SCENARIO: Final = Scenario(alike(MIXED), run)
