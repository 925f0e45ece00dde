"""What of the state machine stands in line."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from actors.core.policy import HOUR_MS
from actors.shop.commands import Command, Reserve
from tests.leisure import ReadAtLeisure
from tests.shop import strategies as some
from tests.shop.model import Model
from tests.shop.model_line import free
from tests.shop.scenario_text import MINUTE_MS


class WaitsInLine(ReadAtLeisure):
    """Reserves what is there, and more, and waits for it."""

    model: Model

    def fresh_key(self) -> str:
        raise NotImplementedError

    def say(self, command: Command) -> None:
        raise NotImplementedError

    def slot(self, place: int) -> int:
        raise NotImplementedError

    @rule(
        customer=some.customers,
        sku=some.skus,
        quantity=some.units,
        wait=some.waits,
        more=st.integers(0, 1),
        slot=some.slots,
    )
    def reserve_one(self, customer: str, sku: str, quantity: int, wait: int, more: int, slot: int) -> None:
        """Now and then one unit more than is there, and waits for it."""
        if more and wait and self.model.knows(sku):
            quantity = max(quantity, 1 + free(self.model, sku))
        self.say(Reserve(self.fresh_key(), customer, "web", "", ((sku, quantity),), 0, self.slot(slot), wait_ms=wait))

    @precondition(lambda self: self.model.reservations)
    @rule(
        sku=st.sampled_from("AB"),
        customers=st.permutations(["ann", "bob", "cy", "dan"]),
        units=st.lists(some.units),
        slot=some.slots,
    )
    def line_up(self, sku: str, customers: list[str], units: list[int], slot: int) -> None:
        """All that is there is held, and some wait for it, for one slot if for any."""
        if (rest := free(self.model, sku)) > 0:
            self.say(Reserve(self.fresh_key(), "eve", "web", "", ((sku, rest),), HOUR_MS))
        for customer, quantity in zip(customers, units, strict=False):
            wait_ms = HOUR_MS * (1 + quantity)
            of = self.fresh_key(), customer, "web", "", ((sku, quantity),), MINUTE_MS, self.slot(slot)
            self.say(Reserve(*of, wait_ms=wait_ms))
