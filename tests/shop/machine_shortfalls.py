"""What of the state machine is short of units that were promised."""

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from actors.core.policy import DAY_MS, Policy
from actors.shop.commands import Confirm, CountStock, Reserve
from actors.shop.shortfalls.shortfall import Resolution, ResolveShortfall
from tests.shop import strategies as some
from tests.shop.compared import plain
from tests.shop.machine_line import WaitsInLine
from tests.shop.machine_returns import TakesGoodsBack
from tests.shop.model_line import free
from tests.shop.watched import Watched

RESOLUTIONS = [Resolution.MOVED, Resolution.WAITING, Resolution.RELEASED]


class LosesUnits(WaitsInLine, TakesGoodsBack):
    """Loses what it holds, and has somebody do something about it."""

    watched: Watched

    def adopt(self, policy: Policy) -> None:
        raise NotImplementedError

    @precondition(lambda self: self.model.reservations)
    @rule(
        sku=st.sampled_from("AB"),
        holders=st.lists(
            st.tuples(st.sampled_from(["ann", "bob", "cy", "dan"]), st.booleans()), min_size=2, max_size=5
        ),
        left=st.integers(0, 3),
        policy=st.sampled_from([None, *some.LOSERS_WAIT]),
    )
    def lose_some(self, sku: str, holders: list[tuple[str, bool]], left: int, policy: Policy | None) -> None:
        """Some hold a unit each, of whom some have confirmed; then a count finds fewer."""
        if policy is not None:
            self.adopt(policy)
        for customer, is_confirmed in holders:
            if self.model.knows(sku) and free(self.model, sku) > 0:
                self.say(Reserve(self.fresh_key(), customer, "web", "", ((sku, 1),), DAY_MS))
                if is_confirmed:
                    self.say(Confirm(self.fresh_key(), self.model.reservations[-1].number, 0))
        self.say(CountStock(self.fresh_key(), ((sku, left),), 0, True))

    @precondition(lambda self: self.model.tasks)
    @rule(pick=some.picks, resolution=st.sampled_from(RESOLUTIONS), is_begun=st.booleans())
    def resolve(self, pick: int, resolution: Resolution, is_begun: bool) -> None:
        """Mostly one that is open; now and then one that is not, or none. Some moves are begun, and go no further."""
        still = [task for task in self.model.tasks if task.resolution is None]
        found = still if still and pick % 5 else self.model.tasks
        number = 1 if pick % 23 == 22 else found[pick % len(found)].number
        moved_to = "S2:7" if resolution is Resolution.MOVED and not is_begun else ""
        self.say(ResolveShortfall(self.fresh_key(), number, resolution, moved_to=moved_to))

    @invariant()
    def the_tasks_agree(self) -> None:
        rows = self.watched.ledger.tasks.rows
        assert [plain(rows[task.number]) for task in self.model.tasks] == [task.outcome() for task in self.model.tasks]
        assert len(rows) == len(self.model.tasks)
