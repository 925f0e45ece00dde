"""One load of each kind against a gateway and actors in this process, over gRPC: it counts what it asks, and the proof
holds; and what the proof must find, it finds.
"""

import asyncio
from array import array
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.load import chain
from bench.load.figures import Report, Said, Second
from bench.load.lanes import COLLECT, CONFIRM, ORDER, READ, READY, RELEASE, RESERVE, STOCK, Op, Via, lane_to
from bench.load.profile import constant
from bench.load.proof import prove
from bench.load.traffic import MIXED, Mix, Places, stock_of
from bench.load.worker import Job, Told, Worker
from holdfast.client import ChannelClient
from holdfast.v1 import reservation_service_pb2 as rs
from tests.clients.faults import Answer, Fault, LoseAnswer
from tests.clients.service import Service
from tests.clients.serving import serving
from tests.runtime.runtime_fixture import WAIT_S

ARRIVALS = 60
SECONDS = 0.3
SKUS = 5
BATCH = 8


class Ran:
    """What became of a load."""

    def __init__(self, target: str, client: ChannelClient, before: dict[str, int], told: Told, all_of: Second) -> None:
        self.target, self.client, self.before, self.told, self.all_of = target, client, before, told, all_of


def ran(
    folder: Path,
    via: Via,
    mix: Mix,
    use: Callable[[Ran], Awaitable[None]],
    *,
    units: int = 1_000,
    faults: Sequence[Fault] = (),
) -> None:
    """Load the service a moment, and look at what became of it. Faults are those of its first reservations."""

    async def main() -> None:
        with Service(folder) as service:
            service.faults["Reserve"] += faults
            async with serving(service) as target, ChannelClient(target) as client:
                places = Places(chain.names("run", 2), SKUS)
                stock = stock_of(places, mix)
                await chain.bring(client, "run", stock, units)
                before = await chain.versions(client, places.store_ids)
                profile = constant(ARRIVALS / SECONDS, SECONDS)
                job = Job(target, via, profile, mix, places, "run", "seed", batch=BATCH)
                reports: list[Report] = []
                lane = lane_to(via, target)
                worker = Worker(job, lane, reports.append)
                told = await worker.run(worker.clock())
                await lane.close()
                await service.settle()
                all_of = Second()
                for report in reports:
                    for second in report.seconds.values():
                        all_of.add(second)
                await use(Ran(target, client, before, told, all_of))
                left = await chain.put_away(client, stock)
                assert left.failures == ()

    asyncio.run(main())


@pytest.mark.parametrize("via", ["client", "unary", "batch"])
def test_all_that_was_accepted_is_in_the_journal(via: Via, tmp_path: Path) -> None:
    async def use(ran: Ran) -> None:
        proof = await prove(ran.client, ran.target, ran.before, [ran.told])
        assert proof.holds, proof.sentence()
        made = ran.all_of.count(Said.ACCEPTED, kinds=[RESERVE])
        assert proof.found == made == ran.told.accepted > 0
        assert ran.all_of.due == ran.all_of.outcomes.total() == ran.all_of.lag.count * (BATCH if via == "batch" else 1)
        assert ran.all_of.of([RESERVE]).count == made

    ran(tmp_path, via, Mix(), use)


@pytest.mark.parametrize("via", ["client", "unary"])
def test_the_mixed_traffic_has_every_kind_of_call_and_holds(via: Via, tmp_path: Path) -> None:
    async def use(ran: Ran) -> None:
        kinds = {outcome.kind for outcome in ran.all_of.outcomes if outcome.said is Said.ACCEPTED}
        assert {RESERVE, READ, STOCK, ORDER} <= kinds
        assert ran.all_of.count(Said.FAILED, Said.NO_ANSWER) == 0, ran.all_of.outcomes
        proof = await prove(ran.client, ran.target, ran.before, [ran.told])
        assert proof.holds, proof.sentence()

    ran(tmp_path, via, replace(MIXED, orders=0.2, stock=0.2, think_s=0.01), use)


