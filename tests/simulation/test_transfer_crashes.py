"""A crash at each step of a transfer, one by one, of either end or of the gateway: whoever asks again gets the same
answer, and each unit is in one place.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from typing import Any, Final

import pytest

from actors.core.status import TransferStatus
from actors.protocol.placement import Placement
from actors.shop.audit.transfers import across
from holdfast.v1 import transfer_pb2 as tp, transfer_service_pb2 as ts
from serve.calls import ENDINGS
from serve.coordination.coordinator import Coordinator
from serve.coordination.grants import Grants
from serve.coordination.hot import HotCalls
from serve.coordination.hot_units import HotUnits
from serve.coordination.reconciler import Reconciler
from serve.routing.router import Router
from serve.services.store_directory import StoreDirectory
from serve.services.transfers import Transfers
from tests.simulation.chain_checks import check_journals
from tests.simulation.chain_world import ChainWorld
from tests.simulation.struck import StruckOnce
from tests.simulation.transfer_callers import audits
from tests.simulation.virtual_loop import VirtualLoop

# What goes to actors for one transfer, in the sequence in which it is sent.
STEPS: Final = (
    "propose",
    "send",
    "advise the destination",
    "note that it was advised",
    "receive",
    "close at the source",
    "close at the destination",
)
CRASHES: Final = ("call lost", "answer lost", "source killed", "destination killed", "both killed", "gateway gone")
TRANSFER: Final = "S1:T3"


class Struck(StruckOnce):
    """Of the source, of the destination, or of both."""

    def is_killed(self, actor: str) -> bool:
        end = {"store-S1": "source", "store-S2": "destination"}.get(actor)
        return end is not None and self.crash in (f"{end} killed", "both killed")


REQUESTS: Final[tuple[tuple[str, Any, Any], ...]] = (
    (
        "ProposeTransfer",
        ts.ProposeTransferRequest(
            idempotency_key="p",
            source_store_id="S1",
            destination_store_id="S2",
            lines=[{"sku": "A", "quantity": 3}],
        ),
        ts.ProposeTransferResponse,
    ),
    ("SendTransfer", ts.SendTransferRequest(idempotency_key="s", transfer_id=TRANSFER), ts.SendTransferResponse),
    (
        "ReceiveTransfer",
        ts.ReceiveTransferRequest(
            idempotency_key="r", store_id="S2", transfer_id=TRANSFER, lines=[tp.ReceivedLine(sku="A", quantity=2)]
        ),
        ts.ReceiveTransferResponse,
    ),
)


async def _struck(step: int, crash: str) -> tuple[ChainWorld, list[Any]]:
    world = ChainWorld(7)
    world.trouble, world.late, world.delay_s = 0.0, 0.0, 0.001
    actors = world.actors = Struck(world, step, crash)
    router = Router(actors, Placement(0, 2))
    await router.start()
    units = HotUnits(router)
    service = Transfers(router, StoreDirectory(router), units, HotCalls(router, units, Grants(router, units)))
    await world.receive(router, "S1", "A", 5)
    await world.receive(router, "S2", "A", 1)
    loop = asyncio.get_running_loop()
    actors.armed = True
    answers: list[Any] = []
    for method, request, reply_class in REQUESTS:
        for _ in range(20):
            reply = reply_class()
            asked = service.calls[method].answer(request, loop.time() + 8, reply)
            actors.driver = asyncio.ensure_future(asked)
            with suppress(asyncio.CancelledError, *ENDINGS):  # whoever asked does not know, and asks again
                await actors.driver
                answers.append(reply)
                break
    assert actors.seen >= step, f"step {step} was never sent"
    actors.armed = False
    for (method, request, reply_class), answer in zip(REQUESTS, answers, strict=True):
        again = reply_class()
        await service.calls[method].answer(request, loop.time() + 8, again)
        assert again == answer, "the same answer"
    await Reconciler(router, Coordinator(router, world, world.draw), Grants(router)).collect_reports()
    await asyncio.sleep(1)
    router.close()
    return world, answers


@pytest.mark.parametrize("crash", CRASHES)
@pytest.mark.parametrize("step", range(len(STEPS)), ids=STEPS)
def test_a_crash_at_any_step_leaves_each_unit_in_one_place(step: int, crash: str) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        world, answers = runner.run(_struck(step, crash))
        assert [answer.transfer.status for answer in answers] == [
            TransferStatus.PROPOSED,
            TransferStatus.SENT,
            TransferStatus.RECEIVED,
        ]
        ledgers = {ledger.ledger_id: ledger for ledger in world.shops()}
        assert {name: ledger.positions["A"].stock()[:2] for name, ledger in ledgers.items()} == {
            "S1": (2, 0),
            "S2": (3, 0),
        }
        assert [ledger.transfers.live for ledger in ledgers.values()] == [{}, {}], "both ends have heard"
        check_journals(world.actors.disks, {})
        assert across(audits(world.actors.disks)) == (0, [])
        moved = Counter[str]()
        for result in audits(world.actors.disks).values():
            for ends in result.transfers.values():
                moved.update({sku: -units for sku, units in ends.sent} if ends.is_source else dict(ends.came or ()))
        assert moved == {"A": -1}, "what came short, and nothing else"
        for actor in list(world.actors.made):
            world.actors.kill(actor)
