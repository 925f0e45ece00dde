"""The demo's counter, against a service of this process."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.demo.pickups import CUSTOMERS, STORE_ID, UNITS, Desk, Pickups, hand_over
from bench.demo.run import Phases
from holdfast.client import ChannelClient, PickupChange, PickupChangeKind, ReleaseReason, Reservation, Status
from tests.clients.service import Service
from tests.clients.serving import serving

READY, COLLECTED = PickupChangeKind.READY, PickupChangeKind.COLLECTED
WITHDRAWN = PickupChangeKind.WITHDRAWN


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "chain").mkdir()
    with Service(tmp_path / "chain") as service:
        yield service


def act(service: Service, folder: Path) -> Pickups:
    """The whole of it, with the kill."""

    async def kill() -> None:
        service.actors.kill(f"store-{STORE_ID}")

    async def main() -> Pickups:
        async with serving(service) as target, ChannelClient(target) as client:
            return await hand_over(client, target, folder, Phases(Console(file=StringIO())), kill)

    return asyncio.run(main())


def test_each_code_is_used_at_one_till_and_a_third_hears_of_it(service: Service, tmp_path: Path) -> None:
    came = act(service, tmp_path)
    assert (came.handed_over, came.codes_used_twice, came.repeats_differing) == (CUSTOMERS, 0, 0)
    assert (came.till_events_missing, came.units_left, came.findings) == (0, UNITS - CUSTOMERS, [])
    assert came.holds


def test_what_a_till_did_not_hear_or_heard_twice_is_noticed() -> None:
    async def main() -> None:
        nobody: Any = None
        desk = Desk(nobody, [])
        desk.ready_at = {"s:1": 0.0, "s:2": 0.0}
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
        desk = Desk(careless, [careless, careless])
        await desk.serve("HF:X")
        assert (desk.came.codes_used_twice, desk.came.repeats_differing, desk.came.holds) == (1, 2, False)

    asyncio.run(main())


def reservation(reservation_id: str) -> Reservation:
    """Any."""
    of = ("s", Status.COLLECTED, (), "c", "web", "", 1, 2, 3, "p", ReleaseReason.UNSPECIFIED)
    return Reservation(reservation_id, *of)
