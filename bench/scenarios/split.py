"""What does an order cost that no single shop can serve, and a reservation that a limit of the whole chain concerns?

Orders over two shops, by place, alone; then as a part of ordinary traffic; and reservations through a channel with a
limit over all shops. That limit is the policy's, and the policy of a service at an address is left alone: there it is
left out.
"""

from typing import Final

from bench.load.lanes import LIMITED_CHANNEL
from bench.load.season import Scenario, knee_and_below
from bench.load.session import Asked, Plan, Session
from bench.load.traffic import Mix
from bench.record import Headline

SPLIT: Final = Mix(orders=1.0)
BESIDE: Final = Mix(orders=0.2)
LIMITED: Final = Mix(limited=1.0)
POLICY: Final = f"policy:\n  chain_limit_rules:\n    - {{channel: {LIMITED_CHANNEL}, open_reservations_max: 1000000}}\n"
FIRST_PER_S: Final = {"orders over two shops": 100.0, "orders beside reservations": 250.0, "under a limit": 250.0}


def plan(asked: Asked) -> Plan:
    """Shops that have what the others lack, in actors of their own."""
    options = () if asked.store_actors > 1 else ("--store-actors", "2")
    return Plan(asked.size(16, 2), asked.size(2_000, 20), [SPLIT, BESIDE, LIMITED], POLICY, options)


def run(session: Session, headlines: list[Headline]) -> None:
    """Each by itself, through our client: frames place no orders."""
    mixes = dict(zip(FIRST_PER_S, (SPLIT, BESIDE, LIMITED), strict=True))
    for name, mix in mixes.items():
        if mix.limited and session.asked.target:
            session.say(f"{name}: left out, as the policy of {session.asked.target} is left alone")
            continue
        knee_and_below(session, headlines, name, mix, "client", FIRST_PER_S[name])


SCENARIO: Final = Scenario(plan, run)
