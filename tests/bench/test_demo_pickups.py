"""What a counter of the demo makes of tills that are wrong; all of it is in `test_demo_walk`."""

import asyncio
from dataclasses import replace
from typing import Any

from bench.demo.pickups import Desk, Pickups
from holdfast.client import PickupChange, PickupChangeKind, ReleaseReason, Reservation, Status

READY, COLLECTED = PickupChangeKind.READY, PickupChangeKind.COLLECTED
WITHDRAWN = PickupChangeKind.WITHDRAWN


def test_what_a_till_did_not_hear_or_heard_twice_is_noticed() -> None:
    async def main() -> None:
        desk = Desk([], Pickups())
        desk.ready_at = {"s:1": 0.0, "s:2": 0.0}
        desk.expected.update({(kind, name): 1 for kind in (READY, COLLECTED) for name in desk.ready_at})
        heard = [(READY, "s:1"), (COLLECTED, "s:1"), (READY, "s:2"), (READY, "s:2"), (WITHDRAWN, "s:2")]
        desk.heard = [(1.0, PickupChange(1, 1, kind, reservation(name))) for kind, name in heard]
        desk.compare()
        assert desk.came.till_events_missing == 3
        assert len(desk.came.findings) == 3
        assert desk.came.ready_to_till_ms_p99 == 1_000.0

    asyncio.run(main())


def test_two_tills_that_both_hand_out_are_noticed() -> None:
    class Careless:
        """A till that collects whatever is shown, and says something else each time."""

        till = "till"

        async def scanned(self, _code: str) -> tuple[Reservation]:
            return (reservation("s:1"),)

        async def collect(self, reservation_id: str, **_: object) -> Reservation:
            self.till += "."
            return replace(reservation(reservation_id), customer_id=self.till)

    async def main() -> None:
        careless: Any = Careless()
        desk = Desk([careless, careless], Pickups())
        await desk.serve("HF:X")
        assert (desk.came.codes_used_twice, desk.came.repeats_differing, desk.came.holds) == (1, 2, False)

    asyncio.run(main())


def reservation(reservation_id: str) -> Reservation:
    """Any."""
    of = ("s", Status.COLLECTED, (), "c", "web", "", 1, 2, 3, "p", ReleaseReason.UNSPECIFIED)
    return Reservation(reservation_id, *of)
