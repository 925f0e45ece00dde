"""Does a drop sell what it has, once each, and does the rest of the shop notice?

One announced SKU with a ledger of its own, and a herd at its opening of whom one in twenty gets a unit, beside ordinary
traffic in the same shops: before the drop, during it, and after it.
"""

from dataclasses import replace
from typing import Final

from bench.load import chain
from bench.load.figures import Said
from bench.load.lanes import HERD, RESERVE
from bench.load.profile import constant
from bench.load.run import Ran, Stage
from bench.load.season import Scenario, alike, at_most
from bench.load.session import Session
from bench.load.traffic import Mix
from bench.record import Headline, ratio
from holdfast.client import ChannelClient

ORDINARY: Final = Mix(reads=0.2, confirmed=0.5, released=0.1)
ORDINARY_PER_S: Final = 200.0
HERD_TIMES: Final = 10.0  # as many as ordinary arrivals
SERVED: Final = 0.05
DROP_S, BESIDE_S = 20.0, 10.0
TIMES_MAX: Final = 2.0
EARLY_MS_MAX: Final = 20.0


def run(session: Session, headlines: list[Headline]) -> None:
    """Ordinary traffic, the drop beside it, whose units come only now, and ordinary traffic again."""
    asked, drop = session.asked, f"drop-{session.run}"
    via = asked.via
    ordinary_per_s, warm_s = asked.rate or ORDINARY_PER_S, asked.warm_s
    beside_s, drop_s = asked.length(BESIDE_S, 2.0), asked.length(DROP_S, 2.0)
    herd_per_s = HERD_TIMES * ordinary_per_s
    each = max(1, int(SERVED * herd_per_s * drop_s / len(session.places.store_ids)))
    session.stock = {store_id: (*skus, drop) for store_id, skus in session.stock.items()}
    session.undoing.append(lambda client: client.demote_sku(drop))
    quiet = constant(ordinary_per_s, warm_s + beside_s)
    before = session.do(Stage("before the drop", quiet, ORDINARY, via, warm_s=warm_s))
    session.before |= session.ask(lambda client: _announce(client, session, drop, each))
    mix = replace(ORDINARY, hot=drop, hot_share=HERD_TIMES / (1 + HERD_TIMES))
    during = session.do(Stage("the drop", constant(ordinary_per_s + herd_per_s, drop_s), mix, via))
    session.do(Stage("after the drop", quiet, ORDINARY, via))
    headlines += _told(before, during, each * len(session.places.store_ids))


async def _announce(client: ChannelClient, session: Session, drop: str, each: int) -> dict[str, int]:
    """Bring the drop's units, so many to a shop, and give it its ledger; where that stands."""
    await chain.receive(client, f"{session.run}-drop", dict.fromkeys(session.places.store_ids, (drop,)), each)
    await client.promote_sku(drop)
    return await chain.versions(client, [f"hot/{drop}"])


def _told(before: Ran, during: Ran, units: int) -> list[Headline]:
    quiet, drop = before.between(*before.measured), during.between(*during.measured)
    herd = drop.count(*Said, kinds=[HERD])
    sold = drop.count(Said.ACCEPTED, kinds=[HERD])
    noticed = ratio(drop.of([RESERVE]).ms(0.99), quiet.of([RESERVE]).ms(0.99))
    return [
        Headline(f"units sold, of {units:,}", sold, "units", float(min(units, herd)), detail=f"{herd:,} asked"),
        at_most("sold beyond what there was", float(max(0, sold - units)), 0.0, "units"),
        at_most("p99 of ordinary reservations during the drop, to before", noticed, TIMES_MAX, "times"),
        at_most("refusals of the herd, p99", drop.of([HERD], [Said.REFUSED]).ms(0.99), EARLY_MS_MAX),
    ]


SCENARIO: Final = Scenario(alike(ORDINARY), run)
