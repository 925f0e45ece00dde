"""A channel's quota of a hot SKU: nobody else is sold its units, the channel is, under keys that keep their owner; and
ledgers that have one thing wrong about that are caught.
"""

from collections.abc import Callable
from typing import Any, Final

import pytest
from msgspec.structs import replace

from actors.core.policy import HOUR_MS
from actors.core.rejection import Reason, Rejection
from actors.core.transact import Decision
from actors.shop.allotments.allotment import HolderKind
from actors.shop.commands import AllotStock, Reserve
from actors.shop.decide import decide
from actors.shop.hot.decide_sku import decide_hot_sku
from actors.shop.hot.events import UnitsHanded
from actors.shop.hot.projections import totals_of
from actors.shop.hot.units import HandUnits
from actors.shop.state import Ledger, Reservation
from tests.shop.hot_world import HOT, SHOPS, SKU, World, stamp_of
from tests.shop.watched import Core, assembled

QUOTA: Final = 2


class QuotaWorld(World):
    """Two of three units in each shop are for the channel `app`, and the others with the ledger of the SKU."""

    def __init__(self, of_shops: Core | None = None, of_hot: Core | None = None) -> None:
        super().__init__(of_shops, of_hot)
        for store_id in SHOPS:
            self.stock(store_id, SKU, 3)
            self.say(
                store_id, AllotStock(self.key(), HolderKind.CHANNEL, "app", ((SKU, QUOTA),), (), HOUR_MS, "launch")
            )
        self.turn()
        for ledger_id in self.ledgers:
            self.adopt(ledger_id)
        for store_id in SHOPS:
            self.hand(store_id)

    def buy(self, channel: str, *, losses: int = 0) -> Any:
        """One unit in S1 through a channel, under a key with a stamp."""
        stamped = self.stamps["S1"]
        key = f"{self.key()}{stamp_of('S1', stamped)}"
        command = Reserve(key, f"c{self.keys}", channel, "", ((SKU, 1),), 0)
        self.calls.append(("S1", command, self.clock_ms))
        return self._go("S1", replace(command, asked=stamped), HOT, losses)

    def _go(self, store_id: str, command: Reserve, ledger_id: str, losses: int) -> Any:
        """A gateway knows of the quota from what the shop says of its units."""
        quotas = dict(totals_of(self.ledgers[store_id].ledger, SKU).quotas)
        wanted = replace(command, to_shop=ledger_id == HOT and command.channel in quotas)
        if ledger_id != HOT:
            wanted = self._through_shop(store_id, command, quotas)
        answer = super()._go(store_id, wanted, ledger_id if wanted is command or ledger_id == HOT else HOT, losses)
        if isinstance(answer, Rejection) and answer.reason is Reason.HOT_CEDED:
            return super()._go(store_id, replace(command, to_shop=True), store_id, losses // 64)
        return answer

    def _through_shop(self, store_id: str, command: Reserve, quotas: dict[str, int]) -> Reserve:
        """With the word of the shop, where it sends the call on and the channel has a quota."""
        if command.channel not in quotas:
            return command
        answer = self.say(store_id, command)
        if not isinstance(answer, Rejection) or answer.reason is not Reason.HOT_SKU or not answer.asked:
            return command
        return replace(command, asked=answer.asked, page=answer.number, to_shop=True)


def reason_of(answer: Any) -> Reason | None:
    return answer.reason if isinstance(answer, Rejection) else None


def sells_out(world: QuotaWorld) -> None:
    """What all may have first, then by the quota alone."""
    assert isinstance(world.buy("app"), Reservation)
    assert reason_of(world.buy("web")) is Reason.INSUFFICIENT_STOCK
    for _ in range(QUOTA):
        assert isinstance(world.buy("app"), Reservation)
        assert reason_of(world.buy("web")) is Reason.INSUFFICIENT_STOCK
    assert reason_of(world.buy("app")) is Reason.INSUFFICIENT_STOCK
    for number in range(len(world.calls)):
        world.repeat(number, first_at_hot=number % 2 == 0)


def test_a_channel_has_its_quota_and_nobody_else_has() -> None:
    world = QuotaWorld()
    sells_out(world)
    assert [len(world.holds(each)) for each in (HOT, "S1")] == [1, QUOTA]
    world.check()
    world.settle()


def test_what_is_given_back_is_the_channels_again() -> None:
    world = QuotaWorld()
    sells_out(world)
    world.step("S1", 0, "release")
    assert reason_of(world.buy("web")) is Reason.INSUFFICIENT_STOCK
    assert isinstance(world.buy("app"), Reservation)
    world.step("S1", 0, "release")
    world.clock_ms += HOUR_MS
    assert isinstance(world.buy("web"), Reservation), "the quota is over"
    world.settle()


@pytest.mark.parametrize("losses", [3 * 16, 3 * 64])
def test_a_key_that_was_left_to_the_shop_stays_the_shops(losses: int) -> None:
    """However long its repeat takes, and whatever has come free with the ledger of the SKU meanwhile."""
    world = QuotaWorld()
    sells_out(world)
    world.step("S1", 0, "release")
    world.buy("app", losses=losses)
    world.stock("S1", SKU, 2)
    world.hand("S1")
    world.clock_ms += HOUR_MS // 3
    for ledger_id in world.ledgers:
        world.ledgers[ledger_id].restart()
    assert isinstance(world.repeat(0, first_at_hot=True), Reservation)
    world.reuse(0)
    world.repeat(0, first_at_hot=False)
    world.settle()


def hands_the_quota(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    if isinstance(command, HandUnits) and ledger.positions[SKU].allotted == QUOTA:
        return (UnitsHanded(SKU, QUOTA),)
    return decide(ledger, command, now_ms)


def cedes_nothing(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    if isinstance(command, Reserve):
        command = replace(command, to_shop=False)
    return decide_hot_sku(ledger, command, now_ms)


def cedes_it_and_forgets(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    decision = decide_hot_sku(ledger, command, now_ms)
    is_left = isinstance(command, Reserve) and command.fetched and command.to_shop and isinstance(decision, tuple)
    if is_left and ledger.positions[command.lines[0][0]].available < command.lines[0][1]:
        return Rejection(Reason.HOT_CEDED)
    return decision


MUTANTS: Final[tuple[tuple[Callable[..., Decision], bool], ...]] = (
    (hands_the_quota, False),
    (cedes_nothing, True),
    (cedes_it_and_forgets, True),
)


@pytest.mark.parametrize(("decided", "of_hot"), MUTANTS)
def test_the_mutant_is_caught(decided: Callable[..., Decision], *, of_hot: bool) -> None:
    core = assembled(decided=decided)

    def used() -> None:
        world = QuotaWorld(None if of_hot else core, core if of_hot else None)
        sells_out(world)
        world.stock("S1", SKU, 3)
        world.hand("S1")
        for number in range(len(world.calls)):
            world.repeat(number, first_at_hot=True)

    with pytest.raises(AssertionError):
        used()
