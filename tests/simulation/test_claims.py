"""Claims of orders that are never placed: shops ask for them, and the call may be made again."""

import asyncio

from actors.core.ids import ledger_of_customer
from actors.core.rejection import Reason
from actors.core.status import Status
from actors.orders import commands as cm
from actors.orders.parts import first_claim_of, never_placed
from actors.orders.state import Order
from serve.coordination.coordinator import Coordinator
from serve.coordination.reconciler import CLAIM_AGE_MS
from tests.simulation.test_reconciler import ANN, HERS, Scene, played

NUMBER = 170_211_600_000_000_001


def placing(key: str, units: int) -> cm.Open:
    return cm.Open(key, "x", ANN, "web", 0, (cm.Plan("S1", (("A", units),), 0),), (), "")


def test_a_claim_that_nobody_places_is_let_go_of_and_cannot_be_placed_later() -> None:
    async def main(scene: Scene) -> None:
        asked = placing("k1", 500)
        (plan,) = asked.plans
        claim = first_claim_of(HERS, asked, NUMBER, "a1", plan)
        granted = await scene._say("S1", claim)
        await scene.reconciler.collect_reports()
        assert scene.shop("S1").positions["A"].reserved == 500, "whoever claimed it may be about to place it"
        await asyncio.sleep(CLAIM_AGE_MS / 1_000 + 1)
        await scene.reconciler.collect_reports()
        assert scene.shop("S1").positions["A"].reserved == 0
        late = cm.Place(NUMBER, asked, (granted.number,))
        answer = await scene._say(HERS, late)
        assert answer.rejection.number == NUMBER
        order = await scene.coordinator.open(asked, asyncio.get_running_loop().time() + 8)
        assert isinstance(order, Order), "nothing was decided under its key"

    played(main)


def test_a_claim_that_was_placed_is_held_whoever_asks() -> None:
    async def main(scene: Scene) -> None:
        asked = placing("k1", 2)
        granted = await scene._say("S1", first_claim_of(HERS, asked, NUMBER, "a1", asked.plans[0]))
        await scene._say(HERS, cm.Place(NUMBER, asked, (granted.number,)))
        await asyncio.sleep(CLAIM_AGE_MS / 1_000 + 1)
        await scene.reconciler.collect_reports()
        assert scene.shop("S1").reservations[granted.number].status is Status.HELD

    played(main)


def test_two_that_have_drawn_the_same_number_share_no_claim() -> None:
    async def main(scene: Scene) -> None:
        numbers = iter((NUMBER, NUMBER, NUMBER + 1))
        twins = Coordinator(scene.router, scene.world, lambda _: next(numbers))
        deadline = asyncio.get_running_loop().time() + 8
        first, second = [await twins.open(placing(key, 2), deadline) for key in ("k1", "k2")]
        assert isinstance(first, Order)
        assert isinstance(second, Order)
        assert (first.number, second.number) == (NUMBER, NUMBER + 1)
        await twins.deliveries.finish()
        held = [each.status for each in scene.shop("S1").reservations.values()]
        assert held == [Status.HELD, Status.HELD]

    played(main)


def test_who_lets_go_of_a_number_keeps_off_the_claim_of_another_call() -> None:
    """Whose claims did not even get out, as a copy of a call that has drawn the number in the same millisecond."""

    async def main(scene: Scene) -> None:
        first, second = placing("k1", 2), placing("k2", 3)
        granted = await scene._say("S1", first_claim_of(HERS, first, NUMBER, "a1", first.plans[0]))
        await scene.coordinator.deliveries.let_go([("S1", first_claim_of(HERS, second, NUMBER, "a2", second.plans[0]))])
        assert scene.shop("S1").positions["A"].reserved == 2
        await scene._say(HERS, cm.Place(NUMBER, first, (granted.number,)))
        await asyncio.sleep(CLAIM_AGE_MS / 1_000 + 1)
        await scene.reconciler.collect_reports()
        assert scene.shop("S1").reservations[granted.number].status is Status.HELD
        await scene.coordinator.deliveries.let_go([("S2", first_claim_of(HERS, first, NUMBER, "a1", first.plans[0]))])
        late = await scene._say("S2", first_claim_of(HERS, first, NUMBER, "a1", first.plans[0]))
        assert late.rejection.reason is Reason.CLAIM_ABANDONED, "before it has come"

    played(main)


def test_a_claim_under_the_number_of_another_order_is_let_go_of() -> None:
    async def main(scene: Scene) -> None:
        twins = Coordinator(scene.router, scene.world, lambda _: NUMBER)
        order = await twins.open(placing("k1", 2), asyncio.get_running_loop().time() + 8)
        assert isinstance(order, Order)
        await twins.deliveries.finish()
        asked = cm.Open("k2", "x", ANN, "web", 0, (cm.Plan("S2", (("A", 3),), 0),), (), "")
        await scene._say("S2", first_claim_of(ledger_of_customer(ANN), asked, NUMBER, "a2", asked.plans[0]))
        await asyncio.sleep(CLAIM_AGE_MS / 1_000 + 1)
        await scene.reconciler.collect_reports()
        assert [scene.shop(each).positions["A"].reserved for each in ("S1", "S2")] == [2, 0]
        again = await scene._say("S2", never_placed(HERS, NUMBER))
        assert again.status is Status.RELEASED

    played(main)
