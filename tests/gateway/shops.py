"""Shops in a row to the east of a customer, with a table of what they have; and a plan as a line of text."""

import math
from typing import Final, NamedTuple

import numpy as np

from actors.core.chain import Store
from serve.sourcing.places import Place
from serve.sourcing.plan import NoPlan, Plan, plan
from serve.sourcing.ranking import Demand, Known, Limits, Query, SourcingPolicy
from serve.sourcing.store_index import EARTH_RADIUS_METRES, StoreIndex

HOME: Final = Place(0.0, 0.0)
KILOMETRES_A_DEGREE: Final = math.pi * EARTH_RADIUS_METRES / 180_000


def shop(
    store_id: str,
    latitude: float | None,
    longitude: float | None,
    *,
    paused: bool = False,
    channels: tuple[str, ...] = (),
) -> Store:
    """A shop that is always open."""
    return Store(store_id, "", latitude, longitude, paused, channels)


class World(NamedTuple):
    """Shops east of the customer's place, as a table has them."""

    store_index: StoreIndex
    known: Known
    demand: Demand

    def ask(self, stores_max: int = 3, kilometres_max: float = math.inf) -> Query:
        return Query(HOME, self.demand, "web", Limits(stores_max, kilometres_max))

    def plan(self, policy: SourcingPolicy, stores_max: int = 3, kilometres_max: float = math.inf) -> Plan | NoPlan:
        return plan(self.store_index, self.known, self.ask(stores_max, kilometres_max), policy)


def world(demand: str, shops: str) -> World:
    """`demand` is `A 2, B 1`; each line of `shops` is id, kilometres and units by SKU: `S1 10 2 0`."""
    asked = Demand.of((sku, int(quantity)) for sku, quantity in (line.split() for line in demand.split(",")))
    cells = sorted(line.split() for line in shops.strip().splitlines())
    index = StoreIndex.of(1, [shop(store_id, 0.0, float(km) / KILOMETRES_A_DEGREE) for store_id, km, *_ in cells])
    return World(index, Known(np.array([[int(unit) for unit in units] for _, _, *units in cells], np.int64)), asked)


WHOLE = {"whole": True, "some": False}


def way_of(found: Plan) -> int:
    """The sum of the distances to its shops, in metres."""
    return sum(part.metres for part in found.parts)


def as_text(found: Plan | NoPlan) -> str:
    """`S1 A 2 B 1, S2 C 1; short D 1 of 3; 12 km` or `no plan; short A 1 of 2; whole S7; some S1`."""
    short = [f"short {', '.join(f'{each.sku} {each.available} of {each.asked}' for each in found.short)}"]
    short = short if found.short else []
    if isinstance(found, Plan):
        parts = [" ".join([part.store_id, *(f"{sku} {n}" for sku, n in part.lines)]) for part in found.parts]
        return "; ".join([", ".join(parts), *short, f"{way_of(found) / 1_000:g} km"])
    offered = {name: [shop for shop, _, all_of_it in found.near if all_of_it is whole] for name, whole in WHOLE.items()}
    names = [f"{name} {' '.join(shops)}" for name, shops in offered.items() if shops]
    return "; ".join(["no plan", *short, *names])
