"""What of the state machine takes goods back."""

from typing import Any

from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from actors.shop.commands import Command
from actors.shop.returns.sale_return import Return
from tests.shop import strategies as some
from tests.shop.model import Model


class TakesGoodsBack(RuleBasedStateMachine):
    """Takes back what was collected, and now and then what was not."""

    model: Model

    def say(self, command: Command) -> None:
        raise NotImplementedError

    def fresh_key(self) -> str:
        raise NotImplementedError

    @precondition(lambda self: any(line.sold for of in self.model.reservations for line in of.lines))
    @rule(pick=some.picks, lines=some.no_or_some_lines, unsellable=some.no_or_some_lines)
    def return_goods(self, pick: int, lines: Any, unsellable: Any) -> None:
        """Mostly of what was sold, and all or some of a line of it."""
        sold = [of for of in self.model.reservations if any(line.sold for line in of.lines)]
        of = sold[pick % len(sold)] if pick % 7 else some.latest(self.model.reservations, pick)
        if pick % 3 == 1:
            lines = ((of.lines[0].sku, 1 + pick % 2),) if of.lines else ()
        self.say(Return(self.fresh_key(), of.number, lines, unsellable if pick % 4 == 1 else lines if pick % 2 else ()))