@pytest.mark.parametrize("via", ["client", "unary"])
def test_a_customer_goes_all_the_way_by_each_lane(via: Via, tmp_path: Path) -> None:
    (store_id,) = chain.names("run", 1)

    async def main() -> None:
        with Service(tmp_path) as service:
            service.shop(store_id, {"mug": 9})
            async with serving(service) as target:
                lane, changed = lane_to(via, target), asyncio.Event()
                watching = asyncio.ensure_future(lane.watch([store_id], changed.set))
                reserve = Op(RESERVE, "k1", store_id, (("mug", 1),), "c1", 60_000)
                [made] = await lane.ask([reserve])
                assert (made.said, made.named) == (Said.ACCEPTED, f"{store_id}:{made.events[0][1]}")
                versions = [made.events]
                for kind in (CONFIRM, READY, COLLECT):
                    [answer] = await lane.ask([Op(kind, kind, named=made.named)])
                    assert answer.said is Said.ACCEPTED
                    versions.append(answer.events)
                assert versions == [((store_id, made.events[0][1] + step),) for step in range(4)]
                [again] = await lane.ask([Op(RELEASE, "k2", named=made.named)])
                assert again.said is Said.REFUSED
                [nobody] = await lane.ask([Op(RELEASE, "k3", named=f"{store_id}x:7")])
                assert nobody.said is Said.FAILED
                if via == "client":
                    await asyncio.wait_for(changed.wait(), WAIT_S)
                watching.cancel()
                await lane.close()

    asyncio.run(main())


def test_what_is_sold_out_is_refused_and_counted_by_its_reason(tmp_path: Path) -> None:
    async def use(ran: Ran) -> None:
        assert 0 < ran.told.accepted <= 2 * SKUS
        refused = {outcome.why for outcome in ran.all_of.outcomes if outcome.said is Said.REFUSED}
        assert refused == {"INSUFFICIENT_STOCK"}
        assert (await prove(ran.client, ran.target, ran.before, [ran.told])).holds

    ran(tmp_path, "unary", Mix(), use, units=1)


def test_the_proof_fails_where_an_answer_is_not_in_the_feed_or_nobody_was_told_of_a_reservation(tmp_path: Path) -> None:
    async def use(ran: Ran) -> None:
        (store_id, *_) = ran.told.versions
        invented = {**ran.told.versions, store_id: array("q", [*ran.told.versions[store_id], 1_000_000])}
        lost = await prove(ran.client, ran.target, ran.before, [ran.told._replace(versions=invented)])
        assert not lost.holds
        assert lost.discrepancies == [f"{store_id}: 1 answers are not in its feed, the first of version 1000000"]
        untold = await prove(ran.client, ran.target, ran.before, [ran.told._replace(accepted=ran.told.accepted - 1)])
        assert not untold.holds
        unknown = ran.told._replace(accepted=ran.told.accepted - 1, unknown=1)
        assert (await prove(ran.client, ran.target, ran.before, [unknown])).holds

    ran(tmp_path, "unary", Mix(), use)


def test_a_service_that_says_yes_and_keeps_nothing_is_found_out(tmp_path: Path) -> None:
    store_id = chain.names("run", 1)[0]
    yes = rs.ReserveResponse(reservation={"reservation_id": f"{store_id}:999999", "version": 999_999})

    async def use(ran: Ran) -> None:
        proof = await prove(ran.client, ran.target, ran.before, [ran.told])
        assert not proof.holds
        assert proof.discrepancies == [f"{store_id}: 1 answers are not in its feed, the first of version 999999"]

    ran(tmp_path, "unary", Mix(), use, faults=[Answer((yes,))])


def test_an_answer_that_was_lost_is_of_unknown_outcome_and_breaks_nothing(tmp_path: Path) -> None:
    async def use(ran: Ran) -> None:
        assert (ran.told.unknown, ran.all_of.count(Said.NO_ANSWER)) == (1, 1)
        proof = await prove(ran.client, ran.target, ran.before, [ran.told])
        assert proof.holds, proof.sentence()
        assert proof.found == ran.told.accepted + 1

    ran(tmp_path, "unary", Mix(), use, faults=[LoseAnswer()])
